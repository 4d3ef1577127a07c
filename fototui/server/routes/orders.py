"""Orders: the list, one of them, and work for all its images."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from fototui.domain.errors import NotFoundError
from fototui.domain.stages import Stage
from fototui.runtime.compose import default_options
from fototui.server.context import ServerContext
from fototui.server.presenters import Presenter, summary_json
from fototui.server.routes.common import (
    CLOSED,
    ERRORS,
    Caller,
    Context,
    ImageId,
    OrderRef,
    Presenting,
)
from fototui.server.schemas import (
    ColoringRequest,
    ColoringVersionAnswer,
    CustomerRequest,
    GenerationReport,
    ImageAnswer,
    OrderAnswer,
    OrderList,
    Skipped,
    Started,
    SvgRequest,
    SvgVersionAnswer,
)
from fototui.services.asking import AskingService
from fototui.services.orders.by_stage import StageService
from fototui.services.orders.kept_lines import BEGINNING
from fototui.services.orders.manual import OrderService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from fototui.services.views.versions import StartReport

router = APIRouter(prefix="/api/v1/orders", tags=["orders"], dependencies=CLOSED, responses=ERRORS)

Skip = Annotated[int, Query(ge=0, le=100_000, description="Leave out so many of the newest.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most orders.")]
InStage = Annotated[Stage | None, Query(description="Only orders that want this next.")]


@router.get("", operation_id="list_orders", response_model=OrderList)
async def list_orders(
    context: Context, caller: Caller, skip: Skip = 0, limit: Limit = 50, stage: InStage = None
) -> Response:
    """List orders, newest first; those that are done by their end, the latest first."""
    if stage is None and skip + limit <= BEGINNING:
        page = await context.newest_orders.page(limit=limit, skip=skip)
        return _order_list(page.lines, page.total)
    async with context.database.autocommit() as session:
        if stage is not None:
            stages = StageService(session, operator=caller)
            found = await stages.list_orders(stage, limit=limit, skip=skip)
            return _order_list(map(summary_json, found.orders), found.total)
        service = OrderService(session, operator=caller)
        beyond = await service.list_orders(limit=limit, skip=skip)
        return _order_list(map(summary_json, beyond.orders), await service.count())


@router.get("/{order_id}", operation_id="get_order")
async def get_order(
    context: Context, presenter: Presenting, caller: Caller, order_id: OrderRef
) -> OrderAnswer:
    """One order with everything in it."""
    return await _answer(context, presenter, caller, order_id)


@router.get("/{order_id}/images/{image_id}", operation_id="get_order_image")
async def get_order_image(
    context: Context, presenter: Presenting, caller: Caller, order_id: OrderRef, image_id: ImageId
) -> ImageAnswer:
    """One image of an order."""
    async with context.database.autocommit() as session:
        order = await OrderService(session, operator=caller).get_order(order_id)
    for image in order.images:
        if image.id == image_id:
            return await presenter.image(image)
    raise NotFoundError(
        "Order {number} has no image {id}; look at the order again.",
        number=order.number,
        id=image_id,
    )


@router.post(
    "/{order_id}/generate-coloring", operation_id="generate_order_colorings", status_code=202
)
async def generate_order_colorings(
    context: Context,
    presenter: Presenting,
    caller: Caller,
    order_id: OrderRef,
    wanted: ColoringRequest | None = None,
) -> GenerationReport[ColoringVersionAnswer]:
    """Ask for a colouring of each image that has none and is getting none."""
    options = (wanted or ColoringRequest()).over(default_options(context.settings))
    async with context.database.session() as session:
        service = ColoringService(session, operator=caller)
        reports = await service.create_for_order(order_id, options)
    return GenerationReport(
        started=[
            Started(image_id=report.image_id, version=await presenter.coloring(report.version))
            for report in reports
            if report.version is not None
        ],
        skipped=_skipped(reports),
    )


@router.post("/{order_id}/generate-svg", operation_id="generate_order_svgs", status_code=202)
async def generate_order_svgs(
    context: Context,
    presenter: Presenting,
    caller: Caller,
    order_id: OrderRef,
    wanted: SvgRequest | None = None,
) -> GenerationReport[SvgVersionAnswer]:
    """Ask for an SVG of each image that has none and is getting none.

    It is made of the chosen colouring; where none is chosen, of the newest.
    """
    options = (wanted or SvgRequest()).options()
    async with context.database.session() as session:
        service = VectorizerService(session, operator=caller)
        reports = await service.create_for_order(order_id, options)
    return GenerationReport(
        started=[
            Started(
                image_id=report.image_id,
                version=await presenter.svg(report.version),
                note=None if report.version.note is None else str(report.version.note),
            )
            for report in reports
            if report.version is not None
        ],
        skipped=_skipped(reports),
    )


@router.post("/{order_id}/ask-customer", operation_id="ask_customer")
async def ask_customer(
    context: Context,
    presenter: Presenting,
    caller: Caller,
    order_id: OrderRef,
    asked: CustomerRequest | None = None,
) -> OrderAnswer:
    """Mark an order as waiting for its customer, with a note; it stops nothing by itself."""
    note = (asked or CustomerRequest()).note
    async with context.database.session() as session:
        await AskingService(session, operator=caller).ask([order_id], note)
    return await _answer(context, presenter, caller, order_id)


@router.post("/{order_id}/customer-answered", operation_id="customer_answered")
async def customer_answered(
    context: Context, presenter: Presenting, caller: Caller, order_id: OrderRef
) -> OrderAnswer:
    """Take that mark away; where there is none, nothing changes."""
    async with context.database.session() as session:
        await AskingService(session, operator=caller).answered([order_id])
    return await _answer(context, presenter, caller, order_id)


def _order_list(lines: Iterable[bytes], total: int) -> Response:
    """An `OrderList`, of orders that are written out already."""
    body = b'{"orders":[%b],"total":%d}' % (b",".join(lines), total)
    return Response(body, media_type="application/json")


async def _answer(
    context: ServerContext, presenter: Presenter, caller: str, order_id: str
) -> OrderAnswer:
    async with context.database.autocommit() as session:
        order = await OrderService(session, operator=caller).get_order(order_id)
        stage = await StageService(session, operator=caller).stage_of(order.id)
    return await presenter.order(order, stage)


def _skipped(reports: tuple[StartReport, ...]) -> list[Skipped]:
    return [
        Skipped(image_id=report.image_id, reason=str(report.skipped))
        for report in reports
        if report.skipped is not None
    ]
