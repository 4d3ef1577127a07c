"""How soon commands and the app are there, beside what they stand on.

    python -m bench.start [orders]

Each command runs in a process of its own on an embedded PostgreSQL with a hundred orders, and what
it stands on in the same round; processor seconds and the memory at its peak are compared. Run alone
it prints, as JSON, the milliseconds until the app shows the first of 100,000 orders, until it has
all, and its memory then.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from bench.live import fill
from bench.program import FOTOTUI, environment
from bench.rows import Figures, Part, Row, Way
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.log import configure_logging
from fototui.sandbox.postgres.server import EmbeddedPostgres, temporary_postgres

FEW, MANY = 100, 100_000

EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("painted")
Empty().run()
"""


@dataclass(frozen=True)
class Command:
    """A command of the program.

    Args:
        arguments: What it is given.
        anchor: The name of what it stands on.
        target: The most processor time that it may take, as a multiple of the anchor's.
        variables: Of its environment.
        shows: It runs on a terminal until this is seen there; empty for one that ends by itself.
        memory: Whether its memory has a row too.
    """

    arguments: tuple[str, ...]
    anchor: str
    target: float
    variables: Mapping[str, str] = field(default_factory=dict)
    shows: str = ""
    memory: bool = True


TYPER, DRIVER, APP = "import typer", "import SQLAlchemy and asyncpg", "an empty Textual app"
ANCHORS = {
    TYPER: ("import typer", ""),
    DRIVER: ("import sqlalchemy.ext.asyncio, asyncpg", ""),
    APP: (EMPTY_APP, "painted"),
}
_COMPLETED = {
    "_FOTOTUI_COMPLETE": "complete_bash",
    "COMP_WORDS": "fototui ord",
    "COMP_CWORD": "1",
}
COMMANDS = {
    "fototui --version": Command(("--version",), TYPER, 1.5),
    "fototui --help": Command(("--help",), TYPER, 1.5, memory=False),
    "completion": Command((), TYPER, 1.5, _COMPLETED, memory=False),
    "orders list --json, 100 orders": Command(("orders", "list", "--json"), DRIVER, 1.5),
    "engine --drain, nothing to do": Command(("engine", "--drain"), DRIVER, 2),
    "app to painted orders, 100 orders": Command((), APP, 2, shows="Zákazník"),
}
MEMORY_TARGET = 1.5
WHY = {
    DRIVER: "the tables, pydantic with the settings, and the command's own modules come on top",
    APP: "SQLAlchemy and asyncpg alone are twice an empty app",
}


async def run(command: list[str], variables: Mapping[str, str], shown: str) -> Figures:
    """Run a program to its end, or on a terminal until it shows something."""
    spent = [sys.executable, "-I", "-S", str(Path(__file__).with_name("spent.py")), shown]
    process = await asyncio.create_subprocess_exec(
        *spent, *command, env=variables, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    seconds, megabytes = map(float, out.split())
    return {"CPU s": seconds, "MB": megabytes}


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    with tempfile.TemporaryDirectory() as made:
        async with temporary_postgres() as postgres:
            folder, url = Path(made), await _filled(postgres, FEW)
            ways: dict[str, Way] = {}
            for name, (code, shown) in ANCHORS.items():
                command = [sys.executable, "-c", code]
                ways[name] = partial(run, command, environment(url, folder), shown)
            for name, each in COMMANDS.items():
                variables = environment(url, folder, **each.variables)
                ways[name] = partial(run, [str(FOTOTUI), *each.arguments], variables, each.shows)
            yield ways


async def _filled(postgres: EmbeddedPostgres, orders: int) -> str:
    await postgres.create_database("bench")
    url = postgres.url("bench")
    async with Database(url) as database:
        await migrate.upgrade(database.engine)
        await fill(database, orders)
    return url


def _rows() -> list[Row]:
    rows = []
    for name, command in COMMANDS.items():
        anchor, target = command.anchor, command.target
        figures = [(name, "CPU s", target)]
        if command.memory:
            figures.append((f"{name}: memory", "MB", MEMORY_TARGET))
        rows += [
            Row(row, unit, name, unit, floor=anchor, to_floor=limit, why=WHY.get(anchor, ""))
            for row, unit, limit in figures
        ]
    return rows


PART = Part("start", opened, rows=_rows(), turns=2)


async def show(url: str) -> None:
    """One start of the app, in a process of its own."""
    from fototui.app import FototuiApp
    from fototui.live.store import LiveStore
    from fototui.screens.orders.screen import OrdersScreen
    from fototui.services.backend import Backend
    from fototui.storage.directory import DirectoryStorage
    from fototui.ui.context import AppSettings
    from fototui.ui.preferences import Preferences

    process = psutil.Process()

    def since_start() -> int:
        return round((time.time() - process.create_time()) * 1000)

    async with Database(url) as database:
        backend = Backend(database, DirectoryStorage(Path("/nonexistent")), operator="bench")
        app = FototuiApp(
            backend,
            LiveStore(backend),
            AppSettings(ZoneInfo("Europe/Prague")),
            Preferences(language="en"),
            home=OrdersScreen,
        )
        async with app.run_test(size=(120, 36)) as pilot:
            while "#1 " not in "".join(s.text for s in app.screen._compositor.render_strips()):
                await pilot.pause(0.005)
            painted = since_start()
            while not app.store.is_complete:
                await pilot.pause(0.05)
            print(
                json.dumps(
                    {
                        "painted ms": painted,
                        "complete ms": since_start(),
                        "memory MB": round(process.memory_info().rss / 1e6),
                    }
                )
            )


async def main(orders: int) -> None:
    async with temporary_postgres() as postgres:
        url = await _filled(postgres, orders)
        command = [sys.executable, "-m", "bench.start", url]
        await asyncio.to_thread(subprocess.run, command, check=True)


if __name__ == "__main__":
    configure_logging("WARNING")
    argument = sys.argv[1] if len(sys.argv) > 1 else str(MANY)
    asyncio.run(main(int(argument)) if argument.isdecimal() else show(argument))
