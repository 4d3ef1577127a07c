"""What becomes of a job when the outside fails."""

from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from fototui.clients.runpod import RunPodService
from fototui.clients.runpod_wire import RunPodJob
from fototui.db.errors import DatabaseError, DatabaseUnavailableError, SqlState
from fototui.db.models.operations import Lane
from fototui.db.models.orders import ColoringVersion
from fototui.domain.statuses import JobKind
from fototui.sandbox.outcomes import Latency, Outcome, Turn
from tests.engine.conftest import QUICK, World
from tests.waiting import until


async def _drain(world: World) -> None:
    async with world.engine() as engine:
        await engine.drain()


async def test_runpods_ends(world: World) -> None:
    ends = [
        (Outcome.FAILED, "error", "RunPod failed"),
        (Outcome.CANCELLED, "runpod_cancelled", "cancelled at RunPod"),
        (Outcome.TIMED_OUT, "error", "did not finish"),
        (Outcome.BAD_RESULT, "error", ""),
    ]
    async with world.engine(coloring=1) as engine:
        for outcome, status, words in ends:
            world.runpod.next(outcome)
            [version_id] = await world.queue_colorings(1)
            await engine.drain()
            version = await world.coloring(version_id)
            assert version.status == status
            assert version.error is not None
            assert words in version.error
            assert version.file_ref is None
            assert version.completed_at is not None
            assert (await world.image(version.image_id)).selected_coloring_id is None


async def test_a_passing_failure_is_got_over(world: World) -> None:
    async with world.engine(coloring=1) as engine:
        for outcome in (
            *(Outcome.RATE_LIMITED, Outcome.UNAVAILABLE),
            *(Outcome.CUT_AFTER, Outcome.GARBAGE),
        ):
            before = world.runpod.counts.submitted
            world.runpod.next(outcome)
            [version_id] = await world.queue_colorings(1)
            await engine.drain()
            version = await world.coloring(version_id)
            assert version.status == "completed"
            assert version.error is None
            # Only where no answer came may it have been paid for twice; that is counted.
            doubtful = outcome in (Outcome.CUT_AFTER, Outcome.GARBAGE)
            assert version.resubmissions == doubtful
            assert world.runpod.counts.submitted - before == 1 + doubtful


async def test_an_unanswered_submission_is_repeated_only_once(world: World) -> None:
    world.runpod.rates = {Outcome.CUT_AFTER: 1.0}
    [version_id] = await world.queue_colorings(1)
    await _drain(world)
    version = await world.coloring(version_id)
    assert version.status == "error"
    assert version.resubmissions == 1
    assert world.runpod.counts.submitted == 2
    assert version.error is not None
    assert "console" in version.error


async def test_a_lasting_failure_ends_in_an_error_with_its_reason(world: World) -> None:
    world.runpod.rates = {Outcome.UNAVAILABLE: 1.0}
    [version_id] = await world.queue_colorings(1)
    await _drain(world)
    version = await world.coloring(version_id)
    assert version.status == "error"
    assert version.retries == 2
    assert version.error is not None
    assert "failed 3 times" in version.error
    assert world.runpod.counts.submitted == 0


@pytest.mark.parametrize("outcome", [Outcome.UNAUTHORIZED, Outcome.UNPAID])
async def test_a_refused_account_pauses_the_lane_and_harms_no_job(
    world: World, outcome: Outcome
) -> None:
    world.runpod.rates = {outcome: 1.0}
    ids = await world.queue_colorings(6)  # more than are done at once
    async with world.engine() as engine:
        assert await engine.drain() == [JobKind.COLORING]
        async with world.database.session() as session:
            lane = await session.get_one(Lane, "coloring")
        assert lane.paused_at is not None
        assert lane.paused_reason
        for version_id in ids:
            version = await world.coloring(version_id)
            assert version.status in ("queued", "pending")
            assert version.retries == 0
        world.runpod.rates = {}
        async with world.database.session() as session, session.begin():
            await session.execute(update(Lane).values(paused_at=None, paused_reason=None))
        await engine.drain()
    for version_id in ids:
        version = await world.coloring(version_id)
        assert version.status == "completed"
        assert (version.error, version.error_code, version.error_words) == (None, None, None)


async def test_a_result_that_expired_is_made_anew(world: World) -> None:
    world.runpod.next(Outcome.GONE)
    [version_id] = await world.queue_colorings(1)
    await _drain(world)
    version = await world.coloring(version_id)
    assert version.status == "completed"
    assert version.submissions == 2
    assert version.resubmissions == 1


async def test_a_result_that_is_lost_again_and_again_ends(world: World) -> None:
    world.runpod.rates = {Outcome.GONE: 1.0}
    [version_id] = await world.queue_colorings(1)
    await _drain(world)
    version = await world.coloring(version_id)
    assert version.status == "error"
    assert version.submissions == world.runpod.counts.submitted == 2


async def test_vectorizers_passing_failures_are_got_over(world: World) -> None:
    outcomes = (Outcome.UNAVAILABLE, Outcome.RATE_LIMITED, Outcome.CUT_BEFORE)
    async with world.engine() as engine:
        for number, outcome in enumerate(outcomes, start=1):
            world.vectorizer.next(Turn(outcome=outcome, retry_after=0))
            [version_id] = await world.queue_svgs(1)
            await engine.drain()
            assert (await world.svg(version_id)).status == "completed"
            assert world.vectorizer.counts.submitted == number


