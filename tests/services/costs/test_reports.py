"""What was paid, told by days of the shop's, orders, options and operators."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from ulid import ULID

from fototui.db.database import Database
from fototui.db.models.orders import Image, Order
from fototui.domain.costs import Prices, Spent, money
from fototui.services.costs.service import CostGroup, CostsBy, CostService
from tests.factories import make_call, make_coloring, make_svg
from tests.services.conftest import MakeOrder

PRAGUE = ZoneInfo("Europe/Prague")

Pay = Callable[..., Awaitable[None]]


@pytest.fixture
async def order(shop_order: MakeOrder) -> Order:
    return await shop_order(images=2)


@pytest.fixture
async def pay(database: Database, order: Order) -> Pay:
    """Writes a paid call."""

    async def pay(**fields: object) -> None:
        async with database.session() as session, session.begin():
            session.add(make_call(order, **fields))

    return pay


@pytest.fixture
async def service(database: Database) -> AsyncIterator[CostService]:
    async with database.autocommit() as session:
        yield CostService(session, operator="eva")


def _told(groups: tuple[CostGroup, ...]) -> list[tuple[str | None, int]]:
    return [(group.name, group.costs.total.execution_ms) for group in groups]


async def test_nothing_paid_is_nothing(service: CostService) -> None:
    overview = await service.overview(PRAGUE)
    assert not overview.today.total
    assert not overview.month.wasted
    for by in CostsBy:
        assert await service.report(by, PRAGUE) == ()


async def test_days_and_months_are_the_shops(service: CostService, pay: Pay) -> None:
    # In the night to 29 March the clocks in Prague went from UTC+1 to UTC+2.
    for took, moment in (
        (1, datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC)),
        (10, datetime(2026, 3, 28, 23, 0, tzinfo=UTC)),
        (100, datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC)),
        (1000, datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (5000, datetime(2026, 3, 31, 22, 0, tzinfo=UTC)),
    ):
        await pay(execution_ms=took, began_at=moment)
    days = [("2026-03-28", 1), ("2026-03-29", 110), ("2026-03-30", 1000), ("2026-04-01", 5000)]
    assert _told(await service.report(CostsBy.DAY, PRAGUE)) == days
    begin = date(2026, 3, 29)
    assert _told(await service.report(CostsBy.DAY, PRAGUE, begin=begin)) == days[1:]
    months = _told(await service.report(CostsBy.MONTH, PRAGUE))
    assert months == [("2026-03", 1111), ("2026-04", 5000)]


async def test_today_and_this_month_begin_at_the_shops_midnight(
    service: CostService, pay: Pay, database: Database
) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    async with database.autocommit() as session:
        found = await session.execute(
            text(
                "SELECT date_trunc('day', n) AT TIME ZONE :zone, "
                "date_trunc('month', n) AT TIME ZONE :zone "
                "FROM (SELECT now() AT TIME ZONE :zone AS n) AS local"
            ),
            {"zone": zone.key},
        )
        midnight, first = found.one()
    before = timedelta(milliseconds=1)
    await pay(execution_ms=1000, began_at=midnight)
    await pay(execution_ms=100, began_at=midnight - before)
    await pay(execution_ms=10, began_at=first)
    await pay(execution_ms=1, began_at=first - before)
    overview = await service.overview(zone)
    # On the first of a month both midnights are one.
    is_first = overview.day.day == 1
    assert overview.day == midnight.astimezone(zone).date()
    assert overview.today.total.execution_ms == (1010 if is_first else 1000)
    assert overview.month.total.execution_ms == (1010 if is_first else 1110)


async def test_what_was_wasted_is_told_apart_and_refused_calls_are_none(
    service: CostService, pay: Pay
) -> None:
    await pay(execution_ms=2500, delay_ms=300)
    await pay(execution_ms=1500, outcome="failed", wasted=True)
    await pay(outcome="unanswered", wasted=True)
    await pay(outcome="refused", wasted=True)
    await pay(kind="svg", credits=Decimal("1.1"))
    await pay(outcome=None, wasted=None)
    (group,) = await service.report(CostsBy.OPERATOR, PRAGUE)
    assert group.costs.total == Spent(calls=5, execution_ms=4000, delay_ms=300, credits=1.1)
    assert group.costs.wasted == Spent(calls=2, execution_ms=1500)
    assert (await service.overview(PRAGUE)).today == group.costs


async def test_orders_are_named_and_those_that_are_gone_stay_paid(
    service: CostService, pay: Pay, order: Order
) -> None:
    await pay(execution_ms=7, began_at=datetime(2026, 5, 1, tzinfo=UTC))
    await pay(execution_ms=9, began_at=datetime(2026, 5, 2, tzinfo=UTC), order_id=ULID())
    told = _told(await service.report(CostsBy.ORDER, PRAGUE))
    assert told == [(None, 9), (order.order_number, 7)]


async def test_operators_are_told_the_last_first(service: CostService, pay: Pay) -> None:
    begin = datetime(2026, 5, 1, tzinfo=UTC)
    for hour, name in enumerate(["eva", "petr", "eva", None, "petr"]):
        moment = begin + timedelta(hours=hour)
        await pay(execution_ms=10**hour, began_at=moment, requested_by=name)
    told = _told(await service.report(CostsBy.OPERATOR, PRAGUE))
    assert told == [("petr", 10010), (None, 1000), ("eva", 101)]


async def test_options_are_counted_with_what_was_chosen(
    service: CostService, pay: Pay, order: Order, database: Database
) -> None:
    small, big = {"megapixels": 1.0, "steps": 4}, {"megapixels": 4.0, "steps": 8}
    async with database.session() as session, session.begin():
        one, two = [await session.get_one(Image, image.id) for image in order.line_items[0].images]
        first, second = [await make_coloring(session, one, version=n) for n in (1, 2)]
        other = await make_coloring(session, two)
        svg = await make_svg(session, other)
        one.selected_coloring_id, two.selected_coloring_id = second.id, other.id
    for version, options in ((first, small), (first, small), (other, small), (second, big)):
        await pay(version_id=version.id, options=options, execution_ms=100)
    stacked = {"shape_stacking": "stacked", "group_by": "color"}
    # The SVG is not chosen, although it may have the number of a colouring that is.
    await pay(kind="svg", version_id=svg.id, options=stacked, credits=Decimal(1))
    groups = await service.report(CostsBy.OPTIONS, PRAGUE)
    told = [(g.name, g.options, g.versions, g.chosen, g.costs.total.calls) for g in groups]
    assert told == [
        ("coloring", small, 2, 1, 3),
        ("coloring", big, 1, 1, 1),
        ("svg", stacked, 1, 0, 1),
    ]


def test_prices_make_money_of_it_as_far_as_they_are_known() -> None:
    spent = Spent(calls=3, execution_ms=12_500, credits=2.1)
    both = Prices(second=Decimal("0.00044"), credit=Decimal("0.2"), currency="EUR")
    assert both.cost(spent) == Decimal("0.4255")
    assert str(both.told(spent)) == "0.43 EUR"
    assert str(both.told(Spent())) == "nothing"
    assert str(both.told(Spent(execution_ms=100))) == "less than 0.01 EUR"
    assert Prices().cost(spent) is None
    assert str(Prices().told(spent)) == "12.5 s of RunPod, Vectorizer.ai credits: 2.1"
    one = Prices(credit=Decimal(1))
    assert str(one.told(spent)) == "2.10 USD, 12.5 s of RunPod"
    many = Spent(execution_ms=3_600_000_000, credits=1_234_567)
    assert str(both.told(many)) == "248497.40 EUR"
    assert str(Prices().told(many)) == "3600000 s of RunPod, Vectorizer.ai credits: 1234567"


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("0", "0.00 EUR"),
        ("0.0000001", "less than 0.01 EUR"),
        ("0.0099999", "less than 0.01 EUR"),
        ("0.01", "0.01 EUR"),
        ("0.025", "0.03 EUR"),
        ("0.125", "0.13 EUR"),
        ("1.004999", "1.00 EUR"),
        ("9.995", "10.00 EUR"),
        ("123456789012.345", "123456789012.35 EUR"),
    ],
)
def test_half_a_cent_is_a_cent(amount: str, told: str) -> None:
    assert str(money(Decimal(amount), "EUR")) == told
