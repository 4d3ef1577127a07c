"""The app on real services, driven by a pilot."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest
from textual.pilot import Pilot

from fototui.app import AppSettings, FototuiApp
from fototui.db.database import Database
from fototui.i18n import set_language
from fototui.live.store import LiveStore
from fototui.screens.base import FototuiScreen
from fototui.services.backend import Backend
from fototui.storage.directory import DirectoryStorage
from fototui.ui.preferences import Preferences

AppPilot = Pilot[None]


class OpenApp(Protocol):
    """Open the app on a first screen."""

    def __call__(
        self,
        home: Callable[[], FototuiScreen],
        *,
        size: tuple[int, int] = (120, 36),
        read_only: bool = False,
        language: str = "en",
        operator: str = "jana",
    ) -> AbstractAsyncContextManager[tuple[FototuiApp, AppPilot]]: ...


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pictures are cached for the test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    return DirectoryStorage(tmp_path / "files")


@pytest.fixture
def open_app(database: Database, storage: DirectoryStorage) -> OpenApp:
    @asynccontextmanager
    async def opened(
        home: Callable[[], FototuiScreen],
        *,
        size: tuple[int, int] = (120, 36),
        read_only: bool = False,
        language: str = "en",
        operator: str = "jana",
    ) -> AsyncIterator[tuple[FototuiApp, AppPilot]]:
        set_language(language)
        backend = Backend(database, storage, operator=operator, read_only=read_only)
        app = FototuiApp(
            backend,
            LiveStore(backend),
            AppSettings(ZoneInfo("Europe/Prague")),
            Preferences(language=language),
            home=home,
        )
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.store.is_complete)
            yield app, pilot

    return opened


async def until(pilot: AppPilot, condition: Callable[[], object], *, seconds: float = 10) -> None:
    """Wait until the app has come to a condition."""
    async with asyncio.timeout(seconds):
        while not condition():
            await pilot.pause(0.02)
