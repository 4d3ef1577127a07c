"""What is asked of a shop with many orders reads few of them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.stages import Stage
from fototui.services.changes import LiveService, Watermark
from fototui.services.operations.stats import StatsService
from fototui.services.orders import kept_lines
from fototui.services.orders.by_stage import StageService
from fototui.services.orders.manual import OrderService
from fototui.services.orders.search import read_order_search
from fototui.services.views.orders import OrderCursor
from tests.factories import make_order
from tests.old_orders import add_old_orders

_MANY = 20_000
# A page of 200 with one more, joined and sorted a few times; and the newest that words are looked
# for in, whatever they are.
_MOST_ROWS = 5_200

Ask = Callable[[TrackedAsyncSession], Awaitable[object]]


def _live(session: TrackedAsyncSession) -> LiveService:
    return LiveService(session, operator="jana")


def _stages(session: TrackedAsyncSession) -> StageService:
    return StageService(session, operator="jana")


def _orders(session: TrackedAsyncSession) -> OrderService:
    return OrderService(session, operator="jana")


def _find(words: str, *, done_before: datetime) -> Ask:
    search = read_order_search(words, zone=UTC, now=datetime.now(UTC))
    return lambda session: _live(session).find(search, done_before=done_before)


def _questions() -> dict[str, Ask]:
    now = datetime.now(UTC)
    lately, middle = now - timedelta(days=30), OrderCursor.at_moment(now - timedelta(days=500))
    return {
        "working": lambda session: _live(session).working(limit=200),
        "done lately": lambda session: _live(session).done_since(lately, limit=200),
        "older": lambda session: _live(session).older(middle, limit=200),
        "a word of many": _find("customer", done_before=lately),
        "a word of few": _find("1776", done_before=lately),
        "a word of none": _find("xyzzy", done_before=lately),
        "two words": _find("customer 1776", done_before=lately),
        "by number": lambda session: _live(session).named("#17"),
        "present": lambda session: _live(session).present(["01ARZ3NDEKTSV4RRFFQ69G5FAV"] * 100),
        "orders": lambda session: _orders(session).list_orders(limit=200),
        "orders by word": lambda session: _orders(session).list_orders(limit=200, search="1776"),
        "how many": lambda session: _orders(session).count(),
        "done": lambda session: _stages(session).list_orders(Stage.DONE, limit=200),
        "to colour": lambda session: _stages(session).list_orders(Stage.TO_COLOUR),
        "stages": lambda session: _stages(session).count(),
        "found": lambda session: _stages(session).find(
            read_order_search("1776 paid:no", zone=UTC, now=now)
        ),
        "work": lambda session: _live(session).work(),
        "stats": lambda session: StatsService(session, operator="jana").read(),
    }


@pytest.fixture
async def shop(database: Database) -> Database:
    """Many orders that are done, with texts of their own, and three that are not."""
    await add_old_orders(database, _MANY)
    async with database.session() as session, session.begin():
        for number in (1, 2, 3):
            await make_order(session, order_number=f"#M{number}")
    async with database.autocommit() as session:
        await session.execute(text("VACUUM ANALYZE"))
    return database


async def _plans(database: Database, ask: Ask) -> list[tuple[str, dict[str, Any]]]:  # Any: JSON
    """The plans of all statements that a question makes, as executed."""
    asked: list[tuple[str, object]] = []

    def note(*arguments: object) -> None:
        asked.append((str(arguments[2]), arguments[3]))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        async with database.autocommit() as session:
            await ask(session)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    return await _explain(database, asked)


async def _explain(
    database: Database, asked: Iterable[tuple[str, object]]
) -> list[tuple[str, dict[str, Any]]]:  # Any: JSON
    plans = []
    async with database.engine.connect() as connection:
        # Reading all of so few pages in their order is nearly as cheap as looking 200 orders up;
        # of a shop that is larger it is not.
        await connection.execute(text("SET random_page_cost = 1"))
        for statement, values in asked:
            assert isinstance(values, tuple)
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            found = (await connection.exec_driver_sql(explain, values)).scalar_one()
            plan = json.loads(found) if isinstance(found, str) else found
            plans.append((statement, plan[0]["Plan"]))
    return plans


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:  # Any: JSON
    return [plan, *(node for below in plan.get("Plans", []) for node in _nodes(below))]


def _rows(node: dict[str, Any]) -> float:  # Any: JSON
    read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return float(read * node["Actual Loops"])


async def test_few_rows_are_read_of_many(shop: Database) -> None:
    await _questions_read_few(shop)
    await _asking_what_changed_counts_nothing(shop)
    await _a_page_of_kept_lines_reads_hardly_more_than_its_orders(shop)


async def _questions_read_few(shop: Database) -> None:
    told = []
    for name, ask in _questions().items():
        plans = await _plans(shop, ask)
        assert plans, name
        for _statement, plan in plans:
            told += [
                f"{name}: {node['Node Type']} of {node.get('Relation Name')}, {_rows(node):.0f}"
                for node in _nodes(plan)
                if _rows(node) > _MOST_ROWS
            ]
    assert not told, "\n".join(told)


async def _asking_what_changed_counts_nothing(shop: Database) -> None:
    async with shop.autocommit() as session:
        since: Watermark = (await _live(session).changes()).watermark
    plans = await _plans(shop, lambda session: _live(session).changes(since))
    for statement, plan in plans:
        assert max(_rows(node) for node in _nodes(plan)) < 250, statement


async def _a_page_of_kept_lines_reads_hardly_more_than_its_orders(shop: Database) -> None:
    async with shop.autocommit() as session:
        since: Watermark = (await _live(session).changes()).watermark
    values = {
        "oldest": since.oldest_unseen,
        "snapshot": since.snapshot,
        "limit": 50,
        "skip": 50,
    }
    statement, [given] = kept_lines._ASK.on(shop.engine.dialect, [values])
    [(_statement, plan)] = await _explain(shop, [(statement, tuple(given))])
    assert max(_rows(node) for node in _nodes(plan)) <= 100
