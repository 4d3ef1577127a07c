from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text

from fototui.db.database import Database
from fototui.db.errors import DatabaseError, RecordLockedError
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.errors import ConflictError
from fototui.domain.events import BaseMercureEvent, ListUpdateEvent, OrderUpdateEvent
from fototui.domain.sentences import Sentence
from fototui.domain.shop import ShopOrder, ShopPhoto
from fototui.domain.statuses import OrderStatus
from fototui.services.ingest.applied import Applied
from fototui.services.ingest.apply import IngestService
from tests.factories import file_ref
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder, Notifications
from tests.services.ingest.shop_orders import (
    PLACED,
    apply,
    books,
    change,
    photos,
    read,
    told_item,
    told_order,
)

ReadActivity = Callable[[], Awaitable[list[Activity]]]

PENDING = OrderStatus.PENDING
PROCESSING = OrderStatus.PROCESSING
DOWNLOADING = OrderStatus.DOWNLOADING
READY = OrderStatus.READY_FOR_REVIEW
ERROR = OrderStatus.ERROR

NOTHING = dict.fromkeys(("email", "customer", "payment_status", "shipping_method"))
"""What the shop tells an app that is not approved for customer data."""


async def store_photos(database: Database, order_id: str, *, but: int = 0) -> None:
    """Let an order's photos have arrived, all but some last ones."""
    async with database.session() as session, session.begin():
        found = await session.scalars(
            select(Image).join(LineItem).where(LineItem.order_id == order_id).order_by(Image.id)
        )
        images = found.all()
        for image in images[: len(images) - but]:
            image.file_ref = file_ref(f"{image.id}.jpg")


async def reviewed(database: Database, order: ShopOrder) -> str:
    """An order whose photos are all there and which an operator may be reviewing."""
    applied = await apply(database, order)
    await store_photos(database, applied.order_id)
    await change(database, applied.order_id, status=READY)
    return applied.order_id


# --- what is new ---------------------------------------------------------------------------------


async def test_a_new_order_is_written_as_the_shop_tells_it(
    database: Database,
    published: list[BaseMercureEvent],
    notifications: Notifications,
    activity: ReadActivity,
) -> None:
    told = told_order(1270, told_item(71, pages=[1, 3]), replace(told_item(72), layout=None))
    applied = await apply(database, told)

    assert applied == Applied(applied.order_id, "#1270", True, True, 4, 4)
    row = await read(database, applied.order_id)
    assert (row.order_number, row.shopify_id, row.shopify_order_number) == (
        "#1270",
        1270_000,
        "1270",
    )
    assert (row.customer_email, row.customer_name) == ("jana@example.com", "Jana Nováková")
    assert (row.payment_status, row.shipping_method) == ("PENDING", "Zásilkovna")
    assert (row.created_at, row.status) == (PLACED, DOWNLOADING)
    (first, of_first), (second, of_second) = await books(database, applied.order_id)
    assert (first.position, first.shopify_line_item_id, first.dedication) == (1, 71, "Pro Aničku")
    assert (second.position, second.shopify_line_item_id, second.layout) == (2, 72, None)
    assert [(image.position, image.original_url) for image in of_first] == [
        (1, "https://cdn.example.com/71/1.jpg"),
        (3, "https://cdn.example.com/71/3.jpg"),
    ]
    assert [image.position for image in of_second] == [1, 2]
    assert ListUpdateEvent() in published
    assert await notifications.heard() == ["download"]
    (entry,) = await activity()
    assert (entry.action, entry.operator, entry.detail) == ("imported", "eva", "4 photos")
    assert entry.detail_words == Sentence.make("{count} photo", "{count} photos", count=4)


async def test_an_order_without_photos_is_ready_at_once(
    database: Database, notifications: Notifications
) -> None:
    applied = await apply(database, told_order(1270, told_item(pages=())))
    assert (await read(database, applied.order_id)).status is READY
    assert await notifications.heard() == []


async def test_an_order_of_nothing_but_nulls_is_taken_in(database: Database) -> None:
    applied = await apply(database, told_order(1270, created_at=None, **NOTHING))
    row = await read(database, applied.order_id)
    assert (row.customer_email, row.payment_status) == (None, None)
    assert row.created_at > PLACED


async def test_details_of_an_order_known_by_name_only_are_its_first(
    database: Database, shop_order: MakeOrder, activity: ReadActivity
) -> None:
    row = await shop_order(line_items=0, status=PENDING, order_number="#1270", shopify_id=1270_000)
    applied = await apply(database, told_order())
    assert (applied.order_id, applied.is_new) == (str(row.id), True)
    assert (await read(database, applied.order_id)).created_at == PLACED
    assert [entry.action for entry in await activity()] == ["imported"]


