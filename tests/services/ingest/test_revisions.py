"""An import asks in full only for what may be news, and for all of that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select, text

from fototui.db.database import Database
from fototui.db.models.orders import Order
from fototui.domain.events import BaseMercureEvent
from fototui.domain.shop import ShopOrder
from fototui.domain.statuses import NO_PHOTOS, OrderStatus
from fototui.services.ingest.apply import IngestService
from fototui.services.ingest.imports import ImportReport
from fototui.services.ingest.revisions import keep_revisions
from tests.factories import file_ref
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

READY = OrderStatus.READY_FOR_REVIEW

ORDER = told_order(1, revision="first")


async def asks(database: Database, *told: ShopOrder) -> list[int]:
    """Shopify's numbers of the orders that an import asks for in full."""
    shop = Shop(told or [ORDER])
    report = await import_recent(database, shop)
    assert not report.failed
    return shop.in_full


async def execute(database: Database, statement: str) -> None:
    """What another program does to the shop's tables."""
    async with database.session() as session, session.begin():
        await session.execute(text(statement))


async def revision(database: Database) -> str | None:
    """The name of the state of the order that is there in whole."""
    async with database.session() as session:
        return (await session.scalars(select(Order.shop_revision))).one()


async def test_what_is_here_in_whole_is_not_asked_for(database: Database) -> None:
    orders = [told_order(number, revision=f"{number} at first") for number in range(1, 4)]
    assert await asks(database, *orders) == [1000, 2000, 3000]
    assert await asks(database, *orders) == []
    changed = replace(orders[1], revision="changed", items=(told_item(20, pages=(1, 2, 3)),))
    new = told_order(9, revision="new")
    shop = Shop([new, orders[0], changed, orders[2]])
    assert await import_recent(database, shop) == ImportReport(
        imported=("#9",), updated=("#2",), skipped=("#1", "#3")
    )
    assert shop.in_full == [9000, 2000]
    assert await asks(database, new, orders[0], changed, orders[2]) == []


async def test_what_says_nothing_of_its_state_is_asked_for(database: Database) -> None:
    unnamed = replace(ORDER, revision=None)
    assert await asks(database, ORDER) == [1000]
    assert await asks(database, unnamed) == [1000]
    # It brought nothing, so what was whole is whole.
    assert await asks(database, ORDER) == []


async def test_what_may_change_unseen_is_asked_for_once_more(database: Database) -> None:
    """The shop read it within the second in which it changed."""

    class Hasty(Shop):
        async def whole_orders(self, shopify_ids):  # type: ignore[no-untyped-def]
            async for order in super().whole_orders(shopify_ids):
                yield replace(order, revision=None)

    await import_recent(database, Hasty([ORDER]))
    assert await asks(database) == [1000]
    assert await asks(database) == []
    paid = replace(ORDER, payment_status="PAID", revision="paid")
    await import_recent(database, Hasty([paid]))
    assert await asks(database, paid) == [1000]


async def test_of_an_order_that_is_asked_for_what_comes_counts(database: Database) -> None:
    """It changed between the two questions."""

    class Moving(Shop):
        async def whole_orders(self, shopify_ids):  # type: ignore[no-untyped-def]
            async for order in super().whole_orders(shopify_ids):
                yield replace(order, payment_status="PAID", revision="second")

    await import_recent(database, Moving([ORDER]))
    assert await asks(database) == [1000]  # for the shop tells of the first state still
    assert await asks(database, replace(ORDER, payment_status="PAID", revision="second")) == [1000]


async def test_what_was_not_taken_in_whole_or_was_changed_here(database: Database) -> None:
    order = replace(ORDER, cancelled_at=PLACED)
    await asks(database, order)
    whole = await read(database, await _only(database))
    changes: list[dict[str, object]] = [
        {"status": OrderStatus.PENDING},
        {"status": OrderStatus.PROCESSING},
        {"status": OrderStatus.ERROR},
        {"status": READY, "error_code": NO_PHOTOS},
        {"status": READY, "error_code": "transient"},
        {"status": READY, "sync_requested_at": PLACED},
        {"shop_revision": None},
        {"taken_in": None},
        {"customer_name": "Someone else"},
        {"customer_email": None},
        {"payment_status": "PAID"},
        {"shipping_method": None},
        {"cancelled_at": datetime(2026, 11, 1, tzinfo=UTC)},
    ]
    before = {name: getattr(whole, name) for columns in changes for name in columns}
    for columns in changes:
        await change(database, str(whole.id), **columns)
        assert await asks(database, order) == [1000], columns
        await change(database, str(whole.id), **before)
        assert await asks(database, order) == [], columns


async def _only(database: Database) -> str:
    async with database.session() as session:
        return str((await session.scalars(select(Order.id))).one())


