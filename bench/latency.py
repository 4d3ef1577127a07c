"""From the commit that queues a job to its first step, in an idle worker of another process.

A third process queues one job at a time and tells the clock when its commit is answered; the worker
tells it first thing in the job, when the job is claimed and that claim is committed. Between two
jobs the worker is left idle.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from bench.jobs import OTHERS, QueueAt
from bench.processes import running
from bench.rows import Figures, Part, Row, Way
from fototui.sandbox.postgres.server import temporary_postgres

STARTS, WARM = 40, 5
IDLE_SECONDS = 0.05
OURS, FLOOR = "fototui 2", "asyncpg 2"
WAYS = (OURS, *OTHERS, FLOOR)


async def started(at: QueueAt) -> Figures:
    """Queue one job after the other, each time into an idle worker."""
    await at.install()
    waits = []
    async with (
        running(*at.command("wait"), python=at.python) as worker,
        running(*at.command("push"), python=at.python) as queuing,
    ):
        for number in range(STARTS + WARM):
            await asyncio.sleep(IDLE_SECONDS)
            await queuing.say(1)
            queued = float(await queuing.hear())
            begun = float(await worker.hear())
            if number >= WARM:
                waits.append((begun - queued) * 1000)
    waits.sort()
    return {"p50 ms": statistics.median(waits), "p95 ms": waits[len(waits) * 95 // 100]}


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    async with temporary_postgres(durable=True) as postgres:
        yield {name: partial(started, QueueAt(name, postgres)) for name in WAYS}


def _row(figure: str) -> Row:
    return Row(
        f"commit → first step in an idle engine of another process, {figure.split()[0]}",
        figure=figure,
        unit="ms",
        ours=OURS,
        peers=OTHERS,
        floor=FLOOR,
        ahead=True,
        to_floor=1.5,
    )


PART = Part("latency", opened, rows=(_row("p50 ms"), _row("p95 ms")))
