"""Going from order to order: the list as it stood when the first of them was opened.

An order that was worked on leaves the tab it was opened from. Whoever goes through a tab wants the
next one all the same, and no other than the one that stood there.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Protocol


class Listed(Protocol):
    """The list as it is now."""

    @property
    def shown(self) -> Sequence[str]:
        """ULIDs of its orders."""
        ...


class Known(Protocol):
    """All orders that there are."""

    @property
    def orders(self) -> Container[str]:
        """By ULID."""
        ...

    @property
    def listing(self) -> Sequence[str]:
        """Their ULIDs, newest first."""
        ...


class Walk:
    """The neighbours of orders.

    Args:
        listed: The list; where the first order is not in it, all orders are gone through.
        known: All orders; one that is gone is stepped over.
        order_id: The first order.
    """

    def __init__(self, listed: Listed, known: Known, order_id: str) -> None:
        self._listed = listed
        self._known = known
        self._stood = listed.shown if order_id in listed.shown else known.listing

    def neighbour(self, order_id: str, step: int) -> str | None:
        """The order before or after another one.

        Args:
            order_id: The one.
            step: 1 for the next, -1 for the one before.

        Returns:
            Its ULID; at the list's end one that came there since, or None.
        """
        stood = self._stood
        if order_id not in stood:
            return self._nearest(self._listed.shown, order_id, step, seen=())
        return self._nearest(stood, order_id, step, seen=()) or self._nearest(
            # What stands elsewhere by now was on the way already: one would go in circles.
            self._listed.shown,
            order_id,
            step,
            seen=frozenset(stood),
        )

    def _nearest(
        self, ids: Sequence[str], order_id: str, step: int, *, seen: Container[str]
    ) -> str | None:
        if order_id not in ids:
            return None
        place = ids.index(order_id)
        there = ids[place + 1 :] if step > 0 else ids[:place][::-1]
        known = self._known.orders
        return next((other for other in there if other in known and other not in seen), None)
