"""The database goes away and comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text

from fototui.config.settings import load_settings
from fototui.db.database import Database
from fototui.engine.engine import Engine
from fototui.runtime import supervisor as keeper_module
from fototui.runtime.compose import Runtime, open_engine
from fototui.runtime.supervisor import EngineSupervisor
from fototui.sandbox.outcomes import Latency
from tests.engine.conftest import World
from tests.pgproxy import PgProxy
from tests.waiting import PATIENCE, until


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PgProxy]:
    async with PgProxy(database_url) as proxy:
        yield proxy


async def _alive_engines(world: World) -> int:
    async with world.database.session() as session:
        return int(
            await session.scalar(text("SELECT count(*) FROM engines WHERE retired_at IS NULL")) or 0
        )


async def test_a_short_outage_is_got_over_in_place(world: World, proxy: PgProxy) -> None:
    world.runpod.latency = Latency(run=4.0)
    ids = await world.queue_colorings(3)
    async with (
        Database(proxy.url) as database,
        world.engine(database=database, lease=10) as engine,
    ):
        for version_id in ids:
            await world.until(version_id, "runpod_processing")
        proxy.cut()
        for version_id in ids:
            await world.until(version_id, "completed")
        assert engine.counts["taken up again"] == 0
    assert world.runpod.counts.submitted == 3


async def test_an_engine_cut_off_for_longer_than_its_lease_comes_back(
    world: World, proxy: PgProxy
) -> None:
    world.runpod.latency = Latency(run=4.0)
    ids = await world.queue_colorings(3)
    async with (
        Database(proxy.url) as database,
        world.engine(database=database, lease=2) as cut_off,
    ):
        for version_id in ids:
            await world.until(version_id, "runpod_processing")
        old_id = cut_off.engine_id
        await proxy.refuse()
        proxy.cut()
        async with world.engine() as other:
            for version_id in ids:
                await world.until(version_id, "completed")
            assert other.counts["completed"] == 3

        async def idle() -> bool:
            return cut_off.running == 0

        await until(idle)
        await proxy.accept()

        async def came_back() -> bool:
            return cut_off.engine_id != old_id and await _alive_engines(world) == 1

        await until(came_back)
        [later] = await world.queue_colorings(1)
        await world.until(later, "completed")
    assert world.runpod.counts.submitted == 4


async def test_a_half_open_connection_is_noticed(world: World, proxy: PgProxy) -> None:
    async with (
        Database(proxy.url) as database,
        world.engine(database=database, lease=2) as engine,
    ):
        [first] = await world.queue_colorings(1)
        await world.until(first, "completed")
        old_id = engine.engine_id
        proxy.swallow()

        async def declared_dead() -> bool:
            async with world.database.session() as session:
                return bool(
                    await session.scalar(
                        text(
                            "SELECT last_seen_at < now() - interval '2 seconds' FROM engines "
                            "WHERE retired_at IS NULL"
                        )
                    )
                )

        await until(declared_dead)
        proxy.heal()

        async def came_back() -> bool:
            return engine.engine_id != old_id

        await until(came_back)
        [later] = await world.queue_colorings(1)
        await world.until(later, "completed")
        assert engine.engine_id != old_id
        assert (await world.coloring(later)).takeovers == 0


async def test_the_apps_engine_begins_anew_whatever_ended_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.folder.parent)
    settings = load_settings(operator="test")
    runtime = Runtime(settings)
    runtime.database = world.database
    faults = iter([asyncpg.InternalClientError("unknown protocol state 3"), KeyError("order")])

    @asynccontextmanager
    async def failing_at_first(runtime: Runtime) -> AsyncIterator[Engine]:
        if fault := next(faults, None):
            raise fault
        async with open_engine(runtime) as engine:
            yield engine

    monkeypatch.setattr(keeper_module, "open_engine", failing_at_first)
    supervisor = EngineSupervisor(runtime)
    keeping = asyncio.create_task(supervisor.run())
    problems: set[str] = set()

    async def runs() -> bool:
        if supervisor.problem is not None:
            problems.add(str(supervisor.problem))
        return (await world.coloring(version_id)).status == "completed"

    [version_id] = await world.queue_colorings(1)
    await until(runs)
    assert problems == {"The engine failed unexpectedly and is started again. See the log."}
    assert supervisor.problem is None
    supervisor.stop(grace=0)
    await asyncio.wait_for(keeping, PATIENCE)
