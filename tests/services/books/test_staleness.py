"""Whether a book is still true is told by the list and by the order: always the same."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import func, select, text, update

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.books import BookOptions
from fototui.domain.errors import ConflictError
from fototui.domain.stages import BookState
from fototui.domain.statuses import CANCELLED
from fototui.domain.statuses import BookProcessingStatus as B
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import SvgProcessingStatus as Svg
from fototui.services.books.service import BookService
from fototui.services.orders.queries import read_rows
from fototui.services.views.books import BookView
from tests.factories import choose_svgs, file_ref, make_coloring, make_svg
from tests.services.conftest import MakeOrder

STEPS = 30
WORDS = (None, "", "Pro Jana", "Pro Evu")


class History:
    """What may happen to an order's books and to what they are made of, by chance."""

    def __init__(self, database: Database, order: Order, seed: int) -> None:
        self.database = database
        self.order_id = str(order.id)
        self.chance = random.Random(seed)
        self.told: list[str] = []

    async def go_on(self) -> None:
        """One thing more."""
        happenings: list[Callable[[], Awaitable[None]]] = [
            self.choose,
            *[self.choose_colouring] * 2,
            self.draw,
            self.rewrite,
            self.lose_photo,
            self.swap_pages,
            # Most of it should happen to orders that have books.
            *[self.put_right, self.make_books, self.end_book] * 2,
            self.cancel_book,
            self.retry_book,
        ]
        happening = self.chance.choice(happenings)
        self.told.append(happening.__name__)
        await happening()

    async def states(self) -> tuple[list[BookState], list[BookState]]:
        """As the list tells them, and as the order does."""
        async with self.database.session() as session:
            views = await BookService(session, operator="eva").list_books(self.order_id)
            photos = func.coalesce(text("images.file_ref::text <> 'null'"), text("false"))
            items = await session.scalars(
                select(LineItem.id)
                .where(
                    LineItem.quantity > 0,
                    LineItem.id.in_(select(Image.line_item_id).where(photos)),
                )
                .order_by(LineItem.position)
            )
            newest = {view.line_item_id: view for view in views}
            by_order = [_state(newest.get(item_id)) for item_id in items]
            await session.rollback()
            (row,) = await read_rows(session, [self.order_id])
        return list(row.books), by_order

    # --- what happens --------------------------------------------------------------------------

    async def choose(self) -> None:
        image = await self._any(Image.id)
        mine = await self._ids(SvgVersion.id, SvgVersion.image_id == image)
        await self._change(Image, image, selected_svg_id=self.chance.choice([None, *mine * 2]))

    async def choose_colouring(self) -> None:
        image = await self._any(Image.id)
        mine = await self._ids(ColoringVersion.id, ColoringVersion.image_id == image)
        await self._change(Image, image, selected_coloring_id=self.chance.choice([None, *mine]))

    async def draw(self) -> None:
        """Another colouring and SVG, which is chosen at once; now and then without a file."""
        async with self.database.session() as session, session.begin():
            image = await session.get_one(Image, await self._any(Image.id))
            of_image = select(func.max(ColoringVersion.version)).where(
                ColoringVersion.image_id == image.id
            )
            version = (await session.scalar(of_image) or 0) + 1
            coloring = await make_coloring(
                session, image, status=Coloring.COMPLETED, version=version, file_ref=file_ref()
            )
            svg = await make_svg(
                session,
                coloring,
                status=self.chance.choice([Svg.COMPLETED, Svg.COMPLETED, Svg.ERROR, Svg.QUEUED]),
                version=version,
                file_ref=self.chance.choice([file_ref(), file_ref(), None]),
            )
            image.selected_coloring_id, image.selected_svg_id = coloring.id, svg.id

    async def rewrite(self) -> None:
        item = await self._any(LineItem.id)
        name = self.chance.choice(["title", "dedication", "layout", "quantity"])
        value: object = self.chance.choice(WORDS)
        if name == "quantity":
            value = self.chance.choice([0, 1, 2])
        await self._change(LineItem, item, **{name: value or "" if name == "title" else value})

    async def lose_photo(self) -> None:
        """A photo goes or comes; older programs wrote a JSON null for none."""
        value = self.chance.choice(["NULL", "'null'::jsonb", "photo", "photo", "photo"])
        image = await self._any(Image.id)
        if value == "photo":
            await self._change(Image, image, file_ref=file_ref())
            return
        async with self.database.session() as session, session.begin():
            await session.execute(
                text(f"UPDATE images SET file_ref = {value} WHERE id = :id"), {"id": image}
            )

    async def swap_pages(self) -> None:
        item = await self._any(LineItem.id)
        # By a detour: no two pages are one, not even for a moment.
        for places in ("position + 100", "203 - position - 100"):
            async with self.database.session() as session, session.begin():
                await session.execute(
                    text(f"UPDATE images SET position = {places} WHERE line_item_id = :id"),
                    {"id": item},
                )

    async def put_right(self) -> None:
        """Everything is chosen and there, so that books can be made."""
        async with self.database.session() as session, session.begin():
            await session.execute(update(LineItem).values(quantity=1))
            for image in await session.scalars(select(Image)):
                svgs = await session.scalars(
                    select(SvgVersion)
                    .where(
                        SvgVersion.image_id == image.id,
                        SvgVersion.status == Svg.COMPLETED,
                        text("coalesce(file_ref::text <> 'null', false)"),
                    )
                    .order_by(SvgVersion.id)
                )
                svg = self.chance.choice(svgs.all())
                image.file_ref = file_ref()
                image.selected_svg_id = svg.id
                image.selected_coloring_id = svg.coloring_version_id

    async def make_books(self) -> None:
        async with self.database.session() as session:
            await BookService(session, operator="eva").create_for_order(
                self.order_id, BookOptions()
            )

    async def end_book(self) -> None:
        books = await self._ids(Book.id, Book.status.not_in(B.final_states()))
        if books:
            status = self.chance.choice([B.COMPLETED, B.COMPLETED, B.COMPLETED, B.ERROR])
            await self._change(Book, self.chance.choice(books), status=status, error_code="x")

    async def cancel_book(self) -> None:
        await self._steer(lambda service, book_id: service.cancel(book_id))

    async def retry_book(self) -> None:
        await self._steer(lambda service, book_id: service.retry(book_id))

    async def _steer(self, act: Callable[[BookService, int], Awaitable[object]]) -> None:
        for book_id in await self._ids(Book.id):
            try:
                async with self.database.session() as session:
                    await act(BookService(session, operator="eva"), book_id)
            except ConflictError:
                continue
            return

    async def _ids(self, column: object, *which: object) -> list[int]:
        wanted = select(column).where(*which).order_by(column)  # type: ignore[call-overload]  # of several tables
        async with self.database.session() as session:
            return list(await session.scalars(wanted))

    async def _any(self, column: object) -> int:
        return self.chance.choice(await self._ids(column))

    async def _change(
        self, model: type[Image | LineItem | Book], row_id: int, **values: object
    ) -> None:
        async with self.database.session() as session, session.begin():
            await session.execute(update(model).where(model.id == row_id).values(**values))


def _state(newest: BookView | None) -> BookState:
    """A book's state as the order's own view of it tells."""
    if newest is None or newest.error_code == CANCELLED:
        return BookState.NONE
    if newest.status is B.ERROR:
        return BookState.ERROR
    if newest.status is not B.COMPLETED:
        return BookState.RUNNING
    return BookState.CURRENT if newest.current else BookState.STALE


@pytest.mark.parametrize("seed", range(4))
async def test_the_list_and_the_order_agree_whatever_happens(
    database: Database, shop_order: MakeOrder, seed: int
) -> None:
    order = await shop_order(line_items=2, images=2)
    async with database.session() as session, session.begin():
        await choose_svgs(session, order)
        for item in order.line_items:
            for image in item.images:
                await make_coloring(
                    session, image, status=Coloring.COMPLETED, version=2, file_ref=file_ref()
                )
    history = History(database, order, seed)
    await history.make_books()
    seen = {BookState.NONE}
    for _ in range(STEPS):
        await history.go_on()
        by_list, by_order = await history.states()
        assert by_list == by_order, history.told
        seen.update(by_list)
    assert len(seen) > 1, history.told
