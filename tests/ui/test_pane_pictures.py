"""The side pane shows a photo and its colouring, of the order on which the cursor rests."""

from __future__ import annotations

from pathlib import Path

import pytest

from fototui.db.database import Database
from fototui.pictures.terminal import Graphics
from fototui.screens.orders.screen import OrdersScreen
from fototui.widgets.order_pane import OrderPane
from fototui.widgets.picture.widget import Picture, PictureState
from tests.ui.conftest import OpenApp
from tests.ui.pages import lines
from tests.ui.test_picture import renderer_of
from tests.ui.test_sheet import Reading, an_order
from tests.waiting import until_shown


@pytest.fixture
def storage(tmp_path: Path) -> Reading:
    return Reading(tmp_path / "files")


async def test_it_shows_a_photo_and_its_colouring_where_there_is_room(
    open_app: OpenApp, database: Database, storage: Reading
) -> None:
    order = await an_order(database, storage, 3)
    photo = order.line_items[0].images[0].file_ref
    assert photo is not None
    async with open_app(OrdersScreen, size=(160, 40)) as (app, pilot):
        pane = app.screen.query_one(OrderPane)
        await until_shown(pilot, lambda: "Photo 3" in pane.plain)
        pictures = pane.query(Picture)
        await until_shown(pilot, lambda: all(p.state is PictureState.SHOWN for p in pictures))
        assert sorted(storage.read) == sorted(["coloring.png", photo.key])
        await pilot.resize_terminal(160, 24)
        await until_shown(pilot, lambda: not any(p.region.area for p in pictures))


async def test_without_the_pane_nothing_is_loaded(
    open_app: OpenApp, database: Database, storage: Reading
) -> None:
    await an_order(database, storage, 3)
    async with open_app(OrdersScreen, size=(110, 40)) as (app, pilot):
        await until_shown(pilot, lambda: app.store.orders)
        await pilot.press("down", "up")
        assert not storage.read
        await pilot.resize_terminal(160, 40)
        await until_shown(pilot, lambda: len(storage.read) == 2)


async def test_where_pictures_are_off_its_words_have_their_place(
    open_app: OpenApp, database: Database, storage: Reading
) -> None:
    await an_order(database, storage, 3)
    off = renderer_of(Graphics.OFF)
    async with open_app(OrdersScreen, size=(160, 40), renderer=off) as (app, pilot):
        pane = app.screen.query_one(OrderPane)
        await until_shown(pilot, lambda: "Photo 3" in pane.plain)
        first = lines(app)[pane.region.y][pane.region.x + 1 :].strip()
        assert first.startswith("#")
        assert not any(picture.region.area for picture in pane.query(Picture))
        assert not storage.read
