"""One row changed under its lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import joinedload

from fototui.db.database import Database
from fototui.db.errors import (
    AmbiguousRecordError,
    DatabaseError,
    LockNotAcquiredError,
    RecordLockedError,
    RecordNotFoundError,
    UnexpectedStatusError,
)
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.locking import ProcessingLock, RecordLock
from fototui.db.models.orders import ColoringVersion, Image, Order
from fototui.domain.errors import ConflictError, NotFoundError
from fototui.domain.events import BaseMercureEvent, ImageStatusEvent, OrderUpdateEvent
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus
from tests.factories import make_coloring, make_order
from tests.waiting import in_time, until_a_lock_is_waited_for

QUEUED = ColoringProcessingStatus.QUEUED
PROCESSING = ColoringProcessingStatus.PROCESSING
COMPLETED = ColoringProcessingStatus.COMPLETED


@pytest.fixture
async def coloring_id(database: Database, image_id: int) -> int:
    """A queued colouring."""
    async with database.session() as session, session.begin():
        coloring = await make_coloring(session, await session.get_one(Image, image_id))
        return coloring.id


@pytest.fixture
async def session(database: Database) -> AsyncIterator[TrackedAsyncSession]:
    """A session that makes all events about versions."""
    async with database.session() as session:
        session.track_changes(ImageStatusEvent)
        yield session


@pytest.fixture
async def other(database: Database) -> AsyncIterator[TrackedAsyncSession]:
    """Someone else's session."""
    async with database.session() as session:
        yield session


def lock_on(
    session: TrackedAsyncSession, coloring_id: int, *, wait: bool = False
) -> ProcessingLock[ColoringVersion]:
    return ProcessingLock(session, ColoringVersion, ColoringVersion.id == coloring_id, wait=wait)


async def stored(database: Database, coloring_id: int) -> ColoringVersion:
    async with database.session() as session:
        return await session.get_one(ColoringVersion, coloring_id)


# --- what it takes -----------------------------------------------------------------------------


async def test_it_takes_predicates_or_a_factory_never_both_never_neither(
    session: TrackedAsyncSession,
) -> None:
    with pytest.raises(TypeError):
        ProcessingLock(session, ColoringVersion)
    with pytest.raises(TypeError):
        ProcessingLock(
            session,
            ColoringVersion,
            ColoringVersion.id == 1,
            predicate_factory=lambda: [ColoringVersion.id == 1],
        )


async def test_a_plain_with_is_a_type_error(session: TrackedAsyncSession, coloring_id: int) -> None:
    lock = lock_on(session, coloring_id)
    with pytest.raises(TypeError), lock.acquire():  # type: ignore[attr-defined]  # for mypy too
        pass
    with pytest.raises(TypeError), lock:  # type: ignore[attr-defined]  # the lock itself neither
        pass


# --- what it does ------------------------------------------------------------------------------


@pytest.mark.quick
async def test_a_record_is_updated_and_committed(
    database: Database, session: TrackedAsyncSession, coloring_id: int
) -> None:
    async with lock_on(session, coloring_id).acquire() as record_lock:
        assert record_lock.record.id == coloring_id
        await record_lock.update_record(status=PROCESSING, attempts=2)
        assert (await stored(database, coloring_id)).status is QUEUED

    assert not session.in_transaction()
    found = await stored(database, coloring_id)
    assert (found.status, found.attempts) == (PROCESSING, 2)
    assert record_lock.record.status is PROCESSING  # still readable


async def test_a_record_is_mutated_by_a_function(
    database: Database, session: TrackedAsyncSession, coloring_id: int
) -> None:
    def one_more(coloring: ColoringVersion) -> None:
        coloring.attempts += 1

    for _ in range(3):
        async with lock_on(session, coloring_id).acquire() as record_lock:
            await record_lock.mutate_record(one_more)

    assert (await stored(database, coloring_id)).attempts == 3


async def test_a_status_moves_on_from_where_it_is_expected(
    database: Database, session: TrackedAsyncSession, coloring_id: int
) -> None:
    lock = lock_on(session, coloring_id)
    async with lock.acquire() as record_lock:
        await record_lock.verify_and_update_status(QUEUED, PROCESSING, attempts=1)
    async with lock.acquire() as record_lock:
        await record_lock.verify_and_update_status(frozenset({QUEUED, PROCESSING}), COMPLETED)

    found = await stored(database, coloring_id)
    assert (found.status, found.attempts) == (COMPLETED, 1)


