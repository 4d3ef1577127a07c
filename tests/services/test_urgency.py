"""Orders that are put first."""

import pytest
from sqlalchemy import func, select

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.models.orders import ColoringVersion
from fototui.domain.errors import NotFoundError
from fototui.domain.events import BaseMercureEvent, OrderUpdateEvent
from fototui.services.orders.manual import OrderService
from fototui.services.urgency import UrgencyService
from tests.factories import make_coloring, make_order
from tests.pgproxy import PgProxy


async def _two_orders(database: Database) -> tuple[str, str]:
    """Two orders of one picture, which waits for a colouring; their numbers."""
    async with database.session() as session, session.begin():
        orders = [await make_order(session), await make_order(session)]
        for order in orders:
            await make_coloring(session, order.line_items[0].images[0])
        return orders[0].order_number, orders[1].order_number


async def _urgent_rows(database: Database) -> int:
    async with database.session() as session:
        statement = select(func.count()).where(ColoringVersion.urgent)
        return await session.scalar(statement) or 0


async def test_an_order_is_put_first_and_back(
    database: Database, published: list[BaseMercureEvent]
) -> None:
    number, other = await _two_orders(database)
    async with database.session() as session:
        service = UrgencyService(session, operator="eva")
        report = await service.set_urgent([number, number], urgent=True)
        assert (report.changed, report.unchanged) == ((number,), ())
        report = await service.set_urgent([number, other], urgent=True)
        assert (report.changed, report.unchanged) == ((other,), (number,))
        assert await _urgent_rows(database) == 2
        await service.set_urgent([other], urgent=False)
        assert await _urgent_rows(database) == 1
        orders = OrderService(session, operator="eva")
        assert {row.number: row.urgent for row in (await orders.list_orders()).orders} == {
            number: True,
            other: False,
        }
        first, second = await orders.get_order(number), await orders.get_order(other)
        assert (first.urgent, second.urgent) == (True, False)
        log = (await session.scalars(select(Activity).order_by(Activity.id))).all()
    assert [(entry.action, entry.operator, str(entry.order_id)) for entry in log] == [
        ("put_first", "eva", first.id),
        ("put_first", "eva", second.id),
        ("reschedule", "eva", second.id),
    ]
    told = [event for event in published if isinstance(event, OrderUpdateEvent)]
    assert [event.order_id for event in told] == [first.id, second.id, second.id]


async def test_one_order_that_is_not_there_leaves_the_others_alone(database: Database) -> None:
    number, _ = await _two_orders(database)
    async with database.session() as session:
        with pytest.raises(NotFoundError):
            await UrgencyService(session, operator="eva").set_urgent([number, "#1"], urgent=True)
    assert await _urgent_rows(database) == 0


async def test_any_number_of_orders_is_marked_by_as_many_round_trips(
    database: Database, database_url: str
) -> None:
    async with database.session() as session, session.begin():
        ids = [str((await make_order(session)).id) for _ in range(12)]
    counted: list[int] = []
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far, far.session() as session:
        service = UrgencyService(session, operator="eva")
        # The first one prepares the statements.
        for chosen, urgent in ((ids[:2], True), (ids[:2], False), (ids, True)):
            with proxy.counting() as trips:
                await service.set_urgent(chosen, urgent=urgent)
            counted.append(trips.total)
    assert counted[2] == counted[1]
