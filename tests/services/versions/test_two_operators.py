"""Two operators, or an operator and an engine, at the same row at the same time."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select, text

from fototui.db.database import Database
from fototui.db.errors import RecordLockedError
from fototui.db.models.operations import Activity, OutsideCancel
from fototui.db.models.orders import ColoringVersion, Image, Order
from fototui.domain.errors import ConflictError
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import ColoringProcessingStatus as Status
from fototui.domain.statuses import VersionType
from fototui.services.orders.manual import OrderService
from fototui.services.versions.coloring import ColoringService
from fototui.services.views.versions import VersionView
from tests.factories import file_ref, make_coloring
from tests.waiting import until_a_lock_is_waited_for


async def add(database: Database, image: Image, status: Status, version: int = 1) -> int:
    async with database.session() as session, session.begin():
        row = await make_coloring(
            session,
            image,
            status=status,
            version=version,
            file_ref=file_ref(),
            claim_token=uuid.uuid4(),
        )
        return row.id


async def create(database: Database, image: Image, options: ColoringOptions) -> VersionView:
    async with database.session() as session:
        return await ColoringService(session, operator="eva").create(image.id, options)


async def test_versions_created_at_once_get_different_numbers(
    database: Database, image: Image
) -> None:
    views = await asyncio.gather(
        *(create(database, image, ColoringOptions(steps=steps)) for steps in range(1, 9))
    )
    assert sorted(view.version for view in views) == list(range(1, 9))


async def test_of_the_same_asked_for_at_once_one_is_made(database: Database, image: Image) -> None:
    results = await asyncio.gather(
        *(create(database, image, ColoringOptions()) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(result, VersionView) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 5
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(ColoringVersion)) == 1
        assert await session.scalar(select(func.count()).select_from(Activity)) == 1


async def test_retried_by_two_at_once_it_starts_once(database: Database, image: Image) -> None:
    version_id = await add(database, image, Status.ERROR)

    async def retry(name: str) -> VersionView:
        async with database.session() as session:
            return await ColoringService(session, operator=name).retry(version_id)

    results = await asyncio.gather(retry("eva"), retry("petr"), return_exceptions=True)
    assert sum(isinstance(result, VersionView) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 1


async def test_of_two_choices_on_the_same_view_one_wins_and_the_other_learns_of_it(
    database: Database, image: Image
) -> None:
    ids = [await add(database, image, Status.COMPLETED, version) for version in (1, 2)]

    async def choose(version_id: int) -> VersionView:
        async with database.session() as session:
            service = ColoringService(session, operator=f"chooser of {version_id}")
            return await service.select(version_id, expected=None)

    results = await asyncio.gather(*map(choose, ids), return_exceptions=True)
    (won,) = [result for result in results if isinstance(result, VersionView)]
    (lost,) = [result for result in results if isinstance(result, ConflictError)]
    assert f"chosen by chooser of {won.id}" in str(lost)
    async with database.session() as session:
        row = await session.get_one(Image, image.id)
    assert row.selected_coloring_id == won.id


@pytest.fixture
async def impatient(database_url: str) -> AsyncIterator[Database]:
    """A database whose only connection waits for no lock longer than a moment."""
    async with Database(database_url, pool_size=1) as database:
        async with database.session() as session, session.begin():
            await session.execute(text("SET lock_timeout = '100ms'"))
        yield database


async def test_an_order_tells_who_chose_last(database: Database, image: Image) -> None:
    one, other = [await add(database, image, Status.COMPLETED, number) for number in (1, 2)]

    async def told() -> tuple[int | None, str | None]:
        async with database.autocommit() as session:
            order = await OrderService(session, operator="test").get_order(str(order_id))
        (view,) = order.images
        assert view.chosen_by(VersionType.SVG) is None
        return view.selected_coloring_id, view.chosen_by(VersionType.COLORING)

    async def choose(version_id: int, operator: str) -> None:
        async with database.session() as session:
            await ColoringService(session, operator=operator).select(version_id)

    async with database.session() as session, session.begin():
        order_id = (await session.scalars(select(Order.id))).one()
    assert await told() == (None, None)
    for version_id, operator in ((one, "eva"), (other, "petr"), (one, "jana"), (one, "eva")):
        await choose(version_id, operator)
        assert await told() == (version_id, operator)
    # A completion chose instead: what an operator once made of that version is of the past.
    async with database.session() as session, session.begin():
        (await session.get_one(Image, image.id)).coloring_chosen_at = None
    assert await told() == (one, None)


async def test_waiting_for_an_image_is_bounded(
    database: Database, impatient: Database, image: Image
) -> None:
    version_id = await add(database, image, Status.ERROR)
    async with database.session() as holder, holder.begin():
        await holder.execute(select(Image.id).where(Image.id == image.id).with_for_update())
        async with impatient.session() as session:
            service = ColoringService(session, operator="eva")
            with pytest.raises(RecordLockedError, match="right now"):
                await service.create(image.id)
            with pytest.raises(RecordLockedError):
                await service.retry(version_id)
    async with impatient.session() as session:
        assert (await ColoringService(session, operator="eva").create(image.id)).version == 2


async def test_waiting_for_a_version_is_bounded(
    database: Database, impatient: Database, image: Image
) -> None:
    version_id = await add(database, image, Status.PROCESSING)
    async with database.session() as holder, holder.begin():
        await holder.execute(
            select(ColoringVersion.id).where(ColoringVersion.id == version_id).with_for_update()
        )
        async with impatient.session() as session:
            with pytest.raises(RecordLockedError):
                await ColoringService(session, operator="eva").cancel(version_id)


async def test_cancelling_waits_for_the_engines_step_and_then_takes_the_claim(
    database: Database, image: Image
) -> None:
    version_id = await add(database, image, Status.PROCESSING)

    async def cancel() -> VersionView:
        async with database.session() as session:
            return await ColoringService(session, operator="eva").cancel(version_id)

    async with database.session() as engine, engine.begin():
        row = await engine.get_one(ColoringVersion, version_id)
        row.status, row.runpod_job_id = Status.RUNPOD_SUBMITTED, "j1"
        token = row.claim_token
        await engine.flush()
        cancelling = asyncio.create_task(cancel())
        await until_a_lock_is_waited_for(database)
        assert not cancelling.done()
    assert (await cancelling).status is Status.RUNPOD_CANCELLED
    async with database.session() as session:
        row = await session.get_one(ColoringVersion, version_id)
        asked = await session.scalar(select(OutsideCancel.runpod_job_id))
    # What the engine wrote in its last step was seen, and it can write no more.
    assert asked == "j1"
    assert row.claim_token != token