# --- what is told again --------------------------------------------------------------------------


async def test_told_again_it_changes_nothing(
    database: Database,
    published: list[BaseMercureEvent],
    activity: ReadActivity,
    notifications: Notifications,
) -> None:
    first = await apply(database, told_order())
    for status in (DOWNLOADING, ERROR, READY):
        if status is READY:
            await store_photos(database, first.order_id)
        await change(database, first.order_id, status=status)
        before = await books(database, first.order_id)
        await notifications.heard()
        published.clear()

        again = await apply(database, told_order())

        assert not again.changed, status
        assert not again.is_new
        assert published == []
        assert await notifications.heard() == []
        assert len(await activity()) == 1
        after = await books(database, first.order_id)
        assert [[image.id for image in images] for _, images in before] == [
            [image.id for image in images] for _, images in after
        ]


async def test_news_of_the_order_are_written_and_told(
    database: Database, published: list[BaseMercureEvent], activity: ReadActivity
) -> None:
    order_id = await reviewed(database, told_order())
    published.clear()
    applied = await apply(
        database, told_order(payment_status="PAID", email="n@example.com", customer="Jana N.")
    )
    assert applied.changed
    row = await read(database, order_id)
    assert (row.payment_status, row.customer_email, row.customer_name, row.status) == (
        "PAID",
        "n@example.com",
        "Jana N.",
        READY,
    )
    assert published == [
        OrderUpdateEvent(order_id=order_id),
        ListUpdateEvent(order_ids=(order_id,)),
    ]
    entry = (await activity())[-1]
    assert (entry.action, entry.detail) == ("updated", "Payment: paid. Customer or shipping.")
    assert str(entry.detail_words) == entry.detail


async def test_what_is_not_told_erases_nothing(database: Database) -> None:
    first = await apply(database, told_order())
    item = replace(told_order().items[0], dedication=None, layout=None, photos=())
    again = await apply(database, told_order(1270, item, created_at=None, **NOTHING))

    assert not again.changed
    assert again.missing_photos == 2
    row = await read(database, first.order_id)
    assert (row.customer_email, row.payment_status) == ("jana@example.com", "PENDING")
    assert (row.shipping_method, row.created_at) == ("Zásilkovna", PLACED)
    ((book, images),) = await books(database, first.order_id)
    assert (book.dedication, book.layout, len(images)) == ("Pro Aničku", "Na výšku", 2)


async def test_books_that_the_shop_does_not_tell_of_any_more_stay(database: Database) -> None:
    first = await apply(database, told_order(1270, told_item(71), told_item(72)))
    await apply(database, told_order(1270, told_item(72)))
    found = await books(database, first.order_id)
    assert [(item.position, item.shopify_line_item_id) for item, _ in found] == [(1, 71), (2, 72)]


async def test_changed_words_of_a_book_are_written(
    database: Database, published: list[BaseMercureEvent]
) -> None:
    order_id = await reviewed(database, told_order(1270, told_item(71)))
    published.clear()
    changed = replace(told_item(71), dedication="Pro Janičku", quantity=3)
    await apply(database, told_order(1270, changed))
    ((book, _),) = await books(database, order_id)
    assert (book.dedication, book.quantity) == ("Pro Janičku", 3)
    assert OrderUpdateEvent(order_id=order_id) in published


# --- photos ---------------------------------------------------------------------------------------


async def test_new_books_and_photos_come_to_a_reviewed_order(
    database: Database,
    published: list[BaseMercureEvent],
    notifications: Notifications,
    activity: ReadActivity,
) -> None:
    order_id = await reviewed(database, told_order(1270, told_item(71)))
    await notifications.heard()
    published.clear()
    more = told_order(1270, told_item(72, pages=[1]), told_item(71, pages=[1, 2, 3]))
    applied = await apply(database, more)

    assert (applied.is_new, applied.new_photos, applied.missing_photos) == (False, 2, 2)
    assert (await read(database, order_id)).status is DOWNLOADING
    # The shop's first place is taken, so the new book comes last.
    (old, old_images), (new, _) = await books(database, order_id)
    assert (old.shopify_line_item_id, new.shopify_line_item_id, new.position) == (71, 72, 2)
    assert [image.file_ref is not None for image in old_images] == [True, True, False]
    assert OrderUpdateEvent(order_id=order_id) in published
    assert await notifications.heard() == ["download"]
    assert (await activity())[-1].detail == "1 new colouring book. 2 new photos."


