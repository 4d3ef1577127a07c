from __future__ import annotations

import asyncio
import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import func, select, text

from fototui.clients.shopify.webhook import Delivery, order_of, read_delivery
from fototui.db.database import Database
from fototui.db.errors import RecordLockedError
from fototui.db.models.inbound import WebhookDelivery
from fototui.db.models.orders import Order
from fototui.domain.events import BaseMercureEvent, ListUpdateEvent
from fototui.domain.shop import ShopOrder
from fototui.domain.statuses import OrderStatus
from fototui.services.ingest.deliveries import Deliveries
from fototui.services.ingest.webhooks import WebhookService
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder, Notifications
from tests.services.ingest.shop_orders import (
    PLACED,
    apply,
    books,
    read,
    told_item,
    told_order,
)
from tests.waiting import until

TRIGGERED = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)


def delivery(
    order: ShopOrder | None = None,
    *,
    webhook_id: str = "w1",
    minutes: int | None = 0,
    topic: str = "orders/updated",
    **payload: object,
) -> Delivery:
    """A delivery that was triggered some minutes after the first."""
    return Delivery(
        webhook_id=webhook_id,
        topic=topic,
        shop="fotomalovanky.myshopify.com",
        triggered_at=None if minutes is None else TRIGGERED + timedelta(minutes=minutes),
        order=order,
        payload=payload or {"id": 1270},
    )


async def take_in(database: Database, what: Delivery) -> bool:
    """Take a delivery in that no other meets."""
    async with Deliveries(database, operator="shop") as deliveries:
        return await deliveries.take_in(what)


async def newest_payload(database: Database, shopify_id: int) -> dict[str, object] | None:
    async with database.session() as session:
        return await WebhookService(session, operator="shop").newest_payload(shopify_id)


async def forget_payloads(database: Database, shopify_id: int) -> None:
    async with database.session() as session, session.begin():
        await WebhookService(session, operator="shop").forget_payloads(shopify_id)


async def only_order(database: Database) -> Order:
    async with database.session() as session:
        return (await session.scalars(select(Order))).one()


