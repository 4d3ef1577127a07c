"""Sums over calls, as one column that any query may have, and the days of the shop."""

from collections.abc import Sequence
from decimal import Decimal

from fototui.domain.costs import CallOutcome, Costs, Spent

_IS_CALL = f"outcome IS DISTINCT FROM '{CallOutcome.REFUSED}'"

SUMS = f"""ARRAY[
    count(*) FILTER (WHERE {_IS_CALL}),
    coalesce(sum(execution_ms), 0),
    coalesce(sum(delay_ms), 0),
    coalesce(sum(credits), 0),
    count(*) FILTER (WHERE wasted AND {_IS_CALL}),
    coalesce(sum(execution_ms) FILTER (WHERE wasted), 0),
    coalesce(sum(delay_ms) FILTER (WHERE wasted), 0),
    coalesce(sum(credits) FILTER (WHERE wasted), 0)
]::numeric[]"""
"""What a group of calls took, and what of it was wasted; `costs` reads it."""

TODAY = "(now() AT TIME ZONE :zone)::date"
"""The shop's day, by the database's clock and its knowledge of the zone."""


def since(day: str) -> str:
    """The condition that a call was begun on a day of the shop's or later.

    Args:
        day: The day, in SQL.
    """
    return f"began_at >= ({day})::timestamp AT TIME ZONE :zone"


def costs(found: Sequence[Decimal]) -> Costs:
    """What `SUMS` found.

    Args:
        found: Its value.
    """
    return Costs(total=_spent(found[:4]), wasted=_spent(found[4:]))


def _spent(found: Sequence[Decimal]) -> Spent:
    calls, execution, delay, charged = found
    return Spent(
        calls=int(calls), execution_ms=int(execution), delay_ms=int(delay), credits=float(charged)
    )
