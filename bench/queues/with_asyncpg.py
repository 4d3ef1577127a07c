"""Bare asyncpg on the program's own tables: a claim, and so many fenced updates.

The floor: no events, no log, no heartbeat, no recovery, nothing that could go wrong. It has a
connection for each job at once, statements prepared by asyncpg, and one more that listens.
"""

from __future__ import annotations

import asyncio
import itertools

import asyncpg

from bench.queues.queue import CONCURRENCY, Tell
from bench.queues.with_fototui import Colorings
from fototui.db.notify import CHANNEL
from fototui.domain.statuses import ColoringProcessingStatus as S

WAY = [
    S.QUEUED,
    S.PROCESSING,
    S.RUNPOD_SUBMITTING,
    S.RUNPOD_SUBMITTED,
    S.RUNPOD_QUEUED,
    S.RUNPOD_PROCESSING,
    S.RUNPOD_COMPLETED,
    S.STORAGE_UPLOAD,
]
CLAIM = """
UPDATE coloring_versions SET claim_token = gen_random_uuid(), claimed_at = now()
WHERE id IN (
    SELECT id FROM coloring_versions WHERE status = 'queued' AND claim_token IS NULL
    ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
) RETURNING id, claim_token
"""
MOVE = """
UPDATE coloring_versions SET status = $1 WHERE id = $2 AND claim_token = $3 AND status = $4
RETURNING id
"""


class Bare(Colorings):
    """The same rows, moved by nothing but their statements.

    Args:
        url: Database address.
        moves: From queued to completed.
    """

    def __init__(self, url: str, moves: int) -> None:
        super().__init__(url, moves)
        self._dsn = url.replace("+asyncpg", "")
        self._way = [*WAY[:moves], S.COMPLETED]

    async def drain(self, count: int, done: Tell) -> None:
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                async with pool.acquire() as connection:
                    [job] = await connection.fetch(CLAIM, 1)
                await self._move(pool, job)

        async with self._pool() as pool:
            await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
            done()

    async def wait(self, begun: Tell) -> None:
        woken = asyncio.Event()
        listener = await asyncpg.connect(self._dsn)
        try:
            await listener.add_listener(CHANNEL, lambda *_: woken.set())
            async with self._pool() as pool:
                while True:
                    async with pool.acquire() as connection:
                        jobs = await connection.fetch(CLAIM, CONCURRENCY)
                    for job in jobs:
                        begun()
                        await self._move(pool, job)
                    if not jobs:
                        await woken.wait()
                        woken.clear()
        finally:
            await listener.close()

    def _pool(self) -> asyncpg.Pool:
        return asyncpg.create_pool(self._dsn, min_size=CONCURRENCY, max_size=CONCURRENCY)

    async def _move(self, pool: asyncpg.Pool, job: asyncpg.Record) -> None:
        for before, after in itertools.pairwise(self._way):
            async with pool.acquire() as connection:
                moved = (after, job["id"], job["claim_token"], before)
                assert await connection.fetchrow(MOVE, *moved)


def queue(url: str, moves: int = 1) -> Bare:
    return Bare(url, moves)
