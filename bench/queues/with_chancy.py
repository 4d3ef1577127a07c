"""chancy: jobs are claimed as there is room, and their ends committed once a second, all in one.

Ends that are not committed yet are lost with the process. Here they are committed as soon as the
last job is done, and not a second later. Its jobs run on the event loop, as the others' do.
"""

from __future__ import annotations

import asyncio
import logging

import psycopg
from chancy import Chancy, Job, Queue, Worker

from bench.queues.queue import CONCURRENCY, Tell

_begun: Tell


async def nothing() -> None:
    """The job; chancy finds it by its name."""
    _begun()


class ChancyQueue:
    """A worker of one queue.

    Args:
        dsn: Database address.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._chancy = Chancy(
            dsn,
            min_connection_pool_size=4,
            max_connection_pool_size=CONCURRENCY + 2,
            log=logging.getLogger("chancy"),
        )

    async def __aenter__(self) -> ChancyQueue:
        await self._chancy.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._chancy.__aexit__(None, None, None)

    async def install(self) -> None:
        await self._chancy.migrate()
        await self._chancy.declare(
            Queue(
                "bench",
                concurrency=CONCURRENCY,
                executor=Chancy.Executor.Async,
                eager_polling=True,
            )
        )

    async def push(self, count: int) -> None:
        job = Job.from_func(nothing, queue="bench")
        async for _ in self._chancy.push_many([job] * count):
            pass

    async def drain(self, count: int, done: Tell) -> None:
        finished = asyncio.Event()
        left = count

        def one_less() -> None:
            nonlocal left
            left -= 1
            if not left:
                finished.set()

        async with self._worker(one_less) as worker:
            await finished.wait()
            await worker.stop()
            done()

    async def wait(self, begun: Tell) -> None:
        async with self._worker(begun) as worker:
            await worker.wait_for_shutdown()

    def _worker(self, begun: Tell) -> Worker:
        global _begun  # noqa: PLW0603 - the job is a function of a module
        _begun = begun
        return Worker(self._chancy, register_signal_handlers=False)

    async def unfinished(self) -> int:
        async with await psycopg.AsyncConnection.connect(self._dsn) as connection:
            cursor = await connection.execute(
                "SELECT count(*) FROM chancy_jobs WHERE state <> 'succeeded'"
            )
            [count] = await cursor.fetchone()
            return int(count)


def queue(url: str) -> ChancyQueue:
    return ChancyQueue(url.replace("+asyncpg", ""))
