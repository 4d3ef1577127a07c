"""Whatever step a process dies after or in, the job ends once, with one file."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from fototui.db.database import Database
from fototui.db.models.costs import PaidCall
from fototui.domain.statuses import VersionType
from fototui.engine.execution.failure import MAX_TAKEOVERS
from fototui.engine.execution.pipeline import Pipeline
from fototui.engine.jobs.job import Job, JobT, Move, VersionJob
from fototui.engine.jobs.table import JobTable
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.pipelines.book import BookPipeline
from fototui.sandbox.outcomes import Outcome
from tests.engine.conftest import World
from tests.engine.one_life import die, open_pipeline, register, take_up


class Crash(BaseException):
    """The process died: nothing of it runs on, as nothing catches this."""


@dataclass
class CrashPlan:
    """Which write of a job's whole life its process dies at, just before it or just after it."""

    before: frozenset[int]
    after: frozenset[int]
    writes: int = 0
    died_leaving: list[str] = field(default_factory=list)

    def check(self, points: frozenset[int], job: Job) -> None:
        if self.writes in points:
            self.died_leaving.append(str(job.status))
            raise Crash


class CrashingTransitions(Transitions):
    """Transitions of a process that dies as planned."""

    def __init__(self, database: Database, plan: CrashPlan) -> None:
        super().__init__(database, actor="test")
        self._plan = plan

    async def write(self, jobs: JobTable[JobT], job: JobT, move: Move) -> JobT:
        self._plan.writes += 1
        self._plan.check(self._plan.before, job)
        moved = await super().write(jobs, job, move)
        self._plan.check(self._plan.after, moved)
        return moved


async def live_once(world: World, pipeline: Pipeline[JobT], plan: CrashPlan) -> None:
    """One process's life: claims the job and works on it."""
    engine_id = await register(world)
    with contextlib.suppress(Crash):  # and nothing more: no release, no word to anyone
        await take_up(
            world,
            pipeline,
            engine_id,
            transitions=lambda: CrashingTransitions(world.database, plan),
        )
    await die(world, engine_id)


async def _live_until_done(
    world: World, pipeline: Pipeline[VersionJob], version_id: int, plan: CrashPlan
) -> None:
    for _ in range(60):
        await live_once(world, pipeline, plan)
        version = await world.version(version_id, VersionType(pipeline.jobs.kind.value))
        if version.status.meta.is_final:
            return
    raise AssertionError("not at its end after 60 lives")


async def _calls(world: World, version_id: int) -> Sequence[PaidCall]:
    async with world.database.session() as session:
        found = await session.scalars(select(PaidCall).where(PaidCall.version_id == version_id))
        return found.all()


async def _files(world: World, part: str) -> Sequence[str]:
    return [key async for key in world.storage.list_keys() if f"/{part}/" in key]


points = st.frozensets(st.integers(1, 12), max_size=4)
turns = st.lists(
    st.sampled_from(
        [
            Outcome.COMPLETED,
            Outcome.GONE,
            Outcome.RATE_LIMITED,
            Outcome.UNAVAILABLE,
            Outcome.CUT_AFTER,
            Outcome.CUT_BEFORE,
            Outcome.FAILED,
        ]
    ),
    max_size=3,
)
many = settings(
    max_examples=14,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@many
@given(before=points, after=points, outcomes=turns)
async def test_any_way_of_a_coloring_ends_once(
    world: World, before: frozenset[int], after: frozenset[int], outcomes: list[Outcome]
) -> None:
    world.runpod.tally.__init__()  # type: ignore[misc]  # each example counts from nought
    [version_id] = await world.queue_colorings(1)
    stored_before = len(await _files(world, "coloring"))
    world.runpod.next(*outcomes)
    plan = CrashPlan(before, after)
    pipeline = open_pipeline(world, VersionType.COLORING)
    await _live_until_done(world, pipeline, version_id, plan)
    world.runpod._next.clear()

    version = await world.coloring(version_id)
    stored = len(await _files(world, "coloring")) - stored_before
    chosen = (await world.image(version.image_id)).selected_coloring_id
    submitted = world.runpod.counts.submitted
    if version.status == "completed":
        assert stored == 1
        assert chosen == version_id
        assert await world.stored(version.file_ref)
    else:
        assert version.error
        assert chosen is None
        # A run that stored its file and died goes on, unless it died too often.
        assert stored == 0 or version.takeovers > MAX_TAKEOVERS
    assert version.claimed_by is None
    assert submitted <= version.submissions
    assert version.resubmissions <= 1
    # Each call is told of once, and of those that RunPod answered one was of use at most.
    calls = await _calls(world, version_id)
    assert len(calls) == version.submissions
    known = [call.outside_id for call in calls if call.outside_id is not None]
    assert len(set(known)) == len(known) <= submitted
    assert [call.wasted for call in calls].count(False) == (version.status == "completed")
    unanswered = {Outcome.CUT_AFTER, Outcome.CUT_BEFORE} & set(outcomes)
    if "runpod_submitting" not in plan.died_leaving and not unanswered:
        # A stored job id is never submitted again, except where RunPod lost the job.
        assert submitted <= 1 + outcomes.count(Outcome.GONE) + outcomes.count(Outcome.FAILED)
        assert version.resubmissions <= outcomes.count(Outcome.GONE)


@many
@given(before=points, after=points)
async def test_any_way_of_an_svg_ends_once(
    world: World, before: frozenset[int], after: frozenset[int]
) -> None:
    [version_id] = await world.queue_svgs(1)
    stored_before = len(await _files(world, "svg"))
    paid_before = world.vectorizer.counts.submitted
    plan = CrashPlan(before, after)
    await _live_until_done(world, open_pipeline(world, VersionType.SVG), version_id, plan)
    version = await world.svg(version_id)
    stored = len(await _files(world, "svg")) - stored_before
    if version.status == "completed":
        assert stored == 1
        assert (await world.image(version.image_id)).selected_svg_id == version_id
    elif version.takeovers <= MAX_TAKEOVERS:
        # Two runs died in their calls, which may both have been paid for.
        assert version.resubmissions == 1
        assert version.error is not None
        assert "asked twice" in version.error
    assert world.vectorizer.counts.submitted - paid_before <= 2
    assert version.submissions >= world.vectorizer.counts.submitted - paid_before
    calls = await _calls(world, version_id)
    assert len([call for call in calls if call.credits != Decimal("0.1")]) == version.submissions
    charged = sum(float(call.credits or 0) for call in calls)
    assert charged == pytest.approx(version.credits_charged)
    assert version.claimed_by is None


@many
@given(before=points, after=points)
async def test_any_way_of_a_book_ends_once(
    world: World, before: frozenset[int], after: frozenset[int]
) -> None:
    [book_id] = await world.queue_books(1, dedication="Pro Jana")
    stored_before = len(await _files(world, "book"))
    plan = CrashPlan(before, after)
    pipeline = BookPipeline(world.typesetter, world.storage)
    book = await world.book(book_id)
    for _ in range(60):
        await live_once(world, pipeline, plan)
        book = await world.book(book_id)
        if book.status.meta.is_final:
            break
    assert book.claimed_by is None
    stored = len(await _files(world, "book")) - stored_before
    if book.status == "completed":
        assert stored == 1
        assert (await world.stored(book.file_ref)).startswith(b"%PDF")
        assert (book.pages, book.error) == (3, None)
    else:
        assert book.takeovers > MAX_TAKEOVERS
