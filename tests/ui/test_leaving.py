"""Leaving the app while jobs run in it."""

import asyncio
from zoneinfo import ZoneInfo

import pytest

from fototui import app as app_module
from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.live.store import LiveStore
from fototui.screens.dialogs import Confirm, LeaveDialog, Leaving, confirm
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.backend import Backend
from fototui.storage.directory import DirectoryStorage
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from tests.waiting import until_shown


def _app(database: Database, storage: DirectoryStorage, *, running: int) -> FototuiApp:
    backend = Backend(database, storage, operator="jana")
    return FototuiApp(
        backend,
        LiveStore(backend),
        AppSettings(ZoneInfo("Europe/Prague")),
        Preferences(language="en"),
        home=OrdersScreen,
        jobs_here=lambda: running,
    )


@pytest.mark.parametrize(
    ("keys", "leaving"),
    [(["enter"], Leaving.HAND_OVER), (["right", "enter"], Leaving.WAIT)],
)
async def test_jobs_are_handed_over_or_waited_for(
    database: Database, storage: DirectoryStorage, keys: list[str], leaving: Leaving
) -> None:
    app = _app(database, storage, running=2)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+q")
        await until_shown(pilot, lambda: isinstance(app.screen, LeaveDialog))
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
        await pilot.press("ctrl+q")
        await until_shown(pilot, lambda: isinstance(app.screen, LeaveDialog))
        await pilot.press(*keys)
        await until_shown(pilot, lambda: not app.is_running)
    assert app.leaving is leaving


async def test_what_was_asked_for_is_done_before_the_app_is_left(
    database: Database, storage: DirectoryStorage
) -> None:
    app, may_go_on, done = _app(database, storage, running=0), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await may_go_on.wait()
        done.set()

    async with app.run_test() as pilot:
        screen = app.screen
        assert isinstance(screen, OrdersScreen)
        screen.perform(work)
        await pilot.press("ctrl+q", "ctrl+q")
        await pilot.pause()
        assert app.is_running
        may_go_on.set()
        await until_shown(pilot, lambda: not app.is_running)
    assert done.is_set()


async def test_an_open_question_is_not_waited_for(
    database: Database, storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "_LAST_SECONDS", 1000.0)
    app = _app(database, storage, running=0)
    async with app.run_test() as pilot:
        screen = app.screen
        assert isinstance(screen, OrdersScreen)
        screen.perform(lambda: confirm(screen.app, "Really?", yes="Yes"))
        await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("ctrl+q")
        await until_shown(pilot, lambda: not app.is_running)


async def test_what_takes_long_does_not_keep_the_app(
    database: Database, storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "_LAST_SECONDS", 0.01)
    app, ended = _app(database, storage, running=0), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with app.run_test() as pilot:
        screen = app.screen
        assert isinstance(screen, OrdersScreen)
        screen.perform(work)
        await pilot.press("ctrl+q")
        await until_shown(pilot, lambda: not app.is_running)
    assert ended.is_set()


async def test_without_jobs_nothing_is_asked(database: Database, storage: DirectoryStorage) -> None:
    app = _app(database, storage, running=0)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+q")
        await until_shown(pilot, lambda: not app.is_running)