async def deliveries(database: Database) -> list[WebhookDelivery]:
    async with database.session() as session:
        return list(await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


async def test_an_unknown_order_is_noted_and_left_to_the_engine(
    database: Database, published: list[BaseMercureEvent], notifications: Notifications
) -> None:
    assert await take_in(database, delivery(told_order(), topic="orders/create"))
    row = await only_order(database)
    assert (row.order_number, row.shopify_id, row.status) == (
        "#1270",
        1270_000,
        OrderStatus.PENDING,
    )
    assert (row.customer_name, row.customer_email) == ("Jana Nováková", "jana@example.com")
    assert (row.payment_status, row.created_at) == ("PENDING", PLACED)
    assert row.sync_requested_at is None
    assert await books(database, str(row.id)) == []
    assert published == [ListUpdateEvent()]
    assert await notifications.heard() == ["ingest"]
    (kept,) = await deliveries(database)
    assert (kept.id, kept.topic, kept.shopify_id) == ("w1", "orders/create", 1270_000)
    assert (kept.triggered_at, kept.payload) == (TRIGGERED, {"id": 1270})


async def test_an_order_whose_time_is_not_told_is_dated_by_its_webhook(
    database: Database,
) -> None:
    await take_in(database, delivery(told_order(created_at=None)))
    assert (await only_order(database)).created_at == TRIGGERED


async def test_a_known_order_is_only_asked_for_again(
    database: Database, published: list[BaseMercureEvent], notifications: Notifications
) -> None:
    first = await apply(database, told_order())
    before = await read(database, first.order_id)
    await notifications.heard()
    published.clear()
    assert await take_in(database, delivery(told_order(payment_status="PAID")))
    row = await read(database, first.order_id)
    assert (row.payment_status, row.status) == ("PENDING", before.status)
    assert row.sync_requested_at is not None
    assert row.queued_at == before.queued_at
    assert published == []
    assert await notifications.heard() == ["ingest"]


async def test_an_order_at_rest_is_a_job_that_was_asked_for_now(
    database: Database, shop_order: MakeOrder
) -> None:
    made = await shop_order(
        shopify_id=1270_000, takeovers=3, attempts=5, queued_at=PLACED, not_before=PLACED
    )
    await take_in(database, delivery(told_order()))
    row = await read(database, str(made.id))
    assert (row.takeovers, row.attempts, row.not_before) == (0, 0, None)
    assert row.queued_at > TRIGGERED


@pytest.mark.parametrize("status", [OrderStatus.PROCESSING, OrderStatus.READY_FOR_REVIEW])
async def test_an_order_that_an_engine_works_on_keeps_what_it_counted(
    database: Database, shop_order: MakeOrder, status: OrderStatus
) -> None:
    made = await shop_order(
        shopify_id=1270_000,
        status=status,
        sync_requested_at=PLACED,
        claim_token=uuid.uuid4(),
        retries=2,
        not_before=PLACED,
    )
    await take_in(database, delivery(told_order()))
    row = await read(database, str(made.id))
    assert (row.retries, row.not_before, row.claim_token) == (2, PLACED, made.claim_token)
    assert row.sync_requested_at is not None
    assert row.sync_requested_at > PLACED


async def test_what_was_seen_before_does_nothing(
    database: Database, published: list[BaseMercureEvent], notifications: Notifications
) -> None:
    assert await take_in(database, delivery(told_order()))
    await notifications.heard()
    published.clear()
    assert not await take_in(database, delivery(told_order()))
    assert (await only_order(database)).sync_requested_at is None
    assert (published, await notifications.heard()) == ([], [])


async def test_what_tells_of_no_order_does_nothing(
    database: Database, notifications: Notifications
) -> None:
    assert not await take_in(database, delivery(None, topic="products/update"))
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(Order)) == 0
    (kept,) = await deliveries(database)
    assert (kept.shopify_id, kept.payload) == (None, None)
    assert await notifications.heard() == []


async def test_a_number_that_another_order_has_is_no_ones(
    database: Database, shop_order: MakeOrder, notifications: Notifications
) -> None:
    made = await shop_order(order_number="#1270", shopify_id=None)
    assert not await take_in(database, delivery(told_order()))
    assert (await only_order(database)).id == made.id
    assert (await deliveries(database))[0].payload is None
    assert await notifications.heard() == []


async def test_a_delivery_that_was_refused_may_come_again(
    database: Database, database_url: str, shop_order: MakeOrder
) -> None:
    made = await shop_order(shopify_id=1270_000)
    async with Database(database_url, pool_size=1) as impatient:
        async with impatient.session() as session, session.begin():
            await session.execute(text("SET lock_timeout = '100ms'"))
        async with database.session() as holder, holder.begin():
            await holder.get_one(Order, made.id, with_for_update=True)
            with pytest.raises(RecordLockedError):
                await take_in(impatient, delivery(told_order()))
        assert await take_in(impatient, delivery(told_order()))


async def test_two_that_wait_for_their_order_are_noted_once(
    database: Database, shop_order: MakeOrder, notifications: Notifications
) -> None:
    made = await shop_order(shopify_id=1270_000, retries=2)
    async with database.session() as holder, holder.begin():
        # An engine takes it up meanwhile: what it counted stays.
        row = await holder.get_one(Order, made.id, with_for_update=True)
        row.status, row.retries = OrderStatus.PROCESSING, 3
        await holder.flush()
        what = delivery(told_order())
        waiting = [asyncio.create_task(take_in(database, what)) for _ in range(2)]
        await until(lambda: _are_waiting(database, 2))
    assert sorted([await task for task in waiting]) == [False, True]
    row = await only_order(database)
    assert (row.status, row.retries) == (OrderStatus.PROCESSING, 3)
    assert row.sync_requested_at is not None
    assert [kept.id for kept in await deliveries(database)] == ["w1"]
    assert "ingest" in await notifications.heard()


