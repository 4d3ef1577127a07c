"""What is known, and what has to be asked: the half of the live store that does no I/O."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from itertools import islice

from fototui.domain.events import Event, ImageStatusEvent, ListUpdateEvent
from fototui.live.apply_event import paint_row, shown_version
from fototui.live.details import Details
from fototui.live.notifier import Notifier
from fototui.live.orders import Difference, OrderTable
from fototui.live.working_set import WorkingSet
from fototui.services.changes import is_ulid
from fototui.services.views.orders import OrderDetail, OrderPage, OrderRow

STRANGERS = 1_000
"""Marks of orders that are not in the table, before the database is asked instead."""


class Model:
    """Orders, opened orders, and the marks on those that have to be fetched.

    A tick is a number that grows with every mark, painted badge and query: it tells which of them
    came first.

    Args:
        notifier: Takes what listeners are to hear.
        working_days: What was done before is not held unless somebody asks for it.
    """

    def __init__(self, notifier: Notifier, *, working_days: float = 30) -> None:
        self.notifier = notifier
        self.table = OrderTable()
        self.working_set = WorkingSet(self.table.rows, days=working_days)
        self.details = Details()
        self.in_view: Sequence[str] = ()
        self.is_poll_asked = True
        """The database has to be asked what changed."""
        self.has_work = asyncio.Event()
        """Something was marked or asked for since it was last cleared."""
        self._tick = 0
        # With the tick of the mark, the earliest first.
        self._marked: dict[str, int] = {}
        # By kind and version: badges painted since they were last verified.
        self._painted: dict[tuple[str, int], tuple[int, ImageStatusEvent]] = {}
        # By kind and image: a version newer than the one that the badge shows, which was asked
        # about; another one is chosen.
        self._beside: dict[tuple[str, int], int] = {}

    @property
    def known(self) -> int:
        """How many orders there are, held or not, as far as is known."""
        return len(self.table.rows) + self.working_set.older.count

    def next_tick(self) -> int:
        """The next tick."""
        self._tick += 1
        return self._tick

    # --- marks -------------------------------------------------------------------------------

    @property
    def has_marks(self) -> bool:
        """Something has to be fetched."""
        return bool(self._marked) or self.details.has_marks

    @property
    def oldest_mark(self) -> float:
        """Tick of the oldest mark; infinite where there is none."""
        return next(iter(self._marked.values()), math.inf)

    def mark(self, order_id: str) -> None:
        """Have an order fetched.

        Args:
            order_id: As an event names it. An older publisher's order number asks the database
                what changed, and so do many orders that nobody knows.
        """
        most = len(self.table.rows) + STRANGERS
        if order_id not in self.table.rows and (not is_ulid(order_id) or len(self._marked) >= most):
            self.ask_poll()
            return
        self._marked.setdefault(order_id, self.next_tick())
        self.details.mark(order_id)
        self.has_work.set()

    def ask_poll(self) -> None:
        """Have the database asked what changed."""
        self.is_poll_asked = True
        self.has_work.set()

    def next_batch(self, most: int) -> list[str]:
        """What to fetch next: what is open or on the screen first, then the oldest marks."""
        first = (key for key in (*self.details, *self.in_view) if key in self._marked)
        return list(islice(dict.fromkeys((*first, *islice(self._marked, most))), most))

    def take_marks(self, ids: Iterable[str]) -> dict[str, int]:
        """Take marks off; gives them, for `restore_marks`."""
        return {key: self._marked.pop(key) for key in ids if key in self._marked}

    def restore_marks(self, marks: dict[str, int]) -> None:
        """Put marks on again, in front of those that were made meanwhile."""
        self._marked = {**marks, **self._marked}

    # --- events ------------------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """Apply an event: paint what it tells, mark what it does not."""
        if isinstance(event, ImageStatusEvent):
            self._paint(event)
        elif not isinstance(event, ListUpdateEvent):
            self.mark(event.order_id)
        elif event.order_ids:
            for order_id in event.order_ids:
                self.mark(order_id)
        else:
            self.ask_poll()

    def _paint(self, event: ImageStatusEvent) -> None:
        self._paint_row(event)
        if not self.details.paint(event):
            self.details.mark(event.order_id)
            self.has_work.set()
        elif self.details.get(event.order_id) is not None:
            self._remember(event)
            self.notifier.details.add(event.order_id)
            self.notifier.note()

    def _paint_row(self, event: ImageStatusEvent) -> None:
        row = self.table.rows.get(event.order_id)
        if row is None:
            self.mark(event.order_id)
            return
        shown = shown_version(row, event)
        if shown is None or shown < event.version_id:
            badge = (event.status_type.value, event.image_id)
            # Asked about once: which version a badge shows changes with an image_update only.
            if self._beside.get(badge, 0) < event.version_id:
                self._beside[badge] = event.version_id
                self.mark(event.order_id)
        elif shown == event.version_id:
            painted = paint_row(row, event)
            if painted is None:
                self.mark(event.order_id)
            else:
                self._remember(event)
                self._note_difference(self.table.put([painted]))

    def _remember(self, event: ImageStatusEvent) -> None:
        key = (event.status_type.value, event.version_id)
        self._painted[key] = (self.next_tick(), event)

    def verify_painted(self) -> None:
        """Mark what was painted: one event may have overtaken another on its way."""
        for _, event in self._painted.values():
            self.mark(event.order_id)
        self._painted.clear()

    # --- answers -----------------------------------------------------------------------------

    def put_rows(self, rows: Iterable[OrderRow], began: int, *, are_wanted: bool = False) -> None:
        """Keep rows.

        Args:
            rows: What was fetched.
            began: Tick of the query; badges painted since then stay as they are.
            are_wanted: They are kept, however old they are.
        """
        fetched = {row.id: row for row in rows if are_wanted or self._is_wanted(row)}
        for event in self._painted_since(began):
            row = fetched.get(event.order_id)
            if row is not None:
                self.mark(row.id)  # whichever of the two is older, the next reading is not
                if shown_version(row, event) == event.version_id:
                    fetched[row.id] = paint_row(row, event) or row
        new = [row for row in fetched.values() if row.id not in self.table.rows]
        self._note_difference(self.table.put(fetched.values()))
        self.working_set.note(new)
        if gone := self.working_set.surplus((*self.details, *self.in_view)):
            self._note_difference(self.table.remove(gone))

    def _is_wanted(self, row: OrderRow) -> bool:
        is_known = row.id in self.table.rows or row.id in set(self.details)
        return is_known or self.working_set.wants(row)

    def reach(self, page: OrderPage, began: int) -> None:
        """Keep a page of older orders.

        Args:
            page: The page after the last one.
            began: Tick of the query.
        """
        self.working_set.reach(page.next)
        self.put_rows(page.orders, began, are_wanted=True)
        self.note_older()

    def note_older(self) -> None:
        """Tell that others are not held now."""
        self.notifier.listing = True
        self.notifier.note()

    def forget(self, ids: Iterable[str]) -> None:
        """Drop orders that are no more."""
        gone = set(ids)
        for order_id in gone.intersection(self.details):
            self.put_detail(order_id, None, self.next_tick())
        self._note_difference(self.table.remove(gone))

    def put_detail(self, order_id: str, detail: OrderDetail | None, began: int) -> None:
        """Keep an opened order.

        Args:
            order_id: The order.
            detail: What was fetched; None where it is no more.
            began: Tick of the query.
        """
        if self.details.put(order_id, detail, began, self._painted_since(began)):
            self.notifier.details.add(order_id)
            self.notifier.note()

    def _painted_since(self, tick: int) -> list[ImageStatusEvent]:
        return [event for painted, event in self._painted.values() if painted > tick]

    def _note_difference(self, difference: Difference) -> None:
        self.notifier.rows |= difference.rows
        self.notifier.listing |= difference.listing
        self.notifier.note()
