"""procrastinate: each job is claimed by a statement, and its end committed by another.

Ten at once, a pool of as many connections, finished jobs stay in their table.
"""

from __future__ import annotations

import procrastinate

from bench.queues.queue import CONCURRENCY, Tell


class Procrastinate:
    """A worker of one task.

    Args:
        dsn: Database address.
    """

    def __init__(self, dsn: str) -> None:
        self._begun: Tell | None = None
        connector = procrastinate.PsycopgConnector(
            conninfo=dsn, min_size=CONCURRENCY, max_size=CONCURRENCY + 2
        )
        self._app = procrastinate.App(connector=connector)
        self._task = self._app.task(name="nothing")(self._nothing)

    async def __aenter__(self) -> Procrastinate:
        await self._app.open_async()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._app.close_async()

    async def _nothing(self) -> None:
        if self._begun is not None:
            self._begun()

    async def install(self) -> None:
        await self._app.schema_manager.apply_schema_async()

    async def push(self, count: int) -> None:
        await self._task.batch_defer_async(*({} for _ in range(count)))

    async def drain(self, count: int, done: Tell) -> None:
        del count
        await self._run(wait=False)
        done()

    async def wait(self, begun: Tell) -> None:
        self._begun = begun
        await self._run(wait=True)

    async def unfinished(self) -> int:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'"
        found = await self._app.connector.execute_query_one_async(query)
        return int(found["count"])

    async def _run(self, *, wait: bool) -> None:
        await self._app.run_worker_async(
            concurrency=CONCURRENCY, wait=wait, install_signal_handlers=False
        )


def queue(url: str) -> Procrastinate:
    return Procrastinate(url.replace("+asyncpg", ""))
