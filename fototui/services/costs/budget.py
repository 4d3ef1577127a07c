"""The budget of a day: when it is spent, the lanes that cost money pause until the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import TextClause, func, or_, text, update

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.operations import Lane
from fototui.db.notify import lane_payload, notify
from fototui.db.transaction import transaction
from fototui.domain.costs import Costs
from fototui.domain.lanes import paid_lanes
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.services.costs.reading import SUMS, TODAY, costs, since
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.operations.lanes import RUNNING

_ENDED_PAUSE = f"EXISTS (SELECT FROM lanes WHERE paused_until <= {TODAY})"
_LOOK = text(f"""
    SELECT {TODAY}, (SELECT {SUMS} FROM calls WHERE {since(TODAY)}), {_ENDED_PAUSE}
""")  # noqa: S608 - made of constants only

# Long enough for whoever asks now and then. An engine that is new may have another budget.
_LATELY = "now() - interval '5 minutes'"
_NEWS_OF_CALLS = f"""EXISTS (
    SELECT FROM calls WHERE {since(TODAY)} AND (
        began_at > {_LATELY} OR ended_at > {_LATELY}
        OR EXISTS (SELECT FROM engines WHERE id = :engine AND started_at > {_LATELY})
    )
)"""  # noqa: S608 - made of constants only


def has_to_look(zone: ZoneInfo, *, limited: bool) -> TextClause:
    """The condition that how the budget stands may have changed; `engine` is who asks.

    Args:
        zone: The shop's.
        limited: There is a budget; otherwise only the pauses of one are lifted.
    """
    condition = f"({_ENDED_PAUSE} OR {_NEWS_OF_CALLS})" if limited else _ENDED_PAUSE
    return text(condition).bindparams(zone=zone.key)


@dataclass(frozen=True, slots=True)
class Today:
    """How the budget stands.

    Args:
        day: The shop's day.
        costs: What was paid on it.
        has_pauses_to_lift: Whether there are pauses that have come to their end.
    """

    day: date
    costs: Costs
    has_pauses_to_lift: bool


class BudgetService:
    """Pauses paid lanes when a day's budget is spent, and lets them go on the day after.

    Any number of engines may do so at once: a lane is paused once a day at most, by whoever comes
    first. So an operator who resumes one has decided for the rest of that day. Days are the shop's,
    by the database's clock.

    Args:
        session: A session with no transaction under way; to look, best an autocommit one.
        operator: Who acts, for the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self._session = session
        self._operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def look(self, zone: ZoneInfo) -> Today:
        """See how the budget stands, in one round trip.

        Args:
            zone: The shop's.
        """
        async with self._session.begin():
            day, sums, over = (await self._session.execute(_LOOK, {"zone": zone.key})).one()
        return Today(day, costs(sums), over)

    async def pause(self, day: date, why: Sentence) -> Sequence[JobKind]:
        """Pause the paid lanes until the next day.

        Args:
            day: The day whose budget is spent.
            why: What operators are told.

        Returns:
            The lanes that ran until now.
        """
        statement = (
            update(Lane)
            .where(
                Lane.name.in_(paid_lanes()),
                Lane.paused_at.is_(None),
                or_(Lane.budget_day.is_(None), Lane.budget_day < day),
            )
            .values(
                paused_at=func.now(),
                paused_by=self._operator,
                paused_reason=str(why),
                paused_words=why,
                paused_until=day + timedelta(days=1),
                budget_day=day,
            )
            .returning(Lane.name)
        )
        async with transaction(self._session):
            lanes = [JobKind(name) for name in await self._session.scalars(statement)]
            for lane in lanes:
                self._activity.add(ActivityAction.LANE_PAUSED, version_type=lane, detail=why)
        return lanes

    async def lift(self, day: date) -> Sequence[JobKind]:
        """Let lanes go on whose pause has come to its end.

        Args:
            day: The day that is today.

        Returns:
            These lanes.
        """
        statement = (
            update(Lane).where(Lane.paused_until <= day).values(RUNNING).returning(Lane.name)
        )
        why = Sentence.make("A new day has begun, and with it a new budget.")
        async with transaction(self._session):
            lanes = [JobKind(name) for name in await self._session.scalars(statement)]
            for lane in lanes:
                self._activity.add(ActivityAction.LANE_RESUMED, version_type=lane, detail=why)
                await notify(self._session, lane_payload(lane))
        return lanes
