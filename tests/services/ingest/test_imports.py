from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select, text

from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError, RecordLockedError
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.errors import AccountError, ConflictError, NotFoundError, TransientError
from fototui.domain.events import BaseMercureEvent, ListUpdateEvent, OrderUpdateEvent
from fototui.domain.sentences import Sentence
from fototui.domain.shop import ShopOrder, ShopOrderHead, ShopPhoto
from fototui.domain.statuses import OrderStatus
from fototui.services.ingest.ahead import ahead
from fototui.services.ingest.imports import ImportReport, ImportService, SyncService
from tests.factories import file_ref
from tests.logs import capture_logs
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder, Notifications
from tests.services.ingest.shop_orders import (
    PLACED,
    Shop,
    apply,
    books,
    change,
    import_recent,
    read,
    told_item,
    told_order,
)
from tests.waiting import in_time, until, until_a_lock_is_waited_for

ReadActivity = Callable[[], Awaitable[list[Activity]]]

PENDING = OrderStatus.PENDING
DOWNLOADING = OrderStatus.DOWNLOADING
READY = OrderStatus.READY_FOR_REVIEW
ERROR = OrderStatus.ERROR

REFUSED = AccountError("The shop refuses the key; renew it.", service="Shopify", status=401)


async def sync(database: Database, shop: Shop, ref: str) -> ImportReport:
    async with database.session() as session:
        return await ImportService(session, operator="eva", shop=shop).sync(ref)


async def count(database: Database, model: type[Order | LineItem | Image | Activity]) -> int:
    async with database.session() as session:
        return (await session.scalars(select(func.count()).select_from(model))).one()


def many(number: int) -> list[ShopOrder]:
    return [told_order(n) for n in range(1000 + number, 1000, -1)]


# --- importing -----------------------------------------------------------------------------------


async def test_imported_twice_each_order_is_there_once(
    database: Database, activity: ReadActivity
) -> None:
    shop = Shop(many(60))
    first = await import_recent(database, shop)
    again = await import_recent(database, shop)

    numbers = tuple(order.number for order in shop.orders)
    assert first == ImportReport(imported=numbers)
    assert again == ImportReport(skipped=numbers)
    assert (await count(database, Order), await count(database, Image)) == (60, 120)
    assert len(await activity()) == 60


async def test_an_import_is_one_event_of_the_list(
    database: Database, published: list[BaseMercureEvent]
) -> None:
    await import_recent(database, Shop(many(60)))
    assert published == [ListUpdateEvent()]  # not another one for each order that came
    published.clear()

    paid = [replace(order, payment_status="PAID") for order in many(60)]
    report = await import_recent(database, Shop(paid))

    assert len(report.updated) == 60
    (event,) = [event for event in published if isinstance(event, ListUpdateEvent)]
    assert len(event.order_ids) == 60
    assert sum(isinstance(event, OrderUpdateEvent) for event in published) == 60


async def test_the_report_tells_all_four_apart(database: Database, shop_order: MakeOrder) -> None:
    await import_recent(database, Shop([told_order(2), told_order(3)]))
    await shop_order(order_number="#4", shopify_id=None)
    told = [
        told_order(5),
        told_order(4),
        told_order(3, payment_status="PAID"),
        told_order(2),
        told_order(1),
    ]
    report = await import_recent(database, Shop(told))

    assert (report.imported, report.updated, report.skipped) == (("#5", "#1"), ("#3",), ("#2",))
    (failure,) = report.failed
    assert failure.number == "#4"
    assert "another order #4" in str(failure.reason)


async def test_what_the_database_cannot_hold_fails_alone(database: Database) -> None:
    huge = replace(told_item(72), quantity=10**12)
    report = await import_recent(database, Shop([told_order(2, huge), told_order(1)]))
    assert report.imported == ("#1",)
    (failure,) = report.failed
    assert failure.number == "#2"
    assert "The database does not take what the shop tells" in str(failure.reason)
    assert str(10**12) not in str(failure.reason)