async def test_another_status_than_the_expected_is_told_and_nothing_is_written(
    database: Database, session: TrackedAsyncSession, coloring_id: int
) -> None:
    async def complete(record_lock: RecordLock[ColoringVersion]) -> None:
        await record_lock.update_record(attempts=9)
        await record_lock.verify_and_update_status(PROCESSING, COMPLETED, attempts=1)

    with pytest.raises(UnexpectedStatusError) as caught:
        async with lock_on(session, coloring_id).acquire() as record_lock:
            await complete(record_lock)

    assert (caught.value.expected, caught.value.actual) == (frozenset({PROCESSING}), QUEUED)
    found = await stored(database, coloring_id)
    assert (found.status, found.attempts) == (QUEUED, 0)


async def test_an_unknown_column_is_a_type_error(
    session: TrackedAsyncSession, coloring_id: int
) -> None:
    async with lock_on(session, coloring_id).acquire() as record_lock:
        with pytest.raises(TypeError, match="ColoringVersion has no colour"):
            await record_lock.update_record(colour="red")


async def test_writing_after_the_block_is_refused(
    database: Database, session: TrackedAsyncSession, coloring_id: int
) -> None:
    async with lock_on(session, coloring_id).acquire() as record_lock:
        pass
    with pytest.raises(LockNotAcquiredError):
        await record_lock.update_record(attempts=1)
    with pytest.raises(LockNotAcquiredError):
        await record_lock.verify_and_update_status(QUEUED, PROCESSING)
    with pytest.raises(LockNotAcquiredError):
        await record_lock.mutate_record(lambda record: setattr(record, "attempts", 1))

    await session.commit()
    assert (await stored(database, coloring_id)).attempts == 0


async def test_a_lock_is_reusable_and_reads_the_row_anew_each_time(
    session: TrackedAsyncSession, other: TrackedAsyncSession, coloring_id: int
) -> None:
    lock = lock_on(session, coloring_id)
    async with lock.acquire() as first:
        assert first.record.attempts == 0
    async with lock_on(other, coloring_id).acquire() as theirs:
        await theirs.update_record(attempts=7)
    async with lock.acquire() as second:
        assert second.record.attempts == 7


async def test_a_factory_is_asked_at_each_acquire(
    session: TrackedAsyncSession, coloring_id: int
) -> None:
    wanted = [coloring_id + 1, coloring_id]
    lock = ProcessingLock(
        session, ColoringVersion, predicate_factory=lambda: [ColoringVersion.id == wanted.pop()]
    )
    async with lock.acquire() as record_lock:
        assert record_lock.record.id == coloring_id
    with pytest.raises(RecordNotFoundError):
        async with lock.acquire():
            pass


async def test_an_orders_columns_are_readable_after_its_update(database: Database) -> None:
    # The database sets updated_at; reading it must not need another query.
    async with database.session() as session:
        async with session.begin():
            order = await make_order(session)
            before = order.updated_at
        async with ProcessingLock(session, Order, Order.id == order.id).acquire() as lock:
            await lock.verify_and_update_status(OrderStatus.READY_FOR_REVIEW, OrderStatus.ERROR)
            assert lock.record.updated_at > before
        assert lock.record.updated_at > before


async def test_writes_under_a_lock_go_through_the_tracker(
    session: TrackedAsyncSession, published: list[BaseMercureEvent], coloring_id: int
) -> None:
    async with lock_on(session, coloring_id).acquire() as record_lock:
        await record_lock.verify_and_update_status(QUEUED, PROCESSING)
        assert published == []

    assert [type(event) for event in published] == [ImageStatusEvent]


# --- who else holds it -------------------------------------------------------------------------


async def test_a_held_row_is_told_at_once(
    session: TrackedAsyncSession, other: TrackedAsyncSession, coloring_id: int
) -> None:
    async with lock_on(other, coloring_id).acquire():
        with pytest.raises(RecordLockedError) as caught:
            async with in_time(), lock_on(session, coloring_id).acquire():
                pass
        assert not session.in_transaction()
    assert isinstance(caught.value.__cause__, DatabaseError)
    async with lock_on(session, coloring_id).acquire():
        pass


