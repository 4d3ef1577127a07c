"""Which orders the list shows and in which order: a tab, a search, a column.

Derived from the live store's mapping without a query, and built for 100,000 orders: what a change
did not touch is not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import chain, product

from fototui.domain.badges import Badge
from fototui.domain.statuses import OrderStatus, PaymentStatus
from fototui.domain.text import clean_line, folded
from fototui.i18n import N_
from fototui.services.views.orders import OrderRow


class Tab(StrEnum):
    """States that orders are shown by; an order may be in several."""

    ALL = "all"
    REVIEW = "review"
    RUNNING = "running"
    ERROR = "error"

    @property
    def label(self) -> str:
        """What it is called; to be translated."""
        return _TAB_LABELS[self]


_TAB_LABELS = {
    Tab.ALL: N_("All"),
    Tab.REVIEW: N_("To review"),
    Tab.RUNNING: N_("Running"),
    Tab.ERROR: N_("Error"),
}


def tabs_of(row: OrderRow) -> tuple[Tab, ...]:
    """In which tabs an order stands; the one place where that is decided.

    To review: pictures of it wait in the review. Running: its details or photos are on their
    way, or a version is waiting or being made. Error: it failed itself, or a version that its
    badges tell of did.
    """
    status = row.status
    running = status in _COMING
    error = status is OrderStatus.ERROR
    for image in row.images:
        coloring, svg = Badge.of(image.coloring), Badge.of(image.svg)
        running = running or coloring.is_active or svg.is_active
        error = error or coloring is Badge.ERROR or svg is Badge.ERROR
    return _TABS[row.waiting > 0, running, error]


_COMING = (OrderStatus.PENDING, OrderStatus.PROCESSING, OrderStatus.DOWNLOADING)
_TABS = {
    (review, running, error): (
        Tab.ALL,
        *(
            tab
            for tab, is_in in zip(
                (Tab.REVIEW, Tab.RUNNING, Tab.ERROR), (review, running, error), strict=True
            )
            if is_in
        ),
    )
    for review, running, error in product((False, True), repeat=3)
}


class Sort(StrEnum):
    """Columns that orders are sorted by."""

    CREATED = "created"
    NUMBER = "number"
    CUSTOMER = "customer"
    PAYMENT = "payment"
    STATUS = "status"

    @property
    def next(self) -> Sort:
        """The column after it, in a circle."""
        every = list(Sort)
        return every[(every.index(self) + 1) % len(every)]


_PAYMENTS = {str(payment): place for place, payment in enumerate(PaymentStatus)}
_STATUSES = {str(status): place for place, status in enumerate(OrderStatus)}
_NUMBER = re.compile(r"(\D*)(\d*)(.*)", re.DOTALL)
_LAST = "\U0010ffff"


def _number_key(row: OrderRow) -> str:
    match = _NUMBER.match(row.number)
    assert match is not None
    prefix, digits, rest = match.groups()
    return f"{prefix}{digits:0>15}{rest}"


def _payment_key(row: OrderRow) -> tuple[int, str]:
    value = row.payment_status or ""
    return _PAYMENTS.get(value, len(_PAYMENTS)), value or _LAST


_KEYS: dict[Sort, Callable[[OrderRow], object]] = {
    Sort.NUMBER: _number_key,
    Sort.CUSTOMER: lambda row: folded(row.customer_name) if row.customer_name else _LAST,
    Sort.PAYMENT: _payment_key,
    Sort.STATUS: lambda row: _STATUSES[str(row.status)],
}


class OrderList:
    """The orders that are shown, kept true with little work.

    Args:
        tab: Only orders in this state.
        sort: The column they are sorted by; of equals, the newest come first.
        reverse: The other way round.
        search: Only orders that have all its words; accents and case do not count.

    Attributes:
        shown: ULIDs of the orders that are shown, in their order. Replaced, never changed in place.
    """

    def __init__(
        self,
        *,
        tab: Tab = Tab.ALL,
        sort: Sort = Sort.CREATED,
        reverse: bool = False,
        search: str = "",
    ) -> None:
        self.tab = tab
        self.sort = sort
        self.reverse = reverse
        self.search = search
        self.shown: Sequence[str] = ()
        self._rows: dict[str, OrderRow] = {}
        self._members: dict[Tab, set[str]] = {tab: set() for tab in Tab}
        self._listing: Sequence[str] = ()
        self._keys: dict[str, object] = {}
        self._sorted: Sequence[str] = ()
        self._words: list[str] = folded(clean_line(search)).split()

    def count(self, tab: Tab) -> int:
        """How many orders are in a state, whatever is searched for."""
        return len(self._members[tab])

    # --- what the operator changes -----------------------------------------------------------

    def show_tab(self, tab: Tab) -> None:
        """Show another state."""
        self.tab = tab
        self._derive(self._sorted)

    def sort_by(self, sort: Sort, *, reverse: bool) -> None:
        """Sort by another column, or the other way round."""
        if sort is not self.sort:
            self._keys = {}
        self.sort, self.reverse = sort, reverse
        self._sort()

    def search_for(self, search: str) -> None:
        """Filter by another text."""
        words = folded(clean_line(search)).split()
        # Each letter more can only narrow what was found by the ones before it.
        narrows = len(words) >= len(self._words) and all(
            old in new for old, new in zip(self._words, words, strict=False)
        )
        self.search, self._words = search, words
        if narrows:
            self._match(self.shown)
        else:
            self._derive(self._sorted)

    # --- what the store changes --------------------------------------------------------------

    def take(self, orders: Mapping[str, OrderRow], listing: Sequence[str]) -> None:
        """Take over the store's orders: some came, went, or changed.

        Args:
            orders: All orders by ULID.
            listing: Their ULIDs, newest first.
        """
        known, listing = self._rows, list(listing)
        for row in [orders[i] for i in listing if known.get(i) is not orders[i]]:
            self._learn(row)
        if len(known) != len(listing):
            for order_id in known.keys() - set(listing):
                self._forget(order_id)
        self._listing = listing
        self._sort()

    def update(self, orders: Mapping[str, OrderRow], changed: Iterable[str]) -> bool:
        """Take over single orders whose rows changed.

        Args:
            orders: All orders by ULID.
            changed: ULIDs of those that changed.

        Returns:
            Whether `shown` is another list now.
        """
        moved = False
        for order_id in changed:
            if order_id in self._rows and (row := orders.get(order_id)) is not None:
                moved |= self._learn(row)
        if moved:
            self._sort()
        return moved

    def _learn(self, row: OrderRow) -> bool:
        """Know a row; gives whether it may stand elsewhere by it."""
        old = self._rows.get(row.id)
        self._rows[row.id] = row
        tabs, before = tabs_of(row), () if old is None else tabs_of(old)
        if tabs is not before:
            for tab in before:
                self._members[tab].discard(row.id)
            for tab in tabs:
                self._members[tab].add(row.id)
        moved = (
            old is None
            or old.search != row.search
            or (self.tab in tabs) is not (self.tab in before)
        )
        if self._keys:
            key = _KEYS[self.sort](row)
            moved |= self._keys.get(row.id) != key
            self._keys[row.id] = key
        return moved

    def _forget(self, order_id: str) -> None:
        del self._rows[order_id]
        self._keys.pop(order_id, None)
        for members in self._members.values():
            members.discard(order_id)

    # --- deriving ----------------------------------------------------------------------------

    def _sort(self) -> None:
        if self.sort is Sort.CREATED:
            self._sorted = self._listing[::-1] if self.reverse else self._listing
        else:
            if not self._keys:
                key = _KEYS[self.sort]
                self._keys = {order_id: key(row) for order_id, row in self._rows.items()}
            self._sorted = sorted(
                self._listing,
                key=self._keys.__getitem__,  # type: ignore[arg-type] # of one column, they compare
                reverse=self.reverse,
            )
        self._derive(self._sorted)

    def _derive(self, ids: Sequence[str]) -> None:
        if self.tab is not Tab.ALL:
            members = self._members[self.tab]
            ids = [order_id for order_id in ids if order_id in members]
        self._match(ids)

    def _match(self, ids: Sequence[str]) -> None:
        rows = self._rows
        for word in self._words:
            ids = [order_id for order_id in ids if word in rows[order_id].search]
        self.shown = ids


def place_after(before: Sequence[str], place: int, now: Sequence[str]) -> int:
    """Where an order stands now; where it is gone, the nearest that is left, rather a later one.

    Args:
        before: The list as it was.
        place: Where the order stood in it.
        now: The list as it is.
    """
    if place >= len(before) or not now:
        return 0
    if place < len(now) and now[place] == before[place]:
        return place
    places = {order_id: index for index, order_id in enumerate(now)}
    for order_id in chain(before[place:], reversed(before[:place])):
        if order_id in places:
            return places[order_id]
    return 0
