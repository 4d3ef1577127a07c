"""Engines on one database, from one to four: whether more of them ever do less.

Each is a process of its own with ten jobs at once; jobs have two moves. All run, listen and have
nothing to do when the jobs are queued, in one commit, as engines of a shop are; the clock runs from
that commit to the last job's end. With PostgreSQL on the same machine two cores are busy from the
second engine on, so what is looked at is that the total does not fall.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import asyncpg

from bench.jobs import QueueAt
from bench.processes import running
from bench.rows import Figures, Part, Row, Way
from fototui.sandbox.postgres.server import EmbeddedPostgres, temporary_postgres

ENGINES = (1, 2, 3, 4)
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


async def shared(at: QueueAt, postgres: EmbeddedPostgres, engines: int) -> Figures:
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
    return {"jobs/s": JOBS / (done - queued)}


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    async with temporary_postgres(durable=True) as postgres:
        at = QueueAt(QUEUE, postgres)
        yield {_name(engines): partial(shared, at, postgres, engines) for engines in ENGINES}


def _name(engines: int) -> str:
    return "1 engine" if engines == 1 else f"{engines} engines"


def _row(engines: int) -> Row:
    return Row(
        f"{_name(engines)} on one database, beside {engines - 1}: jobs a second together",
        figure="jobs/s",
        unit="jobs/s",
        more=True,
        ours=_name(engines),
        floor=_name(engines - 1),
        to_floor=NOISE,
        why="two engines and PostgreSQL fill two cores; further ones take turns with them on "
        "these, which costs each job some 0.05 ms of processor time more",
    )


PART = Part("scaling", opened, rows=[_row(engines) for engines in ENGINES[1:]])
