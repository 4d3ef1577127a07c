"""Every call that may cost money is one row, whatever becomes of it and whoever tells of it."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import select, update

from fototui.clients.runpod import RunPodService
from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError
from fototui.db.models.costs import PaidCall
from fototui.db.models.orders import VERSION_MODEL
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.domain.statuses import SvgProcessingStatus as V
from fototui.domain.statuses import VersionType
from fototui.engine.jobs.job import JobT, Move
from fototui.engine.jobs.table import JobTable
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.maintenance.outside_cancels import OutsideCancels
from fototui.sandbox.outcomes import Latency, Outcome
from fototui.sandbox.vectorizer.app import CREDITS
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from tests.engine.conftest import KEY, World
from tests.engine.one_life import open_pipeline, register, take_up
from tests.waiting import PATIENCE

COLORING, SVG = VersionType.COLORING, VersionType.SVG

Run = Callable[[VersionType], Awaitable[str | None]]


class _Repeating(Transitions):
    """Each write is made, its answer is lost, and it is made again."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, actor="test")
        self._made: set[str] = set()

    async def write(self, jobs: JobTable[JobT], job: JobT, move: Move) -> JobT:
        moved = await super().write(jobs, job, move)
        if str(move.status) not in self._made:
            self._made.add(str(move.status))
            raise DatabaseUnavailableError("The answer was lost.")
        return moved


@pytest.fixture
async def run(world: World) -> Run:
    """One claim of a job, by an engine of its own, and what became of it."""

    async def run(kind: VersionType) -> str | None:
        async with world.database.session() as session, session.begin():
            await session.execute(update(VERSION_MODEL[kind]).values(not_before=None))
        return await take_up(world, open_pipeline(world, kind), await register(world))

    return run


async def _queue(world: World, kind: VersionType) -> int:
    queue = world.queue_colorings if kind is COLORING else world.queue_svgs
    [version_id] = await queue(1, requested_by="eva")
    return version_id


async def _calls(world: World) -> Sequence[PaidCall]:
    async with world.database.session() as session:
        found = await session.scalars(select(PaidCall).order_by(PaidCall.began_at))
        return found.all()


async def _fates(world: World) -> list[tuple[str | None, bool | None]]:
    return [(call.outcome, call.wasted) for call in await _calls(world)]


async def _taken(world: World) -> Decimal:
    """What Vectorizer.ai took from the account."""
    async with httpx.AsyncClient(auth=("sandbox", "sandbox"), timeout=PATIENCE) as client:
        answer = await client.get(f"{world.url}/vectorizer/api/v1/account")
    return Decimal(str(round(CREDITS - answer.json()["credits"], 6)))


async def test_a_colouring_is_one_call_with_its_times(world: World, run: Run) -> None:
    world.runpod.latency = Latency(queue=0.05, run=0.2)
    version_id = await _queue(world, COLORING)
    assert await run(COLORING) == "completed"
    [call] = await _calls(world)
    version = await world.coloring(version_id)
    assert (call.kind, call.version_id, call.service) == ("coloring", version_id, "RunPod")
    assert call.requested_by == "eva"
    assert call.outside_id == version.runpod_job_id
    assert call.options == {"megapixels": version.megapixels, "steps": version.steps}
    assert (call.outcome, call.wasted, call.credits) == ("completed", False, None)
    assert call.execution_ms is not None
    assert call.delay_ms is not None
    assert 200 <= call.execution_ms < 60_000
    assert 50 <= call.delay_ms < 60_000
    assert call.ended_at is not None
    assert call.ended_at >= call.began_at


async def test_an_svg_is_one_call_with_its_credits(world: World, run: Run) -> None:
    version_id = await _queue(world, SVG)
    assert await run(SVG) == "completed"
    [call] = await _calls(world)
    assert (call.kind, call.version_id, call.service) == ("svg", version_id, "Vectorizer.ai")
    assert (call.outcome, call.wasted, call.execution_ms) == ("completed", False, None)
    assert call.credits == 1
    assert call.options == {"shape_stacking": "stacked", "group_by": "color"}


async def test_a_failed_job_was_paid_for_in_vain(world: World, run: Run) -> None:
    world.runpod.latency = Latency(run=0.05)
    world.runpod.next(Outcome.FAILED, Outcome.BAD_RESULT, Outcome.CANCELLED)
    version_id = await _queue(world, COLORING)
    for _ in range(4):
        await run(COLORING)
        async with world.database.session() as session:
            version = await world.coloring(version_id)
            if version.status != C.COMPLETED:
                await ColoringService(session, operator="eva").retry(version_id)
    assert await _fates(world) == [
        ("failed", True),
        ("unusable", True),
        ("cancelled", True),
        ("completed", False),
    ]
    assert all((call.execution_ms or 0) >= 50 for call in await _calls(world))