async def test_what_another_program_wrote_is_repaired(database: Database) -> None:
    await asks(database)
    order_id = await _only(database)
    as_told = [
        (item.dedication, item.quantity, len(images))
        for item, images in await books(database, order_id)
    ]
    shop = Shop([ORDER])
    for statement in (
        "UPDATE line_items SET dedication = 'another'",
        "UPDATE line_items SET quantity = 7",
        "DELETE FROM images WHERE position = 2",
        "UPDATE images SET original_url = 'https://elsewhere.example/1.jpg'",
        # It leaves a JSON null where it means no file.
        "UPDATE images SET original_url = 'https://elsewhere.example/1.jpg', file_ref = 'null'",
    ):
        await execute(database, statement)
        assert (await import_recent(database, shop)).updated == ("#1",), statement
        [(item, images)] = await books(database, order_id)
        assert [(item.dedication, item.quantity, len(images))] == as_told
        assert {image.original_url for image in images} == {
            photo.url for photo in ORDER.items[0].photos
        }
        assert await asks(database) == []


async def test_what_another_program_wrote_and_nobody_mends_is_asked_for_once(
    database: Database,
) -> None:
    await asks(database)
    await execute(database, "UPDATE line_items SET position = 4")
    assert await asks(database) == [1000]
    assert await asks(database) == []


async def test_photos_that_are_fetched_are_no_reason(database: Database) -> None:
    await asks(database)
    order_id = await _only(database)
    async with database.session() as session, session.begin():
        order = await session.get_one(Order, order_id)
        order.status = READY
        for _, images in await books(database, order_id):
            for image in images:
                (await session.merge(image)).file_ref = file_ref()
    assert await asks(database) == []


async def test_a_database_that_was_restored_elsewhere(database: Database) -> None:
    """Transactions are counted anew there, so the numbers of old ones are still to come."""
    await asks(database)
    for table in ("line_items", "images"):
        await execute(database, f"ALTER TABLE {table} DISABLE TRIGGER mark_changed")
        await execute(database, f"UPDATE {table} SET changed_in = 1000000000000")
        await execute(database, f"ALTER TABLE {table} ENABLE TRIGGER mark_changed")
    await execute(database, "UPDATE orders SET taken_in = 1000000000001")
    assert await asks(database) == [1000]
    assert await asks(database) == []
    await execute(database, "UPDATE line_items SET quantity = 7")
    assert await asks(database) == [1000]


async def test_an_older_webhook_is_repaired(database: Database) -> None:
    """It was applied because the shop could not be asked then; it has no name for its state."""
    old = replace(ORDER, items=(replace(ORDER.items[0], dedication="Pro Emu"),), revision=None)
    await asks(database)
    await apply(database, old)
    assert await revision(database) is None
    assert await asks(database) == [1000]
    [(item, _)] = await books(database, await _only(database))
    assert item.dedication == "Pro Aničku"


async def test_a_webhook_that_brings_nothing_leaves_whole_what_was_whole(
    database: Database,
) -> None:
    await asks(database)
    await apply(database, replace(ORDER, revision=None))
    assert await asks(database) == []


async def test_an_order_that_an_engine_took_in_is_not_asked_for(database: Database) -> None:
    """Webhooks have engines fetch details, which know the state's name."""
    order_id = (await apply(database, replace(ORDER, revision=None))).order_id
    async with database.session() as session, session.begin():
        row = await session.get_one(Order, order_id)
        await IngestService(session, operator="eva").apply_within(ORDER, row)
    assert await asks(database) == []
    async with database.session() as session, session.begin():
        row = await session.get_one(Order, order_id)
        paid = replace(ORDER, payment_status="PAID", revision="paid")
        await IngestService(session, operator="eva").apply_within(paid, row)
    assert await asks(database, paid) == []


async def test_that_an_order_is_whole_is_no_news(
    database: Database, published: list[BaseMercureEvent]
) -> None:
    order_id = (await apply(database, replace(ORDER, revision=None))).order_id
    before = await read(database, order_id)
    published.clear()
    await asks(database)
    await apply(database, replace(ORDER, revision="second"))
    after = await read(database, order_id)
    assert after.shop_revision == "second"
    assert after.updated_at == before.updated_at
    assert published == []


async def test_what_failed_and_brings_nothing_is_not_written_each_time(database: Database) -> None:
    await asks(database)
    order_id = await _only(database)
    await change(database, order_id, status=OrderStatus.ERROR)
    before = await read(database, order_id)
    assert await asks(database) == [1000]
    assert (await read(database, order_id)).taken_in == before.taken_in


async def test_what_changed_since_it_was_compared_gets_no_name(database: Database) -> None:
    row = await read(database, (await apply(database, ORDER)).order_id)
    for changed_in, then in ((row.taken_in or 0) - 1, "first"), (row.taken_in or 0, "second"):
        async with database.session() as session, session.begin():
            await keep_revisions(session, {row.id: (changed_in, "second")})
        assert await revision(database) == then


async def test_what_is_held_while_it_is_compared_gets_no_name(database: Database) -> None:
    """Whoever holds the order may be about to change it; nobody waits for that."""
    order_id = (await apply(database, replace(ORDER, revision=None))).order_id
    async with database.session() as holder, holder.begin():
        await holder.execute(select(Order.id).where(Order.id == order_id).with_for_update())
        async with asyncio.timeout(30):
            assert await asks(database) == [1000]
    assert await revision(database) is None
    assert await asks(database) == [1000]
    assert await revision(database) == "first"