async def test_an_order_that_someone_holds_fails_alone(
    database: Database, database_url: str
) -> None:
    await import_recent(database, Shop(many(3)))
    paid = [replace(order, payment_status="PAID") for order in many(3)]
    async with (
        Database(database_url, pool_size=1) as impatient,
        database.session() as holder,
        holder.begin(),
    ):
        async with impatient.session() as session, session.begin():
            await session.execute(text("SET lock_timeout = '100ms'"))
        await holder.execute(
            select(Order.id).where(Order.order_number == "#1002").with_for_update()
        )
        report = await import_recent(impatient, Shop(paid))
    assert (report.updated, [failure.number for failure in report.failed]) == (
        ("#1003", "#1001"),
        ["#1002"],
    )


@pytest.mark.parametrize("is_known", [False, True])
async def test_an_order_that_is_named_and_not_given_is_told_of(
    database: Database, is_known: bool
) -> None:
    """The shop's list may be ahead of what gives whole orders; nobody would look for it again."""
    told = [told_order(3), told_order(2), told_order(1)]
    if is_known:
        await apply(database, told[1])
    shop = Shop(told)
    shop.kept_back = {2000}
    report = await import_recent(database, shop)
    assert (report.imported, report.updated, report.skipped) == (("#3", "#1"), (), ())
    (failure,) = report.failed
    assert failure.number == "#2"
    assert "does not give it in whole" in str(failure.reason)
    shop.kept_back.clear()
    assert not (await import_recent(database, shop)).failed


async def test_an_order_that_someone_is_making_keeps_no_other_from_coming(
    database: Database, database_url: str
) -> None:
    async with (
        Database(database_url, pool_size=1) as impatient,
        database.session() as holder,
        holder.begin(),
    ):
        async with impatient.session() as session, session.begin():
            await session.execute(text("SET lock_timeout = '100ms'"))
        holder.add(Order(order_number="#1002", shopify_id=1002_000))
        await holder.flush()
        report = await import_recent(impatient, Shop(many(3)))
        failed = [failure.number for failure in report.failed]
        assert (report.imported, failed) == (("#1003", "#1001"), ["#1002"])


async def test_limit_and_beginning_go_to_the_shop(database: Database) -> None:
    shop = Shop(many(5))
    async with database.session() as session:
        service = ImportService(session, operator="eva", shop=shop)
        report = await service.import_recent(limit=2, since=date(2026, 11, 1))
    assert shop.asked == [(2, date(2026, 11, 1))]
    assert len(report.imported) == 2


async def test_an_order_that_comes_twice_counts_once(database: Database) -> None:
    report = await import_recent(database, Shop([told_order(2), told_order(1), told_order(2)]))
    assert report == ImportReport(imported=("#2", "#1"))


async def test_pages_that_overlap_are_asked_for_and_counted_once(database: Database) -> None:
    """They shift while orders come in."""

    class Shifting(Shop):
        async def order_heads(
            self, *, limit: int | None = None, since: datetime | date | None = None
        ) -> AsyncGenerator[list[ShopOrderHead], None]:
            for page in (self.orders[:2], self.orders[1:], self.orders[1:]):
                yield [*page]

    orders = [told_order(number, revision="first") for number in (3, 2, 1)]
    shop = Shifting(orders)
    assert await import_recent(database, shop) == ImportReport(imported=("#3", "#2", "#1"))
    assert shop.in_full == [3000, 2000, 1000]
    assert await import_recent(database, shop) == ImportReport(skipped=("#3", "#2", "#1"))


async def test_a_shop_that_tells_nothing_is_an_error(database: Database) -> None:
    shop = Shop(ending=REFUSED)
    with pytest.raises(AccountError, match="renew"):
        await import_recent(database, shop)
    assert shop.is_closed


async def test_a_shop_that_falls_silent_leaves_what_it_told(
    database: Database, published: list[BaseMercureEvent]
) -> None:
    shop = Shop(
        many(70), ending=TransientError("The shop does not answer; try later.", service="Shopify")
    )
    report = await import_recent(database, shop)
    assert len(report.imported) == 70
    (failure,) = report.failed
    assert (failure.number, str(failure.reason)) == ("", "The shop does not answer; try later.")
    assert published.count(ListUpdateEvent()) == 1


