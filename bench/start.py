"""How soon commands and the app are there, beside what they stand on: on an embedded PostgreSQL.

    python -m bench.start [rounds]

Each command is run in a process of its own, its anchors in the same round, and the rounds one after
the other. A table goes to standard error, JSON to standard output: for each command the median CPU
seconds and the peak memory, those of its anchor, and the ratios; at the end the milliseconds until
the app shows the first of 100,000 orders, until it has all, and its memory then.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from bench.live import fill
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.log import configure_logging
from fototui.sandbox.postgres.server import temporary_postgres

ROUNDS = 5
MANY = 100_000

TYPER = "import typer"
DRIVER = "import sqlalchemy.ext.asyncio, asyncpg"
EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("painted")
Empty().run()
"""
_SIZE = {"COLUMNS": "120", "LINES": "36", "TERM": "xterm-256color", "LANG": "C.UTF-8"}


@dataclass
class Row:
    """What is measured, and the greatest ratio to its anchor that it may have.

    Args:
        name: What it is called.
        command: The program's arguments.
        anchor: Python code.
        target: The ratio of CPU seconds.
        variables: Of its environment.
        shows: It runs on a terminal until this is seen there; None for one that ends by itself.
    """

    name: str
    command: tuple[str, ...]
    anchor: str
    target: float
    variables: Mapping[str, str] = field(default_factory=dict)
    shows: tuple[str, str] | None = None
    """What it shows, and what its anchor shows."""


_COMPLETED = {
    "_FOTOTUI_COMPLETE": "complete_bash",
    "COMP_WORDS": "fototui ord",
    "COMP_CWORD": "1",
}
ROWS = (
    Row("--version", ("--version",), TYPER, 1.5),
    Row("--help", ("--help",), TYPER, 1.5),
    Row("completion", (), TYPER, 1.5, _COMPLETED),
    Row("orders list --json, 100 orders", ("orders", "list", "--json"), DRIVER, 1.5),
    Row("engine --drain, nothing to do", ("engine", "--drain"), DRIVER, 2),
    Row(
        "app to painted orders, 100 orders",
        command=(),
        anchor=EMPTY_APP,
        target=2,
        shows=("Zákazník", "painted"),
    ),
)
MEMORY_TARGET = 1.5


@dataclass(frozen=True)
class Cost:
    """What one run took: CPU seconds, and megabytes at its peak."""

    seconds: float
    megabytes: float


def run(command: list[str], environment: Mapping[str, str], shown: str) -> Cost:
    """Run a program to its end, or on a terminal until it shows something."""
    spent = [sys.executable, "-I", "-S", str(Path(__file__).with_name("spent.py")), shown]
    out = subprocess.run([*spent, *command], check=True, env=environment, stdout=subprocess.PIPE)
    seconds, megabytes = map(float, out.stdout.split())
    return Cost(seconds, megabytes)


def compare(url: str, folder: Path, rounds: int) -> list[dict[str, object]]:
    """Measure each row and its anchor, in turns."""
    settings = {
        "DATABASE_URL": url,
        "STORAGE_PATH": str(folder),
        "VECTORIZER_API_KEY": "key",
        "VECTORIZER_API_SECRET": "secret",
        "RUNPOD_API_KEY": "key",
        "RUNPOD_ENDPOINT_ID": "endpoint",
        "UI_PICTURES": "halfcell",
    }
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PATH": os.environ["PATH"]}
    program = str(Path(sys.executable).with_name("fototui"))
    ours: dict[str, list[Cost]] = {row.name: [] for row in ROWS}
    anchors: dict[str, list[Cost]] = {row.name: [] for row in ROWS}
    for _ in range(rounds):
        for row in ROWS:
            shows = row.shows or ("", "")
            environment = {**home, **_SIZE, **settings, **row.variables}
            ours[row.name].append(run([program, *row.command], environment, shows[0]))
            code = [sys.executable, "-c", row.anchor]
            anchors[row.name].append(run(code, {**home, **_SIZE}, shows[1]))
    return [_compared(row, ours[row.name], anchors[row.name]) for row in ROWS]


def _compared(row: Row, ours: list[Cost], anchors: list[Cost]) -> dict[str, object]:
    seconds, base = (statistics.median(c.seconds for c in costs) for costs in (ours, anchors))
    memory, least = (statistics.median(c.megabytes for c in costs) for costs in (ours, anchors))
    ratio, heavier = seconds / base, memory / least
    print(
        f"{row.name:34} {seconds:6.3f} s {base:6.3f} s  {ratio:4.2f} (≤ {row.target:g})  "
        f"{memory:4.0f} MB {least:4.0f} MB  {heavier:4.2f} (≤ {MEMORY_TARGET:g})",
        file=sys.stderr,
    )
    return {
        "name": row.name,
        "cpu s": round(seconds, 3),
        "anchor cpu s": round(base, 3),
        "range s": [round(min(c.seconds for c in ours), 3), round(max(c.seconds for c in ours), 3)],
        "ratio": round(ratio, 2),
        "target": row.target,
        "met": ratio <= row.target,
        "memory MB": round(memory),
        "anchor memory MB": round(least),
        "memory ratio": round(heavier, 2),
        "memory met": heavier <= MEMORY_TARGET,
    }


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


def _show_apart(url: str) -> object:
    command = [sys.executable, "-m", "bench.start", url]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


async def main(rounds: int) -> None:
    result: dict[str, object] = {}
    async with temporary_postgres() as postgres:
        urls = {}
        for orders in (100, MANY):
            name = f"bench{orders}"
            await postgres.create_database(name)
            urls[orders] = postgres.url(name)
            async with Database(urls[orders]) as database:
                await migrate.upgrade(database.engine)
                await fill(database, orders)
        with tempfile.TemporaryDirectory() as folder:
            result["starting"] = await asyncio.to_thread(compare, urls[100], Path(folder), rounds)
        result[f"{MANY} orders"] = await asyncio.to_thread(_show_apart, urls[MANY])
    print(json.dumps(result))


if __name__ == "__main__":
    configure_logging("WARNING")
    argument = sys.argv[1] if len(sys.argv) > 1 else str(ROUNDS)
    asyncio.run(main(int(argument)) if argument.isdecimal() else show(argument))
