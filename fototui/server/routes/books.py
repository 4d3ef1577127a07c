"""Books: asked for, listed, retried."""

from fastapi import APIRouter

from fototui.runtime.compose import book_options
from fototui.server.routes.common import (
    CLOSED,
    ERRORS,
    BookId,
    Caller,
    Context,
    OrderRef,
    Presenting,
)
from fototui.server.schemas import (
    BookAnswer,
    BookGenerationReport,
    BookRequest,
    SkippedBook,
    StartedBook,
)
from fototui.services.books.service import BookService

router = APIRouter(prefix="/api/v1", tags=["books"], dependencies=CLOSED, responses=ERRORS)


@router.post(
    "/orders/{order_id}/generate-books", operation_id="generate_order_books", status_code=202
)
async def generate_order_books(
    context: Context,
    presenter: Presenting,
    caller: Caller,
    order_id: OrderRef,
    wanted: BookRequest | None = None,
) -> BookGenerationReport:
    """Ask for a book of each line item that has none which shows what is chosen today."""
    request = wanted or BookRequest()
    async with context.database.session() as session:
        reports = await BookService(session, operator=caller).create_for_order(
            order_id,
            request.over(book_options(context.settings)),
            positions=request.positions,
            exactly=request.has_options,
        )
    return BookGenerationReport(
        started=[
            StartedBook(line_item_id=report.line_item_id, book=await presenter.book(report.book))
            for report in reports
            if report.book is not None
        ],
        skipped=[
            SkippedBook(line_item_id=report.line_item_id, reason=str(report.skipped))
            for report in reports
            if report.skipped is not None
        ],
    )


@router.get("/orders/{order_id}/books", operation_id="list_order_books")
async def list_order_books(
    context: Context, presenter: Presenting, caller: Caller, order_id: OrderRef
) -> list[BookAnswer]:
    """All books of an order, by line item and number."""
    async with context.database.autocommit() as session:
        views = await BookService(session, operator=caller).list_books(order_id)
    return [await presenter.book(view) for view in views]


@router.post("/books/{book_id}/retry", operation_id="retry_book", status_code=202)
async def retry_book(
    context: Context, presenter: Presenting, caller: Caller, book_id: BookId
) -> BookAnswer:
    """Have a failed book made again."""
    async with context.database.session() as session:
        view = await BookService(session, operator=caller).retry(book_id)
    return await presenter.book(view)
