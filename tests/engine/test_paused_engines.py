"""An engine that an operator paused takes up nothing; the others, and what it runs, go on."""

import uuid

import pytest

from fototui.db.work import Engine
from fototui.domain.statuses import VersionType
from fototui.engine.claims import Claims
from fototui.services.lanes import LaneService
from tests.engine.conftest import World


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


@pytest.mark.parametrize("kind", list(VersionType))
async def test_a_paused_engine_claims_nothing(world: World, kind: VersionType) -> None:
    mine, other = await register(world, "eva"), await register(world, "petr")
    await (world.queue_colorings if kind is VersionType.COLORING else world.queue_svgs)(4)
    limited = kind is VersionType.SVG
    (held,) = await mine.claim(kind, 1, limited=limited)
    async with world.database.session() as session:
        await LaneService(session, operator="jana").pause_engine(mine.engine_id)
    assert await mine.claim(kind, 1, limited=limited) == []
    assert len(await other.claim(kind, 1, limited=limited)) == 1
    assert await mine.holds(held)  # it is paused, not dead
    async with world.database.session() as session:
        await LaneService(session, operator="jana").resume_engine(mine.engine_id)
    assert len(await mine.claim(kind, 1, limited=limited)) == 1


async def test_a_paused_engine_leaves_its_jobs_and_goes_on_when_resumed(world: World) -> None:
    async with world.engine(poll_seconds=60) as engine:
        async with world.database.session() as session:
            service = LaneService(session, operator="jana")
            (view,) = await service.list_engines()
            await service.pause_engine(view.id)
            (version_id,) = await world.queue_colorings(1)
            assert await engine.drain() == [VersionType.COLORING]
            assert (await world.coloring(version_id)).attempts == 0
            await service.resume_engine(view.id)  # wakes it long before its next poll
        await world.until(version_id, "completed")
