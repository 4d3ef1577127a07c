"""Orders that were edited or cancelled in the shop, and photos that have no address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fototui.db.database import Database
from fototui.domain.sentences import Sentence
from fototui.domain.shop import ShopPhoto
from fototui.domain.statuses import OrderStatus
from fototui.services.orders.details import read_details
from fototui.services.orders.manual import OrderService
from fototui.services.orders.refs import is_order
from tests.services.ingest.shop_orders import (
    PLACED,
    apply,
    books,
    change,
    read,
    told_item,
    told_order,
)

READY = OrderStatus.READY_FOR_REVIEW
DOWNLOADING = OrderStatus.DOWNLOADING

UNUSABLE = ShopPhoto(
    1, None, Sentence.make("In the photo's place there is no address ({text}).", text="x")
)


async def test_a_book_taken_out_before_anybody_knew_of_it_is_not_made(database: Database) -> None:
    gone = replace(told_item(72), quantity=0)
    applied = await apply(database, told_order(1270, told_item(71), gone))
    assert [item.shopify_line_item_id for item, _ in await books(database, applied.order_id)] == [
        71
    ]
    assert applied.missing_photos == 2


async def test_an_order_of_nothing_but_books_taken_out_waits_for_no_photo(
    database: Database,
) -> None:
    applied = await apply(database, told_order(1270, replace(told_item(), quantity=0)))
    row = await read(database, applied.order_id)
    assert (row.status, row.error) == (READY, None)


async def test_a_known_book_taken_out_stays_with_none_left(database: Database) -> None:
    order = told_order()
    applied = await apply(database, order)
    edited = replace(order, items=(replace(order.items[0], quantity=0),))
    again = await apply(database, edited)
    [(item, images)] = await books(database, applied.order_id)
    assert (item.quantity, len(images), again.missing_photos) == (0, 2, 0)
    # It comes back as it went.
    assert (await apply(database, order)).missing_photos == 2


async def test_a_cancelled_order_says_so(database: Database) -> None:
    order = told_order()
    applied = await apply(database, order)
    await apply(database, replace(order, cancelled_at=PLACED))
    assert (await read(database, applied.order_id)).cancelled_at == PLACED
    await change(database, applied.order_id, status=READY)
    async with database.session() as session:
        [detail] = await read_details(session, is_order(order.number))
        [row] = (await OrderService(session, operator="eva").list_orders()).orders
    assert "cancelled in the shop" in str(detail.error)
    assert row.error == detail.error
    # What an older webhook leaves out does not undo it.
    await apply(database, order)
    assert (await read(database, applied.order_id)).cancelled_at == PLACED


async def test_a_photo_without_an_address_is_there_with_the_reason(database: Database) -> None:
    item = told_item(pages=(2,))
    order = told_order(1270, replace(item, photos=(UNUSABLE, *item.photos)))
    applied = await apply(database, order)
    assert (applied.new_photos, applied.missing_photos) == (1, 1)
    [(_, [bad, good])] = await books(database, applied.order_id)
    assert (bad.original_url, bad.error_words) == (None, UNUSABLE.problem)
    assert good.error is None
    assert (await read(database, applied.order_id)).error is None
    assert not (await apply(database, order)).changed
    # The customer mends it.
    mended = replace(order, items=(told_item(pages=(1, 2)),))
    assert (await apply(database, mended)).missing_photos == 2
    [(_, [bad, _])] = await books(database, applied.order_id)
    assert (bad.original_url is not None, bad.error) == (True, None)


@pytest.mark.parametrize("photos", [(), (UNUSABLE,)])
async def test_an_order_without_any_photo_says_so(
    database: Database, photos: tuple[ShopPhoto, ...]
) -> None:
    item = replace(told_item(), photos=photos, is_photo_book=True)
    order = told_order(1270, item)
    applied = await apply(database, order)
    row = await read(database, applied.order_id)
    assert (row.status, row.error_code) == (READY, "no_photos")
    assert "should have photos" in str(row.error)
    assert not (await apply(database, order)).changed
    # They come.
    await apply(database, told_order(1270, told_item(item.shopify_id)))
    row = await read(database, applied.order_id)
    assert (row.status, row.error) == (DOWNLOADING, None)


async def test_an_order_of_pencils_needs_no_photo(database: Database) -> None:
    item = replace(told_item(), photos=(), dedication=None, layout=None)
    applied = await apply(database, told_order(1270, item))
    row = await read(database, applied.order_id)
    assert (row.status, row.error) == (READY, None)
