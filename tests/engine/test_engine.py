"""A job's way from queued to a stored, chosen file."""

import asyncio

import pytest
from sqlalchemy import func, select, text, update

from fototui.db.models.operations import Activity, Lane
from fototui.db.models.orders import ColoringVersion, Image
from fototui.domain.events import BaseMercureEvent, ImageStatusEvent, ImageUpdateEvent
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.domain.statuses import JobKind, VersionType
from fototui.domain.statuses import SvgProcessingStatus as S
from fototui.sandbox.outcomes import Latency
from tests.engine.conftest import World
from tests.waiting import until

NEVER = 1e6


@pytest.mark.quick
async def test_a_coloring_is_made_stored_and_chosen(
    world: World, published: list[BaseMercureEvent]
) -> None:
    [version_id] = await world.queue_colorings(1)
    async with world.engine():
        await world.until(version_id, "completed")
    version = await world.coloring(version_id)
    image = await world.image(version.image_id)
    assert image.selected_coloring_id == version_id
    assert image.coloring_chosen_at is None
    assert version.file_ref is not None
    assert version.file_ref.key.endswith("/coloring/v1/image_1.png")
    assert (await world.stored(version.file_ref)).startswith(b"\x89PNG")
    assert (version.claimed_by, version.attempts, version.submissions) == (None, 1, 1)
    assert version.started_at is not None
    assert version.completed_at is not None
    assert world.runpod.counts.submitted == 1
    steps = [e.status for e in published if isinstance(e, ImageStatusEvent)]
    assert steps[:3] == [C.PROCESSING, C.RUNPOD_SUBMITTING, C.RUNPOD_SUBMITTED]
    assert steps[-2:] == [C.RUNPOD_COMPLETED, C.STORAGE_UPLOAD]
    # The end and the choice are one event of one commit.
    assert isinstance(published[-1], ImageUpdateEvent)
    assert sum(isinstance(e, ImageUpdateEvent) for e in published[-3:]) == 1


@pytest.mark.quick
async def test_an_svg_is_made_from_its_coloring(world: World) -> None:
    [version_id] = await world.queue_svgs(1)
    async with world.engine():
        await world.until(version_id, "completed", kind=VersionType.SVG)
    version = await world.svg(version_id)
    assert (await world.image(version.image_id)).selected_svg_id == version_id
    assert b"<svg" in await world.stored(version.file_ref)
    assert version.credits_charged > 0
    assert version.submissions == 1
    assert version.status == S.COMPLETED


async def test_polling_states_are_written(world: World) -> None:
    world.runpod.latency = Latency(queue=1.5, run=1.5)
    [version_id] = await world.queue_colorings(1)
    async with world.engine():
        for status in ("runpod_queued", "runpod_processing", "completed"):
            await world.until(version_id, status)
    assert world.runpod.counts.submitted == 1


async def test_an_operators_choice_is_not_overruled(world: World) -> None:
    world.runpod.latency = Latency(run=2.0)
    [first] = await world.queue_colorings(1, status="completed")
    image_id = (await world.coloring(first)).image_id
    async with world.database.session() as session, session.begin():
        second = ColoringVersion(image_id=image_id, version=2)
        session.add(second)
    async with world.engine():
        await world.until(second.id, "runpod_processing")
        async with world.database.session() as session, session.begin():
            await session.execute(
                update(Image)
                .where(Image.id == image_id)
                .values(selected_coloring_id=first, coloring_chosen_at=func.now())
            )
        await world.until(second.id, "completed")
    assert (await world.image(image_id)).selected_coloring_id == first


async def test_a_choice_made_before_the_job_was_asked_for_gives_way(world: World) -> None:
    [first] = await world.queue_colorings(1, status="completed")
    image_id = (await world.coloring(first)).image_id
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(Image)
            .where(Image.id == image_id)
            .values(selected_coloring_id=first, coloring_chosen_at=func.now())
        )
    async with world.database.session() as session, session.begin():
        second = ColoringVersion(image_id=image_id, version=2)
        session.add(second)
    async with world.engine():
        await world.until(second.id, "completed")
    assert (await world.image(image_id)).selected_coloring_id == second.id


