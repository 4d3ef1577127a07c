"""Engines on one database, from one to four: whether more of them ever do less.

Each is a process of its own with ten jobs at once; jobs have two moves. All run, listen and have
nothing to do when the jobs are queued, in one commit, as engines of a shop are; the clock runs from
that commit to the last job's end. With PostgreSQL on the same machine two cores are busy from the
second engine on, so what is looked at is that the total does not fall.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import asyncpg

from bench.jobs import QueueAt
from bench.processes import running
from bench.rows import Figures, Part, Row, Way
from fototui.sandbox.postgres.server import EmbeddedPostgres, temporary_postgres

JOBS = 6000
QUEUE = "fototui 2"
NOISE = 0.95
"""The share of the total by which rounds of the same differ."""

_LISTENING = """
SELECT count(*) = $1 FROM pg_stat_activity
WHERE application_name = 'fototui listener' AND query LIKE 'LISTEN%' AND state = 'idle'
"""
_FINISHED = "SELECT NOT EXISTS (SELECT FROM coloring_versions WHERE status <> 'completed')"
_AT_REST_SECONDS = 1.0
_LOOK_SECONDS = 0.05


async def _until(condition: Callable[[], Awaitable[object]]) -> None:
    while not await condition():  # noqa: ASYNC110 - other processes come to it
        await asyncio.sleep(_LOOK_SECONDS)


async def shared(at: QueueAt, postgres: EmbeddedPostgres, engines: int) -> float:
    """Jobs a second of so many engines together."""
    await at.install()
    async with AsyncExitStack() as stack:
        url = postgres.url(at.database).replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        stack.push_async_callback(connection.close)
        queuing = await stack.enter_async_context(running(*at.command("push")))
        processes = [
            await stack.enter_async_context(running(*at.command("work"))) for _ in range(engines)
        ]
        await _until(lambda: connection.fetchval(_LISTENING, engines))
        await asyncio.sleep(_AT_REST_SECONDS)
        await queuing.say(JOBS)
        queued = float(await queuing.hear())
        await _until(lambda: connection.fetchval(_FINISHED))
        for process in processes:
            await process.say("stop")
        told = [json.loads(await process.hear()) for process in processes]
    assert sum(each["jobs"] for each in told) == JOBS, told
    done: float = max(each["done"] for each in told)
    return JOBS / (done - queued)


async def climbed(at: QueueAt, postgres: EmbeddedPostgres) -> Figures:
    """One to four engines, and the least that one more of them changed."""
    totals = [await shared(at, postgres, engines) for engines in (1, 2, 3, 4)]
    steps = [after / before for before, after in itertools.pairwise(totals)]
    return {
        **{f"jobs/s of {n}": total for n, total in enumerate(totals, 1)},
        "least step": min(steps),
    }


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    async with temporary_postgres(durable=True) as postgres:
        yield {"engines": partial(climbed, QueueAt(QUEUE, postgres), postgres)}


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
            why="two engines and PostgreSQL fill two cores; further ones take turns with them on "
            "these, which costs each job some 0.05 ms of processor time more",
        ),
    ),
)