async def test_a_cancelled_import_tells_of_what_it_wrote(
    database: Database, published: list[BaseMercureEvent]
) -> None:
    class Slow(Shop):
        async def whole_orders(self, shopify_ids: Sequence[int]) -> AsyncGenerator[ShopOrder, None]:
            async for order in Shop.whole_orders(self, shopify_ids):
                yield order
            await asyncio.Event().wait()

    async def are_there() -> bool:
        return await count(database, Order) == 50

    importing = asyncio.create_task(import_recent(database, Slow(many(50))))
    await until(are_there)
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    assert await count(database, Order) == 50
    assert published.count(ListUpdateEvent()) == 1


async def test_the_shop_is_asked_for_more_while_what_it_told_is_written(database: Database) -> None:
    asked = asyncio.Event()

    class Prompt(Shop):
        async def whole_orders(self, shopify_ids: Sequence[int]) -> AsyncGenerator[ShopOrder, None]:
            told = 0
            async for order in Shop.whole_orders(self, shopify_ids):
                if told == 50:
                    asked.set()
                told += 1
                yield order

    async with database.session() as holder, holder.begin():
        await holder.execute(text("LOCK TABLE activity IN EXCLUSIVE MODE"))
        importing = asyncio.create_task(import_recent(database, Prompt(many(60))))
        await until_a_lock_is_waited_for(database)
        async with in_time():
            await asked.wait()
        assert await count(database, Order) == 0
    assert len((await importing).imported) == 60


# --- at once, and in a crash ----------------------------------------------------------------------


async def test_two_imports_at_once_give_each_order_once(
    database: Database, activity: ReadActivity
) -> None:
    shop = Shop(many(40))
    other = Shop(list(reversed(shop.orders)))
    reports = await asyncio.gather(import_recent(database, shop), import_recent(database, other))

    imported = [number for report in reports for number in report.imported]
    assert sorted(imported) == sorted(order.number for order in shop.orders)
    assert not any(report.failed for report in reports)
    assert (await count(database, Order), await count(database, Image)) == (40, 80)
    assert len(await activity()) == 40


async def test_an_import_that_dies_halfway_leaves_whole_orders(
    database: Database, database_url: str, activity: ReadActivity
) -> None:
    shop = Shop(many(60))  # more than are taken in together, so that the shop is not at its end
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        async with database.session() as holder, holder.begin():
            # The second lot gets as far as its photos, and then its connection breaks.
            await holder.execute(
                text(
                    "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    "IF (SELECT count(*) FROM orders) > 50 THEN "
                    "PERFORM pg_terminate_backend(pg_backend_pid()); END IF; "
                    "RETURN NULL; END $$"
                )
            )
            await holder.execute(
                text("CREATE TRIGGER stop AFTER INSERT ON images EXECUTE FUNCTION stop()")
            )
        with pytest.raises(DatabaseUnavailableError):
            await import_recent(far, shop)
        assert shop.is_closed
    assert (await count(database, Order), await count(database, Image)) == (50, 100)
    assert (await count(database, LineItem), len(await activity())) == (50, 50)
    async with database.session() as session, session.begin():
        await session.execute(text("DROP TRIGGER stop ON images"))

    report = await import_recent(database, shop)

    assert (len(report.imported), len(report.skipped)) == (10, 50)
    assert (await count(database, Order), await count(database, Image)) == (60, 120)


@pytest.mark.parametrize(("revision", "in_full", "round_trips"), [("first", 0, 3), (None, 50, 7)])
async def test_an_import_without_news_takes_few_round_trips(
    database: Database, database_url: str, revision: str | None, in_full: int, round_trips: int
) -> None:
    shop = Shop([replace(order, revision=revision) for order in many(50)])
    await import_recent(database, shop)
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        await import_recent(far, shop)
        shop.in_full.clear()
        with proxy.counting() as trips:
            report = await import_recent(far, shop)
    assert len(report.skipped) == 50
    # Two are each transaction's own.
    assert (len(shop.in_full), trips.total) == (in_full, round_trips)


async def test_new_orders_take_few_round_trips_together(
    database: Database, database_url: str
) -> None:
    events: list[BaseMercureEvent] = []
    counted = 0
    async with (
        PgProxy(database_url) as proxy,
        Database(proxy.url, publish=events.append) as far,
    ):
        for beginning in (1000, 2000):  # the first round prepares the statements
            told = [told_order(beginning + n) for n in range(50)]
            with proxy.counting() as trips:
                report = await import_recent(far, Shop(told))
            assert len(report.imported) == 50
            counted = trips.total
    # What is known is asked for in one, and all is written in one; two are each transaction's own.
    assert counted == 6
    assert events == [ListUpdateEvent()] * 2


