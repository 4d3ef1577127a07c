"""Events are published after the commit, and never without one."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from fototui.db.database import Database
from fototui.db.errors import DatabaseError
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import ColoringVersion, Image, Order
from fototui.domain.events import (
    BaseMercureEvent,
    Change,
    ChangeContext,
    ImageStatusEvent,
    ImageUpdateEvent,
    ListUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from tests.factories import make_coloring, make_order

Published = list[BaseMercureEvent]


class OopsError(Exception):
    """What fails in these tests."""


def _raising(error: type[Exception] = OopsError) -> pytest.RaisesExc[Exception]:
    """The block raises."""
    return pytest.raises(error)


@pytest.fixture
async def ids(database: Database) -> list[str]:
    """Four orders in the database."""
    async with database.session() as session, session.begin():
        return [str((await make_order(session, line_items=0)).id) for _ in range(4)]


def _touch(session: TrackedAsyncSession, *order_ids: str) -> None:
    for order_id in order_ids:
        session.report(Change("Order", order_id, Operation.UPDATE, {"status": "error"}))


def _told(published: Published) -> list[str]:
    return [event.order_id for event in published if isinstance(event, OrderUpdateEvent)]


def _tracking(database: Database) -> TrackedAsyncSession:
    session = database.session()
    session.track_changes(OrderUpdateEvent)
    return session


# --- the root transaction ----------------------------------------------------------------------


async def test_nothing_is_published_before_the_commit_and_all_after_it(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        _touch(session, ids[0])
        await session.flush()
        assert published == []
        await session.commit()
        assert _told(published) == [ids[0]]


async def test_what_only_the_commit_flushes_is_published_too(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        session.autoflush = False
        order = await session.get_one(Order, ids[0])
        order.customer_name = "Nová"
        await session.commit()

    assert _told(published) == [ids[0]]


async def test_a_commit_that_the_database_refuses_publishes_nothing(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        _touch(session, ids[0])
        first, second = await session.get_one(Order, ids[0]), await session.get_one(Order, ids[1])
        second.order_number = first.order_number
        with pytest.raises(DatabaseError):
            await session.commit()

    assert published == []


async def test_rolling_back_drops_what_was_noted(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        (await session.get_one(Order, ids[0])).customer_name = "Nikdy"
        await session.flush()
        await session.rollback()
        await session.commit()

    assert published == []


async def test_an_error_in_the_block_drops_what_was_noted(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        with _raising():
            async with session.begin():
                _touch(session, ids[0])
                raise OopsError
        async with session.begin():
            _touch(session, ids[1])

    assert _told(published) == [ids[1]]


async def test_closing_without_a_commit_drops_what_was_noted(
    database: Database, published: Published, ids: list[str]
) -> None:
    session = _tracking(database)
    async with session:
        (await session.get_one(Order, ids[0])).customer_name = "Nikdy"
        await session.flush()
        async with session.begin_nested():
            _touch(session, ids[1])
    async with session.begin():
        pass

    assert published == []


async def test_a_session_serves_several_transactions(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        for order_id in ids:
            async with session.begin():
                (await session.get_one(Order, order_id)).customer_name = "Dana"
            assert _told(published) == [order_id]
            published.clear()


async def test_two_tasks_publish_only_their_own(
    database: Database, published: Published, ids: list[str]
) -> None:
    both_wrote = asyncio.Barrier(2)

    async def work(order_id: str, *, commit: bool) -> None:
        async with _tracking(database) as session:
            (await session.get_one(Order, order_id)).customer_name = "Souběh"
            await session.flush()
            await both_wrote.wait()
            await (session.commit() if commit else session.rollback())

    await asyncio.gather(work(ids[0], commit=True), work(ids[1], commit=False))

    assert _told(published) == [ids[0]]


# --- savepoints --------------------------------------------------------------------------------


async def test_a_released_savepoint_counts_but_only_with_the_commit(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session, session.begin():
        async with session.begin_nested():
            (await session.get_one(Order, ids[0])).customer_name = "Dana"
        assert published == []

    assert _told(published) == [ids[0]]


async def test_a_released_savepoint_falls_with_its_transaction(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        await session.begin()
        async with session.begin_nested():
            (await session.get_one(Order, ids[0])).customer_name = "Nikdy"
        await session.rollback()
        await session.commit()

    assert published == []


async def test_a_rolled_back_savepoint_takes_only_its_own_along(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session, session.begin():
        (await session.get_one(Order, ids[0])).customer_name = "Před"
        with _raising():
            async with session.begin_nested():
                (await session.get_one(Order, ids[1])).customer_name = "Nikdy"
                await session.flush()
                _touch(session, ids[2])
                raise OopsError
        (await session.get_one(Order, ids[3])).customer_name = "Po"

    assert _told(published) == [ids[0], ids[3]]


async def test_a_savepoint_that_the_database_broke_takes_only_its_own_along(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session, session.begin():
        first = await session.get_one(Order, ids[0])
        first.customer_name = "Před"
        number = first.order_number
        with _raising(DatabaseError):
            async with session.begin_nested():
                _touch(session, ids[1])
                (await session.get_one(Order, ids[2])).order_number = number
                await session.flush()

    assert _told(published) == [ids[0]]


@pytest.mark.parametrize(
    ("outer_stays", "inner_stays", "told"),
    [(True, True, [0, 1, 2, 3]), (True, False, [0, 1, 3]), (False, True, [0]), (False, False, [0])],
)
async def test_savepoints_in_savepoints(
    database: Database,
    published: Published,
    ids: list[str],
    *,
    outer_stays: bool,
    inner_stays: bool,
    told: list[int],
) -> None:
    async with _tracking(database) as session, session.begin():
        _touch(session, ids[0])
        outer = await session.begin_nested()
        _touch(session, ids[1])
        inner = await session.begin_nested()
        _touch(session, ids[2])
        await (inner.commit() if inner_stays else inner.rollback())
        _touch(session, ids[3])
        await (outer.commit() if outer_stays else outer.rollback())

    assert _told(published) == [ids[place] for place in told]


async def test_rolling_back_an_outer_savepoint_by_an_error_inside_an_open_inner_one(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session, session.begin():
        _touch(session, ids[0])
        with _raising():
            async with session.begin_nested():
                _touch(session, ids[1])
                async with session.begin_nested():
                    _touch(session, ids[2])
                await session.begin_nested()
                _touch(session, ids[3])
                raise OopsError

    assert _told(published) == [ids[0]]


# --- deferred batch events ---------------------------------------------------------------------


def _lists(published: Published) -> list[ListUpdateEvent]:
    return [event for event in published if isinstance(event, ListUpdateEvent)]


async def test_a_deferring_block_makes_one_batch_event_of_several_commits(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        session.track_changes(ListUpdateEvent)
        async with session.deferred_batch_events():
            for order_id in (ids[2], ids[0], ids[2]):
                async with session.begin():
                    _touch(session, order_id)
            assert _told(published) == [ids[2], ids[0], ids[2]]
            assert _lists(published) == []
        assert _lists(published) == [ListUpdateEvent(order_ids=tuple(sorted({ids[0], ids[2]})))]
        async with session.begin():
            _touch(session, ids[1])

    assert _lists(published)[1:] == [ListUpdateEvent(order_ids=(ids[1],))]


async def test_a_deferred_insert_makes_the_batch_event_speak_of_everything(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        session.track_changes(ListUpdateEvent)
        async with session.deferred_batch_events():
            async with session.begin():
                _touch(session, ids[0])
            async with session.begin():
                await make_order(session, line_items=0)

    assert _lists(published) == [ListUpdateEvent()]


async def test_a_deferring_block_that_fails_makes_no_batch_event(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        session.track_changes(ListUpdateEvent)
        with _raising():
            async with session.deferred_batch_events():
                async with session.begin():
                    _touch(session, ids[0])
                raise OopsError
        assert _lists(published) == []
        async with session.begin():
            _touch(session, ids[1])

    assert _told(published) == ids[:2]
    assert _lists(published) == [ListUpdateEvent(order_ids=(ids[1],))]


async def test_a_deferring_block_that_changed_nothing_says_nothing(
    database: Database, published: Published
) -> None:
    async with _tracking(database) as session:
        session.track_changes(ListUpdateEvent)
        async with session.deferred_batch_events(), session.begin():
            await session.get(Order, "01J00000000000000000000000")

    assert published == []


async def test_deferring_inside_deferring_publishes_at_the_end_of_the_outer_one(
    database: Database, published: Published, ids: list[str]
) -> None:
    async with _tracking(database) as session:
        session.track_changes(ListUpdateEvent)
        async with session.deferred_batch_events():
            async with session.deferred_batch_events(), session.begin():
                _touch(session, ids[0])
            with _raising():
                async with session.deferred_batch_events():
                    async with session.begin():
                        _touch(session, ids[1])
                    raise OopsError
            async with session.begin():
                _touch(session, ids[2])
            assert _lists(published) == []

    assert _lists(published) == [ListUpdateEvent(order_ids=tuple(sorted([ids[0], ids[2]])))]


# --- autocommit --------------------------------------------------------------------------------


async def test_an_autocommit_session_publishes_on_commit(
    database: Database, published: Published, image_id: int
) -> None:
    async with database.autocommit() as session:
        session.track_changes(ImageUpdateEvent)
        await session.execute(update(Image).values(original_url="https://example.com/new"))
        session.report(
            Change("Image", image_id, Operation.UPDATE, {"file_ref": None}),
            ChangeContext(order_id="ORDER", image_id=image_id),
        )
        assert published == []
        await session.commit()
        assert published == [ImageUpdateEvent(order_id="ORDER", image_id=image_id)]

    assert len(published) == 1


@pytest.mark.parametrize("rolled_back", [False, True])
async def test_an_autocommit_session_publishes_on_closing_what_is_true_already(
    database: Database, published: Published, image_id: int, *, rolled_back: bool
) -> None:
    # Nothing can be rolled back in it, so an error afterwards makes it no less true.
    with _raising():
        async with database.autocommit() as session:
            session.track_changes(ImageUpdateEvent)
            await session.execute(update(Image).values(original_url="https://example.com/new"))
            session.report(Change("Image", image_id, Operation.UPDATE, {"file_ref": None}))
            if rolled_back:
                await session.rollback()
            raise OopsError
    async with database.session() as session:
        image = await session.get_one(Image, image_id)

    assert image.original_url == "https://example.com/new"
    assert [type(event) for event in published] == [ImageUpdateEvent]


async def test_an_autocommit_session_takes_no_orm_writes(
    database: Database, published: Published, image_id: int
) -> None:
    async with database.autocommit() as session:
        session.track_changes(ImageStatusEvent)
        image = await session.get_one(Image, image_id)
        image.original_url = "https://example.com/half"
        with pytest.raises(TypeError, match="autocommit"):
            await session.flush()
    async with database.session() as session:
        found = await session.get_one(Image, image_id)

    assert found.original_url != "https://example.com/half"


async def test_an_autocommit_session_whose_connection_is_gone_still_tells_what_it_knows(
    database: Database, published: Published, image_id: int
) -> None:
    async with database.session() as session, session.begin():
        coloring = await make_coloring(session, await session.get_one(Image, image_id))
    async with database.autocommit() as session:
        session.track_changes(ImageStatusEvent)
        await session.execute(update(ColoringVersion).values(attempts=1))
        session.report(
            Change("ColoringVersion", coloring.id, Operation.UPDATE, {"status": "processing"}),
            ChangeContext(order_id="ORDER", image_id=image_id),
        )
        await (await session.connection()).invalidate()

    assert [type(event) for event in published] == [ImageStatusEvent]