async def test_two_engines_do_each_of_many_jobs_once(world: World) -> None:
    colorings = await world.queue_colorings(20)
    svgs = await world.queue_svgs(20)
    async with world.engine(coloring=8, svg=5) as one, world.engine(coloring=8, svg=5) as other:
        await asyncio.gather(one.drain(), other.drain())
        assert one.counts["completed"] + other.counts["completed"] == 40
        assert min(one.counts["completed"], other.counts["completed"]) > 0
    assert world.runpod.counts.submitted == len(colorings)
    assert world.vectorizer.counts.submitted == len(svgs)
    assert world.runpod.counts.duplicates == 0
    # The account's limit of five holds over both engines.
    assert world.vectorizer.counts.max_concurrent <= 5
    async with world.database.session() as session:
        for model in (ColoringVersion,):
            done = await session.scalar(
                select(func.count()).select_from(model).where(model.status == "completed")
            )
            assert done == 40


async def test_the_account_limit_is_used_to_the_full(world: World) -> None:
    world.vectorizer.latency = Latency(run=0.3)
    await world.queue_svgs(15)
    async with world.engine(svg=5) as one, world.engine(svg=5) as other:
        await asyncio.gather(one.drain(), other.drain())
    assert world.vectorizer.counts.max_concurrent == 5
    assert world.vectorizer.counts.submitted == 15


async def test_a_paused_lane_is_left_alone_until_it_is_resumed(world: World) -> None:
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(Lane).where(Lane.name == "coloring").values(paused_at=func.now())
        )
    [version_id] = await world.queue_colorings(1)
    async with world.engine() as engine:
        assert await engine.drain() == [JobKind.COLORING]
        assert (await world.coloring(version_id)).attempts == 0
        async with world.database.session() as session, session.begin():
            await session.execute(
                update(Lane).where(Lane.name == "coloring").values(paused_at=None)
            )
        await world.until(version_id, "completed")


async def test_a_notification_wakes_an_idle_engine_at_once(world: World) -> None:
    async with world.engine(poll_seconds=NEVER):
        await until(lambda: _listens(world))
        [version_id] = await world.queue_colorings(1)
        async with world.database.session() as session, session.begin():
            await session.execute(select(func.pg_notify("fototui_jobs", "coloring")))
        await world.until(version_id, "completed")


async def _listens(world: World) -> bool:
    async with world.database.session() as session:
        found = await session.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
        )
    return bool(found == 1)


async def test_stopping_gives_jobs_back_at_once(world: World) -> None:
    world.runpod.latency = Latency(run=4.0)
    ids = await world.queue_colorings(3)
    async with world.engine(lease=60):
        for version_id in ids:
            await world.until(version_id, "runpod_processing")
    for version_id in ids:
        version = await world.coloring(version_id)
        assert version.claimed_by is None
        assert version.status == "runpod_processing"
    async with world.engine(lease=60) as engine:
        await engine.drain()
        assert engine.counts["completed"] == 3
        assert engine.counts["taken up again"] == 0
    assert world.runpod.counts.submitted == 3


async def test_a_running_job_gets_its_grace(world: World) -> None:
    world.runpod.latency = Latency(run=2.0)
    [version_id] = await world.queue_colorings(1)
    async with world.engine(grace=60):
        await world.until(version_id, "runpod_processing")
    assert (await world.coloring(version_id)).status == "completed"


async def test_failures_are_in_the_activity_log(world: World) -> None:
    image_ids = await world.add_images(1)
    async with world.database.session() as session, session.begin():
        await session.execute(update(Image).where(Image.id == image_ids[0]).values(file_ref=None))
        version = ColoringVersion(image_id=image_ids[0], version=1)
        session.add(version)
    async with world.engine() as engine:
        await engine.drain()
    async with world.database.session() as session:
        [entry] = (await session.scalars(select(Activity))).all()
    assert (entry.operator, entry.action, entry.version_id) == (
        "test (engine)",
        "failed",
        version.id,
    )
    assert entry.detail is not None
    assert "photo" in entry.detail