async def test_one_that_stands_in_the_way_keeps_no_other_from_coming(
    database: Database, activity: ReadActivity
) -> None:
    await apply(database, told_order(1, told_item(71)))
    told = many(20)
    told[7] = replace(told[7], items=(told_item(71),))  # a book of the first order
    report = await import_recent(database, Shop(told))
    assert [failure.number for failure in report.failed] == [told[7].number]
    assert "belongs to another order" in str(report.failed[0].reason)
    assert report.imported == tuple(order.number for n, order in enumerate(told) if n != 7)
    assert (await count(database, Order), len(await activity())) == (20, 20)


async def test_those_that_are_left_out_keep_the_others_together(
    database: Database, shop_order: MakeOrder, notifications: Notifications
) -> None:
    await shop_order(order_number="#1002", shopify_id=None)
    told = [*many(3), told_order(7, created_at=None)]
    with capture_logs() as logs:
        report = await import_recent(database, Shop(told[:3]))
        assert await notifications.heard() == ["download"]
        undated = await import_recent(database, Shop(told))
    assert (report.imported, undated.imported) == (("#1003", "#1001"), ("#7",))
    assert [log["event"] for log in logs if "one by one" in log["event"]] == []


async def test_nobody_is_woken_where_there_is_nothing_to_fetch(
    database: Database, notifications: Notifications
) -> None:
    report = await import_recent(database, Shop([told_order(1, told_item(71, pages=[]))]))
    assert (report.imported, await notifications.heard()) == (("#1",), [])


async def test_what_is_made_ahead_ends_with_its_use() -> None:
    ended = False

    async def two() -> AsyncGenerator[int, None]:
        nonlocal ended
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            ended = True

    async with in_time(), aclosing(ahead(two())) as numbers:
        assert await anext(numbers) == 1
        await until(lambda: len(asyncio.all_tasks()) > 1)
    assert ended


async def test_an_import_that_is_cancelled_leaves_no_half_order(
    database: Database, published: list[BaseMercureEvent], activity: ReadActivity
) -> None:
    shop = Shop(many(60))
    async with database.session() as holder, holder.begin():
        await holder.execute(text("LOCK TABLE activity IN EXCLUSIVE MODE"))
        importing = asyncio.create_task(import_recent(database, shop))
        await until_a_lock_is_waited_for(database)  # books and photos are written
        importing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await importing
    assert (await count(database, Order), await count(database, Image)) == (0, 0)
    assert published == []
    assert len((await import_recent(database, shop)).imported) == 60
    assert (await count(database, Image), len(await activity())) == (120, 60)


async def test_together_and_alone_come_to_the_same(
    database: Database, notifications: Notifications
) -> None:
    """All kinds of orders, as they are written by an import and by themselves."""
    lost = ShopPhoto(3, None, Sentence.make("There is no address."))
    gone = replace(told_item(4), quantity=0)
    kinds = [
        told_order(1, revision="first"),
        told_order(2, told_item(21), replace(told_item(22, pages=[]), dedication=None)),
        told_order(3, replace(told_item(31), photos=(lost,))),
        told_order(4, gone),
        told_order(5, replace(told_item(51), photos=(), is_photo_book=True)),
        told_order(6, cancelled_at=PLACED, email=None, customer=None),
        told_order(7, created_at=None),
    ]
    written = []
    for is_alone in (True, False):
        if is_alone:
            for order in kinds:
                await apply(database, order)
        else:
            report = await import_recent(database, Shop(kinds))
            assert report.imported == tuple(order.number for order in kinds)
        assert set(await notifications.heard()) == {"download"}
        written.append(await _all_that_is_written(database))
        async with database.session() as session, session.begin():
            await session.execute(text("TRUNCATE orders, line_items, images, activity CASCADE"))
    alone, together = written
    assert together == alone


