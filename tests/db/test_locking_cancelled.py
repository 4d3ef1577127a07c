"""A lock's transaction ends on every way out, however the task that holds it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError
from fototui.db.locking import ProcessingLock, RecordLock
from fototui.db.models.orders import Image
from fototui.domain.events import BaseMercureEvent, ImageUpdateEvent
from tests.factories import file_ref
from tests.pgproxy import PgProxy
from tests.waiting import PATIENCE, in_time

OpenTransactions = Callable[[], Awaitable[int]]
LATENCY = 0.1
WAITING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def _hold(database: Database, image_id: int, held: asyncio.Event) -> None:
    async with database.session() as session:
        session.track_changes(ImageUpdateEvent)
        async with ProcessingLock(session, Image, Image.id == image_id).acquire() as lock:
            await lock.update_record(file_ref=file_ref("held.jpg"))
            held.set()
            await asyncio.Event().wait()


async def _key(database: Database, image_id: int) -> str | None:
    async with database.session() as session:
        file = (await session.get_one(Image, image_id)).file_ref
        return None if file is None else file.key


@pytest.mark.parametrize("cancels", [1, 2, 5])
async def test_cancelled_while_it_is_held(
    far: Database,
    proxy: PgProxy,
    database: Database,
    published: list[BaseMercureEvent],
    image_id: int,
    open_transactions: OpenTransactions,
    cancels: int,
) -> None:
    before = await _key(database, image_id)
    held = asyncio.Event()
    task = asyncio.create_task(_hold(far, image_id, held))
    await asyncio.wait_for(held.wait(), PATIENCE)
    proxy.latency = LATENCY  # so that the later ones hit the rollback
    trips = proxy.round_trips
    task.cancel()
    for _ in range(cancels - 1):
        await asyncio.sleep(LATENCY / 10)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await open_transactions() == 0
    assert await _key(database, image_id) == before
    assert published == []
    # The rollback was sent and waited for, so the connection could be kept.
    assert proxy.round_trips - trips == 1
    assert await _key(far, image_id) == before
    assert proxy.connections == 1


async def test_cancelling_the_block_leaves_a_longer_lived_session_usable(
    database: Database, image_id: int
) -> None:
    held = asyncio.Event()
    async with database.session() as session:

        async def hold() -> None:
            async with ProcessingLock(session, Image, Image.id == image_id).acquire():
                held.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hold())
        await asyncio.wait_for(held.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not session.in_transaction()
        async with ProcessingLock(session, Image, Image.id == image_id).acquire() as lock:
            await lock.update_record(file_ref=file_ref("after.jpg"))

    assert await _key(database, image_id) == "after.jpg"


async def test_cancelled_while_it_waits_for_the_row(
    far: Database,
    database: Database,
    image_id: int,
    open_transactions: OpenTransactions,
) -> None:
    held = asyncio.Event()
    holder = asyncio.create_task(_hold(database, image_id, held))
    await asyncio.wait_for(held.wait(), PATIENCE)

    async def wait_for_row() -> None:
        async with far.session() as session:
            lock = ProcessingLock(session, Image, Image.id == image_id, wait=True)
            async with lock.acquire():
                pytest.fail("it is held by someone else")

    waiter = asyncio.create_task(wait_for_row())
    async with in_time(), database.autocommit() as watching:
        while not await watching.scalar(text(WAITING)):  # noqa: ASYNC110 - it happens in the server
            await asyncio.sleep(0.01)
    for task in (waiter, holder):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert await open_transactions() == 0


async def test_cancelled_while_it_is_committed_the_commit_counts(
    far: Database,
    proxy: PgProxy,
    database: Database,
    published: list[BaseMercureEvent],
    image_id: int,
    open_transactions: OpenTransactions,
) -> None:
    leaving = asyncio.Event()

    async def change() -> None:
        async with far.session() as session:
            session.track_changes(ImageUpdateEvent)
            lock = ProcessingLock(session, Image, Image.id == image_id)
            async with lock.acquire() as record_lock:
                await record_lock.update_record(file_ref=file_ref("kept.jpg"))
                proxy.latency = LATENCY
                leaving.set()

    task = asyncio.create_task(change())
    await asyncio.wait_for(leaving.wait(), PATIENCE)
    for _ in range(2):
        await asyncio.sleep(LATENCY / 4)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    # Committed and told, rather than committed perhaps and told not.
    assert await open_transactions() == 0
    assert await _key(database, image_id) == "kept.jpg"
    assert [type(event) for event in published] == [ImageUpdateEvent]


async def test_a_cancelled_savepoint_leaves_no_transaction_behind(
    far: Database, image_id: int, open_transactions: OpenTransactions
) -> None:
    held = asyncio.Event()

    async def hold() -> None:
        async with (
            far.session() as session,
            session.begin(),
            ProcessingLock(session, Image, Image.id == image_id).acquire(),
        ):
            held.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await asyncio.wait_for(held.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await open_transactions() == 0


async def test_a_connection_lost_under_the_lock_is_an_outage_and_leaves_nothing_behind(
    far: Database,
    proxy: PgProxy,
    database: Database,
    image_id: int,
    open_transactions: OpenTransactions,
) -> None:
    async def write(lock: RecordLock[Image]) -> None:
        proxy.cut()
        await lock.update_record(file_ref=file_ref("lost.jpg"))

    before = await _key(database, image_id)
    for inside in (False, True):
        async with far.session() as session:
            if inside:
                await session.begin()
            with pytest.raises(DatabaseUnavailableError):
                async with ProcessingLock(session, Image, Image.id == image_id).acquire() as lock:
                    await write(lock)
        async with far.session() as session:  # and the next one works
            assert await session.get(Image, image_id) is not None

    assert await open_transactions() == 0
    assert await _key(database, image_id) == before
