"""pgqueuer: ten jobs are claimed by one statement, and ten ends are committed by another.

An end that is not committed yet is lost with its process, and the job is done again. A job's row is
removed, and a line of its log written.
"""

from __future__ import annotations

import asyncpg
from pgqueuer.core.qm import QueueManager
from pgqueuer.queries import Queries

from bench.queues.queue import CONCURRENCY, Tell


class PgQueuer:
    """A worker of one entrypoint.

    Args:
        dsn: Database address.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def __aenter__(self) -> PgQueuer:
        self._pool = await asyncpg.create_pool(self._dsn, min_size=4, max_size=CONCURRENCY + 2)
        self._queries = Queries.from_asyncpg_pool(self._pool)
        self._manager = QueueManager(self._queries)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._pool.close()

    async def install(self) -> None:
        await self._queries.install()

    async def push(self, count: int) -> None:
        await self._queries.enqueue(["nothing"] * count, [None] * count, [0] * count)

    async def drain(self, count: int, done: Tell) -> None:
        left = count

        async def nothing(_job: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                self._manager.shutdown.set()

        self._manager.entrypoint("nothing", accepts_context=False)(nothing)
        await self._manager.run(batch_size=CONCURRENCY)
        done()

    async def wait(self, begun: Tell) -> None:
        async def nothing(_job: object) -> None:
            begun()

        self._manager.entrypoint("nothing", accepts_context=False)(nothing)
        await self._manager.run(batch_size=CONCURRENCY)

    async def unfinished(self) -> int:
        return int(await self._pool.fetchval("SELECT count(*) FROM pgqueuer"))


def queue(url: str) -> PgQueuer:
    return PgQueuer(url.replace("+asyncpg", ""))