async def test_new_photos_of_an_order_that_is_being_downloaded_are_told(
    database: Database, published: list[BaseMercureEvent], notifications: Notifications
) -> None:
    first = await apply(database, told_order(1270, told_item(71, pages=[1])))
    await change(database, first.order_id, claimed_by=uuid.uuid4(), claim_token=uuid.uuid4())
    await notifications.heard()
    published.clear()
    await apply(database, told_order(1270, told_item(71, pages=[1, 2])))
    row = await read(database, first.order_id)
    assert row.claimed_by is not None
    assert row.claim_token is not None
    assert OrderUpdateEvent(order_id=first.order_id) in published
    assert await notifications.heard() == ["download"]


async def test_a_photo_that_is_there_is_never_touched(database: Database) -> None:
    order_id = await reviewed(database, told_order(1270, told_item(71)))
    elsewhere = replace(told_item(71), photos=photos(1, 2, folder="elsewhere"))
    applied = await apply(database, told_order(1270, elsewhere))
    assert not applied.changed
    ((_, images),) = await books(database, order_id)
    assert all("/71/" in (image.original_url or "") and image.file_ref for image in images)


async def test_a_missing_photo_takes_its_new_address_and_loses_its_error(
    database: Database, notifications: Notifications
) -> None:
    first = await apply(database, told_order(1270, told_item(71)))
    await store_photos(database, first.order_id, but=1)
    await change(database, first.order_id, status=ERROR, error="One photo is missing.", retries=3)
    async with database.session() as session, session.begin():
        missing = await session.scalar(select(Image).where(Image.position == 2))
        assert missing is not None
        missing.error, missing.error_code = "It is a page of HTML.", "permanent"
        missing.error_words = Sentence.make("It is a page of HTML.")
    await notifications.heard()
    told = replace(
        told_item(71), photos=(*photos(1, folder="71"), ShopPhoto(2, "https://e.cz/new.jpg"))
    )
    applied = await apply(database, told_order(1270, told))

    assert (applied.new_photos, applied.missing_photos) == (1, 1)
    ((_, (_, image)),) = await books(database, first.order_id)
    assert (image.original_url, image.error, image.error_code, image.error_words) == (
        "https://e.cz/new.jpg",
        None,
        None,
        None,
    )
    row = await read(database, first.order_id)
    assert (row.status, row.error, row.retries) == (DOWNLOADING, None, 0)
    assert await notifications.heard() == ["download"]


async def test_books_without_shopifys_number_are_known_by_their_place(
    database: Database, shop_order: MakeOrder
) -> None:
    row = await shop_order(line_items=2, images=2, order_number="#1270", shopify_id=1270_000)
    applied = await apply(database, told_order(1270, told_item(71), told_item(72)))
    assert applied.new_photos == 0
    found = await books(database, str(row.id))
    assert [(item.id, item.shopify_line_item_id) for item, _ in found] == [
        (row.line_items[0].id, 71),
        (row.line_items[1].id, 72),
    ]


# --- statuses and claims -------------------------------------------------------------------------


async def test_where_an_order_goes_that_brings_no_photos(database: Database) -> None:
    for number, (before, stored, asked, after) in enumerate(
        [
            (PENDING, False, False, DOWNLOADING),
            (PROCESSING, False, False, DOWNLOADING),
            (PENDING, True, False, READY),
            (PROCESSING, True, False, READY),
            (DOWNLOADING, False, False, DOWNLOADING),
            (DOWNLOADING, True, False, DOWNLOADING),
            (READY, False, False, READY),
            (READY, True, False, READY),
            (ERROR, False, False, ERROR),
            (ERROR, True, False, READY),
            (ERROR, False, True, DOWNLOADING),
            (READY, False, True, READY),
        ],
        start=1270,
    ):
        first = await apply(database, told_order(number))
        if stored:
            await store_photos(database, first.order_id)
        await change(database, first.order_id, status=before, error="It broke.", attempts=2)
        applied = await apply(database, told_order(number), asked=asked)
        row = await read(database, first.order_id)
        assert row.status is after, (before, stored, asked)
        assert applied.changed == (before is not after)
        assert (row.error, row.attempts) == ((None, 0) if applied.changed else ("It broke.", 2))


