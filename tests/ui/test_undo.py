"""What can be taken back is listed, and taken back one by one or down to one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from textual.widgets import OptionList

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import Image
from fototui.domain.statuses import ColoringProcessingStatus, VersionType
from fototui.screens.orders.screen import OrdersScreen
from fototui.screens.undo import UndoScreen
from fototui.services.backend import Backend
from fototui.services.versions.coloring import ColoringService
from fototui.storage.directory import DirectoryStorage
from fototui.ui.messages import ChoiceMade
from fototui.ui.undo import Choice
from tests.factories import file_ref, make_coloring, make_order
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import messages
from tests.waiting import until_shown

NOON = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)


async def _versions(database: Database) -> dict[int, list[int]]:
    """Two images with three colourings each, of which the first is the chosen one."""
    found: dict[int, list[int]] = {}
    async with database.session() as session, session.begin():
        order = await make_order(session, images=2)
        for image in order.line_items[0].images:
            rows = [
                await make_coloring(
                    session,
                    image,
                    version=number,
                    status=ColoringProcessingStatus.COMPLETED,
                    file_ref=file_ref(f"{image.id}/v{number}.png"),
                )
                for number in (1, 2, 3)
            ]
            image.selected_coloring_id = rows[0].id
            found[image.id] = [row.id for row in rows]
    return found


async def _choose(app: FototuiApp, images: dict[int, list[int]], steps: str) -> None:
    """Choose versions one after the other, such as "a2 b3" for images and numbers."""
    chosen = dict.fromkeys(images, 1)
    for place, step in enumerate(steps.split()):
        page, number = "ab".index(step[0]), int(step[1])
        image_id = list(images)[page]
        ids = images[image_id]
        async with app.context.backend.transaction(ColoringService) as service:
            await service.select(ids[number - 1])
        at = NOON + timedelta(seconds=place)
        before = ids[chosen[image_id] - 1]
        choice = Choice(
            at, VersionType.COLORING, image_id, before, ids[number - 1], number, "#7", page + 1
        )
        app.on_choice_made(ChoiceMade(choice))
        chosen[image_id] = number


async def _chosen(database: Database, images: dict[int, list[int]]) -> str:
    """Which number each image has."""
    async with database.session() as session:
        rows = [await session.get_one(Image, image_id) for image_id in images]
    return " ".join(str(images[row.id].index(row.selected_coloring_id or 0) + 1) for row in rows)


async def _list(app: FototuiApp, pilot: AppPilot) -> list[str]:
    await pilot.press("Z")
    await until_shown(
        pilot, lambda: isinstance(app.screen, UndoScreen) and app.screen.query("OptionList")
    )
    rows = app.screen.query_one(OptionList)
    return [str(rows.get_option_at_index(place).prompt) for place in range(rows.option_count)]


async def test_it_is_listed_in_words_the_latest_first_and_enter_undoes_one(
    open_app: OpenApp, database: Database
) -> None:
    images = await _versions(database)
    async with open_app(OrdersScreen) as (app, pilot):
        await pilot.press("Z")
        await until_shown(pilot, lambda: "no choice to undo" in messages(app))
        await _choose(app, images, "a2 b2 a3")
        assert await _list(app, pilot) == [
            "12:00:02  #7 · Photo 1 · Colouring v3 chosen",
            "12:00:01  #7 · Photo 2 · Colouring v2 chosen",
            "12:00:00  #7 · Photo 1 · Colouring v2 chosen",
        ]
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
        assert await _chosen(database, images) == "3 2"

        # Enter undoes one, with what was done to its picture since.
        await _list(app, pilot)
        await pilot.press("down", "enter")
        await until_shown(pilot, lambda: "choice is undone" in messages(app))
        assert await _chosen(database, images) == "3 1"
        assert len(await _list(app, pilot)) == 2
        await pilot.press("down", "enter")
        await until_shown(pilot, lambda: "2 steps are undone" in messages(app))
        assert await _chosen(database, images) == "1 1"
        assert not app.context.undo.entries


async def test_a_undoes_all_down_to_one(open_app: OpenApp, database: Database) -> None:
    images = await _versions(database)
    async with open_app(OrdersScreen) as (app, pilot):
        await _choose(app, images, "a2 b2 a3 b3")
        await _list(app, pilot)
        await pilot.press("down", "down", "a")
        await until_shown(pilot, lambda: "3 steps are undone" in messages(app))
    assert await _chosen(database, images) == "2 1"


async def test_what_another_operator_stands_against_ends_it_and_is_told(
    open_app: OpenApp, database: Database, storage: DirectoryStorage
) -> None:
    images = await _versions(database)
    first, second = images
    async with open_app(OrdersScreen) as (app, pilot):
        await _choose(app, images, "a2 b2 a3")
        other = Backend(database, storage, operator="petr")
        async with other.transaction(ColoringService) as service:
            await service.select(images[second][2])
        await _list(app, pilot)
        await pilot.press("end", "a")
        await until_shown(pilot, lambda: "petr chose another version" in messages(app))
        assert "The choice is undone" in messages(app)
        # His choice stands, and what was done before can still be taken back.
        assert await _chosen(database, images) == "2 3"
        assert [entry.picture for entry in app.context.undo.entries] == [
            (first, VersionType.COLORING)
        ]
