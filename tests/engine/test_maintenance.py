"""An engine's duties for all: none waits for another, least of all the take-over of the dead."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from fototui.clients.runpod import RunPodService
from fototui.db.errors import DatabaseUnavailableError
from fototui.engine.maintenance.duty import Duty
from fototui.engine.maintenance.outside_cancels import OutsideCancels
from tests.engine.conftest import KEY, World
from tests.waiting import PATIENCE


async def dying_engine(world: World) -> uuid.UUID:
    """An engine that is silent from now on, and counts as dead after a second."""
    engine_id = uuid.uuid4()
    async with world.database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO engines (id, operator, host, pid, version, lanes, capacity, "
                "lease_seconds) VALUES (:id, 'dead', 'test', 1, '0', '{}', 1, 1)"
            ),
            {"id": engine_id},
        )
    return engine_id


async def held_by(world: World, engine_id: uuid.UUID) -> int:
    """A colouring that an engine works on."""
    [version_id] = await world.queue_colorings(
        1,
        claimed_by=engine_id,
        claim_token=uuid.uuid4(),
        claimed_at=datetime.now(UTC) - timedelta(minutes=1),
    )
    return version_id


@dataclass
class DeafService:
    """A service that accepts every connection and never answers."""

    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
async def deaf() -> AsyncIterator[DeafService]:
    service = DeafService()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service.asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield service


async def test_a_cancel_that_is_never_answered_holds_up_no_take_over(
    world: World, deaf: DeafService
) -> None:
    await world.queue_colorings(1, status="error", cancel_job_id="of-no-use")
    async with (
        RunPodService(deaf.url, "sandbox", KEY) as runpod,
        world.engine(lease=60, cancels=OutsideCancels(world.database, runpod)),
    ):
        await asyncio.wait_for(deaf.asked.wait(), PATIENCE)
        orphan = await held_by(world, await dying_engine(world))
        await world.until(orphan, "completed")
    assert (await world.coloring(orphan)).takeovers == 1


async def test_a_duty_that_never_ends_holds_up_no_take_over(world: World) -> None:
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with world.engine(lease=60, more_duties=[Duty("hangs", hang, seconds=None)]):
        await asyncio.wait_for(begun.wait(), PATIENCE)
        orphan = await held_by(world, await dying_engine(world))
        await world.until(orphan, "completed")
    assert (await world.coloring(orphan)).takeovers == 1


async def test_a_dead_engine_whose_row_is_held_keeps_no_other_from_being_found(
    world: World,
) -> None:
    held, other = await dying_engine(world), await dying_engine(world)
    first, second = await held_by(world, held), await held_by(world, other)
    async with world.database.session() as session:
        await session.execute(
            text("SELECT FROM engines WHERE id = :id FOR NO KEY UPDATE"), {"id": held}
        )
        async with world.engine():
            await world.until(second, "completed")
            assert (await world.coloring(first)).takeovers == 0
            await session.rollback()
            await world.until(first, "completed")


async def test_a_duty_that_fails_or_takes_too_long_is_done_again() -> None:
    done = asyncio.Event()
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise DatabaseUnavailableError("It is away.")
        if begun == 2:
            await asyncio.Event().wait()
        done.set()

    repeating = asyncio.create_task(Duty("test", work, seconds=0.05).repeat(every=0.01))
    await asyncio.wait_for(done.wait(), PATIENCE)
    repeating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await repeating


async def test_a_part_that_fails_unexpectedly_begins_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([KeyError("a fault of the program")])

    async def work() -> None:
        if fault := next(faults, None):
            raise fault
        done.set()

    done = asyncio.Event()
    async with world.engine(more_duties=[Duty("faulty", work)]) as engine:
        waiting = asyncio.create_task(engine.wait())
        await asyncio.wait_for(done.wait(), PATIENCE)
        assert not waiting.done()
        waiting.cancel()
        [version_id] = await world.queue_colorings(1)
        await world.until(version_id, "completed")


async def test_a_duty_that_is_woken_and_cancelled_at_one_moment_ends() -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    duty = Duty("test", work, seconds=PATIENCE)
    task = asyncio.create_task(duty.repeat(every=60))
    duty.wake()
    await done.wait()
    done.clear()
    await asyncio.sleep(0)
    duty.wake()
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE)
    assert task.cancelled()


async def test_a_dead_engine_is_found_when_its_lease_ends_and_not_at_the_next_look(
    world: World,
) -> None:
    orphan = await held_by(world, await dying_engine(world))
    # The only look of its own accord is the first one, when the engine is still alive.
    async with world.engine(lease=3600, poll_seconds=3600):
        await world.until(orphan, "completed")
    assert (await world.coloring(orphan)).takeovers == 1


async def test_whoever_finds_the_dead_wakes_the_engines_that_have_a_hand_free(
    world: World,
) -> None:
    [first] = await world.queue_colorings(1)
    async with world.engine(lease=3600, poll_seconds=3600):
        await world.until(first, "completed")  # by now it rests until it is woken
        async with world.engine(lease=3600, coloring=0):
            orphan = await held_by(world, await dying_engine(world))
            await world.until(orphan, "completed")
    assert (await world.coloring(orphan)).takeovers == 1