async def test_vectorizers_refusal_of_an_image_is_final(world: World) -> None:
    world.vectorizer.next(Outcome.FAILED)
    [version_id] = await world.queue_svgs(1)
    await _drain(world)
    version = await world.svg(version_id)
    assert version.status == "error"
    assert version.retries == 0


async def test_storage_that_refuses_is_tried_again_and_then_named(world: World) -> None:
    [version_id] = await world.queue_colorings(1)
    image = await world.image((await world.coloring(version_id)).image_id)
    assert image.file_ref is not None
    # A file stands where the folder of the result has to be.
    blocker = world.folder / image.file_ref.key.rsplit("/", 1)[0] / "coloring"
    blocker.write_bytes(b"")
    async with world.engine(rescheduling=replace(QUICK, storage_seconds=0.2)) as engine:
        await engine.drain()
    version = await world.coloring(version_id)
    assert version.status == "error"
    assert version.error is not None
    assert "minutes for storage" in version.error
    assert version.retries == 0
    # The paid result was kept between the tries.
    assert world.runpod.counts.submitted == 1


async def test_storage_that_comes_back_costs_nothing(world: World) -> None:
    [version_id] = await world.queue_colorings(1)
    image = await world.image((await world.coloring(version_id)).image_id)
    assert image.file_ref is not None
    blocker = world.folder / image.file_ref.key.rsplit("/", 1)[0] / "coloring"
    blocker.write_bytes(b"")
    async with world.engine():

        async def reschedule() -> bool:
            return (await world.coloring(version_id)).storage_away_since is not None

        await until(reschedule)
        blocker.unlink()
        await world.until(version_id, "completed", "error")
    version = await world.coloring(version_id)
    assert (version.status, version.error, version.retries) == ("completed", None, 0)
    assert version.storage_away_since is None
    assert world.runpod.counts.submitted == 1


async def test_a_badly_written_row_fails_alone(world: World) -> None:
    bad, good = await world.queue_colorings(2)
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(ColoringVersion).where(ColoringVersion.id == bad).values(megapixels=99.0)
        )
    await _drain(world)
    assert (await world.coloring(good)).status == "completed"
    failed = await world.coloring(bad)
    assert failed.status == "error"
    assert failed.error is not None
    assert "Megapixels are 99" in failed.error


async def test_a_photo_that_is_none_fails_before_it_costs(world: World) -> None:
    [version_id] = await world.queue_colorings(1)
    image = await world.image((await world.coloring(version_id)).image_id)
    assert image.file_ref is not None
    await world.storage.put(image.file_ref.key, b"no picture", content_type="image/png")
    await _drain(world)
    assert (await world.coloring(version_id)).status == "error"
    assert world.runpod.counts.requests == 0


async def test_a_missing_photo_fails_at_once_with_its_name(world: World) -> None:
    [version_id] = await world.queue_colorings(1)
    image = await world.image((await world.coloring(version_id)).image_id)
    assert image.file_ref is not None
    await world.storage.delete(image.file_ref.key)
    await _drain(world)
    version = await world.coloring(version_id)
    assert version.status == "error"
    assert version.retries == 0
    assert version.error is not None
    assert image.file_ref.key in version.error


async def test_a_cancelled_job_is_dropped_and_runpod_is_told(world: World) -> None:
    world.runpod.latency = Latency(run=30)
    [version_id] = await world.queue_colorings(1)
    async with world.engine() as engine:
        await world.until(version_id, "runpod_processing")
        async with world.database.session() as session, session.begin():
            await session.execute(
                update(ColoringVersion)
                .where(ColoringVersion.id == version_id)
                .values(
                    status="runpod_cancelled",
                    claimed_by=None,
                    claim_token=None,
                    # As engines of an older version write it.
                    cancel_job_id=ColoringVersion.runpod_job_id,
                )
            )
            await session.execute(
                select(func.pg_notify("fototui_jobs", f"cancel:coloring:{version_id}"))
            )

        async def told() -> bool:
            return world.runpod.counts.cancelled == 1 and engine.running == 0

        await until(told)

        async def noted() -> bool:
            return (await world.coloring(version_id)).cancel_job_id is None

        await until(noted)
    assert (await world.coloring(version_id)).status == "runpod_cancelled"


async def test_a_wrong_key_names_no_secret(world: World) -> None:
    world.runpod_key = SecretStr("a-very-wrong-key")
    await world.queue_colorings(1)
    await _drain(world)
    async with world.database.session() as session:
        lane = await session.get_one(Lane, "coloring")
    assert lane.paused_reason is not None
    assert "a-very-wrong-key" not in lane.paused_reason
    assert "RUNPOD_API_KEY" in lane.paused_reason


async def test_an_outage_in_the_middle_of_a_step_is_no_failure_of_the_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    outages = iter(
        [
            DatabaseUnavailableError("The database does not answer."),
            DatabaseError("Deadlock.", state=SqlState.DEADLOCK_DETECTED),
        ]
        * 4
    )
    ask = RunPodService.status

    async def status(self: RunPodService, job_id: str) -> RunPodJob:
        if outage := next(outages, None):
            raise outage
        return await ask(self, job_id)

    monkeypatch.setattr(RunPodService, "status", status)
    [version_id] = await world.queue_colorings(1)
    async with world.engine() as engine:
        await engine.drain()
    version = await world.coloring(version_id)
    assert (version.status, version.error, version.retries) == ("completed", None, 0)
    assert world.runpod.counts.submitted == 1
