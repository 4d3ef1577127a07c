"""What is paid for is paid once; at most twice where an answer was lost, and then it is counted."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, update

from fototui.db.models.orders import VERSION_MODEL
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.domain.statuses import SvgProcessingStatus as V
from fototui.domain.statuses import VersionType
from fototui.engine.execution.context import CALLS, Rescheduling
from fototui.sandbox.outcomes import Outcome, Turn
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from tests.engine.conftest import QUICK, World
from tests.engine.one_life import open_pipeline, register, take_up

BAD_GATEWAY = Turn(outcome=Outcome.UNAVAILABLE, status=502)
# All waits as they are in earnest; none is waited for, as each is written on the row.
EARNEST = Rescheduling(calls=replace(CALLS, attempts=1))
BOTH = pytest.mark.parametrize("kind", list(VersionType))

Run = Callable[..., Awaitable[str | None]]


@pytest.fixture
async def run(world: World) -> Run:
    """One claim of a job and what became of it; results are forgotten from one to the next."""
    engine_id = await register(world)

    async def run(kind: VersionType, rescheduling: Rescheduling = QUICK) -> str | None:
        async with world.database.session() as session, session.begin():
            await session.execute(update(VERSION_MODEL[kind]).values(not_before=None))
        return await take_up(
            world, open_pipeline(world, kind), engine_id, rescheduling=rescheduling
        )

    return run


async def _queue(world: World, kind: VersionType) -> int:
    queue = world.queue_colorings if kind is VersionType.COLORING else world.queue_svgs
    [version_id] = await queue(1)
    return version_id


async def _retry(world: World, kind: VersionType, version_id: int) -> None:
    service = ColoringService if kind is VersionType.COLORING else VectorizerService
    async with world.database.session() as session:
        await service(session, operator="eva").retry(version_id)


async def _block_storage(world: World, kind: VersionType, version_id: int) -> Path:
    """Put a file where the folder of a version's file has to be."""
    image = await world.image((await world.version(version_id, kind)).image_id)
    assert image.file_ref is not None
    blocker = world.folder / image.file_ref.key.rsplit("/", 1)[0] / str(kind)
    blocker.write_bytes(b"")
    return blocker


# --- answers that were lost ----------------------------------------------------------------------


@BOTH
async def test_a_call_without_an_answer_waits_before_it_is_repeated(
    world: World, run: Run, kind: VersionType
) -> None:
    script = world.runpod if kind is VersionType.COLORING else world.vectorizer
    script.next(BAD_GATEWAY)
    version_id = await _queue(world, kind)
    assert await run(kind, EARNEST) == "put back"
    version = await world.version(version_id, kind)
    assert version.status in (C.RUNPOD_SUBMITTING, V.VECTORIZER_PROCESSING)
    assert version.not_before is not None
    waits = version.not_before - datetime.now(UTC)
    assert timedelta(seconds=5) < waits < timedelta(seconds=31)
    assert (version.submissions, version.resubmissions, version.retries) == (1, 0, 0)

    assert await run(kind, EARNEST) == "completed"
    version = await world.version(version_id, kind)
    assert (version.submissions, version.resubmissions, version.error) == (2, 1, None)
    assert script.counts.submitted == 1


@BOTH
async def test_lost_answers_are_paid_twice_at_most_and_counted(
    world: World, run: Run, kind: VersionType
) -> None:
    script = world.runpod if kind is VersionType.COLORING else world.vectorizer
    for number, outcome in enumerate((Outcome.CUT_AFTER, Outcome.GARBAGE), start=1):
        script.rates = {outcome: 1.0}
        version_id = await _queue(world, kind)
        assert [await run(kind), await run(kind)] == ["put back", "failed"]
        version = await world.version(version_id, kind)
        assert version.status == "error"
        assert version.error is not None
        assert "asked twice" in version.error
        assert version.submissions == 2
        assert script.counts.submitted == 2 * number
        assert version.resubmissions == 1


@BOTH
async def test_a_refusal_after_a_lost_answer_does_not_begin_the_count_anew(
    world: World, run: Run, kind: VersionType
) -> None:
    script = world.runpod if kind is VersionType.COLORING else world.vectorizer
    script.next(Outcome.CUT_AFTER, Outcome.UNAVAILABLE, Outcome.CUT_AFTER)
    version_id = await _queue(world, kind)
    outcomes = [await run(kind, EARNEST) for _ in range(3)]
    assert outcomes == ["put back", "put back", "failed"]
    assert script.counts.submitted == 2
    assert (await world.version(version_id, kind)).submissions == 3


# --- an SVG that was made and did not arrive -----------------------------------------------------


async def test_an_svg_that_was_cut_off_is_fetched_and_not_made_again(
    world: World, run: Run
) -> None:
    world.vectorizer.next(Outcome.BAD_RESULT)
    version_id = await _queue(world, VersionType.SVG)
    assert await run(VersionType.SVG) == "completed"
    version = await world.svg(version_id)
    assert (await world.stored(version.file_ref)).rstrip().endswith(b"</svg>")
    assert (version.submissions, version.resubmissions) == (1, 0)
    assert version.credits_charged == pytest.approx(1.1)
    assert (world.vectorizer.counts.submitted, world.vectorizer.counts.polls) == (1, 1)


