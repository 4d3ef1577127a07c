"""The app on a shop of many years, and on one that has only what is not done.

Both have a thousand orders that are not done; one has besides many that are, each with ten versions
(`bench/fill.py`; `--orders 1000000` for as many). The app is started on a terminal. *At rest* means
that it has written nothing for two seconds. A key is timed until the last thing is written before
the app is quiet again.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psutil

from bench.fill import fill
from bench.processes import spent
from bench.program import FOTOTUI, environment
from bench.rows import Figures, Part, Row, Way
from bench.terminal import Terminal, on_terminal
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.sandbox.postgres.server import temporary_postgres

WORKING, ORDERS = 1_000, 50_000
QUIET, REST = 0.25, 2.0
KEYS = {
    "scroll": (b"\x1b[F", b"\x1b[H", b"\x1b[6~", b"\x1b[H"),  # end, home, a page down
    "sort": (b"o", b"o", b"o", b"o"),
    "filter": (b"7", b"7", b"\x7f", b"\x7f"),
}


async def timed(terminal: Terminal, key: bytes) -> float:
    """Milliseconds from a key to the last that it has written."""
    began = time.perf_counter()
    terminal.press(key)
    await terminal.rests(QUIET)
    return (terminal.wrote_at - began) * 1000


async def opened_app(url: str, folder: Path) -> Figures:
    """Start it, let it come to rest, press keys."""
    figures: dict[str, float] = {}
    began = time.perf_counter()
    variables = environment(url, folder, UI_LANGUAGE="en")
    async with on_terminal([str(FOTOTUI), "--no-engine"], variables) as terminal:
        figures["s to painted"] = await terminal.shows("Zákazník") - began
        await terminal.rests(REST)
        figures["CPU s to rest"] = spent(terminal.pid, children=True)
        figures["MB"] = psutil.Process(terminal.pid).memory_info().rss / 1e6
        for what, keys in KEYS.items():
            if what == "filter":
                await timed(terminal, b"/")
            took = [await timed(terminal, key) for key in keys]
            figures[f"ms to {what}"] = statistics.median(took)
    return figures


@asynccontextmanager
async def opened(orders: int = ORDERS) -> AsyncIterator[Mapping[str, Way]]:
    with tempfile.TemporaryDirectory() as name:
        async with temporary_postgres() as postgres:
            ways: dict[str, Way] = {}
            for which, count in (("many", orders), ("few", WORKING)):
                await postgres.create_database(which)
                async with Database(postgres.url(which)) as database:
                    await migrate.upgrade(database.engine)
                    await fill(database, count, WORKING)
                ways[which] = partial(opened_app, postgres.url(which), Path(name))
            yield ways


def part(orders: int = ORDERS) -> Part:
    """The part, with so many orders."""
    figures = {
        "s to painted": ("s", "to painted"),
        "CPU s to rest": ("CPU s", "until it is at rest"),
        "MB": ("MB", "memory then"),
        **{f"ms to {what}": ("ms", f"key to {what}") for what in KEYS},
    }
    return Part(
        "many",
        partial(opened, orders),
        rows=[
            Row(
                f"app with {orders:,} orders, {WORKING:,} of them not done: {what}",
                figure=figure,
                ours="many",
                unit=unit,
                floor="few",
                to_floor=1.5,
            )
            for figure, (unit, what) in figures.items()
        ],
    )