@pytest.mark.parametrize("kind", list(VersionType))
async def test_calls_without_an_answer_count_as_wasted(
    world: World, run: Run, kind: VersionType
) -> None:
    script = world.runpod if kind is COLORING else world.vectorizer
    script.next(Outcome.CUT_AFTER)
    await _queue(world, kind)
    assert [await run(kind), await run(kind)] == ["put back", "completed"]
    assert await _fates(world) == [("unanswered", True), ("completed", False)]


@pytest.mark.parametrize("kind", list(VersionType))
async def test_a_refused_call_is_paid_for_by_nobody(
    world: World, run: Run, kind: VersionType
) -> None:
    script = world.runpod if kind is COLORING else world.vectorizer
    script.next(*[Outcome.UNAVAILABLE] * 2)
    await _queue(world, kind)
    assert [await run(kind), await run(kind)] == ["put back", "completed"]
    assert await _fates(world) == [("refused", None), ("completed", False)]


async def test_a_result_that_runpod_lost_was_paid_for_in_vain(world: World, run: Run) -> None:
    world.runpod.next(Outcome.GONE)
    await _queue(world, COLORING)
    assert await run(COLORING) == "completed"
    assert await _fates(world) == [("lost", True), ("completed", False)]


async def test_fetching_an_svg_once_more_is_paid_too(world: World, run: Run) -> None:
    world.vectorizer.next(Outcome.BAD_RESULT)
    version_id = await _queue(world, SVG)
    assert await run(SVG) == "completed"
    calls = await _calls(world)
    assert [call.credits for call in calls] == [1, Decimal("0.1")]
    assert len({call.outside_id for call in calls}) == 1
    assert sum(call.credits or 0 for call in calls) == await _taken(world)
    assert (await world.svg(version_id)).credits_charged == pytest.approx(1.1)


@pytest.mark.parametrize("kind", list(VersionType))
async def test_a_write_that_is_repeated_counts_once(world: World, kind: VersionType) -> None:
    world.vectorizer.next(Outcome.BAD_RESULT)  # so that a fetch is counted too
    await _queue(world, kind)
    transitions = _Repeating(world.database)
    pipeline = open_pipeline(world, kind)
    engine_id = await register(world)
    outcome = await take_up(world, pipeline, engine_id, transitions=lambda: transitions)
    assert outcome == "completed"
    if kind is SVG:
        assert [c.credits for c in await _calls(world)] == [1, Decimal("0.1")]
        assert await _taken(world) == Decimal("1.1")
    else:
        assert await _fates(world) == [("completed", False)]


async def test_what_an_operator_cancels_is_wasted_and_its_time_is_asked_for(world: World) -> None:
    world.runpod.latency = Latency(run=30)
    version_id = await _queue(world, COLORING)
    runpod = RunPodService(f"{world.url}/runpod/v2", "sandbox", KEY)
    async with runpod, world.engine():
        await world.until(version_id, C.RUNPOD_PROCESSING)
        async with world.database.session() as session:
            await ColoringService(session, operator="eva").cancel(version_id)
        await OutsideCancels(world.database, runpod).tell()
    [call] = await _calls(world)
    assert (call.outcome, call.wasted) == ("cancelled", True)
    assert call.execution_ms is not None
    assert call.execution_ms < 30_000


async def test_an_svg_that_comes_when_it_was_cancelled_is_wasted(world: World) -> None:
    version_id = await _queue(world, SVG)

    class Cancelling(Transitions):
        async def write(self, jobs: JobTable[JobT], job: JobT, move: Move) -> JobT:
            if move.status is V.VECTORIZER_COMPLETED:
                async with world.database.session() as session:
                    if (await world.svg(version_id)).status != V.ERROR:
                        await VectorizerService(session, operator="eva").cancel(version_id)
            return await super().write(jobs, job, move)

    outcome = await take_up(
        world,
        open_pipeline(world, SVG),
        await register(world),
        transitions=lambda: Cancelling(world.database, actor="test"),
    )
    assert outcome == "claim lost"
    [call] = await _calls(world)
    assert (call.outcome, call.wasted, call.credits) == ("completed", True, Decimal(1))


@pytest.mark.parametrize("kind", list(VersionType))
async def test_what_storage_never_took_was_wasted_until_a_retry_stores_it(
    world: World, run: Run, kind: VersionType
) -> None:
    version_id = await _queue(world, kind)
    image = await world.image((await world.version(version_id, kind)).image_id)
    assert image.file_ref is not None
    blocker = world.folder / image.file_ref.key.rsplit("/", 1)[0] / str(kind)
    blocker.write_bytes(b"")
    assert await run(kind) == "put back"
    service = ColoringService if kind is COLORING else VectorizerService
    async with world.database.session() as session:
        await service(session, operator="eva").cancel(version_id)
    assert (await _fates(world))[0] == ("completed", True)
    blocker.unlink()
    async with world.database.session() as session:
        await service(session, operator="eva").retry(version_id)
    assert await run(kind) == "completed"
    assert (await _fates(world))[0] == ("completed", False)