async def _are_waiting(database: Database, many: int) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with database.autocommit() as session:
        return bool(await session.scalar(waiting) == many)


async def test_an_order_that_goes_while_its_webhook_waits_is_made_again(
    database: Database, shop_order: MakeOrder
) -> None:
    made = await shop_order(shopify_id=1270_000, line_items=0)
    async with database.session() as holder, holder.begin():
        await holder.execute(text("DELETE FROM orders"))
        waiting = asyncio.create_task(take_in(database, delivery(told_order())))
        await until(lambda: _are_waiting(database, 1))
    assert await waiting
    assert (await only_order(database)).id != made.id
    assert [kept.id for kept in await deliveries(database)] == ["w1"]


# --- what deliveries tell ------------------------------------------------------------------------


async def test_the_newest_payload_counts_in_whatever_order_they_come(database: Database) -> None:
    for minutes in (2, 5, None, 3):
        what = delivery(told_order(), webhook_id=f"w{minutes}", minutes=minutes, told=minutes)
        assert await take_in(database, what)
    assert await newest_payload(database, 1270_000) == {"told": 5}
    assert await newest_payload(database, 1271_000) is None


async def test_an_older_payload_that_comes_late_undoes_nothing(database: Database) -> None:
    await take_in(database, delivery(told_order(), webhook_id="w2", minutes=2, told="paid"))
    await forget_payloads(database, 1270_000)
    assert await newest_payload(database, 1270_000) is None
    await take_in(database, delivery(told_order(), webhook_id="w1", minutes=1, told="unpaid"))
    assert await newest_payload(database, 1270_000) is None
    await take_in(database, delivery(told_order(), webhook_id="w3", minutes=3, told="refunded"))
    assert await newest_payload(database, 1270_000) == {"told": "refunded"}


async def test_what_a_webhook_told_is_read_again_from_its_row(database: Database) -> None:
    properties = [
        {"name": "Fotka (2)-1", "value": "https://cdn.example.com/1.jpg"},
        {"name": "Věnování", "value": "Pro Aničku \U0001f308\x00"},
    ]
    body = {
        "id": 1270_000,
        "name": "#1270",
        "created_at": PLACED.isoformat(),
        "email": None,
        "customer": {"first_name": "Jana", "last_name": None},
        "financial_status": "paid",
        "shipping_lines": [{"title": "Zásilkovna"}],
        "line_items": [{"id": 71, "title": "Omalovánka", "quantity": 2, "properties": properties}],
    }
    headers = {"X-Shopify-Topic": "orders/paid", "X-Shopify-Webhook-Id": "w1"}
    what = read_delivery(headers, json.dumps(body).encode())
    assert what.order is not None
    assert len(what.order.items[0].photos) == 1

    assert await take_in(database, what)
    assert order_of(await newest_payload(database, 1270_000) or {}) == what.order


async def test_payloads_of_other_orders_are_kept(database: Database) -> None:
    await take_in(database, delivery(told_order(1), webhook_id="w1", told=1))
    await take_in(database, delivery(told_order(2), webhook_id="w2", told=2))
    await forget_payloads(database, 1000)
    assert await newest_payload(database, 2000) == {"told": 2}
    assert [kept.payload for kept in await deliveries(database)] == [None, {"told": 2}]


