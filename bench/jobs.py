"""Jobs whose steps do nothing: how many a second, on a PostgreSQL that forgets nothing.

Every queue has a database of its own on the same server, a worker process of its own, and takes ten
jobs at once; what each does for a job stands at the top of its module in `bench/queues`. The clock
runs from the worker's start, with its connections open, until the ends of all jobs are committed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from bench.processes import OURS, PEERS, running, spent, told
from bench.rows import Figures, Part, Row, Way
from fototui.sandbox.postgres.server import EmbeddedPostgres, temporary_postgres

JOBS = 1000
OTHERS = ("procrastinate", "pgqueuer", "chancy")
WAYS = (
    "fototui 1",
    *OTHERS,
    "asyncpg 1",
    "fototui 2",
    "asyncpg 2",
    "fototui 8",
    "asyncpg 8",
)


class QueueAt:
    """A queue in a database of its own.

    Args:
        name: The queue's name, with the number of its moves.
        postgres: The server.
    """

    def __init__(self, name: str, postgres: EmbeddedPostgres) -> None:
        self.name = name
        self._postgres = postgres
        self.database = name.replace(" ", "_")
        self.python = PEERS if name in OTHERS else OURS
        self._installed = False

    def command(self, *what: str) -> tuple[str, ...]:
        """Arguments of a process that does something with it."""
        return ("-m", "bench.queues", self.name, self._postgres.url(self.database), *what)

    async def install(self) -> None:
        """Make its database and tables, the first time.

        Raises:
            FileNotFoundError: It is not installed.
        """
        if self._installed:
            return
        if not self.python.exists():
            raise FileNotFoundError("not installed: `make bench` gets it where PyPI is reached")
        await self._postgres.create_database(self.database)
        await told(*self.command("install"), python=self.python)
        self._installed = True


async def drained(at: QueueAt, postgres: EmbeddedPostgres) -> Figures:
    """Queue jobs, let a worker do them all."""
    await at.install()
    async with running(*at.command("drain", str(JOBS)), python=at.python) as process:
        await process.hear()  # they are queued
        before = spent(postgres.pid, children=True)
        await process.say("go")
        result = json.loads(await process.hear())
    return {
        "jobs/s": JOBS / (result["done"] - result["began"]),
        "CPU ms a job": result["spent"] / JOBS * 1000,
        "PostgreSQL CPU ms a job": (spent(postgres.pid, children=True) - before) / JOBS * 1000,
    }


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    async with temporary_postgres(durable=True) as postgres:
        yield {name: partial(drained, QueueAt(name, postgres), postgres) for name in WAYS}


def _to_floor(moves: int, name: str) -> Row:
    return Row(
        name,
        figure="jobs/s",
        unit="jobs/s",
        more=True,
        ours=f"fototui {moves}",
        floor=f"asyncpg {moves}",
        to_floor=0.6,
        cpu="CPU ms a job",
    )


PART = Part(
    "jobs",
    opened,
    rows=(
        Row(
            "no-op jobs a second, claim and one move",
            figure="jobs/s",
            unit="jobs/s",
            more=True,
            ours="fototui 1",
            peers=OTHERS,
            floor="asyncpg 1",
            ahead=True,
            cpu="CPU ms a job",
            why="pgqueuer removes ten rows by one statement, and what was not committed is done "
            "again; here an end writes a version, its image's choice and its review, fenced by its "
            "claim, which alone is half of the time",
        ),
        _to_floor(2, "claim and two moves"),
        _to_floor(8, "claim and eight moves, with events"),
    ),
)