async def _all_that_is_written(database: Database) -> list[str]:
    """Everything but ids and times of now."""
    placed = "shopify_line_item_id AS place"
    rows = [
        "SELECT *, shopify_id AS place FROM orders",
        f"SELECT *, {placed} FROM line_items",
        f"SELECT i.*, {placed} FROM images i JOIN line_items l ON l.id = line_item_id",
        "SELECT a.*, shopify_id AS place FROM activity a JOIN orders o ON o.id = order_id",
    ]
    now = "'id', 'order_id', 'line_item_id', 'at', 'changed_in', 'taken_in', 'queued_at'"
    now += ", 'updated_at'"
    undated = "CASE WHEN place = 7000 THEN 'created_at' ELSE '' END"
    queries = [
        f"SELECT to_jsonb(r) - ARRAY[{now}] - {undated} FROM ({row}) r ORDER BY 1" for row in rows
    ]
    queries += [
        # Of JSON, what is nothing is NULL.
        "SELECT count(error_words) FROM orders UNION ALL SELECT count(error_words) FROM images",
        "SELECT count(*) FROM order_texts",
        "SELECT sum(orders) FROM order_counts",
    ]
    async with database.session() as session:
        return [str((await session.execute(text(query))).all()) for query in queries]


# --- one order, now -------------------------------------------------------------------------------


async def test_one_order_is_fetched_again(database: Database) -> None:
    first = await apply(database, told_order(7))
    shop = Shop([told_order(7, payment_status="PAID")])
    assert await sync(database, shop, "7") == ImportReport(updated=("#7",))
    assert await sync(database, shop, first.order_id) == ImportReport(skipped=("#7",))
    assert shop.asked == [7000, 7000]


async def test_a_failed_order_that_is_fetched_goes_on(
    database: Database, notifications: Notifications
) -> None:
    first = await apply(database, told_order(7))
    await change(database, first.order_id, status=ERROR)
    assert (await import_recent(database, Shop([told_order(7)]))).skipped == ("#7",)
    await notifications.heard()
    assert await sync(database, Shop([told_order(7)]), "#7") == ImportReport(updated=("#7",))
    assert (await read(database, first.order_id)).status is DOWNLOADING
    assert await notifications.heard() == ["download"]


async def test_what_cannot_be_fetched_is_told(database: Database, shop_order: MakeOrder) -> None:
    await apply(database, told_order(7))
    await shop_order(order_number="#M1000", shopify_id=None)
    with pytest.raises(NotFoundError, match="no order 8"):
        await sync(database, Shop(), "8")
    with pytest.raises(ConflictError, match="#M1000 was made by hand"):
        await sync(database, Shop(), "M1000")
    with pytest.raises(NotFoundError, match="shop has no order #7"):
        await sync(database, Shop(), "7")
    with pytest.raises(AccountError):
        await sync(database, Shop(ending=REFUSED), "7")


# --- by way of the engine -------------------------------------------------------------------------


async def request(database: Database, ref: str) -> None:
    async with database.session() as session:
        await SyncService(session, operator="eva").request(ref)


async def retry(database: Database, ref: str) -> OrderStatus:
    async with database.session() as session:
        return await SyncService(session, operator="eva").retry(ref)


async def test_a_request_leaves_a_reviewed_order_as_it_is(
    database: Database,
    shop_order: MakeOrder,
    notifications: Notifications,
    activity: ReadActivity,
    published: list[BaseMercureEvent],
) -> None:
    made = await shop_order(takeovers=2, retries=3, queued_at=datetime(2020, 1, 1, tzinfo=UTC))
    await request(database, made.order_number)
    row = await read(database, str(made.id))
    assert row.status is READY
    assert row.sync_requested_at is not None
    assert (row.takeovers, row.retries, row.queued_at.year > 2020) == (0, 0, True)
    assert await notifications.heard() == ["ingest"]
    (entry,) = await activity()
    assert (entry.action, entry.operator) == ("requested", "eva")
    assert published == []


async def test_a_request_leaves_an_engine_its_claim(
    database: Database, shop_order: MakeOrder
) -> None:
    token = uuid.uuid4()
    made = await shop_order(status=OrderStatus.PROCESSING, claim_token=token, retries=2)
    await request(database, made.order_number)
    row = await read(database, str(made.id))
    assert (row.status, row.claim_token, row.retries) == (OrderStatus.PROCESSING, token, 2)
    assert row.sync_requested_at is not None


