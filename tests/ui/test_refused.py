"""A database that refuses the login: the app says so, asks rarely, and goes on when it may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import make_url

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.i18n import set_language
from fototui.live.store import LiveStore
from fototui.screens.activity import ActivityScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.backend import Backend
from fototui.storage.directory import DirectoryStorage
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from tests.conftest import PostgresServer
from tests.factories import make_order
from tests.ui.pages import lines, messages
from tests.waiting import until_shown

ROLE = "clerk"


@pytest.fixture
def clerk(pg: PostgresServer, database_url: str) -> Iterator[str]:
    """The database as an operator of its own opens it; the password is the role's name."""
    pg.execute(f"CREATE ROLE {ROLE} SUPERUSER LOGIN PASSWORD '{ROLE}'")
    url = make_url(database_url).set(username=ROLE, password=ROLE)
    yield url.render_as_string(hide_password=False)
    pg.execute(f"REASSIGN OWNED BY {ROLE} TO CURRENT_USER")
    pg.execute(f"DROP OWNED BY {ROLE}")
    pg.execute(f"DROP ROLE {ROLE}")


@pytest.fixture
async def far(clerk: str) -> AsyncIterator[Database]:
    async with Database(clerk) as database:
        yield database


def app_on(database: Database, storage: DirectoryStorage, language: str = "en") -> FototuiApp:
    """The app, which asks again only when it is told to."""
    set_language(language)
    backend = Backend(database, storage, operator="jana")
    store = LiveStore(backend, refused_seconds=900)
    settings = AppSettings(ZoneInfo("Europe/Prague"))
    preferences = Preferences(language=language)
    return FototuiApp(backend, store, settings, preferences, home=OrdersScreen)


async def test_a_refused_login_is_told_on_start_and_r_asks_again(
    pg: PostgresServer, far: Database, database: Database, storage: DirectoryStorage
) -> None:
    async with database.session() as session, session.begin():
        await make_order(session)
    pg.execute(f"ALTER ROLE {ROLE} PASSWORD 'another'")
    app = app_on(far, storage)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, lambda: "refuses user 'clerk'" in _text(app))
        assert "Correct DATABASE_URL." in _text(app)
        assert "db refuses" in lines(app)[0]
        assert "Loading orders" not in _text(app)
        await pilot.press("4")
        await until_shown(pilot, lambda: isinstance(app.screen, ActivityScreen))
        await until_shown(pilot, lambda: "refuses user 'clerk'" in _text(app))
        await pilot.press("1")
        pg.execute(f"ALTER ROLE {ROLE} PASSWORD '{ROLE}'")
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
        await pilot.press("r")
        await until_shown(pilot, lambda: app.store.health.database_ok and app.store.orders)
        await until_shown(pilot, lambda: "refuses" not in _text(app).replace("is asked", ""))
        assert "The database is asked again." in messages(app)


async def test_a_password_that_changes_later_is_told_in_czech(
    pg: PostgresServer, far: Database, storage: DirectoryStorage
) -> None:
    app = app_on(far, storage, "cs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, lambda: app.store.is_complete)
        pg.execute(f"ALTER ROLE {ROLE} PASSWORD 'another'")
        pg.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'"
        )
        await until_shown(pilot, lambda: app.store.health.is_refused)
        await until_shown(pilot, lambda: "odmítá uživatele 'clerk'" in _text(app))
        assert "db odmítá" in lines(app)[0]


def _text(app: FototuiApp) -> str:
    return " ".join(" ".join(lines(app)).split())
