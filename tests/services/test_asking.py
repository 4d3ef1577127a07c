"""Orders that wait for their customers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.domain.errors import NotFoundError
from fototui.domain.events import BaseMercureEvent, ListUpdateEvent, OrderUpdateEvent
from fototui.services.asking import AskingService
from fototui.services.orders.manual import OrderService
from fototui.services.orders.marking import MarkReport
from tests.services.conftest import MakeOrder


async def test_an_order_is_marked_and_the_mark_taken_away(
    database: Database,
    shop_order: MakeOrder,
    published: list[BaseMercureEvent],
    activity: Callable[[], Awaitable[list[Activity]]],
) -> None:
    one, two = await shop_order(), await shop_order()
    numbers = one.order_number, two.order_number

    async def ask(note: str | None, *refs: str, operator: str = "eva") -> MarkReport:
        async with database.session() as session:
            service = AskingService(session, operator=operator)
            return await (service.answered(refs) if note is None else service.ask(refs, note))

    async def told() -> dict[str, str | None]:
        async with database.autocommit() as session:
            page = await OrderService(session, operator="t").list_orders()
        return {row.number: row.customer_note for row in page.orders}

    assert await ask("a sharper\x1b photo\n2", *numbers) == MarkReport(numbers, ())
    assert await told() == dict.fromkeys(numbers, "a sharper photo 2")
    assert {type(event) for event in published} >= {OrderUpdateEvent, ListUpdateEvent}
    assert await ask("a sharper photo 2", numbers[0]) == MarkReport((), numbers[:1])
    # Another note is news, also an empty one.
    assert await ask("", numbers[1], operator="petr") == MarkReport(numbers[1:], ())
    async with database.autocommit() as session:
        detail = await OrderService(session, operator="t").get_order(numbers[1])
        found = await OrderService(session, operator="t").list_orders(search="sharper")
    assert (detail.customer_note, detail.customer_asked_by) == ("", "petr")
    assert detail.customer_asked_at is not None
    assert [row.number for row in found.orders] == [numbers[0]]
    assert await ask(None, *numbers) == MarkReport(numbers, ())
    assert await ask(None, *numbers) == MarkReport((), numbers)
    assert await told() == dict.fromkeys(numbers)
    assert [entry.action for entry in await activity()] == [
        *["customer_asked"] * 3,
        *["customer_answered"] * 2,
    ]


async def test_an_order_that_is_not_there_marks_none(
    database: Database, shop_order: MakeOrder
) -> None:
    order = await shop_order()
    async with database.session() as session:
        service = AskingService(session, operator="eva")
        with pytest.raises(NotFoundError):
            await service.ask([order.order_number, "#404"], "x")
    async with database.autocommit() as session:
        detail = await OrderService(session, operator="t").get_order(order.order_number)
    assert detail.customer_note is None
