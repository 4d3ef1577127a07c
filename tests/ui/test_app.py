"""What works everywhere: help, palette, language, theme, keys of one's own, undo, read-only."""

import asyncio
import uuid
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from textual.command import Command, CommandList, CommandPalette

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image
from fototui.domain.statuses import ColoringProcessingStatus, VersionType
from fototui.i18n import language
from fototui.live.order_list import Sort
from fototui.live.state import Changed
from fototui.live.store import LiveStore
from fototui.screens.activity import ActivityScreen
from fototui.screens.base import FototuiScreen
from fototui.screens.engines import EnginesScreen
from fototui.screens.help import HelpScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.screens.review.screen import ReviewScreen
from fototui.services.backend import Backend
from fototui.services.changes import LiveService
from fototui.services.operations.presence import PresenceService
from fototui.services.versions.coloring import ColoringService
from fototui.storage.directory import DirectoryStorage
from fototui.ui.actions import ACTIONS
from fototui.ui.context import AppSettings
from fototui.ui.messages import ChoiceMade
from fototui.ui.preferences import Preferences
from fototui.ui.presence import Presence
from fototui.ui.undo import Choice
from fototui.widgets.status_bar import StatusBar
from tests.cases import case
from tests.factories import file_ref, make_order
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import lines, messages
from tests.waiting import PATIENCE, until_shown


@pytest.mark.quick
async def test_function_keys_go_to_screens_and_back(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        for key, screen, back in (
            ("f2", ReviewScreen, "f1"),
            ("f3", EnginesScreen, "escape"),
            ("f4", ActivityScreen, "f1"),
        ):
            with case(key):
                await pilot.press(key)
                await until_shown(pilot, partial(_is_on, app, screen))
                # Who goes back to the list begins with it the next time.
                await pilot.press("question_mark", "escape")
                await until_shown(pilot, partial(_is_on, app, screen))
                assert app.preferences.screen == screen.scope
                await pilot.press(back)
                await until_shown(pilot, partial(_is_on, app, OrdersScreen))
                assert app.preferences.screen == "orders"


def _is_on(app: FototuiApp, screen: type[FototuiScreen]) -> bool:
    return isinstance(app.screen, screen)


async def test_help_lists_every_key_of_the_screen(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen, size=(120, 60)) as (app, pilot):
        await pilot.press("question_mark")
        await until_shown(pilot, lambda: isinstance(app.screen, HelpScreen))
        shown = app.export_screenshot().replace("&#160;", " ")
        for action in ACTIONS.values():
            if action.id.startswith("orders."):
                assert action.tooltip.split()[0] in shown
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))


async def _find(app: FototuiApp, pilot: AppPilot, words: str) -> None:
    """Do what the palette finds by some words of it."""

    def is_found() -> bool:
        option = app.screen.query_one(CommandList).highlighted_option
        return isinstance(option, Command) and words in str(option.hit.text).casefold()

    await pilot.press("ctrl+p")
    await until_shown(pilot, lambda: isinstance(app.screen, CommandPalette))
    await pilot.press(*words)
    await until_shown(pilot, is_found)
    await pilot.press("enter")


async def test_the_palette_tells_keys_and_does_what_it_finds(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen, size=(100, 60)) as (app, pilot):
        await pilot.press("ctrl+p")
        await until_shown(pilot, lambda: any("Next step  ." in line for line in lines(app)))
        assert any("Colourings  g" in line for line in lines(app))
        await pilot.press(*"wait")
        customer = "Customer… – Mark the order"
        await until_shown(pilot, lambda: any(customer in line for line in lines(app)))
        await until_shown(pilot, lambda: any("  w" in line for line in lines(app)))
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
        await _sort_by_customer_twice(app, pilot)
        await _find(app, pilot, "lanes and jobs")
        await until_shown(pilot, lambda: isinstance(app.screen, EnginesScreen))


async def _sort_by_customer_twice(app: FototuiApp, pilot: AppPilot) -> None:
    known = app.context.order_list
    for is_reverse in (False, True):
        await _find(app, pilot, "sort by: cust")
        await until_shown(
            pilot,
            lambda: (known.sort, known.reverse) == (Sort.CUSTOMER, is_reverse),  # noqa: B023
        )