async def test_new_photos_send_any_order_to_the_download(database: Database) -> None:
    for number, before in enumerate(OrderStatus, start=1270):
        first = await apply(database, told_order(number, told_item(number, pages=[1])))
        await change(database, first.order_id, status=before)
        await apply(database, told_order(number, told_item(number, pages=[1, 2])))
        assert (await read(database, first.order_id)).status is DOWNLOADING, before


async def test_a_claim_ends_with_the_status_it_was_made_for(database: Database) -> None:
    for number, (status, is_kept) in enumerate(
        [(PENDING, False), (PROCESSING, False), (DOWNLOADING, True)], start=1270
    ):
        first = await apply(database, told_order(number))
        claim = {"claimed_by": uuid.uuid4(), "claim_token": uuid.uuid4()}
        await change(database, first.order_id, status=status, **claim)
        await apply(database, told_order(number, payment_status="PAID"))
        row = await read(database, first.order_id)
        assert (row.claimed_by is not None, row.claim_token is not None) == (is_kept, is_kept)


async def test_the_claim_on_a_reviewed_order_that_is_synced_stays(database: Database) -> None:
    order_id = await reviewed(database, told_order())
    await change(
        database,
        order_id,
        claimed_by=uuid.uuid4(),
        claim_token=uuid.uuid4(),
        sync_requested_at=PLACED,
    )
    await apply(database, told_order(payment_status="PAID"))
    row = await read(database, order_id)
    assert row.claim_token is not None
    assert row.sync_requested_at == PLACED


# --- inside a caller's transaction ---------------------------------------------------------------


async def test_within_a_transaction_status_and_claim_are_the_callers(
    database: Database, shop_order: MakeOrder, published: list[BaseMercureEvent]
) -> None:
    made = await shop_order(
        line_items=0, status=PROCESSING, claim_token=uuid.uuid4(), shopify_id=1270_000
    )
    async with database.session() as session:
        service = IngestService(session, operator="engine")
        async with session.begin():
            row = await session.get_one(Order, made.id, with_for_update={"key_share": True})
            applied = await service.apply_within(told_order(), row)
    assert (applied.is_new, applied.missing_photos) == (True, 2)
    assert applied.status_after(PROCESSING) is DOWNLOADING
    row = await read(database, str(made.id))
    assert (row.status, row.claim_token) == (PROCESSING, made.claim_token)
    assert (row.customer_name, row.created_at) == ("Jana Nováková", PLACED)
    assert OrderUpdateEvent(order_id=str(made.id)) in published


async def test_within_a_transaction_that_fails_nothing_stays(
    database: Database, shop_order: MakeOrder, published: list[BaseMercureEvent]
) -> None:
    made = await shop_order(line_items=0, status=PROCESSING, shopify_id=1270_000)
    async with database.session() as session:
        service = IngestService(session, operator="engine")
        transaction = await session.begin()
        await service.apply_within(told_order(), await session.get_one(Order, made.id))
        await transaction.rollback()
    assert await books(database, str(made.id)) == []
    assert published == []


# --- what stands in the way -----------------------------------------------------------------------


async def test_a_number_that_another_order_has_is_refused(
    database: Database, shop_order: MakeOrder
) -> None:
    other = await shop_order(order_number="#1270", shopify_id=None)
    with pytest.raises(ConflictError, match="another order #1270 here, which is not Shopify's"):
        await apply(database, told_order())
    assert (await read(database, str(other.id))).shopify_id is None


@pytest.mark.parametrize("is_known", [False, True])
async def test_a_book_that_another_order_has_is_refused(database: Database, is_known: bool) -> None:
    await apply(database, told_order(1269, told_item(71)))
    if is_known:
        await apply(database, told_order(1270, told_item(72)))
    with pytest.raises(ConflictError, match="books of order #1270 belongs to another"):
        await apply(database, told_order(1270, told_item(72), told_item(71)))
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(Order)) == 1 + is_known


async def test_waiting_for_an_order_is_bounded(database: Database, database_url: str) -> None:
    first = await apply(database, told_order())
    async with (
        Database(database_url, pool_size=1) as impatient,
        database.session() as holder,
        holder.begin(),
    ):
        async with impatient.session() as session, session.begin():
            await session.execute(text("SET lock_timeout = '100ms'"))
        await holder.get_one(Order, first.order_id, with_for_update=True)
        with pytest.raises(RecordLockedError):
            await apply(impatient, told_order(payment_status="PAID"))


# --- at once, and halfway ------------------------------------------------------------------------


