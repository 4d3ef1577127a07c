"""What is committed in a store's own process shows at once, whatever becomes of the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from fototui.db.database import Database
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.events import OrderUpdateEvent
from fototui.domain.statuses import OrderStatus
from fototui.live.state import FeedState
from fototui.live.store import LiveStore
from fototui.mercure.publisher import MercurePublishService
from tests.factories import make_coloring
from tests.live.conftest import (
    NEVER,
    PATIENT,
    PUBLISHER_KEY,
    Hub,
    StoreOn,
    Truth,
    add_orders,
    is_at_rest,
    running,
    tracked,
)
from tests.pgproxy import PgProxy
from tests.waiting import until


@pytest.fixture
async def far(proxy: PgProxy) -> AsyncIterator[Database]:
    """The test's database, whose round trips are counted."""
    async with Database(proxy.url) as database:
        yield database


async def _change(database: Database, order_id: str, status: OrderStatus) -> None:
    async with tracked(database.session()) as session, session.begin():
        (await session.get_one(Order, order_id)).status = status


async def _color(database: Database, order_id: str) -> None:
    async with tracked(database.session()) as session, session.begin():
        image = await session.scalar(
            select(Image).join(LineItem).where(LineItem.order_id == order_id)
        )
        assert image is not None
        await make_coloring(session, image)


def _shows(store: LiveStore, order_id: str, status: OrderStatus) -> bool:
    return store.orders[order_id].status is status


async def test_without_a_hub_nothing_has_to_be_asked_for(
    far: Database, store_on: StoreOn, truth: Truth
) -> None:
    """The store asks the database what changed when it starts, and not again for a change."""
    [order_id] = await add_orders(far)
    store = store_on(far, poll_seconds=NEVER, work_seconds=NEVER)
    async with running(store):
        await store.open(order_id)
        await _change(far, order_id, OrderStatus.ERROR)
        await until(lambda: _shows(store, order_id, OrderStatus.ERROR))
        await until(lambda: is_at_rest(store))
        asked = store.fresh_at
        await _color(far, order_id)
        await until(lambda: (d := store.detail(order_id)) and d.images[0].coloring)
        assert store.fresh_at == asked
        # Its event says that any order may be new: that is asked about now, not some time.
        [new] = await add_orders(far)
        await until(lambda: new in store.orders)
        await truth.comes_to(store)
        assert store.health.feed is FeedState.POLLING


async def test_the_list_hears_of_a_change_before_the_opened_order(
    far: Database, store_on: StoreOn
) -> None:
    [order_id] = await add_orders(far)
    store = store_on(far, frame_seconds=0, poll_seconds=NEVER, work_seconds=NEVER)
    async with running(store) as ear:
        await store.open(order_id)
        await until(lambda: any(changed.details for changed in ear.heard) and is_at_rest(store))
        ear.heard.clear()
        await _change(far, order_id, OrderStatus.ERROR)
        await until(lambda: any(changed.details for changed in ear.heard))
        first = next(changed for changed in ear.heard if changed.rows or changed.details)
        assert first.rows == {order_id}


async def test_a_hub_that_is_away_holds_nothing_up(
    far: Database, hub: Hub, store_on: StoreOn
) -> None:
    [order_id] = await add_orders(far)
    store = store_on(far, hub.subscriber(), hub_patience_seconds=NEVER)
    async with running(store):
        await until(lambda: store.health.feed is FeedState.LIVE)
        await hub.stop()
        await until(lambda: store.health.feed is FeedState.CATCHING_UP and is_at_rest(store))
        asked = store.fresh_at
        await _change(far, order_id, OrderStatus.ERROR)
        await until(lambda: _shows(store, order_id, OrderStatus.ERROR))
        assert (store.fresh_at, store.health.feed) == (asked, FeedState.CATCHING_UP)


async def test_ones_own_events_are_asked_about_once_although_the_hub_brings_them_back(
    far: Database, shop: Database, hub: Hub, proxy: PgProxy, store_on: StoreOn
) -> None:
    first, second = await add_orders(far, 2)
    await _change(far, first, OrderStatus.PROCESSING)
    with proxy.counting() as change:
        await _change(far, first, OrderStatus.DOWNLOADING)
    async with MercurePublishService(hub.url, PUBLISHER_KEY, timeout_seconds=PATIENT) as publisher:
        far.listen(publisher.publish)
        store = store_on(far, hub.subscriber(is_known=publisher.is_own), work_seconds=NEVER)
        async with running(store):
            await store.open(first)
            await until(lambda: store.health.feed is FeedState.LIVE and is_at_rest(store))
            await store.refresh(first)  # its statements are prepared now
            with proxy.counting() as both:
                await store.refresh(first)
            with proxy.counting() as row:
                await store.refresh(second)

            with proxy.counting() as trips:
                await _change(far, first, OrderStatus.ERROR)
                await until(lambda: _shows(store, first, OrderStatus.ERROR))
                await until(lambda: publisher.stats.queued == 0)
                # Of another process, and at the hub after one's own.
                async with shop.session() as session, session.begin():
                    session.track_changes(OrderUpdateEvent)
                    (await session.get_one(Order, second)).status = OrderStatus.ERROR
                await until(lambda: _shows(store, second, OrderStatus.ERROR))
            assert trips.total == change.total + both.total + row.total
