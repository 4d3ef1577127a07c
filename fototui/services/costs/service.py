"""What was paid: today and this month, and by whatever it can be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import text

from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.costs import Costs
from fototui.domain.statuses import VersionType
from fototui.services.costs.reading import SUMS, TODAY, costs, since


class CostsBy(StrEnum):
    """What costs are told apart by."""

    DAY = "day"
    MONTH = "month"
    ORDER = "order"
    OPTIONS = "options"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Overview:
    """What was paid of late, in the shop's time.

    Args:
        day: The day that is today.
        today: Since its beginning.
        month: Since the beginning of its month.
    """

    day: date
    today: Costs
    month: Costs


@dataclass(frozen=True, slots=True)
class CostGroup:
    """What was paid for one day, month, order or operator, or for versions with the same options.

    Args:
        name: The day or month as ISO 8601 has it, the order's number, the operator; None where
            that is not known. Of options it is the lane.
        costs: What was paid.
        versions: For how many versions.
        chosen: How many of these are the chosen ones of their pictures.
        options: The options, where that is what costs are told apart by.
    """

    name: str | None
    costs: Costs
    versions: int
    chosen: int
    options: Mapping[str, object] | None = None


class CostService:
    """Reads what was paid; each question is one round trip.

    Args:
        session: A session with no transaction under way; best an autocommit one.
        operator: Not used; services are all made alike.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        del operator
        self._session = session

    async def overview(self, zone: ZoneInfo) -> Overview:
        """What was paid today and this month.

        Args:
            zone: The shop's.
        """
        async with self._session.begin():
            found = await self._session.execute(text(_OVERVIEW), {"zone": zone.key})
        day, spent_today, spent_this_month = found.one()
        return Overview(day, costs(spent_today), costs(spent_this_month))

    async def report(
        self, by: CostsBy, zone: ZoneInfo, *, begin: date | None = None
    ) -> tuple[CostGroup, ...]:
        """What was paid, told apart.

        Args:
            by: By what.
            zone: The shop's.
            begin: Only what was begun on this day or later.

        Returns:
            Days and months in their order, options by how often they were taken, orders and
            operators by their last call.
        """
        key, order = _GROUPS[by]
        statement = f"""
            SELECT {key} AS name, {_OPTIONS if by is CostsBy.OPTIONS else "NULL::jsonb"} AS options,
                {SUMS}, count(DISTINCT (kind, version_id)),
                count(DISTINCT (kind, version_id)) FILTER (WHERE {_IS_CHOSEN})
            FROM calls c LEFT JOIN orders o ON o.id = c.order_id
            WHERE CAST(:begin AS date) IS NULL OR {since("CAST(:begin AS date)")}
            GROUP BY 1, 2 ORDER BY {order}"""  # noqa: S608 - made of constants only
        async with self._session.begin():
            rows = await self._session.execute(text(statement), {"zone": zone.key, "begin": begin})
        return tuple(
            CostGroup(name, costs(found), versions, chosen, options)
            for name, options, found, versions, chosen in rows.all()
        )


_OVERVIEW = f"""
    SELECT {TODAY}, (SELECT {SUMS} FROM calls WHERE {since(TODAY)}),
        (SELECT {SUMS} FROM calls WHERE {since(f"date_trunc('month', {TODAY})")})
"""  # noqa: S608 - made of constants only

_OPTIONS = "c.options"
_LOCAL = "c.began_at AT TIME ZONE :zone"
_LAST_FIRST = "max(began_at) DESC, 1"
# How costs are told apart, and in which order they are told.
_GROUPS = {
    CostsBy.DAY: (f"to_char({_LOCAL}, 'YYYY-MM-DD')", "1"),
    CostsBy.MONTH: (f"to_char({_LOCAL}, 'YYYY-MM')", "1"),
    CostsBy.ORDER: ("o.order_number", _LAST_FIRST),
    CostsBy.OPTIONS: ("c.kind", "1, 4 DESC, 2"),
    CostsBy.OPERATOR: ("c.requested_by", _LAST_FIRST),
}
_IS_CHOSEN = " OR ".join(
    f"EXISTS (SELECT FROM {kind}_versions v JOIN images i ON i.selected_{kind}_id = v.id "
    f"AND i.id = v.image_id WHERE c.kind = '{kind}' AND v.id = c.version_id)"
    for kind in VersionType
)
