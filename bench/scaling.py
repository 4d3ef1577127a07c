"""Engines on one database, from one to four: whether more of them ever do less.

Each is a process of its own with ten jobs at once; jobs have two moves. The clock runs from the
first engine's start to the last job's end. With PostgreSQL on the same machine two cores are busy
from the second engine on, so what is looked at is that the total does not fall.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from bench.jobs import QueueAt
from bench.processes import running
from bench.rows import Figures, Part, Row, Way
from fototui.sandbox.postgres.server import temporary_postgres

JOBS = 1500
QUEUE = "fototui 2"
NOISE = 0.95
"""The share of the total by which rounds of the same differ."""


async def shared(at: QueueAt, engines: int) -> float:
    """Jobs a second of so many engines together."""
    await at.install()
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(running(*at.command("drain", str(count))))
            for count in (JOBS, *[0] * (engines - 1))
        ]
        for process in processes:
            await process.hear()
        for process in processes:
            await process.say("go")
        clocks = [json.loads(await process.hear()) for process in processes]
    seconds: float = max(c["done"] for c in clocks) - min(c["began"] for c in clocks)
    return JOBS / seconds


async def climbed(at: QueueAt) -> Figures:
    """One to four engines, and the least that one more of them changed."""
    totals = [await shared(at, engines) for engines in (1, 2, 3, 4)]
    steps = [after / before for before, after in itertools.pairwise(totals)]
    return {
        **{f"jobs/s of {n}": total for n, total in enumerate(totals, 1)},
        "least step": min(steps),
    }


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    async with temporary_postgres(durable=True) as postgres:
        yield {"engines": partial(climbed, QueueAt(QUEUE, postgres))}


PART = Part(
    "scaling",
    opened,
    rows=(
        Row(
            "engines 1 → 4 on one database: what one more makes of the total, at its least",
            figure="least step",
            unit="×",
            more=True,
            ours="engines",
            limit=NOISE,
            why="two engines and PostgreSQL fill two cores; each further one takes from them what "
            "its start costs",
        ),
    ),
)
