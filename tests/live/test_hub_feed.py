"""A store that listens to a hub."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import delete, select, update

from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.domain.events import ImageStatusEvent, OrderUpdateEvent
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import OrderStatus, VersionType
from fototui.live.state import FeedState
from fototui.live.store import LiveStore
from fototui.mercure.publisher import MercurePublishService
from tests.factories import make_coloring
from tests.live.conftest import (
    NEVER,
    Hub,
    StoreOn,
    Truth,
    add_orders,
    is_at_rest,
    running,
    tracked,
)
from tests.pgproxy import PgProxy
from tests.tcpproxy import TcpProxy
from tests.waiting import until


async def _images_of(database: Database, order_id: str) -> list[int]:
    async with database.autocommit() as session:
        found = await session.scalars(
            select(Image.id)
            .join(LineItem)
            .where(LineItem.order_id == order_id)
            .order_by(LineItem.id, Image.position)
        )
        return list(found)


async def _image_of(database: Database, order_id: str) -> int:
    [image_id] = await _images_of(database, order_id)
    return image_id


async def _add_coloring(
    database: Database, image_id: int, status: S = S.QUEUED, version: int = 1
) -> int:
    async with tracked(database.session()) as session, session.begin():
        image = await session.get_one(Image, image_id)
        return (await make_coloring(session, image, status=status, version=version)).id


async def _set_status(database: Database, version_id: int, status: S) -> None:
    async with tracked(database.session()) as session, session.begin():
        (await session.get_one(ColoringVersion, version_id)).status = status


def _is_live(store: LiveStore) -> bool:
    return store.health.feed is FeedState.LIVE


@pytest.mark.quick
async def test_a_badge_changes_from_its_event_without_a_round_trip(
    shop: Database, hub: Hub, proxy: PgProxy, store_on: StoreOn, publisher: MercurePublishService
) -> None:
    [order_id] = await add_orders(shop)
    image_id = await _image_of(shop, order_id)
    version_id = await _add_coloring(shop, image_id)
    await until(lambda: publisher.stats.queued == 0)  # none of these is still to come
    async with Database(proxy.url) as far:
        store = store_on(far, hub.subscriber(), work_seconds=NEVER)
        async with running(store) as ear:
            await store.open(order_id)
            await until(lambda: _is_live(store) and is_at_rest(store))
            ear.heard.clear()
            with proxy.counting() as trips:
                for status in (S.PROCESSING, S.RUNPOD_SUBMITTING, S.RUNPOD_SUBMITTED):
                    await _set_status(shop, version_id, status)
                await until(lambda: store.orders[order_id].images[0].coloring is status)
                detail = store.detail(order_id)
                assert detail is not None
                version = detail.images[0].coloring[0]
                await until(lambda: any(order_id in heard.details for heard in ear.heard))
                await until(lambda: {order_id} == set().union(*(h.rows for h in ear.heard)))

            assert trips.total == 0
            assert (version.status, version.elapsed_seconds) == (S.RUNPOD_SUBMITTED, 0.0)


async def test_a_job_that_ends_and_is_retried_shows_as_the_database_has_it(
    shop: Database, hub: Hub, store_on: StoreOn, truth: Truth
) -> None:
    [order_id] = await add_orders(shop)
    image_id = await _image_of(shop, order_id)
    version_id = await _add_coloring(shop, image_id)
    store = store_on(shop, hub.subscriber())
    async with running(store):
        await store.open(order_id)
        await until(lambda: _is_live(store))
        for status in (S.PROCESSING, S.ERROR, S.QUEUED, S.PROCESSING, S.COMPLETED):
            await _set_status(shop, version_id, status)
            await until(lambda: store.orders[order_id].images[0].coloring is status)  # noqa: B023
            await until(
                lambda: (d := store.detail(order_id)) and d.images[0].coloring[0].status is status  # noqa: B023
            )
        await truth.comes_to(store)


async def test_a_version_beside_the_chosen_one_costs_one_query_and_no_badge(
    shop: Database, hub: Hub, proxy: PgProxy, store_on: StoreOn, publisher: MercurePublishService
) -> None:
    [order_id] = await add_orders(shop, images=2)
    image_id, next_image_id = await _images_of(shop, order_id)
    chosen = await _add_coloring(shop, image_id, S.COMPLETED)
    async with shop.autocommit() as session:
        await session.execute(
            update(Image).where(Image.id == image_id).values(selected_coloring_id=chosen)
        )
    other = await _add_coloring(shop, image_id, version=2)
    shown = await _add_coloring(shop, next_image_id)
    await until(lambda: publisher.stats.queued == 0)  # none of these is still to come
    async with Database(proxy.url) as far:
        store = store_on(far, hub.subscriber(), work_seconds=NEVER)
        async with running(store):
            await until(lambda: _is_live(store) and is_at_rest(store))
            with proxy.counting() as trips:
                for status in (S.PROCESSING, S.RUNPOD_SUBMITTING, S.RUNPOD_SUBMITTED) * 10:
                    await _set_status(shop, other, status)
                    # An order's events come in their turn: with this one the other was heard too,
                    # and what it asks for is asked before the next.
                    await _set_status(shop, shown, status)
                    await until(
                        lambda: (
                            store.orders[order_id].images[1].coloring is status  # noqa: B023
                            and is_at_rest(store)
                        )
                    )
    badge = store.orders[order_id].images[0]
    assert (badge.coloring_id, badge.coloring) == (chosen, S.COMPLETED)
    # The row once, or some times where the other badge was painted meanwhile; no query for each.
    assert 1 <= trips.total <= 10


async def test_orders_come_change_and_go_by_events(
    shop: Database, hub: Hub, store_on: StoreOn, truth: Truth
) -> None:
    first = await add_orders(shop, 3)
    store = store_on(shop, hub.subscriber())
    async with running(store) as ear:
        await until(lambda: _is_live(store))
        [new] = await add_orders(shop)
        await until(lambda: new in store.orders)
        assert store.listing[0] == new

        async with tracked(shop.session()) as session, session.begin():
            (await session.get_one(Order, first[0])).status = OrderStatus.ERROR
        await until(lambda: store.orders[first[0]].status is OrderStatus.ERROR)

        image_id = await _image_of(shop, first[1])
        await _add_coloring(shop, image_id)
        await until(lambda: store.orders[first[1]].images[0].coloring is S.QUEUED)

        [empty] = await add_orders(shop, images=0)
        await until(lambda: empty in store.orders)
        async with tracked(shop.session()) as session, session.begin():
            await session.execute(delete(LineItem).where(LineItem.order_id == empty))
            await session.delete(await session.get_one(Order, empty))
        await until(lambda: empty not in store.orders)
        await truth.comes_to(store)
        assert not any(heard.health for heard in ear.heard[-3:])
        assert _is_live(store)


async def test_what_a_restarted_hub_has_lost_is_caught_up(
    shop: Database, database: Database, hub: Hub, store_on: StoreOn, truth: Truth
) -> None:
    first = await add_orders(shop, 5)
    store = store_on(shop, hub.subscriber(), hub_patience_seconds=NEVER)
    async with running(store) as ear:
        await until(lambda: _is_live(store))
        await hub.stop()
        await until(lambda: not _is_live(store))
        assert store.health.feed is FeedState.CATCHING_UP
        # Nobody hears of these: `database` publishes to no hub.
        [new] = await add_orders(database)
        await _add_coloring(database, await _image_of(database, first[2]))
        assert len(store.orders) == 5
        await hub.start()
        await until(lambda: _is_live(store))
        # Live is said only once all is there.
        assert new in store.orders
        assert await truth.is_in(store)
        assert any(heard.health for heard in ear.heard)


async def test_a_hub_that_is_away_is_done_without_until_it_is_back(
    shop: Database, database: Database, hub: Hub, store_on: StoreOn, truth: Truth
) -> None:
    await hub.stop()
    store = store_on(shop, hub.subscriber())
    async with running(store):
        await until(lambda: store.health.feed is FeedState.POLLING)
        assert "MERCURE_URL" in str(store.health.reason)
        [first] = await add_orders(database)
        await until(lambda: first in store.orders)

        await hub.start()
        await until(lambda: _is_live(store))
        assert store.health.reason is None
        await hub.stop()
        await until(lambda: store.health.feed is FeedState.POLLING)
        [second] = await add_orders(database)
        await until(lambda: second in store.orders)
        assert await truth.is_in(store)


async def test_a_hub_that_hangs_is_told_of_and_done_without_until_it_answers(
    shop: Database, database: Database, hub: Hub, store_on: StoreOn, truth: Truth
) -> None:
    address = httpx.URL(hub.url)
    assert address.port is not None
    async with TcpProxy(address.port) as line:
        url = str(address.copy_with(port=line.port))
        store = store_on(shop, hub.subscriber(url, answer_seconds=0.3, quiet_seconds=0.3))
        async with running(store):
            await until(lambda: _is_live(store))
            line.freeze()
            await until(lambda: store.health.feed is FeedState.POLLING)
            [order_id] = await add_orders(database)
            await until(lambda: order_id in store.orders)
            line.thaw()
            await until(lambda: _is_live(store))
            assert await truth.is_in(store)


async def test_an_event_that_was_overtaken_does_not_stay(
    shop: Database, hub: Hub, publisher: MercurePublishService, store_on: StoreOn, truth: Truth
) -> None:
    [order_id] = await add_orders(shop)
    image_id = await _image_of(shop, order_id)
    version_id = await _add_coloring(shop, image_id, S.STORAGE_UPLOAD)
    store = store_on(shop, hub.subscriber(), slow_poll_seconds=0.5)

    def late(status: S) -> ImageStatusEvent:
        return ImageStatusEvent(
            order_id=order_id,
            image_id=image_id,
            status_type=VersionType.COLORING,
            version_id=version_id,
            status=status,
        )

    async with running(store) as ear:
        await until(lambda: _is_live(store))
        publisher.publish(late(S.PROCESSING))
        await until(lambda: any(heard.rows for heard in ear.heard))
        await truth.comes_to(store)
        # What has ended is not even painted over.
        await _set_status(shop, version_id, S.COMPLETED)
        await truth.comes_to(store)
        await until(lambda: not store._notifier.rows)
        ear.heard.clear()
        for status in (S.PROCESSING, "of_a_newer_program"):
            publisher.publish(late(S.PROCESSING).model_copy(update={"status": status}))
        [new] = await add_orders(shop)
        await until(lambda: new in store.orders)
        assert not any(heard.rows for heard in ear.heard)


async def test_an_older_publisher_names_orders_by_number(
    shop: Database, database: Database, hub: Hub, publisher: MercurePublishService,
    store_on: StoreOn, truth: Truth,
) -> None:  # fmt: skip
    [order_id] = await add_orders(shop)
    store = store_on(shop, hub.subscriber())
    async with running(store):
        await until(lambda: _is_live(store))
        async with database.session() as session, session.begin():
            order = await session.get_one(Order, order_id)
            order.customer_name = "Petr"
        publisher.publish(OrderUpdateEvent(order_id=order.order_number.removeprefix("#")))
        await truth.comes_to(store)