async def test_brought_by_many_at_once_an_order_is_made_once(
    database: Database, activity: ReadActivity
) -> None:
    results = await asyncio.gather(*(apply(database, told_order()) for _ in range(8)))
    assert len({applied.order_id for applied in results}) == 1
    assert sum(applied.is_new for applied in results) == 1
    ((_, images),) = await books(database, results[0].order_id)
    assert len(images) == 2
    assert len(await activity()) == 1


async def test_what_each_of_many_brings_at_once_is_all_there(database: Database) -> None:
    parts = [told_order(1270, told_item(70 + n, pages=[n, n + 1])) for n in range(1, 7)]
    results = await asyncio.gather(*(apply(database, part) for part in parts))
    found = await books(database, results[0].order_id)
    assert sorted(item.shopify_line_item_id or 0 for item, _ in found) == list(range(71, 77))
    assert sorted(item.position for item, _ in found) == list(range(1, 7))
    assert sum(len(images) for _, images in found) == 12


async def test_an_order_whose_last_row_is_refused_leaves_none(
    database: Database, published: list[BaseMercureEvent]
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(text("ALTER TABLE images ADD CHECK (original_url NOT LIKE '%bad%')"))
    bad = replace(told_item(72), photos=(ShopPhoto(1, "https://e.cz/bad.jpg"),))
    with pytest.raises(DatabaseError):
        await apply(database, told_order(1270, told_item(71), bad))
    async with database.session() as session:
        for model in (Order, LineItem, Image, Activity):
            assert await session.scalar(select(func.count()).select_from(model)) == 0
    assert published == []


# --- many at a time -------------------------------------------------------------------------------


async def test_orders_without_news_are_found_together(database: Database) -> None:
    quiet, failed, paid, more, mended = (told_order(number) for number in range(1, 6))
    for order in (quiet, paid, more):
        await apply(database, order)
    ids = [(await apply(database, order)).order_id for order in (failed, mended)]
    for order_id in ids:
        await change(database, order_id, status=ERROR)
    # Of the last one only the details could not be fetched, and here they are.
    await store_photos(database, ids[-1])
    told = [
        quiet,
        failed,
        replace(paid, payment_status="PAID"),
        told_order(3, told_item(30, pages=[1, 2, 3])),
        mended,
        told_order(6),
    ]
    async with database.session() as session:
        found = await IngestService(session, operator="eva").without_news(told)
    # What failed is not tried again by every import.
    assert found == {quiet.shopify_id, failed.shopify_id}


async def test_it_takes_few_round_trips_however_big_the_orders(
    database: Database, database_url: str
) -> None:
    events: list[BaseMercureEvent] = []
    counted = {}
    async with (
        PgProxy(database_url) as proxy,
        Database(proxy.url, publish=events.append) as far,
        far.session() as session,
    ):
        service = IngestService(session, operator="eva")

        async def count(act: Awaitable[object]) -> int:
            with proxy.counting() as trips:
                await act
            return trips.total

        # The first round prepares the statements.
        for number in (1, 2):
            items = [told_item(number * 10_000 + n, pages=range(1, 9)) for n in range(20)]
            more = [*items[1:], told_item(number * 10_000 + 99)]
            known = told_order(number, *items)
            counted = {
                "new": await count(service.apply(known)),
                "same": await count(service.apply(known)),
                "paid": await count(service.apply(replace(known, payment_status="PAID"))),
                "more": await count(service.apply(told_order(number, *more))),
            }
        many = [told_order(number) for number in range(10, 60)]
        for order in many:
            await apply(database, order)
        await service.without_news(many[:2])
        counted["fifty"] = await count(service.without_news(many))
    # Two of each are the transaction's own.
    assert counted == {"new": 8, "same": 4, "paid": 6, "more": 9, "fifty": 4}
    assert len(events) > 0


async def test_a_new_photo_brings_a_finished_order_back(
    database: Database, activity: ReadActivity
) -> None:
    told = told_order(1270, told_item(pages=[1]))
    order_id = await reviewed(database, told)
    await change(database, order_id, finished_at=PLACED, finished_by="eva")
    await apply(database, replace(told, payment_status="REFUNDED"))
    row = await read(database, order_id)
    assert (row.payment_status, row.finished_at) == ("REFUNDED", PLACED)

    await apply(database, told_order(1270, told_item(pages=[1, 2, 3])))
    row = await read(database, order_id)
    assert (row.finished_at, row.finished_by) == (None, None)
    assert str(row.reopened_words) == "2 new photos came after the order was handed over."
    assert row.status is DOWNLOADING
    last = (await activity())[-1]
    assert {entry.action for entry in (await activity())[-2:]} == {"reopened", "updated"}
    assert last.order_id == row.id