async def test_a_request_that_waited_is_younger_than_what_it_waited_for(
    database: Database, shop_order: MakeOrder
) -> None:
    made = await shop_order()
    async with database.session() as engine, engine.begin():
        await engine.get_one(Order, made.id, with_for_update={"key_share": True})
        asking = asyncio.create_task(request(database, made.order_number))
        await until_a_lock_is_waited_for(database)
        seen = await engine.scalar(select(func.clock_timestamp()))
    await asking
    row = await read(database, str(made.id))
    assert row.sync_requested_at is not None
    assert seen is not None
    assert row.sync_requested_at > seen


async def test_a_request_has_a_failed_order_begin_anew(
    database: Database, shop_order: MakeOrder
) -> None:
    made = await shop_order(status=ERROR, error="It broke.", retries=3, claim_token=uuid.uuid4())
    await request(database, made.order_number)
    row = await read(database, str(made.id))
    assert (row.status, row.error, row.retries, row.claim_token) == (PENDING, None, 0, None)


async def test_only_the_shops_orders_can_be_requested(
    database: Database, shop_order: MakeOrder
) -> None:
    made = await shop_order(shopify_id=None)
    with pytest.raises(ConflictError, match="made by hand"):
        await request(database, made.order_number)
    with pytest.raises(NotFoundError):
        await request(database, "77")


@pytest.mark.parametrize(
    ("uploaded", "shopify_id", "status", "lanes"),
    [
        (False, 7000, DOWNLOADING, ["download"]),
        (False, None, DOWNLOADING, ["download"]),
        (True, 7000, PENDING, ["ingest"]),
        (True, None, READY, []),
    ],
)
async def test_a_retried_order_goes_on_from_where_it_failed(
    database: Database,
    shop_order: MakeOrder,
    notifications: Notifications,
    activity: ReadActivity,
    published: list[BaseMercureEvent],
    uploaded: bool,
    shopify_id: int | None,
    status: OrderStatus,
    lanes: list[str],
) -> None:
    made = await shop_order(
        images=2,
        uploaded=uploaded,
        shopify_id=shopify_id,
        status=ERROR,
        error="One photo is missing.",
        error_code="permanent",
        attempts=4,
        takeovers=3,
    )
    first, second = made.line_items[0].images
    async with database.session() as session, session.begin():
        (await session.get_one(Image, first.id)).error = "It is a page of HTML."
        (await session.get_one(Image, second.id)).file_ref = file_ref()

    assert await retry(database, made.order_number) is status

    row = await read(database, str(made.id))
    assert (row.status, row.error, row.error_code) == (status, None, None)
    assert (row.attempts, row.takeovers) == (0, 0)
    ((_, images),) = await books(database, str(made.id))
    assert [image.error for image in images] == [None, None]
    assert await notifications.heard() == lanes
    assert [entry.action for entry in await activity()] == ["retried"]
    assert OrderUpdateEvent(order_id=str(made.id)) in published


async def test_only_what_failed_is_retried(database: Database, shop_order: MakeOrder) -> None:
    for status in OrderStatus:
        made = await shop_order(status=status)
        if status is not ERROR:
            with pytest.raises(ConflictError, match="has not failed; only one"):
                await retry(database, made.order_number)


async def test_retried_by_two_at_once_it_starts_once(
    database: Database, shop_order: MakeOrder, activity: ReadActivity
) -> None:
    made = await shop_order(status=ERROR, uploaded=False)
    results = await asyncio.gather(
        *(retry(database, made.order_number) for _ in range(2)), return_exceptions=True
    )
    assert results.count(DOWNLOADING) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 1
    assert len(await activity()) == 1


async def test_waiting_for_an_order_is_bounded(
    database: Database, database_url: str, shop_order: MakeOrder
) -> None:
    made = await shop_order(status=ERROR, uploaded=False)
    async with Database(database_url, pool_size=1) as impatient:
        async with impatient.session() as session, session.begin():
            await session.execute(text("SET lock_timeout = '100ms'"))
        async with database.session() as holder, holder.begin():
            await holder.get_one(Order, made.id, with_for_update=True)
            with pytest.raises(RecordLockedError):
                await retry(impatient, made.order_number)
            with pytest.raises(RecordLockedError):
                await request(impatient, made.order_number)
        assert await retry(impatient, made.order_number) is DOWNLOADING
