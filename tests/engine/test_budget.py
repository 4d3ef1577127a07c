"""A day's budget pauses the lanes that cost money, once, and only until the next day."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.domain.costs import Prices
from fototui.domain.errors import ConfigurationError
from fototui.domain.statuses import JobKind
from fototui.engine.maintenance.budget import Budget
from fototui.engine.maintenance.duty import Duty
from fototui.i18n import set_language, translate
from fototui.services.operations.lanes import LaneService
from fototui.services.views.operations import LaneView
from tests.engine.conftest import World
from tests.factories import make_call, make_order
from tests.waiting import until

PRICES = Prices(second=Decimal("0.01"), credit=Decimal("0.2"))
PAID = {JobKind.COLORING, JobKind.SVG}

Pay = Callable[[int], Awaitable[None]]


@pytest.fixture
def zone() -> ZoneInfo:
    """A zone in which it is about noon, so that no test runs over midnight."""
    behind = datetime.now(UTC).hour - 12  # POSIX counts to the west
    return ZoneInfo(f"Etc/GMT{behind:+d}" if behind else "Etc/GMT")


@pytest.fixture
def budget(database: Database, zone: ZoneInfo) -> Budget:
    return _budget(database, zone)


def _budget(database: Database, zone: ZoneInfo, limit: str | None = "1") -> Budget:
    allowed = None if limit is None else Decimal(limit)
    return Budget(database, zone, prices=PRICES, limit=allowed, actor="eva (engine)", lanes=PAID)


@pytest.fixture
async def pay(database: Database) -> Pay:
    """Spends some seconds of RunPod."""

    async def pay(seconds: int) -> None:
        async with database.session() as session, session.begin():
            order = await make_order(session)
            session.add(make_call(order, execution_ms=1000 * seconds))

    return pay


@pytest.fixture
async def lanes(database: Database) -> AsyncIterator[LaneService]:
    async with database.session() as session:
        yield LaneService(session, operator="jana")


async def _paused(lanes: LaneService) -> dict[JobKind, LaneView]:
    return {view.lane: view for view in await lanes.list_lanes() if view.paused_at is not None}


async def _log(database: Database) -> list[tuple[str, str | None]]:
    async with database.session() as session:
        found = await session.execute(
            select(Activity.action, Activity.version_type).order_by(Activity.id)
        )
        return [(action, lane) for action, lane in found]


async def _sleep_until_tomorrow(database: Database) -> None:
    """Put all that happened a day back."""
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE calls SET began_at = began_at - interval '1 day'"))
        await session.execute(
            text("UPDATE lanes SET paused_until = paused_until - 1, budget_day = budget_day - 1")
        )


async def test_a_budget_that_is_not_spent_pauses_nothing(
    budget: Budget, pay: Pay, lanes: LaneService
) -> None:
    await pay(99)
    await budget.keep()
    assert await _paused(lanes) == {}


async def test_a_spent_budget_pauses_what_costs_money_and_says_why(
    budget: Budget, pay: Pay, lanes: LaneService
) -> None:
    await pay(100)
    await budget.keep()
    paused = await _paused(lanes)
    assert set(paused) == PAID
    for lane in paused.values():
        assert lane.paused_by == "eva (engine)"
        assert lane.paused_reason is not None
        assert "budget is spent: 1.00 USD of 1.00 USD" in str(lane.paused_reason)
        try:
            set_language("cs")
            assert "Dnešní rozpočet je vyčerpán: 1,00 USD z 1,00 USD" in translate(
                lane.paused_reason
            )
        finally:
            set_language("en")


async def test_many_engines_pause_a_lane_once(
    database: Database, zone: ZoneInfo, pay: Pay, lanes: LaneService
) -> None:
    await pay(150)
    await asyncio.gather(*(_budget(database, zone).keep() for _ in range(8)))
    assert set(await _paused(lanes)) == PAID
    assert sorted(await _log(database)) == [("lane_paused", "coloring"), ("lane_paused", "svg")]


async def test_it_does_not_go_on_by_itself_on_the_same_day(
    budget: Budget, pay: Pay, lanes: LaneService
) -> None:
    await pay(150)
    for _ in range(3):
        await budget.keep()
    assert set(await _paused(lanes)) == PAID


async def test_who_resumes_it_decides_for_that_day(
    budget: Budget, pay: Pay, lanes: LaneService, database: Database
) -> None:
    await pay(150)
    await budget.keep()
    assert await lanes.resume(JobKind.COLORING)
    await pay(150)
    await budget.keep()
    assert set(await _paused(lanes)) == {JobKind.SVG}
    await _sleep_until_tomorrow(database)
    await pay(150)
    await budget.keep()
    assert set(await _paused(lanes)) == PAID


async def test_a_new_day_lifts_its_own_pauses_and_no_operators(
    budget: Budget, pay: Pay, lanes: LaneService, database: Database
) -> None:
    await pay(150)
    await lanes.pause(JobKind.SVG, reason="no credits")
    await lanes.pause(JobKind.DOWNLOAD, reason="the line is down")
    await budget.keep()
    await _sleep_until_tomorrow(database)
    await asyncio.gather(*(budget.keep() for _ in range(8)))
    assert set(await _paused(lanes)) == {JobKind.SVG, JobKind.DOWNLOAD}
    assert (await _log(database)).count(("lane_resumed", "coloring")) == 1


async def test_an_operator_who_pauses_after_the_budget_is_obeyed_on_the_next_day(
    budget: Budget, pay: Pay, lanes: LaneService, database: Database
) -> None:
    await pay(150)
    await budget.keep()
    await lanes.resume(JobKind.SVG)
    await lanes.pause(JobKind.SVG, reason="no credits")
    await _sleep_until_tomorrow(database)
    await budget.keep()
    assert set(await _paused(lanes)) == {JobKind.SVG}


async def test_a_pause_is_lifted_by_an_engine_without_a_budget_too(
    budget: Budget, pay: Pay, lanes: LaneService, database: Database, zone: ZoneInfo
) -> None:
    await pay(150)
    await budget.keep()
    without = _budget(database, zone, limit=None)
    await without.keep()
    assert set(await _paused(lanes)) == PAID
    await _sleep_until_tomorrow(database)
    await without.keep()
    assert await _paused(lanes) == {}


@pytest.mark.parametrize(
    ("prices", "lanes", "missing"),
    [
        (Prices(), PAID, "set RUNPOD_PRICE_PER_SECOND, VECTORIZER_PRICE_PER_CREDIT too"),
        (Prices(second=Decimal("0.01")), PAID, "set VECTORIZER_PRICE_PER_CREDIT too"),
        (Prices(credit=Decimal("0.2")), PAID, "set RUNPOD_PRICE_PER_SECOND too"),
        (Prices(credit=Decimal("0.2")), {JobKind.SVG, JobKind.BOOK}, None),
        (Prices(second=Decimal(0), credit=Decimal("0.2")), PAID, None),
        (Prices(), {JobKind.BOOK}, None),
    ],
)
async def test_a_budget_that_would_not_count_all_is_refused(
    database: Database, zone: ZoneInfo, prices: Prices, lanes: set[JobKind], missing: str | None
) -> None:
    def make(limit: Decimal | None) -> Budget:
        return Budget(database, zone, prices=prices, limit=limit, actor="eva (engine)", lanes=lanes)

    make(None)
    if missing is None:
        make(Decimal(1))
    else:
        with pytest.raises(ConfigurationError, match=missing):
            make(Decimal(1))


async def test_engines_stop_when_the_budget_is_spent_and_go_on_the_next_day(
    world: World, zone: ZoneInfo, lanes: LaneService
) -> None:
    """Six SVGs at 0.2 with a budget of 0.4: some are left, and made on the next day."""
    versions = await world.queue_svgs(6)
    limited = _budget(world.database, zone, limit="0.4")
    duty = Duty("budget", limited.keep, when=limited.when)

    async def done() -> int:
        return len([v for v in versions if (await world.svg(v)).status == "completed"])

    async with world.engine(svg=1, poll_seconds=0.05, more_duties=[duty]):

        async def is_paused() -> bool:
            return JobKind.SVG in await _paused(lanes)

        await until(is_paused)
        await _sleep_until_tomorrow(world.database)
        without = _budget(world.database, zone, limit=None)
        await without.keep()

        async def all_done() -> bool:
            await _sleep_until_tomorrow(world.database)
            return await done() == 6

        await until(all_done)
