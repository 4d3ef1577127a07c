"""A shop whose books are made, so that they can be exported."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import func, select, update

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.books import Book
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.db.models.reviews import Review
from fototui.domain.books import BookOptions
from fototui.domain.statuses import BookProcessingStatus
from fototui.services.books.service import BookService
from fototui.storage.directory import DirectoryStorage
from tests.factories import choose_svgs, make_order

Work = Callable[[TrackedAsyncSession], Awaitable[object]]


class Shop:
    """A shop's database and storage."""

    def __init__(self, url: str, storage: DirectoryStorage) -> None:
        self.url = url
        self.storage = storage

    def run(self, work: Work) -> None:
        """Do something in a transaction."""

        async def main() -> None:
            async with (
                Database(self.url) as database,
                database.session() as session,
                session.begin(),
            ):
                await work(session)

        asyncio.run(main())

    def make(self, number: str, *, books: bool = True, **fields: object) -> None:
        """An order of which each picture is chosen, and its books are made."""

        async def work(session: TrackedAsyncSession) -> None:
            # mypy cannot know which of the factory's arguments are among them.
            order = await make_order(session, order_number=number, **fields)  # type: ignore[arg-type]
            await choose_svgs(session, order)
            await session.execute(update(Review).values(decision="accepted"))
            for model, kind in ((SvgVersion, "svg"), (ColoringVersion, "png")):
                for row in await session.scalars(
                    select(model).join(Image, Image.id == model.image_id)
                ):
                    row.file_ref = await self.storage.put(
                        f"{kind}/{row.id}.{kind}", f"{kind} {row.id}".encode(), content_type="x/x"
                    )

        self.run(work)
        if books:
            self.make_books(number)

    def make_books(self, number: str) -> None:
        """Have all books of an order made, as an engine does."""

        async def main() -> None:
            async with Database(self.url) as database, database.session() as session:
                service = BookService(session, operator="eva")
                await service.create_for_order(number, BookOptions())

        asyncio.run(main())

        async def work(session: TrackedAsyncSession) -> None:
            for book in await session.scalars(
                select(Book).where(Book.status == BookProcessingStatus.QUEUED)
            ):
                book.file_ref = await self.storage.put(
                    f"books/{book.id}.pdf", f"%PDF {book.id}".encode(), content_type="x/x"
                )
                book.status, book.pages = BookProcessingStatus.COMPLETED, 3
                book.completed_at = await session.scalar(select(func.now()))

        self.run(work)

    def dedicate(self, number: str, words: str) -> None:
        """Make an order's books untrue."""
        its = select(Order.id).where(Order.order_number == number).scalar_subquery()
        self.run(
            lambda session: session.execute(
                update(LineItem).where(LineItem.order_id == its).values(dedication=words)
            )
        )

    def replace_book(self, number: str, pdf: bytes) -> None:
        """Have another file be an order's newest book."""

        async def work(session: TrackedAsyncSession) -> None:
            its = Book.order_id.in_(select(Order.id).where(Order.order_number == number))
            for book in await session.scalars(select(Book).where(its)):
                assert book.file_ref is not None
                book.file_ref = await self.storage.put(
                    book.file_ref.key, pdf, content_type="application/pdf"
                )

        self.run(work)
