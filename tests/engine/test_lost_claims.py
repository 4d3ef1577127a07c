"""What becomes of a RunPod job whose engine lost its claim while it was handing it in."""

import asyncio
import contextlib

import pytest
from sqlalchemy import func, select, update

from fototui.clients.runpod import RunPodService
from fototui.db.database import Database
from fototui.db.errors import ClaimLostError
from fototui.db.models.operations import OutsideCancel
from fototui.db.models.orders import ColoringVersion
from fototui.db.notify import lane_payload, notify
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import JobKind, VersionType
from fototui.engine.execution.context import finish_despite_cancel
from fototui.engine.jobs.job import Job, JobT, Move
from fototui.engine.jobs.table import JobTable
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.maintenance.outside_cancels import OutsideCancels
from fototui.sandbox.outcomes import Latency
from fototui.services.versions.coloring import ColoringService
from fototui.storage.directory import DirectoryStorage
from tests.engine.conftest import KEY, World
from tests.engine.one_life import die, open_pipeline, register, take_up
from tests.waiting import until


class _Deaf(Transitions):
    """Transitions of an engine that loses its claim as it writes that its job was accepted.

    Args:
        database: The database.
        lands: Whether that is written although the answer is lost.
        taken: Whether another engine has taken the job up by the time the loser knows.
    """

    def __init__(self, database: Database, *, lands: bool, taken: bool) -> None:
        super().__init__(database, actor="test")
        self._lands = lands
        self._taken = taken
        self._lost = False

    async def write(self, jobs: JobTable[JobT], job: JobT, move: Move) -> JobT:
        if move.status is not S.RUNPOD_SUBMITTED or self._lost:
            return await super().write(jobs, job, move)
        self._lost = True
        if self._lands:
            await super().write(jobs, job, move)
        if self._taken:
            await self._take(job)
        raise ClaimLostError("This engine's heartbeat is too old.")

    async def _take(self, job: Job) -> None:
        async with self._database.session() as session, session.begin():
            await session.execute(
                update(ColoringVersion)
                .where(ColoringVersion.id == job.row_id)
                .values(claim_token=func.gen_random_uuid())
            )


async def _tell(world: World) -> None:
    async with RunPodService(f"{world.url}/runpod/v2", "sandbox", KEY) as runpod:
        await OutsideCancels(world.database, runpod).tell()


async def _untold(world: World) -> list[str]:
    async with world.database.session() as session:
        found = await session.scalars(
            select(OutsideCancel.runpod_job_id).order_by(OutsideCancel.id)
        )
        return list(found)


class _Slow(DirectoryStorage):
    """Storage whose first answer is never given."""

    asked = 0

    async def head(self, key: str) -> S3ObjectRefData | None:
        self.asked += 1
        if self.asked == 1:
            await asyncio.Event().wait()
        return await super().head(key)


async def test_an_engine_that_claims_a_row_anew_drops_the_claim_that_a_crash_forgot(
    world: World,
) -> None:
    storage = world.storage = _Slow(world.folder)
    gone = S3ObjectRefData(key="gone", bucket="gone", content_type="image/png", size=1)
    [version_id] = await world.queue_colorings(1, file_ref=gone)
    async with world.engine(coloring=2) as engine:
        await until(lambda: storage.asked == 1)
        async with world.database.session() as session, session.begin():
            forgotten = update(ColoringVersion).values(claimed_by=None, claim_token=None)
            await session.execute(forgotten.where(ColoringVersion.id == version_id))
            await notify(session, lane_payload(JobKind.COLORING))
        await world.until(version_id, S.COMPLETED)
        await until(lambda: engine.running == 0)
        assert engine.counts["claimed"] == 2
    assert world.runpod.counts.submitted == 1


@pytest.mark.parametrize(
    ("lands", "taken"),
    [(True, True), (True, False), (False, False)],
    ids=["a successor polls it", "written and not taken", "neither written nor taken"],
)
async def test_a_job_that_a_version_waits_for_is_not_cancelled(
    world: World, lands: bool, taken: bool
) -> None:
    pipeline = open_pipeline(world, VersionType.COLORING)
    [version_id] = await world.queue_colorings(1)
    # Long enough to be at work still when RunPod could be told.
    world.runpod.latency = Latency(run=1.0)
    loser = await register(world)
    outcome = await take_up(
        world,
        pipeline,
        loser,
        transitions=lambda: _Deaf(world.database, lands=lands, taken=taken),
    )
    assert outcome == "claim lost"
    await die(world, loser)
    await _tell(world)
    assert await _untold(world) == []

    assert await take_up(world, pipeline, await register(world)) == "completed"
    version = await world.coloring(version_id)
    assert version.status == "completed"
    assert (version.submissions, version.resubmissions) == (1, 0)
    assert (world.runpod.counts.submitted, world.runpod.counts.cancelled) == (1, 0)


async def test_a_job_that_no_version_waits_for_is_cancelled(world: World) -> None:
    pipeline = open_pipeline(world, VersionType.COLORING)
    await world.queue_colorings(1)
    world.runpod.latency = Latency(queue=30)
    loser = await register(world)
    await take_up(
        world,
        pipeline,
        loser,
        transitions=lambda: _Deaf(world.database, lands=False, taken=True),
    )
    assert len(await _untold(world)) == 1
    await _tell(world)
    assert await _untold(world) == []
    assert world.runpod.counts.cancelled == 1


async def test_all_cancels_of_one_version_are_told(world: World) -> None:
    pipeline = open_pipeline(world, VersionType.COLORING)
    [version_id] = await world.queue_colorings(1)
    world.runpod.latency = Latency(queue=30)
    for _ in range(2):
        loser = await register(world)
        await take_up(
            world,
            pipeline,
            loser,
            transitions=lambda: _Deaf(world.database, lands=False, taken=True),
        )
        async with world.database.session() as session:
            await ColoringService(session, operator="eva").cancel(version_id)
        async with world.database.session() as session:
            await ColoringService(session, operator="eva").retry(version_id)
    assert len(await _untold(world)) == 2
    await _tell(world)
    assert await _untold(world) == []
    assert world.runpod.counts.cancelled == 2


async def test_a_cancel_that_runpod_will_never_take_does_not_stay(world: World) -> None:
    async with world.database.session() as session, session.begin():
        session.add(OutsideCancel(version_id=1, runpod_job_id="no id / of RunPod's"))
    await _tell(world)
    assert await _untold(world) == []


# --- what must not be torn in two ----------------------------------------------------------------


@pytest.mark.parametrize("cancels", [1, 2, 5])
async def test_a_section_is_waited_for_however_often_its_caller_is_cancelled(cancels: int) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def section() -> None:
        begun.set()
        await go_on.wait()
        done.append("written")

    caller = asyncio.create_task(finish_despite_cancel(section(), seconds=20))
    await begun.wait()
    for _ in range(cancels):
        caller.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    with contextlib.suppress(asyncio.CancelledError):
        await caller
    assert caller.cancelled()
    assert done == ["written"]


async def test_a_section_that_takes_too_long_is_ended_and_not_left_running() -> None:
    begun = asyncio.Event()
    ended: list[str] = []

    async def section() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    caller = asyncio.create_task(finish_despite_cancel(section(), seconds=0.05))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    caller.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await caller
    assert ended == ["ended"]
