"""Webhooks of one moment are noted together, and none is harmed by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from fototui.clients.shopify.webhook import Delivery
from fototui.db.database import Database
from fototui.db.errors import DatabaseError, DatabaseUnavailableError, RecordLockedError
from fototui.db.fixed import FixedStatement
from fototui.db.models.inbound import WebhookDelivery
from fototui.db.models.orders import Order
from fototui.domain.statuses import OrderStatus
from fototui.services.ingest.apply import insert_order
from fototui.services.ingest.deliveries import Deliveries
from fototui.services.ingest.webhooks import WebhookService
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder, Notifications
from tests.services.ingest.shop_orders import told_order
from tests.waiting import in_time, until

MANY = 10
TRIGGERED = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)


def delivery(
    order: int = 0,
    webhook_id: str = "",
    *,
    triggered_at: datetime | None = TRIGGERED,
    told: object = 1,
) -> Delivery:
    """A delivery of one of the orders."""
    return Delivery(
        webhook_id=webhook_id or f"w{order}",
        topic="orders/updated",
        shop="fotomalovanky.myshopify.com",
        triggered_at=triggered_at,
        order=told_order(1270 + order),
        payload={"told": told},
    )


def shopify_id(order: int) -> int:
    """Shopify's number of one of the orders."""
    return (1270 + order) * 1000


Answer = bool | BaseException


class Taken:
    """A server's deliveries, whose database is reached by way of a proxy.

    Args:
        database: The same database, reached straight.
        far: The server's.
        proxy: What is between.
    """

    def __init__(self, database: Database, far: Database, proxy: PgProxy) -> None:
        self.database = database
        self.far = far
        self.proxy = proxy
        self.deliveries = Deliveries(far, operator="shop")

    def ask(self, what: Delivery) -> asyncio.Task[bool]:
        """Begin to take a delivery in."""
        return asyncio.create_task(self.deliveries.take_in(what))

    async def at_once(self, those: Sequence[Delivery]) -> list[Answer]:
        """Take deliveries in that come in one moment; their answers."""
        return await answers([self.ask(what) for what in those])

    async def noted(self) -> list[str]:
        """Which deliveries are written down."""
        async with self.database.session() as session:
            ids = select(WebhookDelivery.id).order_by(WebhookDelivery.id)
            return list(await session.scalars(ids))

    async def newest_payload(self, order: int) -> dict[str, object] | None:
        """What an engine would take of an order."""
        async with self.database.session() as session:
            service = WebhookService(session, operator="shop")
            return await service.newest_payload(shopify_id(order))

    async def requested(self) -> list[int]:
        """Of which orders an engine is asked for the details."""
        wanted = select(Order.shopify_id).where(Order.sync_requested_at.is_not(None))
        async with self.database.session() as session:
            return [one or 0 for one in await session.scalars(wanted.order_by(Order.shopify_id))]

    @asynccontextmanager
    async def blocked(self) -> AsyncIterator[None]:
        """Keep statements from coming to an end while the block runs; none may write orders."""
        async with self.database.session() as session, session.begin():
            await session.execute(text("LOCK TABLE orders IN EXCLUSIVE MODE"))
            yield

    @asynccontextmanager
    async def locked(self, order: int) -> AsyncIterator[None]:
        """Keep an order locked while the block runs, as an engine that writes it does."""
        async with self.database.session() as session, session.begin():
            wanted = select(Order.id).where(Order.shopify_id == shopify_id(order))
            await session.execute(wanted.with_for_update())
            yield

    async def waiting(self) -> list[int]:
        """The server's processes that wait for a lock."""
        statement = text(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock'"
        )
        async with self.database.autocommit() as session:
            return list(await session.scalars(statement))

    async def until_waiting(self, many: int = 1) -> None:
        """Wait until so many statements wait for a lock."""

        async def they_wait() -> bool:
            return len(await self.waiting()) == many

        await until(they_wait)


