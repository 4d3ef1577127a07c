"""A store of a shop that has more orders than it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from fototui.db.database import Database
from fototui.domain.statuses import OrderStatus
from fototui.live.state import Older
from fototui.live.working_set import MOST_IN_PAGES, WorkingSet
from fototui.services.orders.search import read_order_search
from fototui.services.views.orders import OrderCursor, OrderRow
from tests.live.conftest import StoreOn, add_orders, running
from tests.old_orders import add_old_orders
from tests.waiting import until

_MANY = 1_200


def _search(words: str) -> object:
    return read_order_search(words, zone=UTC, now=datetime.now(UTC))


async def _run(database: Database, statement: str) -> None:
    async with database.autocommit() as session:
        await session.execute(text(statement))


async def test_what_is_not_done_or_was_done_lately_is_held(
    database: Database, store_on: StoreOn
) -> None:
    await add_old_orders(database, 20)
    await add_old_orders(database, 10, days=10, first=101)
    new = await add_orders(database, 2)
    # Placed long before most others, and not done all the same.
    await _run(database, "UPDATE orders SET finished_at = NULL WHERE order_number = '#3'")
    store = store_on(database)
    async with running(store):
        numbers = {row.number for row in store.orders.values()}
        assert numbers == {"#3", *(f"#{n}" for n in range(101, 111))} | {
            store.orders[order_id].number for order_id in new
        }
        assert store.older.count == 19


async def test_of_very_many_that_were_done_at_once_some_are_held(
    database: Database, store_on: StoreOn
) -> None:
    await add_old_orders(database, 30)
    [kept] = await add_orders(database)
    await _run(database, "UPDATE orders SET finished_at = now() WHERE finished_at IS NOT NULL")
    store = store_on(database, most_done=10)
    async with running(store):
        assert len(store.orders) == 11
        assert kept in store.orders
        assert store.older.count == 20
        await store.read_older()
        assert len(store.orders) == 31
        assert store.older == Older()
    other = store_on(database, most_done=10)
    async with running(other):
        assert await other.find(_search("customer"))  # type: ignore[arg-type] # it is one
        assert len(other.orders) == 31


async def test_where_all_are_held_nothing_is_older(database: Database, store_on: StoreOn) -> None:
    await add_old_orders(database, 5)
    await add_orders(database)
    store = store_on(database, working_days=1000)
    async with running(store):
        assert len(store.orders) == 6
        assert store.older == Older()


async def test_older_orders_are_followed_without_being_held(
    database: Database, store_on: StoreOn
) -> None:
    await add_old_orders(database, 20)
    store = store_on(database)
    async with running(store):

        def known() -> tuple[int, int]:
            return len(store.orders), store.older.count

        assert known() == (0, 20)
        await _run(database, "UPDATE orders SET customer_name = 'Eva' WHERE order_number = '#1'")
        await _run(database, "DELETE FROM orders WHERE order_number = '#2'")
        await until(lambda: known() == (0, 19))
        await _run(database, "UPDATE orders SET finished_at = NULL WHERE order_number = '#1'")
        await until(lambda: known() == (1, 18))
        await _run(database, "DELETE FROM orders WHERE order_number = '#1'")
        await until(lambda: known() == (0, 18))
        await _run(database, "UPDATE orders SET finished_at = now() WHERE order_number = '#3'")
        await until(lambda: known() == (1, 17))
        await _run(database, "DELETE FROM orders")
        await until(lambda: known() == (0, 0))


async def test_pages_of_older_orders_have_no_gaps(database: Database, store_on: StoreOn) -> None:
    await add_old_orders(database, _MANY)
    store = store_on(database)
    async with running(store):
        for held in (500, 1000, _MANY):
            await store.read_older()
            numbers = [store.orders[order_id].number for order_id in store.listing]
            assert numbers == [f"#{_MANY - n}" for n in range(held)]
            assert store.older.count == _MANY - held
        assert store.older == Older()
        await _run(database, "UPDATE orders SET customer_name = 'Eva' WHERE order_number = '#1'")
        await until(lambda: store.orders[store.listing[-1]].customer_name == "Eva")


async def test_what_is_opened_or_found_is_held_and_kept_true(
    database: Database, store_on: StoreOn
) -> None:
    await add_old_orders(database, 300)
    store = store_on(database)
    async with running(store):
        row = await store.named("#17")
        assert row is not None
        assert row.id not in store.orders
        await store.open(row.id)
        assert row.id in store.orders
        assert await store.find(_search("customer 111"))  # type: ignore[arg-type] # it is one
        assert {row.number for row in store.orders.values()} == {"#17", "#111"}
        assert not await store.find(_search("customer"))  # type: ignore[arg-type] # it is one
        assert len(store.orders) == 1 + 200  # one was there
        assert store.older.count == 300 - 201
        await _run(database, "UPDATE orders SET status = 'error' WHERE order_number = '#17'")
        await until(lambda: store.orders[row.id].status is OrderStatus.ERROR)


async def test_when_all_orders_change_at_once_the_working_set_is_read_anew(
    database: Database, store_on: StoreOn
) -> None:
    await add_old_orders(database, _MANY)
    [kept] = await add_orders(database)
    store = store_on(database)
    async with running(store):
        await _run(
            database,
            "UPDATE orders SET customer_name = 'Eva', finished_at = "
            "CASE order_number WHEN '#7' THEN NULL ELSE finished_at END",
        )
        await until(lambda: len(store.orders) == 2 and store.older.count == _MANY - 1)
        await until(lambda: store.orders[kept].customer_name == "Eva")


# --- letting go ----------------------------------------------------------------------------------

_NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _row(n: int) -> OrderRow:
    placed = _NOW - timedelta(days=100) + timedelta(minutes=n)
    return OrderRow(
        id=f"{n:026}",
        number=f"#{n}",
        created_at=placed,
        customer_name=None,
        customer_email=None,
        items=0,
        payment_status=None,
        status=OrderStatus.READY_FOR_REVIEW,
        images=(),
        waiting=0,
        search="",
        finished_at=placed,
    )


def _take_in(working_set: WorkingSet, rows: dict[str, OrderRow], those: range) -> list[str]:
    new = [_row(n) for n in those]
    rows.update({row.id: row for row in new})
    working_set.note(new)
    gone = working_set.surplus(())
    for order_id in gone:
        del rows[order_id]
    return gone


def test_what_was_taken_in_first_is_let_go_unless_it_is_needed() -> None:
    rows: dict[str, OrderRow] = {}
    working_set = WorkingSet(rows, days=30)
    working_set.begin(_NOW)
    working_set.count(10_000)
    working_set.kept = lambda: {_row(1).id}
    assert _take_in(working_set, rows, range(2_000)) == []
    assert working_set.older.count == 8_000
    # Pages have come down to these: the list would have gaps.
    last = _row(1_990)
    working_set.reach(OrderCursor(last.created_at, last.id))
    assert _take_in(working_set, rows, range(2_000, 2_020)) == []
    working_set.reach(OrderCursor.at_moment(_NOW))
    gone = _take_in(working_set, rows, range(2_020, 2_030))
    assert gone == [_row(n).id for n in (0, *range(2, 10))]
    assert _row(1).id in rows
    assert working_set.older.count + len(rows) == 10_000


def test_scrolling_ends_somewhere() -> None:
    row = _row(1)
    rows = {f"{n:026}": replace(row, id=f"{n:026}") for n in range(MOST_IN_PAGES)}
    working_set = WorkingSet(rows, days=30)
    working_set.surplus(())
    assert working_set.older.is_full