async def test_language_and_theme_change_at_once_and_are_remembered(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        before = app.theme
        await pilot.press("f9")
        await until_shown(pilot, lambda: app.theme != before)
        assert app.preferences.theme == app.theme
        await pilot.press("f10")
        await until_shown(pilot, lambda: language() == "cs")
        assert app.preferences.language == "cs"
        await pilot.press("f10")
        await until_shown(pilot, lambda: language() == "en")


async def test_keys_can_be_remapped(database: Database, storage: DirectoryStorage) -> None:
    backend = Backend(database, storage, operator="jana")
    app = FototuiApp(
        backend,
        LiveStore(backend),
        AppSettings(ZoneInfo("Europe/Prague"), keys={"everywhere.show_engines": "ctrl+e"}),
        Preferences(language="en"),
        home=OrdersScreen,
    )
    async with app.run_test() as pilot:
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
        await pilot.press("f3")
        await pilot.pause()
        assert isinstance(app.screen, OrdersScreen)
        await pilot.press("ctrl+e")
        await until_shown(pilot, lambda: isinstance(app.screen, EnginesScreen))


async def _choice(database: Database) -> tuple[int, int, int]:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        image = order.line_items[0].images[0]
        versions = [
            ColoringVersion(
                image_id=image.id,
                version=number,
                status=ColoringProcessingStatus.COMPLETED,
                file_ref=file_ref(),
            )
            for number in (1, 2)
        ]
        session.add_all(versions)
        await session.flush()
        image.selected_coloring_id = versions[0].id
        return image.id, versions[0].id, versions[1].id


async def _selected(database: Database, image_id: int) -> int | None:
    async with database.session() as session:
        return await session.scalar(select(Image.selected_coloring_id).where(Image.id == image_id))


def chosen(image_id: int, previous_id: int, new_id: int) -> ChoiceMade:
    """A colouring was chosen here."""
    now = datetime(2026, 11, 20, 13, 32, tzinfo=UTC)
    return ChoiceMade(Choice(now, VersionType.COLORING, image_id, previous_id, new_id, number=1))


async def _choose_second(app: FototuiApp, image_id: int, first: int, second: int) -> None:
    async with app.context.backend.transaction(ColoringService) as service:
        await service.select(second)
    app.on_choice_made(chosen(image_id, first, second))


async def _until_selected(
    pilot: AppPilot, database: Database, image_id: int, version_id: int
) -> None:
    async def is_selected() -> bool:
        return await _selected(database, image_id) == version_id

    await until_shown(pilot, is_selected)


async def test_choices_are_taken_back_step_by_step(open_app: OpenApp, database: Database) -> None:
    image_id, first, second = await _choice(database)
    async with open_app(OrdersScreen) as (app, pilot):
        await _choose_second(app, image_id, first, second)
        async with app.context.backend.transaction(ColoringService) as service:
            await service.select(first)
        app.on_choice_made(chosen(image_id, second, first))
        await pilot.press("ctrl+z")
        await _until_selected(pilot, database, image_id, second)
        await pilot.press("ctrl+z")
        await _until_selected(pilot, database, image_id, first)
        await pilot.press("ctrl+z")
        await until_shown(pilot, lambda: "no choice to undo" in messages(app))
    assert await _selected(database, image_id) == first


async def test_choices_are_taken_back_one_after_another(
    open_app: OpenApp, database: Database
) -> None:
    image_id, first, second = await _choice(database)
    async with open_app(OrdersScreen) as (app, pilot):
        await _choose_second(app, image_id, first, second)
        async with app.context.backend.transaction(ColoringService) as service:
            await service.select(first)
        app.on_choice_made(chosen(image_id, second, first))
        app.undo_choice()
        app.undo_choice()
        app.undo_choice()
        await until_shown(pilot, lambda: "no choice to undo" in messages(app))
        assert messages(app).count("The choice is undone.") == 2
    assert await _selected(database, image_id) == first


async def test_a_choice_that_could_not_be_taken_back_is_tried_again(
    open_app: OpenApp, database: Database
) -> None:
    image_id, first, second = await _choice(database)
    async with open_app(OrdersScreen) as (app, pilot):
        await _choose_second(app, image_id, first, second)
        async with database.session() as session, session.begin():
            await session.execute(select(Image).where(Image.id == image_id).with_for_update())
            await pilot.press("ctrl+z")
            await until_shown(pilot, lambda: "Try again" in messages(app))
        await pilot.press("ctrl+z")
        await until_shown(pilot, lambda: "The choice is undone." in messages(app))
    assert await _selected(database, image_id) == first


async def test_a_choice_of_another_operator_is_not_undone(
    open_app: OpenApp, database: Database, storage: DirectoryStorage
) -> None:
    image_id, first, second = await _choice(database)
    async with open_app(OrdersScreen) as (app, pilot):
        await _choose_second(app, image_id, second, first)
        other = Backend(database, storage, operator="petr")
        async with other.transaction(ColoringService) as service:
            await service.select(second)
        app.on_choice_made(chosen(image_id, second, first))
        await pilot.press("ctrl+z")
        await until_shown(pilot, lambda: "petr" in messages(app) or "selected" in messages(app))
    assert await _selected(database, image_id) == second


async def test_read_only_changes_nothing_and_says_so(open_app: OpenApp, database: Database) -> None:
    await _choice(database)
    async with open_app(OrdersScreen, read_only=True) as (app, pilot):
        assert "READ" in app.export_screenshot()
        for key in ("g", "s", "r"):
            await pilot.press(key)
        await until_shown(pilot, lambda: "read-only" in messages(app))
    async with database.session() as session:
        assert len((await session.scalars(select(ColoringVersion.id))).all()) == 2


@pytest.mark.parametrize(
    ("left_at", "screen"), [("orders", OrdersScreen), ("engines", EnginesScreen)]
)
async def test_the_app_opens_where_it_was_left(
    database: Database, storage: DirectoryStorage, left_at: str, screen: type[object]
) -> None:
    backend = Backend(database, storage, operator="jana")
    app = FototuiApp(
        backend,
        LiveStore(backend),
        AppSettings(ZoneInfo("Europe/Prague")),
        Preferences(language="en", screen=left_at),
        home=OrdersScreen,
    )
    async with app.run_test() as pilot:
        await until_shown(pilot, lambda: isinstance(app.screen, screen))
        await pilot.press("f4")
        await until_shown(pilot, lambda: isinstance(app.screen, ActivityScreen))
    assert app.preferences.screen == "activity"


async def test_other_operators_are_named_in_the_header(
    open_app: OpenApp, database: Database, storage: DirectoryStorage
) -> None:
    petr = Backend(database, storage, operator="petr")
    async with petr.autocommit(PresenceService) as service:
        await service.here(uuid.uuid4(), "host", "orders", None)
    backend = Backend(database, storage, operator="jana")
    app = FototuiApp(
        backend,
        LiveStore(backend),
        AppSettings(ZoneInfo("Europe/Prague")),
        Preferences(language="en"),
        home=OrdersScreen,
        presence=Presence(backend, uuid.uuid4(), interval=0.1),
    )
    async with app.run_test(size=(140, 30)) as pilot:
        await until_shown(pilot, lambda: app.context.others == ["petr"])
        app.screen.query_one(StatusBar).refresh()
        await until_shown(pilot, lambda: "petr" in app.export_screenshot())


async def test_orders_are_drawn_before_anything_else_is_asked(
    database: Database, storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who else is here, lanes and engines take statements, and a connection, of their own."""
    await _choice(database)
    steps: list[str] = []

    async def work(_service: LiveService) -> tuple[tuple[()], tuple[()]]:
        steps.append("work")
        return (), ()

    monkeypatch.setattr(LiveService, "work", work)

    class Noted(Presence):
        async def run(self) -> None:
            steps.append("present")
            await asyncio.Event().wait()

    class Drawn(OrdersScreen):
        def on_store_changed(self, changed: Changed) -> None:
            super().on_store_changed(changed)
            if changed.listing:
                self.call_after_refresh(steps.append, "drawn")

    backend = Backend(database, storage, operator="jana")
    app = FototuiApp(
        backend,
        LiveStore(backend, frame_seconds=PATIENCE),
        AppSettings(ZoneInfo("Europe/Prague")),
        Preferences(language="en"),
        home=Drawn,
        presence=Noted(backend, uuid.uuid4()),
    )
    async with app.run_test() as pilot:
        await until_shown(pilot, lambda: "present" in steps)
    assert steps == ["drawn", "present"]