async def test_what_nobody_has_read_is_asked_for_also_where_the_details_came_otherwise(
    database: Database, notifications: Notifications
) -> None:
    """An import may have asked the shop before that happened which the webhook tells of."""
    statuses = (OrderStatus.PENDING, OrderStatus.PROCESSING, OrderStatus.ERROR)
    for number, (status, has_photos) in enumerate(product(statuses, (True, False)), start=1):
        item = told_item(10 * number) if has_photos else told_item(10 * number, pages=[])
        order = told_order(number, item)
        await take_in(database, delivery(order, webhook_id=f"w{number}"))
        async with database.session() as session, session.begin():
            row = (await session.scalars(select(Order).filter_by(shopify_id=number * 1000))).one()
            row.status = status
        await notifications.heard()
        applied = await apply(database, order)
        row = await read(database, applied.order_id)
        assert row.sync_requested_at is not None, status
        if has_photos:  # the download tells of it when it ends
            assert row.status is OrderStatus.DOWNLOADING
            assert await notifications.heard() == ["download"]
        else:
            assert row.status is OrderStatus.READY_FOR_REVIEW
            assert await notifications.heard() == ["ingest"]


async def test_where_no_webhook_told_anything_nothing_more_is_asked_for(
    database: Database, shop_order: MakeOrder
) -> None:
    order = told_order()
    await take_in(database, delivery(told_order(7)))
    made = await shop_order(
        order_number=order.number, shopify_id=order.shopify_id, status=OrderStatus.PENDING
    )
    await apply(database, order)
    assert (await read(database, str(made.id))).sync_requested_at is None


async def test_old_deliveries_are_forgotten_but_not_what_is_still_to_be_used(
    database: Database,
) -> None:
    for number in range(1, 5):
        await take_in(database, delivery(told_order(number), webhook_id=f"w{number}"))
    for number in (1, 3):
        await forget_payloads(database, number * 1000)
    async with database.session() as session, session.begin():
        await session.execute(
            text(
                "UPDATE webhook_deliveries SET received_at = now() - interval '8 days' "
                "WHERE id IN ('w1', 'w2')"
            )
        )
    async with database.session() as session:
        assert await WebhookService(session, operator="shop").prune() == 1
    assert [kept.id for kept in await deliveries(database)] == ["w2", "w3", "w4"]


# --- many ----------------------------------------------------------------------------------------


async def test_a_storm_of_deliveries_makes_each_order_once(
    database: Database, published: list[BaseMercureEvent]
) -> None:
    chance = random.Random(4)
    storm = [
        delivery(told_order(1270 + n % 20), webhook_id=f"w{n % 160}", minutes=n % 160, told=n % 160)
        for n in range(400)
    ]
    chance.shuffle(storm)
    taken: list[str] = []

    async def send(server: Deliveries, queue: list[Delivery]) -> None:
        while queue:
            what = queue.pop()
            if await server.take_in(what):
                taken.append(what.webhook_id)

    async with (
        Deliveries(database, operator="shop") as one,
        Deliveries(database, operator="shop") as other,
    ):
        await asyncio.gather(*(send(server, storm) for server in (one, other) for _ in range(4)))

    assert sorted(taken) == sorted(f"w{n}" for n in range(160))
    async with database.session() as session:
        rows = (await session.scalars(select(Order))).all()
    assert sorted(row.order_number for row in rows) == [f"#{n}" for n in range(1270, 1290)]
    assert len(await deliveries(database)) == 160
    for place, row in enumerate(sorted(rows, key=lambda row: row.order_number)):
        assert row.status is OrderStatus.PENDING
        assert row.sync_requested_at is not None
        assert await newest_payload(database, row.shopify_id or 0) == {"told": 140 + place}
    assert published == [ListUpdateEvent()] * 20


async def test_a_delivery_takes_few_round_trips(database: Database, database_url: str) -> None:
    counted = {}
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        # The first round prepares the statements.
        for number in (1, 2):
            for name, webhook_id in (("new", "a"), ("known", "b"), ("seen", "b")):
                what = delivery(told_order(number), webhook_id=f"{webhook_id}{number}")
                with proxy.counting() as trips:
                    await take_in(far, what)
                counted[name] = trips.total
    # A known order's is one statement; two of a new one's are the transaction's own.
    assert counted == {"new": 6, "known": 1, "seen": 1}
