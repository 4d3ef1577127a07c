"""A filled shop for each snapshot: filled once, then copied."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fototui.db.database import Database
from fototui.storage.directory import DirectoryStorage
from tests.conftest import PostgresServer
from tests.ui.shop import FILES, Shop, stop_clock
from tests.ui.shop_art import flat_art

_TEMPLATE = "template_shop"


@pytest.fixture(scope="session")
def filled(pg: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the shop's files; its database is a template on the server."""
    folder = tmp_path_factory.mktemp("shop")

    async def fill() -> None:
        async with Database(pg.url(_TEMPLATE)) as database:
            await stop_clock(database)
            await Shop(database, DirectoryStorage(folder, FILES), flat_art()).open()

    pg.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template_fototui STRATEGY FILE_COPY")
    pg.run(fill)
    return folder


@pytest.fixture
async def shop(pg: PostgresServer, filled: Path) -> AsyncIterator[Database]:
    """The shop's database, for one test."""
    with pg.database(_TEMPLATE) as url:
        async with Database(url) as database:
            await stop_clock(database)
            yield database


@pytest.fixture
def files(filled: Path, tmp_path: Path) -> DirectoryStorage:
    """The shop's files, for one test."""
    return DirectoryStorage(shutil.copytree(filled, tmp_path / "files"), FILES)


@pytest.fixture(autouse=True)
def steady_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the terminal that tests run in shows."""
    for name in ("NO_COLOR", "TMUX", "COLORTERM", "TERM"):
        monkeypatch.delenv(name, raising=False)
