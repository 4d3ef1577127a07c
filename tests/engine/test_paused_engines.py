"""An engine that an operator paused takes up nothing; the others, and what it runs, go on."""

import asyncio
import uuid

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.models.operations import Engine
from fototui.domain.statuses import JobKind
from fototui.engine.heartbeat import EngineIdentity, Heartbeat
from fototui.engine.jobs.claims import Claims
from fototui.engine.jobs.versions import COLORINGS, SVGS, VersionJobs
from fototui.engine.lease import Lease
from fototui.services.operations.lanes import LaneService
from tests.engine.conftest import World
from tests.waiting import PATIENCE


async def register(world: World, name: str) -> Claims:
    row = Engine(
        id=uuid.uuid4(),
        operator=name,
        host="studio",
        pid=1,
        version="0",
        lanes=["coloring", "svg"],
        capacity=8,
        lease_seconds=600.0,
    )
    async with world.database.session() as session, session.begin():
        session.add(row)
    return Claims(world.database, row.id)


@pytest.mark.parametrize("jobs", [COLORINGS, SVGS], ids=["coloring", "svg"])
async def test_a_paused_engine_claims_nothing(world: World, jobs: VersionJobs) -> None:
    mine, other = await register(world, "eva"), await register(world, "petr")
    await (world.queue_colorings if jobs is COLORINGS else world.queue_svgs)(4)
    limited = jobs is SVGS
    (held,) = await mine.claim(jobs, 1, limited=limited)
    async with world.database.session() as session:
        await LaneService(session, operator="jana").pause_engine(mine.engine_id)
    assert await mine.claim(jobs, 1, limited=limited) == []
    assert len(await other.claim(jobs, 1, limited=limited)) == 1
    assert await mine.holds(jobs, held)  # it is paused, not dead
    async with world.database.session() as session:
        await LaneService(session, operator="jana").resume_engine(mine.engine_id)
    assert len(await mine.claim(jobs, 1, limited=limited)) == 1


async def test_a_paused_engine_leaves_its_jobs_and_goes_on_when_resumed(world: World) -> None:
    async with world.engine(poll_seconds=60) as engine:
        async with world.database.session() as session:
            service = LaneService(session, operator="jana")
            (view,) = await service.list_engines()
            await service.pause_engine(view.id)
            (version_id,) = await world.queue_colorings(1)
            assert await engine.drain() == [JobKind.COLORING]
            assert (await world.coloring(version_id)).attempts == 0
            await service.resume_engine(view.id)  # wakes it long before its next poll
        await world.until(version_id, "completed")


@pytest.mark.parametrize("is_paused", [True, False])
async def test_an_engine_that_was_taken_for_dead_comes_back_as_it_was(
    database: Database, is_paused: bool
) -> None:
    found: asyncio.Queue[uuid.UUID] = asyncio.Queue()
    heartbeat = Heartbeat(
        database.url,
        EngineIdentity("eva", "studio", 1, "0", ["coloring"], 1),
        lease_seconds=10.0,
        lease=Lease(seconds=10.0, margin=0.1),
        on_lease_lost=lambda: None,
        on_registered_again=found.put_nowait,
    )
    former_id = await heartbeat.start()
    try:
        async with database.session() as session:
            service = LaneService(session, operator="jana")
            if is_paused:
                assert await service.pause_engine(former_id)
            async with session.begin():
                await session.execute(text("UPDATE engines SET retired_at = now()"))
            new_id = await asyncio.wait_for(found.get(), PATIENCE)
            (view,) = await service.list_engines()
        assert view.id == new_id != former_id
        assert view.paused_by == ("jana" if is_paused else None)
        assert (view.paused_at is not None) is is_paused
    finally:
        await heartbeat.stop()
