"""What an engine with nothing to do asks of the database: counted on the wire, look by look."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import text

from fototui.db.database import Database
from fototui.domain.costs import Prices
from fototui.domain.statuses import JobKind
from fototui.engine.engine import IDLE_POLLS, EngineSettings
from fototui.engine.heartbeat import BEATS_A_LEASE
from fototui.engine.jobs.claims import has_unfinished
from fototui.engine.jobs.versions import COLORINGS
from fototui.engine.listener import PROBE_SECONDS
from fototui.engine.lookout import Lookout
from fototui.engine.maintenance.budget import Budget
from fototui.engine.maintenance.duty import Duty
from fototui.engine.maintenance.rules import RuleSettings
from tests.engine.conftest import World
from tests.engine.test_maintenance import dying_engine
from tests.pgproxy import PgProxy
from tests.waiting import until

_NEVER = 3600.0
ZONE = ZoneInfo("Europe/Prague")
PRICES = Prices(second=Decimal("0.01"), credit=Decimal("0.2"))


class Looks:
    """Counts the looks of an engine: a duty for which there is always something to do."""

    def __init__(self) -> None:
        self.seen = 0

    async def count(self) -> None:
        self.seen += 1

    @property
    def duty(self) -> Duty:
        return Duty("count looks", self.count, when=text("true"))

    async def some(self, number: int) -> int:
        """Wait for so many more; how many have been seen until then."""
        wanted = self.seen + number

        async def are_seen() -> bool:
            return self.seen >= wanted

        await until(are_seen)
        return self.seen


async def test_a_look_is_all_that_an_idle_engine_asks(world: World) -> None:
    """Five lanes, every rule and a budget: one statement, whatever the number of duties."""
    looks = Looks()
    url = world.database.url.render_as_string(hide_password=False)
    async with PgProxy(url) as proxy, Database(proxy.url, pool_size=1) as far:
        budget = Budget(
            far, ZONE, prices=PRICES, limit=Decimal(5), actor="test", lanes={JobKind.COLORING}
        )
        engine = world.engine(
            database=far,
            orders=2,
            lease=_NEVER,
            poll_seconds=0.02,
            rules=RuleSettings(coloring=True, svg=True, book=True),
            more_duties=[looks.duty, Duty("budget", budget.keep, when=budget.when)],
        )
        async with engine:
            await looks.some(10)  # by now all has been asked that is asked once
            before = looks.seen
            with proxy.counting() as asked:
                after = await looks.some(20)
    # A look may be under way at either end.
    assert asked.total <= after - before + 1


def test_an_idle_engine_asks_at_most_thirty_times_a_minute() -> None:
    settings = EngineSettings(operator="test", concurrency={})
    beats = settings.lease / BEATS_A_LEASE
    looks = settings.poll_seconds * IDLE_POLLS
    assert 60 / beats + 60 / looks + 60 / PROBE_SECONDS <= 30


async def test_the_next_look_is_sooner_while_something_is_under_way(world: World) -> None:
    lookout = Lookout(
        world.database,
        [],
        unfinished=text(has_unfinished(COLORINGS)),
        busy_seconds=5_000,
        idle_seconds=10_000,
    )
    me = uuid.uuid4()
    assert await lookout.look(me) == 10_000
    await world.queue_colorings(1, not_before=datetime.now(UTC) + timedelta(days=1))
    assert await lookout.look(me) == 5_000
    await dying_engine(world)
    async with world.database.autocommit() as session:
        await session.execute(text("UPDATE engines SET lease_seconds = 1000"))
    assert await lookout.look(me) < 1_001  # its lease ends first
