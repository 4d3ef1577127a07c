"""Keeping to the budget of a day."""

from collections.abc import Collection
from decimal import Decimal
from zoneinfo import ZoneInfo

from fototui.db.database import Database
from fototui.domain.costs import Prices, money
from fototui.domain.errors import ConfigurationError
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.log import get_logger
from fototui.services.costs.budget import BudgetService, has_to_look

log = get_logger(__name__)


class Budget:
    """Pauses paid lanes while a day's budget is spent; a duty of every engine.

    What runs goes on, and so a budget may be overdrawn by what was under way. Pauses of the day
    before are lifted by engines without a budget too: it may have been taken away meanwhile.

    Args:
        database: The database.
        zone: The shop's, whose days count.
        prices: What calls cost.
        limit: What may be spent a day; None for no limit.
        actor: Who the activity log names.
        lanes: What this engine does; its calls are to be counted.

    Raises:
        ConfigurationError: There is a limit, and no price for what a lane calls: whatever that
            costs would never reach it.
    """

    def __init__(
        self,
        database: Database,
        zone: ZoneInfo,
        *,
        prices: Prices,
        limit: Decimal | None,
        actor: str,
        lanes: Collection[JobKind],
    ) -> None:
        if limit is not None:
            require_prices(prices, lanes)
        self.when = has_to_look(zone, limited=limit is not None)
        """Whether there may be something to do."""
        self._database = database
        self._zone = zone
        self._prices = prices
        self._limit = limit
        self._actor = actor

    async def keep(self) -> None:
        """Pause what has to be paused now, and lift what has been paused for long enough."""
        async with self._database.autocommit() as session:
            today = await BudgetService(session, operator=self._actor).look(self._zone)
        if today.has_pauses_to_lift:
            async with self._database.session() as session:
                lanes = await BudgetService(session, operator=self._actor).lift(today.day)
            log.info("a new day, a new budget", lanes=[str(lane) for lane in lanes])
        cost = self._prices.cost(today.costs.total)
        if self._limit is None or cost is None or cost < self._limit:
            return
        why = Sentence.make(
            "Today's budget is spent: {cost} of {budget}. The lane goes on tomorrow by itself, or "
            "as soon as someone resumes it.",
            cost=money(cost, self._prices.currency),
            budget=money(self._limit, self._prices.currency),
        )
        async with self._database.session() as session:
            lanes = await BudgetService(session, operator=self._actor).pause(today.day, why)
        if lanes:
            log.warning("the budget is spent", lanes=[str(lane) for lane in lanes], reason=str(why))


def require_prices(prices: Prices, lanes: Collection[JobKind]) -> None:
    """See that a budget would count all that is paid.

    Args:
        prices: What calls cost.
        lanes: The lanes that are done.

    Raises:
        ConfigurationError: What one of them calls has no price.
    """
    needed = {
        JobKind.COLORING: ("RUNPOD_PRICE_PER_SECOND", prices.second),
        JobKind.SVG: ("VECTORIZER_PRICE_PER_CREDIT", prices.credit),
    }
    missing = [name for lane, (name, price) in needed.items() if lane in lanes and price is None]
    if missing:
        raise ConfigurationError(
            "DAILY_BUDGET counts only what has a price; set {names} too.",
            names=", ".join(missing),
        )