async def test_waiting_for_a_held_row_is_bounded(
    session: TrackedAsyncSession, other: TrackedAsyncSession, coloring_id: int
) -> None:
    async with lock_on(other, coloring_id).acquire(), session.begin():
        await session.execute(text("SET LOCAL lock_timeout = 50"))
        with pytest.raises(RecordLockedError):
            async with lock_on(session, coloring_id, wait=True).acquire():
                pass
    async with lock_on(session, coloring_id, wait=True).acquire() as record_lock:
        await record_lock.update_record(attempts=1)
    # Every connection has a bound.
    assert await session.scalar(text("SHOW lock_timeout")) == "5s"


async def test_who_waits_goes_on_with_what_the_holder_left(
    database: Database,
    session: TrackedAsyncSession,
    other: TrackedAsyncSession,
    coloring_id: int,
) -> None:
    async def one_more() -> None:
        async with lock_on(session, coloring_id, wait=True).acquire() as record_lock:
            await record_lock.update_record(attempts=record_lock.record.attempts + 1)

    async with lock_on(other, coloring_id).acquire() as theirs:
        await theirs.update_record(attempts=7)
        waiter = asyncio.create_task(one_more())
        await until_a_lock_is_waited_for(database)
    await waiter

    assert (await stored(database, coloring_id)).attempts == 8


async def test_children_can_be_made_while_the_parent_is_held(
    session: TrackedAsyncSession, other: TrackedAsyncSession, image_id: int
) -> None:
    async with ProcessingLock(session, Image, Image.id == image_id).acquire():
        # Under FOR UPDATE this would wait for the lock, and fail.
        await other.execute(text("SET LOCAL lock_timeout = 50"))
        await other.execute(
            insert(ColoringVersion).values(image_id=image_id, version=1, status=QUEUED)
        )
        await other.commit()


async def test_no_such_row(session: TrackedAsyncSession, coloring_id: int) -> None:
    lock = ProcessingLock(
        session, ColoringVersion, ColoringVersion.id == coloring_id, ColoringVersion.attempts > 0
    )
    with pytest.raises(RecordNotFoundError):
        async with lock.acquire():
            pass
    assert not session.in_transaction()


async def test_more_than_one_row(
    database: Database, session: TrackedAsyncSession, image_id: int, coloring_id: int
) -> None:
    async with database.session() as making, making.begin():
        await make_coloring(making, await making.get_one(Image, image_id), version=2)
    lock = ProcessingLock(session, ColoringVersion, ColoringVersion.image_id == image_id)
    with pytest.raises(AmbiguousRecordError):
        async with lock.acquire():
            pass
    assert not session.in_transaction()


async def test_the_error_for_no_row_and_for_another_status_may_be_the_callers(
    database: Database, session: TrackedAsyncSession, coloring_id: int
) -> None:
    none, done = NotFoundError("There is none."), ConflictError("It is done.")
    lock = ProcessingLock(
        session, ColoringVersion, ColoringVersion.id == coloring_id + 1, missing=none
    )
    with pytest.raises(NotFoundError) as caught:
        async with lock.acquire():
            pass
    assert caught.value is none

    async def complete() -> None:
        async with lock_on(session, coloring_id).acquire() as record_lock:
            await record_lock.verify_and_update_status(PROCESSING, COMPLETED, otherwise=done)

    with pytest.raises(ConflictError) as refused:
        await complete()
    assert refused.value is done
    assert (await stored(database, coloring_id)).status is QUEUED


# --- several rows ------------------------------------------------------------------------------


async def test_several_rows_are_held_by_their_keys(
    database: Database,
    session: TrackedAsyncSession,
    other: TrackedAsyncSession,
    image_id: int,
    coloring_id: int,
) -> None:
    async with database.session() as making, making.begin():
        image = await making.get_one(Image, image_id)
        ids = [coloring_id] + [(await make_coloring(making, image, version=n)).id for n in (2, 3)]
        # What stands first in the table is not what was made first.
        (await making.get_one(ColoringVersion, coloring_id)).attempts = 1
    every = ProcessingLock(session, ColoringVersion, ColoringVersion.image_id == image_id)

    async with every.acquire_all() as locks:
        assert [lock.record.id for lock in locks] == ids
        assert {lock.now for lock in locks} == {await session.scalar(select(func.now()))}
        for each in ids:
            with pytest.raises(RecordLockedError):
                async with lock_on(other, each).acquire():
                    pass
        for lock in locks:
            await lock.update_record(attempts=5)
    with pytest.raises(LockNotAcquiredError):
        await locks[-1].update_record(attempts=6)
    assert [(await stored(database, each)).attempts for each in ids] == [5, 5, 5]

    nothing = ProcessingLock(session, ColoringVersion, ColoringVersion.image_id == image_id + 1)
    async with nothing.acquire_all() as locks:
        assert locks == []