async def answers(asked: Sequence[asyncio.Task[bool]]) -> list[Answer]:
    """What became of deliveries."""
    async with in_time():
        return await asyncio.gather(*asked, return_exceptions=True)


IDS = sorted(f"w{order}" for order in range(MANY))
EACH = [delivery(order) for order in range(MANY)]


@pytest.fixture
async def taken(
    database: Database, database_url: str, shop_order: MakeOrder
) -> AsyncIterator[Taken]:
    """A server to which ten orders are known, and whose statements are prepared."""
    for order in range(MANY):
        await shop_order(shopify_id=shopify_id(order), line_items=0)
    async with PgProxy(database_url) as proxy, Database(proxy.url, pool_size=2) as far:
        taken = Taken(database, far, proxy)
        await taken.at_once(EACH)
        async with database.session() as session, session.begin():
            await session.execute(text("DELETE FROM webhook_deliveries"))
            await session.execute(text("UPDATE orders SET sync_requested_at = NULL"))
        yield taken
        await taken.deliveries.aclose()


Statements = list[list[object]]


@pytest.fixture
def seen(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Of which orders each statement that was sent is."""
    sent: Statements = []
    run = taken.far.run

    # Any: as `Database.run` has it.
    async def noted(
        statement: FixedStatement, *values: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        sent.append([each["shopify_id"] for each in values])
        return await run(statement, *values)

    monkeypatch.setattr(taken.far, "run", noted)
    return sent


async def test_those_of_one_moment_are_one_transaction(
    taken: Taken, notifications: Notifications
) -> None:
    with taken.proxy.counting() as trips:
        assert await taken.at_once(EACH) == [True] * MANY
    assert trips.total == 1
    assert await taken.noted() == IDS
    assert await taken.requested() == [shopify_id(order) for order in range(MANY)]
    assert await notifications.heard() == ["ingest"]


async def test_none_is_answered_before_it_is_committed(taken: Taken) -> None:
    async with taken.blocked():
        asked = [taken.ask(what) for what in EACH]
        await taken.until_waiting()
        assert not any(task.done() for task in asked)
        assert await taken.noted() == []
    assert await answers(asked) == [True] * MANY
    assert await taken.noted() == IDS


async def test_what_comes_meanwhile_goes_with_the_next(taken: Taken, seen: Statements) -> None:
    async with taken.blocked():
        asked = [taken.ask(EACH[0])]
        await taken.until_waiting()
        asked += [taken.ask(what) for what in EACH[1:]]
        await asyncio.sleep(0)
    assert await answers(asked) == [True] * MANY
    assert [len(each) for each in seen] == [1, MANY - 1]


async def test_orders_are_written_in_one_order_by_all(taken: Taken, seen: Statements) -> None:
    await taken.at_once(EACH[::-1])
    assert seen == [[shopify_id(order) for order in range(MANY)]]


async def test_one_delivery_ten_times_in_one_moment_is_one(
    taken: Taken, notifications: Notifications
) -> None:
    told = await taken.at_once([delivery(3, "again")] * MANY)
    assert sorted(map(bool, told)) == [False] * (MANY - 1) + [True]
    assert await taken.noted() == ["again"]
    assert await notifications.heard() == ["ingest"]


async def test_one_id_of_two_orders_in_one_moment_is_one(taken: Taken) -> None:
    told = await taken.at_once([delivery(5, "w"), delivery(4, "w"), delivery(6, "w6")])
    assert told == [False, True, True]
    assert await taken.noted() == ["w", "w6"]


@pytest.mark.parametrize("triggered_at", [TRIGGERED, None], ids=["at once", "not told"])
async def test_of_one_order_the_newest_counts_also_in_one_moment(
    taken: Taken, triggered_at: datetime | None
) -> None:
    those = [delivery(3, f"w{n}", told=n, triggered_at=triggered_at) for n in range(MANY)]
    assert await taken.at_once(those) == [True] * MANY
    assert await taken.noted() == IDS
    assert await taken.newest_payload(3) == {"told": MANY - 1}
    assert await taken.requested() == [shopify_id(3)]


@pytest.mark.parametrize(
    "bad",
    [delivery(4, told="\0"), replace(delivery(4), order=replace(told_order(), shopify_id=2**63))],
    ids=["by the server", "by the driver"],
)
async def test_one_that_is_refused_harms_no_other(taken: Taken, bad: Delivery) -> None:
    told = await taken.at_once([*EACH[:4], bad, *EACH[5:]])
    assert isinstance(told[4], DatabaseError)
    assert told[:4] + told[5:] == [True] * (MANY - 1)
    assert await taken.noted() == [each for each in IDS if each != "w4"]
    assert shopify_id(4) not in await taken.requested()


async def test_new_orders_come_in_beside_known_ones(taken: Taken) -> None:
    new = [delivery(MANY), delivery(MANY, "w10, again"), delivery(MANY + 1)]
    assert await taken.at_once([*EACH, *new]) == [True] * (MANY + 3)
    assert await taken.noted() == sorted([*IDS, "w10", "w10, again", "w11"])


async def test_an_order_that_is_locked_holds_up_no_other(taken: Taken, seen: Statements) -> None:
    async with taken.locked(4):
        asked = [taken.ask(what) for what in EACH]
        assert await answers(asked[:4] + asked[5:]) == [True] * (MANY - 1)
        await taken.until_waiting()
        assert not asked[4].done()
        # Those that come now do not stand behind it.
        assert await taken.at_once([delivery(5, "later")]) == [True]
    assert await answers([asked[4]]) == [True]
    # It was tried together, then again and again, then alone.
    every = [shopify_id(order) for order in range(MANY)]
    assert seen == [every, *[[shopify_id(4)]] * 4, [shopify_id(5)]]
    assert await taken.noted() == ["later", *IDS]


async def test_many_of_a_locked_order_wait_over_one_connection(taken: Taken) -> None:
    async with taken.locked(4):
        asked = [taken.ask(delivery(4, f"again {n}")) for n in range(MANY)]
        await taken.until_waiting()
        # One of the two connections is left, for the others.
        others = [*EACH[:4], *EACH[5:], delivery(MANY)]
        assert await taken.at_once(others) == [True] * len(others)
        assert not any(task.done() for task in asked)
    assert await answers(asked) == [True] * MANY
    assert await taken.requested() == [shopify_id(order) for order in range(MANY)]


async def test_many_of_an_order_that_another_makes_wait_over_one_connection(
    taken: Taken,
) -> None:
    async with taken.database.session() as session, session.begin():
        made = await insert_order(session, told_order(1270 + MANY), OrderStatus.PENDING)
        assert made is not None
        asked = [taken.ask(delivery(MANY, f"again {n}")) for n in range(MANY)]
        await taken.until_waiting()
        assert await taken.at_once(EACH) == [True] * MANY
        assert not any(task.done() for task in asked)
    assert await answers(asked) == [True] * MANY
    assert len(await taken.requested()) == MANY + 1


async def test_many_locked_orders_leave_connections_to_others(
    database_url: str, taken: Taken
) -> None:
    async with (
        Database(database_url, pool_size=5) as roomy,
        Deliveries(roomy, operator="shop") as deliveries,
        AsyncExitStack() as locks,
    ):
        for order in range(5):
            await locks.enter_async_context(taken.locked(order))
        asked = [asyncio.create_task(deliveries.take_in(what)) for what in EACH[:5]]
        await taken.until_waiting(3)
        told = await answers([asyncio.create_task(deliveries.take_in(what)) for what in EACH[5:]])
        assert told == [True] * 5
        await locks.aclose()
        assert await answers(asked) == [True] * 5


async def test_who_waits_for_a_locked_order_in_vain_is_told_so(
    taken: Taken, database_url: str
) -> None:
    async with Database(database_url, pool_size=1) as impatient:
        async with impatient.session() as session, session.begin():
            await session.execute(text("SET lock_timeout = '100ms'"))
        async with Deliveries(impatient, operator="shop") as deliveries, taken.locked(4):
            asked = [asyncio.create_task(deliveries.take_in(what)) for what in EACH[3:6]]
            told = await answers(asked)
    assert [told[0], type(told[1]), told[2]] == [True, RecordLockedError, True]
    assert await taken.noted() == ["w3", "w5"]


async def test_who_goes_away_harms_no_other(taken: Taken) -> None:
    async with taken.blocked():
        first = taken.ask(EACH[0])
        await taken.until_waiting()
        rest = [taken.ask(what) for what in EACH[1:]]
        await asyncio.sleep(0)
        first.cancel()  # under way
        rest[0].cancel()  # not sent yet
        for cancelled in (first, rest[0]):
            with pytest.raises(asyncio.CancelledError):
                await cancelled
    assert await answers(rest[1:]) == [True] * (MANY - 2)
    # What was under way came to its end; its sender, who heard nothing, will repeat it.
    assert await taken.noted() == [each for each in IDS if each != "w1"]
    assert await taken.at_once(EACH[:2]) == [False, True]


async def test_none_is_taken_in_while_the_database_is_gone(taken: Taken) -> None:
    async with taken.blocked():
        asked = [taken.ask(what) for what in EACH]
        await taken.until_waiting()
        [waits] = await taken.waiting()
        async with taken.database.autocommit() as session:
            await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": waits})
        told = await answers(asked)
    assert [type(each) for each in told] == [DatabaseUnavailableError] * MANY
    assert await taken.noted() == []

    await taken.proxy.refuse()
    taken.proxy.cut()
    told = await taken.at_once(EACH)
    assert [type(each) for each in told] == [DatabaseUnavailableError] * MANY
    await taken.proxy.accept()
    assert await taken.at_once(EACH) == [True] * MANY
    assert await taken.noted() == IDS


async def test_what_was_committed_unheard_is_a_duplicate_when_it_comes_again(taken: Taken) -> None:
    async with taken.blocked():
        asked = [taken.ask(what) for what in EACH]
        await taken.until_waiting()
        taken.proxy.swallow()

    async def it_is_committed() -> bool:
        return await taken.noted() == IDS

    await until(it_is_committed)
    taken.proxy.heal()
    taken.proxy.cut()
    told = await answers(asked)
    assert [type(each) for each in told] == [DatabaseUnavailableError] * MANY
    assert await taken.at_once(EACH) == [False] * MANY
    assert await taken.noted() == IDS


async def test_who_still_waits_at_the_end_is_answered(taken: Taken) -> None:
    async with taken.blocked():
        asked = [taken.ask(EACH[0])]
        await taken.until_waiting()
        asked += [taken.ask(what) for what in EACH[1:]]
        await asyncio.sleep(0)
        closing = asyncio.create_task(taken.deliveries.aclose())
    await closing
    # The first may have been committed, unheard, before it was written alone.
    assert [type(each) for each in await answers(asked)] == [bool] * MANY
    assert await taken.noted() == IDS


async def test_who_came_just_before_the_end_is_answered(taken: Taken) -> None:
    asked = [taken.ask(what) for what in EACH]
    await asyncio.sleep(0)  # they are to be written in the loop's next turn
    await taken.deliveries.aclose()
    assert await answers(asked) == [True] * MANY
    assert await taken.noted() == IDS


async def test_what_nobody_waits_for_is_given_up_at_the_end(taken: Taken) -> None:
    async with taken.blocked():
        asked = [taken.ask(EACH[0])]
        await taken.until_waiting()
        for task in asked:
            task.cancel()
        async with in_time():
            await taken.deliveries.aclose()
    assert await taken.noted() == []
