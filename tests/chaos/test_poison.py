"""A job that kills every engine that takes it up: it ends in an error, and nobody beside it."""

import signal
from uuid import UUID

import pytest
from sqlalchemy import exists, select, text
from sqlalchemy.orm import aliased

from fototui.db.models.operations import Engine
from fototui.db.models.orders import ColoringVersion
from fototui.engine.execution.failure import MAX_TAKEOVERS
from fototui.sandbox.outcomes import Latency
from tests.chaos.conftest import LEASE_IS_OVER, LONG, engine_process
from tests.engine.conftest import World
from tests.waiting import until

# The poison stays in the status in which it kills until its engine is dead.
_LINGER = (
    """
CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.id = {poison} AND OLD.status = 'runpod_submitted'
       AND NEW.status NOT IN (OLD.status, 'error')
    THEN
        PERFORM pg_sleep(60);
    END IF;
    RETURN NEW;
END $$""",
    """
CREATE TRIGGER linger BEFORE UPDATE ON coloring_versions
FOR EACH ROW EXECUTE FUNCTION linger()""",
)


# What a dead process had sent already must not happen after its death.
_FORGET = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event = 'PgSleep'"
)


async def _holder(world: World, version_id: int) -> UUID | None:
    """The living engine that works on a colouring, and would die of it.

    Not while it submits another one: what two deaths cut off there may have been paid twice, so it
    ends in an error, which is promised otherwise (`docs/RELIABILITY.md`) and not asked about here.
    """
    submits = aliased(ColoringVersion)
    async with world.database.autocommit() as session:
        return (
            await session.scalars(
                select(Engine.id)
                .join(ColoringVersion, ColoringVersion.claimed_by == Engine.id)
                .where(
                    ColoringVersion.id == version_id,
                    ColoringVersion.status == "runpod_submitted",
                    ColoringVersion.takeovers <= MAX_TAKEOVERS,
                    Engine.retired_at.is_(None),
                    ~exists().where(
                        submits.claimed_by == Engine.id, submits.status == "runpod_submitting"
                    ),
                )
            )
        ).one_or_none()


@pytest.mark.timeout(600)  # it is dead and alive six times, and half of it is processes starting
async def test_a_job_that_kills_its_engines_takes_no_neighbour_along(world: World) -> None:
    world.runpod.latency = Latency(run=0.5)
    version_ids = await world.queue_colorings(12)
    poison = version_ids[3]
    async with world.database.autocommit() as session:
        for statement in _LINGER:
            await session.execute(text(statement.replace("{poison}", str(poison))))
    dead: set[UUID] = set()
    deaths = 0
    ended = False
    while not ended:
        async with engine_process(
            world, "--concurrency", "coloring=8", ENGINE_LEASE=LONG
        ) as process:

            async def dies_or_all_is_done() -> bool:
                nonlocal ended
                holder = await _holder(world, poison)
                if holder is not None and holder not in dead:
                    dead.add(holder)
                    return True
                async with world.database.autocommit() as session:
                    ended = not await session.scalar(
                        text(
                            "SELECT count(*) FROM coloring_versions "
                            "WHERE status NOT IN ('completed', 'error')"
                        )
                    )
                return ended

            await until(dies_or_all_is_done)
            if not ended:
                process.send_signal(signal.SIGKILL)
                await process.wait()
                deaths += 1
                async with world.database.autocommit() as session:
                    await session.execute(text(_FORGET))
                    await session.execute(text(LEASE_IS_OVER))
    rows = {version_id: await world.coloring(version_id) for version_id in version_ids}
    assert {n for n, row in rows.items() if row.status == "error"} == {poison}
    assert rows[poison].error == (
        f"{MAX_TAKEOVERS + 1} engines died while they worked on it. "
        "See their logs before you try again."
    )
    assert deaths == MAX_TAKEOVERS + 1
    # Its first neighbours were with it when it killed twice, and never again.
    assert max(row.takeovers for n, row in rows.items() if n != poison) <= 2
    # A call is counted before it is made, and a death may come in between.
    counted = sum(row.submissions for row in rows.values())
    assert len(rows) <= world.runpod.counts.submitted <= counted