async def test_inside_a_transaction_rows_are_held_until_it_ends(
    session: TrackedAsyncSession, other: TrackedAsyncSession, coloring_id: int
) -> None:
    async with session.begin():
        (lock,) = await lock_on(session, coloring_id).hold()
        assert lock.record.status is QUEUED
        with pytest.raises(RecordLockedError):
            async with lock_on(other, coloring_id).acquire():
                pass
    async with lock_on(other, coloring_id).acquire():
        pass


async def test_what_is_read_along_is_not_held(
    session: TrackedAsyncSession, other: TrackedAsyncSession, image_id: int, coloring_id: int
) -> None:
    lock = ProcessingLock(
        session,
        ColoringVersion,
        ColoringVersion.id == coloring_id,
        along=[joinedload(ColoringVersion.image, innerjoin=True)],
    )
    async with lock.acquire() as record_lock:
        assert record_lock.record.image.id == image_id
        async with ProcessingLock(other, Image, Image.id == image_id).acquire():
            pass


# --- ways out ----------------------------------------------------------------------------------


async def test_an_error_in_the_block_rolls_back(
    database: Database,
    session: TrackedAsyncSession,
    published: list[BaseMercureEvent],
    coloring_id: int,
) -> None:
    async def fail(record_lock: RecordLock[ColoringVersion]) -> None:
        await record_lock.update_record(status=PROCESSING)
        raise KeyError

    with pytest.raises(KeyError):
        async with lock_on(session, coloring_id).acquire() as record_lock:
            await fail(record_lock)

    assert not session.in_transaction()
    assert (await stored(database, coloring_id)).status is QUEUED
    assert published == []


async def test_a_refused_write_rolls_back_and_the_session_can_go_on(
    database: Database, session: TrackedAsyncSession, coloring_id: int
) -> None:
    with pytest.raises(DatabaseError):
        async with lock_on(session, coloring_id).acquire() as record_lock:
            await record_lock.update_record(image_id=99)
    async with lock_on(session, coloring_id).acquire() as record_lock:
        await record_lock.update_record(attempts=1)

    assert (await stored(database, coloring_id)).attempts == 1


async def test_inside_a_transaction_it_is_a_savepoint(
    database: Database, session: TrackedAsyncSession, coloring_id: int
) -> None:
    async with session.begin():
        async with lock_on(session, coloring_id).acquire() as record_lock:
            await record_lock.update_record(attempts=1)
        assert session.in_transaction()
        assert (await stored(database, coloring_id)).attempts == 0
    assert (await stored(database, coloring_id)).attempts == 1


@pytest.mark.parametrize("reason", ["locked", "not found", "error in the block", "refused write"])
async def test_a_failing_savepoint_leaves_the_outer_transaction_usable(
    database: Database,
    session: TrackedAsyncSession,
    other: TrackedAsyncSession,
    published: list[BaseMercureEvent],
    image_id: int,
    coloring_id: int,
    reason: str,
) -> None:
    session.track_changes(OrderUpdateEvent)
    if reason == "locked":
        await other.get_one(ColoringVersion, coloring_id, with_for_update=True)
    wanted = coloring_id + (1 if reason == "not found" else 0)

    async def change() -> None:
        async with lock_on(session, wanted).acquire() as record_lock:
            await record_lock.update_record(status=PROCESSING)
            if reason == "refused write":
                await record_lock.update_record(image_id=99)
            raise KeyError

    async with session.begin():
        order = await make_order(session)
        order.customer_name = "Před zámkem"
        with pytest.raises((RecordLockedError, RecordNotFoundError, KeyError, DatabaseError)):
            await change()
        order.status = OrderStatus.ERROR
    await other.rollback()

    async with database.session() as reading:
        found = await reading.get_one(Order, order.id)
    assert (found.customer_name, found.status) == ("Před zámkem", OrderStatus.ERROR)
    assert (await stored(database, coloring_id)).status is QUEUED
    assert [type(event) for event in published] == [OrderUpdateEvent]
