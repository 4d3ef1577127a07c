"""PostgreSQL is restarted under engines, and their backends are ended: they go on by themselves."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.domain.statuses import OrderStatus as S
from fototui.sandbox.outcomes import Latency
from fototui.sandbox.postgres.server import EmbeddedPostgres, StopMode, temporary_postgres
from tests.chaos.conftest import engine_process
from tests.engine.conftest import World, open_world
from tests.waiting import PATIENCE, until

_MODES = (StopMode.FAST, StopMode.IMMEDIATE, StopMode.KILL)


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedPostgres]:
    """A server of the test's own, which forgets nothing when it is killed."""
    async with temporary_postgres(durable=True) as server, Database(server.url()) as database:
        await migrate.upgrade(database.engine)
        yield server


@pytest.fixture
async def world(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[World]:
    async with (
        Database(server.url()) as database,
        open_world(database, tmp_path / "files") as world,
    ):
        yield world


async def _end_backends(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.url().replace("+asyncpg", ""))
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'fototui%' AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()


async def _finished(world: World, version_ids: list[int]) -> int:
    return sum([(await world.coloring(n)).status == "completed" for n in version_ids])


async def test_engines_outlive_restarts_of_the_database(
    world: World, server: EmbeddedPostgres
) -> None:
    world.runpod.latency = Latency(queue=0.2, run=0.5)
    version_ids = await world.queue_colorings(15)
    order_ids = [
        await world.know(world.place(*(world.photo_url(f"{n}-{m}.jpg") for m in range(2))))
        for n in range(4)
    ]
    async with AsyncExitStack() as stack:
        engines = [
            await stack.enter_async_context(engine_process(world, "--concurrency", "coloring=3"))
            for _ in range(3)
        ]
        for done, mode in enumerate(_MODES, start=1):

            async def went_on(done: int = done) -> bool:
                return await _finished(world, version_ids) >= 3 * done

            await until(went_on)
            await server.stop(mode)
            await server.start()
            await world.database.engine.dispose()
            for _ in range(5):
                await _end_backends(server)
                await asyncio.sleep(0.05)  # to meet connections at every moment of their making
            await world.database.engine.dispose()

        async def all_are_there() -> bool:
            return await _finished(world, version_ids) == len(version_ids)

        await until(all_are_there)
        for order_id in order_ids:
            await world.until_order(order_id, S.READY_FOR_REVIEW)
        assert [engine.returncode for engine in engines] == [None] * 3
        for engine in engines:
            engine.send_signal(signal.SIGTERM)
        assert [await asyncio.wait_for(engine.wait(), PATIENCE) for engine in engines] == [0] * 3
    rows = [await world.coloring(version_id) for version_id in version_ids]
    # Each call that RunPod took was written down before it was made.
    assert len(rows) <= world.runpod.counts.submitted <= sum(row.submissions for row in rows)
    assert {row.error for row in rows} == {None}
