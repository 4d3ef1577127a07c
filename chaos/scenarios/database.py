"""The database restarts, ends connections, and is behind a line that cannot be relied on."""

from __future__ import annotations

import asyncio

import asyncpg

from chaos.world import World
from fototui.sandbox.outcomes import Latency
from fototui.sandbox.postgres.server import StopMode
from tests.pgproxy import PgProxy

_RESTARTS = (StopMode.FAST, StopMode.IMMEDIATE, StopMode.KILL)


async def database(world: World) -> None:
    """PostgreSQL is restarted in every way, and backends are ended by the dozen."""
    world.runpod.latency = Latency(queue=0.2, run=0.8, spread=0.5)
    await world.queue(world.size(150, 12), world.size(100, 8))
    await world.engines(world.size(3, 2))
    for number in range(world.size(9, 3)):
        await asyncio.sleep(2)
        await world.postgres.stop(_RESTARTS[number % len(_RESTARTS)])
        await asyncio.sleep(1 if number % 2 else 0)
        await world.postgres.start()
        await asyncio.sleep(1)
        for _ in range(world.size(10, 3)):
            await _end_backends(world)
            await asyncio.sleep(0.1)
    # The scenario's own connections were ended as well.
    await world.database.engine.dispose()


async def _end_backends(world: World) -> None:
    async with world.connection() as connection:
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        except asyncpg.PostgresError:
            return


async def lines(world: World) -> None:
    """Engines reach the database by a line that is slow, is cut, and goes half open."""
    world.runpod.latency = Latency(queue=0.2, run=0.8, spread=0.5)
    await world.queue(world.size(90, 10), world.size(60, 6))
    async with PgProxy(world.url, latency=0.01) as proxy:
        await world.engines(2, DATABASE_URL=proxy.url)
        await world.engines(1)
        for _ in range(world.size(6, 1)):
            await asyncio.sleep(2)
            proxy.cut()
            await asyncio.sleep(1)
            proxy.swallow()
            await asyncio.sleep(world.size(6, 4))
            proxy.heal()
            await asyncio.sleep(1)
            await proxy.refuse()
            proxy.cut()
            await asyncio.sleep(1)
            await proxy.accept()
        await world.finished(0)
        await world.processes.end()
