"""The app on real services, driven by a pilot."""

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest
from textual._compositor import Compositor
from textual.content import Content
from textual.pilot import Pilot

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.i18n import set_language
from fototui.live.store import LiveStore
from fototui.pictures.loader import PictureLoader
from fototui.pictures.terminal import Renderer
from fototui.screens.base import FototuiScreen
from fototui.services.backend import Backend
from fototui.services.views.orders import OrderRow
from fototui.storage.directory import DirectoryStorage
from fototui.ui.context import AppContext, AppSettings
from fototui.ui.preferences import Preferences
from fototui.widgets.tables import order_table
from fototui.widgets.tables.order_columns import Column, Paint, cells
from tests.conftest import PostgresServer
from tests.ui.shop import FILES, Shop, stop_clock
from tests.ui.shop_art import flat_art
from tests.unseen import paint_at_once
from tests.waiting import until_shown

AppPilot = Pilot[None]


class OpenApp(Protocol):
    """Open the app on a first screen."""

    def __call__(
        self,
        home: Callable[[AppContext], FototuiScreen],
        *,
        size: tuple[int, int] = (110, 30),
        read_only: bool = False,
        language: str = "en",
        operator: str = "jana",
        renderer: Renderer | None = None,
    ) -> AbstractAsyncContextManager[tuple[FototuiApp, AppPilot]]: ...


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, forked_decoders: None) -> None:
    """Pictures are cached for the test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    return DirectoryStorage(tmp_path / "files")


@pytest.fixture
def open_app(database: Database, storage: DirectoryStorage) -> OpenApp:
    @asynccontextmanager
    async def opened(
        home: Callable[[AppContext], FototuiScreen],
        *,
        size: tuple[int, int] = (110, 30),
        read_only: bool = False,
        language: str = "en",
        operator: str = "jana",
        renderer: Renderer | None = None,
    ) -> AsyncIterator[tuple[FototuiApp, AppPilot]]:
        set_language(language)
        backend = Backend(database, storage, operator=operator, read_only=read_only)
        app = FototuiApp(
            backend,
            LiveStore(backend),
            AppSettings(ZoneInfo("Europe/Prague")),
            Preferences(language=language),
            home=home,
            pictures=PictureLoader(storage, renderer=renderer),
        )
        async with app.run_test(size=size) as pilot:
            await until_shown(pilot, lambda: app.store.is_complete and app.store.lanes)
            yield app, pilot

    return opened


@pytest.fixture
def painted_rows(monkeypatch: pytest.MonkeyPatch) -> list[OrderRow]:
    """The rows that the table of orders has painted, each time that it did."""
    painted: list[OrderRow] = []

    def counted(row: OrderRow, layout: Sequence[tuple[Column, int]], paint: Paint) -> Content:
        painted.append(row)
        return cells(row, layout, paint)

    monkeypatch.setattr(order_table, "cells", counted)
    monkeypatch.setattr(Compositor, "render_update", paint_at_once)
    return painted


# --- one shop that is the same every time -------------------------------------------------------

_SHOP = "template_shop"


@pytest.fixture(scope="session")
def filled_shop(pg: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the shop's files; its database is a template on the server."""
    folder = tmp_path_factory.mktemp("shop")

    async def fill() -> None:
        async with Database(pg.url(_SHOP)) as database:
            await stop_clock(database)
            await Shop(database, DirectoryStorage(folder, FILES), flat_art()).open()

    pg.execute(f"CREATE DATABASE {_SHOP} TEMPLATE template_fototui STRATEGY FILE_COPY")
    pg.run(fill)
    return folder


@pytest.fixture
async def shop(pg: PostgresServer, filled_shop: Path) -> AsyncIterator[Database]:
    """The shop's database, for one test."""
    with pg.database(_SHOP) as url:
        async with Database(url) as database:
            await stop_clock(database)
            yield database


@pytest.fixture
def files(filled_shop: Path, tmp_path: Path) -> DirectoryStorage:
    """The shop's files, for one test."""
    return DirectoryStorage(shutil.copytree(filled_shop, tmp_path / "files"), FILES)
