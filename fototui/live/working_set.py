"""Which orders are held: what is not done, what was done lately, and older ones as they are wanted.

Older ones are all done. They are taken in by pages, the newest first, so that the list has no gaps
down to where the pages end; and one by one, where somebody searched for them or opened them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from fototui.live.state import Older
from fototui.services.views.orders import OrderCursor, OrderRow

MOST_IN_PAGES = 50_000
"""Orders are held no more than this by scrolling; beyond, one searches."""

_MOST_STRAYS = 2_000
"""Orders outside the pages; those that were taken in first are let go."""


def _nobody() -> Collection[str]:
    return ()


class WorkingSet:
    """Knows which orders are to be held.

    Args:
        rows: The orders that are held.
        days: So long ago an order may have been done.

    Attributes:
        horizon: What was done before then is old; None until the database was asked the time.
        older: What is not held.
        kept: Gives orders that are never let go, such as those that are marked.
    """

    def __init__(self, rows: Mapping[str, OrderRow], *, days: float) -> None:
        self._rows = rows
        self._days = days
        self._strays: dict[str, None] = {}
        self.horizon: datetime | None = None
        self.older = Older()
        self.kept: Callable[[], Collection[str]] = _nobody

    def begin(self, now: datetime) -> datetime:
        """Go by a time of the database; gives the horizon.

        Args:
            now: That time.
        """
        if self.horizon is None:
            self.horizon = now - timedelta(days=self._days)
        return self.horizon

    def narrow(self, done_at: datetime) -> None:
        """Hold no more of what was done lately: it is too much.

        Args:
            done_at: What was done then, or before, is old.
        """
        self.horizon = done_at + timedelta(microseconds=1)

    def is_old(self, row: OrderRow) -> bool:
        """Whether an order was done long ago."""
        done, horizon = row.finished_at, self.horizon
        return done is not None and horizon is not None and done < horizon

    def wants(self, row: OrderRow) -> bool:
        """Whether an order is held whoever asks for it."""
        if not self.is_old(row):
            return True
        before = self.older.before
        return before is not None and not before.is_after(row)

    def note(self, new: Iterable[OrderRow]) -> None:
        """Some orders are held now that were not."""
        old = [row for row in new if self.is_old(row)]
        for row in old:
            if not self.wants(row):
                self._strays[row.id] = None
        self._count(self.older.count - len(old))

    def reach(self, before: OrderCursor | None) -> None:
        """All orders are held down to here.

        Args:
            before: The end of the last page; None where it was the last of all.
        """
        self.older = replace(self.older, before=before)

    def count(self, others: int) -> bool:
        """Take over how many orders are not held.

        Args:
            others: So many.

        Returns:
            Whether that was news.
        """
        known = self.older
        before = known.before
        if others and before is None and self.horizon is not None:
            before = OrderCursor.at_moment(self.horizon)
        self.older = Older(others, before if others else None, is_full=known.is_full)
        return self.older != known

    def surplus(self, kept: Collection[str]) -> list[str]:
        """Orders to let go of.

        Args:
            kept: Some that are needed, besides those that are always.
        """
        self.older = replace(self.older, is_full=len(self._rows) >= MOST_IN_PAGES)
        if len(self._strays) <= _MOST_STRAYS:
            return []
        strays = [i for i in self._strays if i in self._rows and not self.wants(self._rows[i])]
        needed = {*kept, *self.kept()}
        gone = [i for i in strays[: max(0, len(strays) - _MOST_STRAYS)] if i not in needed]
        self._strays = dict.fromkeys(i for i in strays if i not in set(gone))
        self._count(self.older.count + len(gone))
        return gone

    def _count(self, count: int) -> None:
        self.older = replace(self.older, count=max(0, count))
