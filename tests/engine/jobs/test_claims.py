"""A claim's token: whoever lost it writes nothing, though the row looks as it left it."""

import uuid

import pytest
from sqlalchemy import text

from fototui.db.errors import ClaimLostError
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.engine.jobs.claims import Claims
from fototui.engine.jobs.job import Move
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.jobs.versions import COLORINGS
from tests.engine.conftest import World


async def _engine(world: World) -> Claims:
    engine_id = uuid.uuid4()
    async with world.database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO engines (id, operator, host, pid, version, lanes, capacity, "
                "lease_seconds) VALUES (:id, 'test', 'test', 1, '0', '{}', 1, 60)"
            ),
            {"id": engine_id},
        )
    return Claims(world.database, engine_id)


async def _retire(world: World, claims: Claims) -> None:
    async with world.database.session() as session, session.begin():
        await session.execute(
            text("UPDATE engines SET retired_at = now() WHERE id = :id"), {"id": claims.engine_id}
        )


async def test_a_job_taken_over_in_the_same_status_is_lost_to_the_first(world: World) -> None:
    [version_id] = await world.queue_colorings(1)
    transitions = Transitions(world.database, actor="test")
    first, second = await _engine(world), await _engine(world)
    [old] = await first.claim(COLORINGS, 1, limited=False)
    assert await second.claim(COLORINGS, 1, limited=False) == []
    await _retire(world, first)
    [new] = await second.claim(COLORINGS, 1, limited=False)
    assert (new.row_id, new.status, new.takeovers) == (version_id, C.QUEUED, 1)
    with pytest.raises(ClaimLostError):
        await transitions.write(COLORINGS, old, Move(C.PROCESSING))
    assert not await first.holds(COLORINGS, old)
    assert (await world.coloring(version_id)).status == C.QUEUED
    moved = await transitions.write(COLORINGS, new, Move(C.PROCESSING))
    # The same write once more, as after a connection that broke before the answer, does no harm.
    assert await transitions.write(COLORINGS, new, Move(C.PROCESSING)) == moved
    with pytest.raises(ClaimLostError):
        await transitions.write(COLORINGS, old, Move(C.PROCESSING))
    assert (await world.coloring(version_id)).status == C.PROCESSING


async def test_a_retired_engine_claims_nothing(world: World) -> None:
    await world.queue_colorings(1)
    claims = await _engine(world)
    await _retire(world, claims)
    assert await claims.claim(COLORINGS, 1, limited=False) == []
