from collections.abc import Awaitable, Callable

import pytest

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Order
from fototui.domain.statuses import VersionType
from fototui.services.operations.activity import ActivityAction, ActivityService
from tests.services.conftest import MakeOrder


async def write(database: Database, operator: str, order: Order | None, detail: str) -> None:
    async with database.session() as session, session.begin():
        ActivityService(session, operator=operator).add(
            ActivityAction.SELECTED,
            order_id=None if order is None else order.id,
            image_id=7,
            version_type=VersionType.SVG,
            version_id=3,
            detail=detail,
        )


@pytest.fixture
async def orders(database: Database, shop_order: MakeOrder) -> list[Order]:
    """Two orders, of which eva and petr did something to each."""
    orders = [await shop_order(), await shop_order()]
    for number, (operator, order) in enumerate(
        [("eva", orders[0]), ("petr", orders[0]), ("eva", orders[1]), ("petr", None)], start=1
    ):
        await write(database, operator, order, str(number))
    return orders


async def test_newest_comes_first_and_pages_follow(database: Database, orders: list[Order]) -> None:
    async with database.autocommit() as session:
        service = ActivityService(session, operator="eva")
        first = await service.list_entries(limit=3)
        second = await service.list_entries(limit=3, before=first[-1].id)
    assert [str(entry.detail) for entry in first] == ["4", "3", "2"]
    assert [str(entry.detail) for entry in second] == ["1"]
    entry = second[0]
    assert (entry.operator, entry.action, entry.order_id) == ("eva", "selected", str(orders[0].id))
    assert entry.order_number == orders[0].order_number
    assert (entry.image_id, entry.version_type, entry.version_id) == (7, "svg", 3)
    assert (first[0].order_id, first[0].order_number) == (None, None)


async def test_filters_by_order_and_operator(database: Database, orders: list[Order]) -> None:
    async with database.autocommit() as session:
        service = ActivityService(session, operator="eva")
        number = orders[0].order_number
        assert [str(e.detail) for e in await service.list_entries(order_ref=number)] == ["2", "1"]
        assert [str(e.detail) for e in await service.list_entries(operator="petr")] == ["4", "2"]
        both = await service.list_entries(order_ref=str(orders[0].id), operator="petr")
        assert [str(e.detail) for e in both] == ["2"]
        assert await service.list_entries(order_ref="#nothing") == ()


async def test_entry_is_lost_with_its_transaction(
    database: Database, activity: Callable[[], Awaitable[list[Activity]]]
) -> None:
    async with database.session() as session:
        transaction = await session.begin()
        ActivityService(session, operator="eva").add(ActivityAction.CANCELLED)
        await session.flush()
        await transaction.rollback()
    assert await activity() == []


async def test_texts_are_cleaned(
    database: Database, activity: Callable[[], Awaitable[list[Activity]]]
) -> None:
    await write(database, "eva", None, "a\x1b[31mb")
    assert (await activity())[0].detail == "a[31mb"
