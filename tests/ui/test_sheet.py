"""All pictures of an order at once: as many as fit, loaded when they are seen, opened by enter."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image as Picture
from textual.geometry import Size

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import Order
from fototui.domain.statuses import ColoringProcessingStatus
from fototui.screens.order.screen import OrderScreen
from fototui.screens.order.sheet import SheetScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.storage.directory import DirectoryStorage
from fototui.widgets.contact_sheet import Cell, ContactSheet, layout
from fototui.widgets.picture.widget import Picture as PictureWidget
from fototui.widgets.picture.widget import PictureState
from tests.factories import file_ref, make_coloring, make_order
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import lines, messages
from tests.waiting import until_shown


class Reading(DirectoryStorage):
    """Counts what is read, and how much at once."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[str] = []
        self.now = self.most = 0

    async def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        self.read.append(key)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            return await super().get(key, max_bytes=max_bytes)
        finally:
            self.now -= 1


@pytest.fixture
def storage(tmp_path: Path) -> Reading:
    return Reading(tmp_path / "files")


async def an_order(database: Database, storage: Reading, pages: int) -> Order:
    """An order; the colouring of its first page is chosen."""
    async with database.session() as session, session.begin():
        order = await make_order(session, images=pages)
        images = order.line_items[0].images
        row = await make_coloring(
            session,
            images[0],
            version=1,
            status=ColoringProcessingStatus.COMPLETED,
            file_ref=file_ref("coloring.png"),
        )
        images[0].selected_coloring_id = row.id
    file = io.BytesIO()
    Picture.new("RGB", (60, 80), "orange").save(file, "PNG")
    for key in ["coloring.png", *(image.file_ref.key for image in images if image.file_ref)]:
        await storage.put(key, file.getvalue(), content_type="image/png")
    return order


@asynccontextmanager
async def sheet_of(
    open_app: OpenApp, order: Order, size: tuple[int, int]
) -> AsyncIterator[tuple[FototuiApp, AppPilot, ContactSheet]]:
    async with open_app(OrdersScreen, size=size) as (app, pilot):
        app.open_order(str(order.id))
        await until_shown(
            pilot, lambda: isinstance(app.screen, OrderScreen) and app.screen.selection.detail
        )
        await pilot.press("P")
        await until_shown(pilot, lambda: isinstance(app.screen, SheetScreen))
        sheet = app.screen.query_one(ContactSheet)
        await until_shown(pilot, lambda: is_shown(sheet))
        yield app, pilot, sheet


def is_shown(sheet: ContactSheet) -> bool:
    cells = [cell for cell in sheet.query(Cell) if cell.display]
    pictures = [cell.query_one(PictureWidget) for cell in cells if cell.query(PictureWidget)]
    return len(pictures) == len(sheet.span) > 0 and all(
        picture.state is PictureState.SHOWN for picture in pictures
    )


@pytest.mark.parametrize(
    ("count", "size", "grid"),
    [
        (1, (80, 21), (1, 1)),
        (2, (80, 21), (2, 1)),
        (6, (80, 21), (3, 2)),
        (8, (80, 21), (4, 2)),
        (99, (80, 21), (4, 2)),
        (14, (120, 33), (5, 3)),
        (40, (200, 57), (10, 4)),
        (99, (200, 57), (11, 5)),
        (5, (10, 3), (1, 1)),
    ],
)
def test_as_many_as_fit_as_big_as_can_be(
    count: int, size: tuple[int, int], grid: tuple[int, int]
) -> None:
    assert layout(count, Size(*size)) == grid


async def test_only_what_is_seen_is_loaded_two_at_once(
    open_app: OpenApp, database: Database, storage: Reading
) -> None:
    order = await an_order(database, storage, 11)
    keys = [image.file_ref.key for image in order.line_items[0].images if image.file_ref]
    async with sheet_of(open_app, order, (80, 24)) as (app, pilot, sheet):
        assert sheet.span == range(8)
        # The screen below loads its own and the next ones.
        assert set(storage.read) == {"coloring.png", *keys[1:8]}
        assert storage.most <= 2
        assert "pictures 1–8 of 11" in lines(app)[0]
        await pilot.press("pagedown")
        await until_shown(pilot, lambda: sheet.span == range(8, 11) and is_shown(sheet))
        assert "pictures 9–11 of 11" in lines(app)[0]
        assert storage.most <= 2
        await pilot.press("pageup", "home")
        await until_shown(pilot, lambda: sheet.place == 0 and is_shown(sheet))

        # In another size others are seen, and the cursor stays.
        await pilot.press("end")
        await until_shown(pilot, lambda: sheet.span == range(8, 11) and is_shown(sheet))
        await pilot.resize_terminal(120, 36)
        await until_shown(pilot, lambda: sheet.span == range(11) and is_shown(sheet))
        assert sheet.place == 10
        assert "★" not in "".join(lines(app))


async def test_the_cursor_moves_and_enter_opens(
    open_app: OpenApp, database: Database, storage: Reading
) -> None:
    order = await an_order(database, storage, 6)
    ids = [image.id for image in order.line_items[0].images]
    async with sheet_of(open_app, order, (80, 24)) as (app, pilot, sheet):
        for key, place in (("right", 1), ("down", 4), ("l", 5), ("l", 5), ("k", 2), ("h", 1)):
            await pilot.press(key)
            assert sheet.place == place, key
        await pilot.press("pagedown")
        await until_shown(pilot, lambda: "All pictures are shown" in messages(app))
        await pilot.press("end", "enter")
        await until_shown(pilot, lambda: isinstance(app.screen, OrderScreen))
        assert isinstance(app.screen, OrderScreen)
        assert app.screen.selection.image_id == ids[5]
        await pilot.press("P")
        await until_shown(pilot, lambda: isinstance(app.screen, SheetScreen))
        again = app.screen.query_one(ContactSheet)
        await until_shown(pilot, lambda: is_shown(again))
        assert again.place == 5
        await pilot.click(next(iter(again.query(Cell))))
        await until_shown(pilot, lambda: isinstance(app.screen, OrderScreen))
        assert app.screen.selection.image_id == ids[0]


async def test_photos_of_several_books_tell_which(
    open_app: OpenApp, database: Database, storage: Reading
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, line_items=2, images=2)
        for item in order.line_items:
            item.title = "Omalovánka"
    file = io.BytesIO()
    Picture.new("RGB", (60, 80), "orange").save(file, "PNG")
    for item in order.line_items:
        for image in item.images:
            assert image.file_ref is not None
            await storage.put(image.file_ref.key, file.getvalue(), content_type="image/png")
    async with sheet_of(open_app, order, (100, 30)) as (app, pilot, sheet):
        await until_shown(pilot, lambda: len(sheet.query(Cell)) == 4)
        page = "\n".join(lines(app))
        assert page.count("1. Omalovánka") == page.count("2. Omalovánka") == 2
        assert page.count("Photo 1") == 2
    one = await an_order(database, storage, 1)
    async with sheet_of(open_app, one, (100, 30)) as (app, _, _sheet):
        assert "1. Omalovánka" not in "\n".join(lines(app))
