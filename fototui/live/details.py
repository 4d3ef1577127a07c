"""Opened orders, kept true while they are open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fototui.domain.events import ImageStatusEvent
from fototui.live.apply_event import paint_detail
from fototui.services.views.orders import OrderDetail


@dataclass(slots=True)
class _Opened:
    """One opened order.

    Args:
        times: How often it is open.
        detail: What is known of it.
        fetched: Tick of the query that brought it.
        is_marked: It is to be fetched again.
    """

    times: int = 0
    detail: OrderDetail | None = None
    fetched: int = 0
    is_marked: bool = False


class Details:
    """The opened orders, by ULID."""

    def __init__(self) -> None:
        self._opened: dict[str, _Opened] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened)

    def get(self, order_id: str) -> OrderDetail | None:
        """What is known of an order; None where it is not open."""
        opened = self._opened.get(order_id)
        return None if opened is None else opened.detail

    def open(self, order_id: str) -> None:
        """Keep an order from now on."""
        self._opened.setdefault(order_id, _Opened()).times += 1

    def close(self, order_id: str) -> None:
        """Keep an order no longer, once it was closed as often as opened."""
        opened = self._opened.get(order_id)
        if opened is not None:
            opened.times -= 1
            if opened.times <= 0:
                del self._opened[order_id]

    def mark(self, order_id: str) -> None:
        """Have an order fetched again, if it is open."""
        if opened := self._opened.get(order_id):
            opened.is_marked = True

    @property
    def has_marks(self) -> bool:
        """Some are to be fetched again."""
        return any(opened.is_marked for opened in self._opened.values())

    def marked(self) -> list[str]:
        """Those to be fetched again."""
        return [order_id for order_id, opened in self._opened.items() if opened.is_marked]

    def unmark(self, order_id: str) -> None:
        """An order is being fetched."""
        if opened := self._opened.get(order_id):
            opened.is_marked = False

    def put(
        self,
        order_id: str,
        detail: OrderDetail | None,
        fetched: int,
        later: Iterable[ImageStatusEvent],
    ) -> bool:
        """Keep what was fetched, unless something newer is known.

        Args:
            order_id: The order.
            detail: The answer; None where it was deleted.
            fetched: Tick of the query.
            later: Events that came since then.

        Returns:
            Whether it looks different now.
        """
        opened = self._opened.get(order_id)
        if opened is None or fetched < opened.fetched:
            return False
        for event in later:
            if detail is not None and event.order_id == order_id:
                detail = paint_detail(detail, event) or detail
                opened.is_marked = True
        differs = opened.detail != detail
        opened.detail, opened.fetched = detail, fetched
        return differs

    def paint(self, event: ImageStatusEvent) -> bool:
        """Show a status from its event.

        Returns:
            Whether nothing remains to be asked.
        """
        opened = self._opened.get(event.order_id)
        if opened is None:
            return True
        painted = None if opened.detail is None else paint_detail(opened.detail, event)
        if painted is None:
            return False
        opened.detail = painted
        return True
