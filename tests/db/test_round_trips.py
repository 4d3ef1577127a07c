"""What work costs in network round trips: operators sit 30 ms away from the database."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select, text, update

from fototui.db.database import Database
from fototui.db.locking import ProcessingLock
from fototui.db.models.orders import ColoringVersion, Image
from fototui.domain.events import (
    BaseMercureEvent,
    Change,
    ChangeContext,
    ImageStatusEvent,
    ImageUpdateEvent,
    ListUpdateEvent,
    Operation,
)
from fototui.domain.statuses import ColoringProcessingStatus
from tests.factories import make_coloring, make_order
from tests.pgproxy import PgProxy

QUEUED = ColoringProcessingStatus.QUEUED
PROCESSING = ColoringProcessingStatus.PROCESSING


@pytest.fixture
async def coloring_id(database: Database, image_id: int) -> int:
    """A queued colouring."""
    async with database.session() as session, session.begin():
        return (await make_coloring(session, await session.get_one(Image, image_id))).id


async def _guarded_update(far: Database, coloring_id: int, image_id: int) -> bool:
    """One transition by a single guarded statement."""
    async with far.autocommit() as session:
        session.track_changes(ImageStatusEvent)
        moved = await session.scalar(
            update(ColoringVersion)
            .where(ColoringVersion.id == coloring_id, ColoringVersion.status == QUEUED)
            .values(status=PROCESSING)
            .returning(ColoringVersion.id)
        )
        if moved is None:
            return False
        session.report(
            Change("ColoringVersion", coloring_id, Operation.UPDATE, {"status": PROCESSING}),
            ChangeContext(order_id="ORDER", image_id=image_id),
        )
        return True


async def _locked_update(far: Database, coloring_id: int, status: ColoringProcessingStatus) -> None:
    """One transition that reads the row under its lock first."""
    async with far.session() as session:
        session.track_changes(ImageStatusEvent)
        lock = ProcessingLock(session, ColoringVersion, ColoringVersion.id == coloring_id)
        async with lock.acquire() as record_lock:
            await record_lock.update_record(status=status)


async def test_a_guarded_transition_is_one_round_trip(
    far: Database,
    proxy: PgProxy,
    published: list[BaseMercureEvent],
    image_id: int,
    coloring_id: int,
) -> None:
    with proxy.counting() as first:
        assert await _guarded_update(far, coloring_id, image_id)
    async with far.autocommit() as session:
        await session.execute(update(ColoringVersion).values(status=QUEUED))
    with proxy.counting() as moved:
        assert await _guarded_update(far, coloring_id, image_id)
    with proxy.counting() as refused:
        assert not await _guarded_update(far, coloring_id, image_id)

    assert (moved.total, refused.total) == (1, 1)
    # The very first one connects and prepares: types, JSON codecs, the statement itself.
    assert first.total <= 10
    assert len(published) == 2


async def test_a_transition_under_the_lock_is_five_round_trips(
    far: Database, proxy: PgProxy, published: list[BaseMercureEvent], coloring_id: int
) -> None:
    await _locked_update(far, coloring_id, QUEUED)
    await _locked_update(far, coloring_id, PROCESSING)
    with proxy.counting() as trips:
        await _locked_update(far, coloring_id, ColoringProcessingStatus.RUNPOD_SUBMITTING)

    assert trips.total == 5  # BEGIN, SELECT … NOWAIT, UPDATE, SELECT of what it belongs to, COMMIT
    assert len(published) == 2


async def test_reading_is_one_round_trip_by_autocommit_and_three_in_a_transaction(
    far: Database, proxy: PgProxy, image_id: int
) -> None:
    query = select(Image).where(Image.id == image_id)
    counts = {}
    for _ in range(2):
        for name in ("autocommit", "session"):
            with proxy.counting() as trips:
                async with getattr(far, name)() as session:
                    assert (await session.scalars(query)).one().id == image_id
            counts[name] = trips.total

    assert counts == {"autocommit": 1, "session": 3}  # BEGIN, SELECT, ROLLBACK


async def test_events_of_what_is_in_memory_cost_no_round_trip(
    far: Database, proxy: PgProxy, published: list[BaseMercureEvent]
) -> None:
    async def make(*, tracked: bool) -> int:
        async with far.session() as session:
            if tracked:
                session.track_changes(ImageUpdateEvent, ListUpdateEvent)
            with proxy.counting() as trips:
                async with session.begin():
                    order = await make_order(session, images=3)
                    for image in order.line_items[0].images:
                        await make_coloring(session, image)
        return trips.total

    await make(tracked=False)
    plain = await make(tracked=False)
    tracked = await make(tracked=True)

    assert tracked == plain
    # BEGIN; orders, line items and images in one statement each; three colourings; COMMIT.
    assert plain == 8
    assert len(published) == 4


async def test_an_orders_update_brings_its_new_time_along(far: Database, proxy: PgProxy) -> None:
    async with far.session() as session:
        async with session.begin():
            order = await make_order(session, line_items=0)
        async with session.begin():
            order.customer_name = "První"
        with proxy.counting() as trips:
            async with session.begin():
                order.customer_name = "Druhá"
        assert order.updated_at > order.created_at

    assert trips.total == 3  # BEGIN, UPDATE … RETURNING, COMMIT


async def test_the_proxy_counts_and_delays_what_a_client_sends(
    far: Database, proxy: PgProxy
) -> None:
    async with far.autocommit() as session:
        await session.execute(text("SELECT 1"))
        proxy.latency = 0.05
        started = time.perf_counter()
        with proxy.counting() as trips:
            for _ in range(3):
                await session.execute(text("SELECT 1"))
        assert trips.total == 3
        assert time.perf_counter() - started >= 3 * proxy.latency
        assert proxy.connections == 1