async def test_an_svg_that_is_lost_before_it_is_stored_is_fetched(world: World, run: Run) -> None:
    version_id = await _queue(world, VersionType.SVG)
    blocker = await _block_storage(world, VersionType.SVG, version_id)
    assert await run(VersionType.SVG) == "put back"
    blocker.unlink()
    assert await run(VersionType.SVG) == "completed"
    assert (await world.svg(version_id)).submissions == world.vectorizer.counts.submitted == 1


async def test_an_svg_that_is_lost_everywhere_is_made_once_more_and_no_third_time(
    world: World, run: Run
) -> None:
    world.vectorizer.poll_rates = {Outcome.GONE: 1.0}
    version_id = await _queue(world, VersionType.SVG)
    await _block_storage(world, VersionType.SVG, version_id)
    assert [await run(VersionType.SVG) for _ in range(2)] == ["put back", "put back"]
    assert (await world.svg(version_id)).resubmissions == 1
    assert await run(VersionType.SVG) == "failed"
    version = await world.svg(version_id)
    assert version.submissions == world.vectorizer.counts.submitted == 2
    assert version.credits_charged == 2.0


# --- storage that is away ------------------------------------------------------------------------


async def _away_for(world: World, kind: VersionType, minutes: int) -> None:
    async with world.database.session() as session, session.begin():
        since = func.now() - func.make_interval(0, 0, 0, 0, 0, minutes)
        await session.execute(update(VERSION_MODEL[kind]).values(storage_away_since=since))


@BOTH
async def test_storage_may_be_away_for_25_minutes_and_a_retry_pays_nothing(
    world: World, run: Run, kind: VersionType
) -> None:
    script = world.runpod if kind is VersionType.COLORING else world.vectorizer
    version_id = await _queue(world, kind)
    blocker = await _block_storage(world, kind, version_id)
    for minutes in (None, 1, 10, 24):
        if minutes is not None:
            await _away_for(world, kind, minutes)
        for _ in range(2):
            assert await run(kind, EARNEST) == "put back"
    await _away_for(world, kind, 26)
    assert await run(kind, EARNEST) == "failed"
    version = await world.version(version_id, kind)
    assert version.status == "error"
    assert version.error is not None
    assert "26 minutes for storage" in version.error

    blocker.unlink()
    await _retry(world, kind, version_id)
    assert await run(kind, EARNEST) == "completed"
    version = await world.version(version_id, kind)
    assert (version.error, version.error_code, version.storage_away_since) == (None, None, None)
    assert script.counts.submitted == version.submissions == 1


@BOTH
async def test_a_retry_whose_old_result_is_gone_makes_it_anew(
    world: World, run: Run, kind: VersionType
) -> None:
    script = world.runpod if kind is VersionType.COLORING else world.vectorizer
    version_id = await _queue(world, kind)
    blocker = await _block_storage(world, kind, version_id)
    await run(kind)
    await _away_for(world, kind, 26)
    assert await run(kind) == "failed"
    blocker.unlink()
    await _retry(world, kind, version_id)
    script.next_polls(Outcome.GONE)
    assert await run(kind) == "completed"
    version = await world.version(version_id, kind)
    assert (version.submissions, version.resubmissions) == (2, 0)


# --- what an operator asks for again -------------------------------------------------------------


async def test_a_retry_counts_lost_results_from_the_beginning(world: World, run: Run) -> None:
    world.runpod.rates = {Outcome.GONE: 1.0}
    version_id = await _queue(world, VersionType.COLORING)
    for paid in (2, 4):
        assert await run(VersionType.COLORING) == "failed"
        version = await world.coloring(version_id)
        assert version.submissions == world.runpod.counts.submitted == paid
        await _retry(world, VersionType.COLORING, version_id)
    world.runpod.rates = {}
    world.runpod.next(Outcome.GONE)
    assert await run(VersionType.COLORING) == "completed"


@BOTH
async def test_a_version_that_has_its_file_is_completed_without_a_call(
    world: World, run: Run, kind: VersionType
) -> None:
    script = world.runpod if kind is VersionType.COLORING else world.vectorizer
    version_id = await _queue(world, kind)
    assert await run(kind) == "completed"
    made = await world.version(version_id, kind)
    requests = script.counts.requests
    for status in ("pending", "queued", "processing"):
        async with world.database.session() as session, session.begin():
            await session.execute(
                update(VERSION_MODEL[kind])
                .where(VERSION_MODEL[kind].id == version_id)
                .values(status=status, completed_at=None)
            )
        assert await run(kind) == "completed", status
        again = await world.version(version_id, kind)
        assert again.file_ref == made.file_ref
        assert again.completed_at is not None
        assert script.counts.requests == requests
        assert again.submissions == 1


@BOTH
async def test_a_version_whose_file_is_gone_is_made_again(
    world: World, run: Run, kind: VersionType
) -> None:
    version_id = await _queue(world, kind)
    assert await run(kind) == "completed"
    made = await world.version(version_id, kind)
    assert made.file_ref is not None
    await world.storage.delete(made.file_ref.key)
    own: dict[str, object] = (
        {"runpod_job_id": None} if kind is VersionType.COLORING else {"vectorizer_job_id": None}
    )
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(VERSION_MODEL[kind])
            .where(VERSION_MODEL[kind].id == version_id)
            .values(status="queued", **own)
        )
    assert await run(kind) == "completed"
    again = await world.version(version_id, kind)
    assert await world.stored(again.file_ref)
    assert again.submissions == 2
