"""Lines of the list that are kept: always as true as if they were read anew, and rarely read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from sqlalchemy import text, update

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import Order
from fototui.services.orders import kept_lines
from fototui.services.orders.kept_lines import KeptLines, Lines
from fototui.services.orders.manual import OrderService
from fototui.services.orders.queries import read_rows
from fototui.services.views.orders import OrderRow
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder


class Told(KeptLines[OrderRow]):
    """Kept lines that note which orders were read."""

    def __init__(self, database: Database) -> None:
        self.read: list[str] = []
        super().__init__(database, self._note)

    def _note(self, row: OrderRow) -> OrderRow:
        self.read.append(row.number)
        return row

    async def numbers(self, *, limit: int = 50, skip: int = 0) -> list[str]:
        return [row.number for row in (await self.page(limit=limit, skip=skip)).lines]


async def run(database: Database, *statements: str) -> None:
    async with database.session() as session, session.begin():
        for statement in statements:
            await session.execute(text(statement))


CHANGES = {
    "an order": "UPDATE orders SET customer_note = 'asked'",
    "its end": "UPDATE orders SET finished_at = now(), finished_by = 'eva'",
    "a line item": "UPDATE line_items SET quantity = 0",
    "a photo": "UPDATE images SET file_ref = NULL",
    "a photo more": "INSERT INTO images (line_item_id, position) SELECT id, 9 FROM line_items",
    "a photo less": "DELETE FROM images WHERE position = 9",
    "a picture to judge": """
        INSERT INTO reviews (image_id, kind, waiting_since)
        SELECT id, 'coloring', now() FROM images WHERE position = 1""",
    "a colouring": """
        INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, created_at)
        SELECT id, 1, 'completed', 1, 4, now() FROM images""",
    "its status": "UPDATE coloring_versions SET status = 'error'",
    "an SVG": """
        INSERT INTO svg_versions (image_id, coloring_version_id, version, status, shape_stacking,
                                  group_by, created_at)
        SELECT image_id, id, 1, 'queued', 'stacked', 'color', now() FROM coloring_versions""",
    "its completion": "UPDATE svg_versions SET status = 'completed'",
    "no SVG": "DELETE FROM svg_versions",
    "no colouring": "DELETE FROM coloring_versions",
    "no photos": "DELETE FROM images",
    "no line items": "DELETE FROM line_items",
}


async def test_a_line_is_true_after_any_change(database: Database, shop_order: MakeOrder) -> None:
    await shop_order(line_items=2, images=2)
    kept = KeptLines(database, lambda row: row)
    for name, statement in CHANGES.items():
        before = await kept.page(limit=50)
        await run(database, statement)
        async with database.autocommit() as session:
            anew = await OrderService(session, operator="eva").list_orders()
        told = await kept.page(limit=50)
        assert tuple(told.lines) == anew.orders, name
        assert told.lines != before.lines, name


async def test_orders_come_and_go(database: Database, shop_order: MakeOrder) -> None:
    kept = Told(database)
    assert await kept.page(limit=50) == Lines([], 0)
    orders = [await shop_order(line_items=0) for _ in range(3)]
    newest = sorted((str(order.created_at), str(order.id), order) for order in orders)
    numbers = [order.order_number for *_, order in reversed(newest)]
    assert await kept.numbers() == numbers
    assert await kept.numbers(limit=1, skip=1) == numbers[1:2]
    await run(database, f"DELETE FROM orders WHERE order_number = '{numbers[1]}'")
    assert await kept.numbers() == [numbers[0], numbers[2]]
    assert (await kept.page(limit=1)).total == 2


async def test_what_has_not_changed_is_one_round_trip(
    database: Database, database_url: str, shop_order: MakeOrder
) -> None:
    changed, *_ = [await shop_order() for _ in range(20)]
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        kept = Told(far)
        await kept.page(limit=50)
        assert len(kept.read) == 20
        with proxy.counting() as trips:
            assert len((await kept.page(limit=50)).lines) == 20
        assert trips.total == 1
        kept.read.clear()
        await run(database, f"UPDATE orders SET customer_note = 'x' WHERE id = '{uuid(changed)}'")
        await kept.page(limit=50)
        assert kept.read == [changed.order_number]
        with proxy.counting() as trips:
            await asyncio.gather(*(kept.page(limit=50) for _ in range(5)))
        assert (trips.total, len(kept.read)) == (2, 1)  # the first, and one for all who came then


async def test_what_changes_while_it_is_read_is_not_kept(
    database: Database, shop_order: MakeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await shop_order(customer_note="first")
    kept = KeptLines(database, lambda row: row.customer_note)

    async def read_late(session: TrackedAsyncSession, ids: Iterable[str]) -> tuple[OrderRow, ...]:
        monkeypatch.undo()
        rows = await read_rows(session, ids)
        async with database.session() as other, other.begin():
            await other.execute(update(Order).values(customer_note="second"))
        assert await notes() == ["second"]  # another request, which overtakes this one
        return rows

    async def notes() -> Sequence[str | None]:
        return (await kept.page(limit=50)).lines

    monkeypatch.setattr(kept_lines, "read_rows", read_late)
    assert await notes() == ["first"]
    assert await notes() == ["second"]
    assert order.customer_note == "first"


async def test_what_is_committed_late_is_not_missed(
    database: Database, shop_order: MakeOrder
) -> None:
    await shop_order(customer_note="first")
    kept = KeptLines(database, lambda row: row.customer_note)
    async with database.session() as session:
        async with session.begin():
            await session.execute(update(Order).values(customer_note="second"))
            for _ in range(3):
                await run(database, "SELECT pg_current_xact_id()")  # later ones end before it
                assert (await kept.page(limit=50)).lines == ["first"]
        assert (await kept.page(limit=50)).lines == ["second"]


RESTORED = (
    # As pg_restore writes rows: no trigger sees them.
    "SET LOCAL session_replication_role = replica",
    "TRUNCATE orders CASCADE",
    "INSERT INTO orders SELECT * FROM saved_orders",
)


async def test_after_a_restore_all_is_read_anew(database: Database, shop_order: MakeOrder) -> None:
    await shop_order(customer_note="saved", line_items=0)
    kept = KeptLines(database, lambda row: row.customer_note)
    await run(database, "CREATE TABLE saved_orders AS TABLE orders")
    await run(database, "UPDATE orders SET customer_note = 'later'")
    assert (await kept.page(limit=50)).lines == ["later"]
    await run(database, *RESTORED)
    assert (await kept.page(limit=50)).lines == ["saved"]


async def test_after_a_long_silence_all_is_read_anew(
    database: Database, shop_order: MakeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop_order()
    kept = Told(database)
    await kept.page(limit=50)
    monkeypatch.setattr(kept_lines, "_LONGEST_SILENCE", -1.0)
    await kept.page(limit=50)
    assert len(kept.read) == 2


async def test_no_more_is_kept_than_the_beginning(
    database: Database, shop_order: MakeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_lines, "BEGINNING", 3)
    kept = Told(database)
    for _ in range(6):
        await shop_order()
        await kept.page(limit=2)
    assert len(kept._lines) <= 5


def uuid(order: Order) -> str:
    return str(order.id.to_uuid())
