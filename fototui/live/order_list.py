"""Which orders the list shows and in which order: a tab, a search, a column.

Derived from the live store's mapping without a query, and built for many orders: what a change did
not touch is not looked at again. Orders that the store does not hold are all done; the tabs that
have them end where the store's orders begin to have gaps, and go on as more are taken in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import chain

from fototui.domain.sentences import Sentence
from fototui.domain.stages import Stage
from fototui.domain.statuses import PaymentStatus
from fototui.domain.text import folded
from fototui.live.state import Older
from fototui.services.orders.search import OrderSearch
from fototui.services.views.orders import OrderRow


class Tab(StrEnum):
    """What orders are shown by: their stages, and two that take in several."""

    WORKING = "working"
    COMING_IN = Stage.COMING_IN.value
    TO_COLOUR = Stage.TO_COLOUR.value
    RUNNING = Stage.RUNNING.value
    TO_REVIEW = Stage.TO_REVIEW.value
    TO_VECTORISE = Stage.TO_VECTORISE.value
    TO_TYPESET = Stage.TO_TYPESET.value
    TO_HAND_OVER = Stage.TO_HAND_OVER.value
    ERROR = Stage.ERROR.value
    DONE = Stage.DONE.value
    ALL = "all"

    @property
    def label(self) -> Sentence:
        """What it is called."""
        return _TAKING_IN.get(self) or Stage(self.value).label


_TAKING_IN = {Tab.WORKING: Sentence.make("Not done"), Tab.ALL: Sentence.make("All")}
_WITH_OLDER = frozenset({Tab.DONE, Tab.ALL})
_TABS = {
    stage: (
        Tab.ALL,
        *(() if stage is Stage.DONE else (Tab.WORKING,)),
        Tab(stage.value),
    )
    for stage in Stage
}


class Sort(StrEnum):
    """Columns that orders are sorted by."""

    CREATED = "created"
    NUMBER = "number"
    CUSTOMER = "customer"
    PAYMENT = "payment"
    STAGE = "stage"

    @property
    def label(self) -> Sentence:
        """What the column is called."""
        return _COLUMNS[self]

    @property
    def next(self) -> Sort:
        """The column after it, in a circle."""
        every = list(Sort)
        return every[(every.index(self) + 1) % len(every)]


_COLUMNS = {
    Sort.CREATED: Sentence.make("Received"),
    Sort.NUMBER: Sentence.make("Number"),
    Sort.CUSTOMER: Sentence.make("Customer"),
    Sort.PAYMENT: Sentence.make("Payment"),
    Sort.STAGE: Sentence.make("Stage"),
}
_NONE = Older()
_PAYMENTS = {str(payment): place for place, payment in enumerate(PaymentStatus)}
_STAGES = {stage: place for place, stage in enumerate(Stage)}
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
    Sort.STAGE: lambda row: _STAGES[row.stage.stage],
}


class OrderList:
    """The orders that are shown, kept true with little work.

    Args:
        tab: Only orders of this tab.
        sort: The column they are sorted by; of equals, the newest come first.
        reverse: The other way round.
        search: Only orders that it finds, as the operator typed it.
        read: Reads a search.

    Attributes:
        asked: The search as it was read.
        shown: ULIDs of the orders that are shown, in their order. Replaced, never changed in place.
        waiting: Pictures that wait for review, in all orders.
    """

    def __init__(
        self,
        *,
        tab: Tab = Tab.WORKING,
        sort: Sort = Sort.CREATED,
        reverse: bool = False,
        search: str = "",
        read: Callable[[str], OrderSearch],
    ) -> None:
        self.tab = tab
        self.sort = sort
        self.reverse = reverse
        self.search = search
        self.shown: Sequence[str] = ()
        self.waiting = 0
        self._rows: dict[str, OrderRow] = {}
        self._stages: dict[str, Stage] = {}
        self._members: dict[Tab, set[str]] = {tab: set() for tab in Tab}
        self._listing: Sequence[str] = ()
        self._older = Older()
        self._keys: dict[str, object] = {}
        self._sorted: Sequence[str] = ()
        self._read = read
        self.asked = read(search)

    def count(self, tab: Tab) -> int:
        """How many orders are in a tab, held or not, and whatever is searched for."""
        return len(self._members[tab]) + (self._older.count if tab in _WITH_OLDER else 0)

    @property
    def goes_on(self) -> bool:
        """There are orders after those that are shown, which are not held."""
        return self.tab in _WITH_OLDER and not self.asked and self._older.before is not None

    @property
    def tabs(self) -> list[Tab]:
        """The tabs that there is a reason to show: those with orders, and the present one."""
        always = {Tab.WORKING, self.tab}
        if self.count(Tab.DONE):
            always.add(Tab.ALL)
        return [tab for tab in Tab if tab in always or (tab is not Tab.ALL and self.count(tab))]

    @property
    def found_elsewhere(self) -> int:
        """How many orders all tabs together would show, where this one shows none."""
        if self.shown or not self.asked or self.tab is Tab.ALL:
            return 0
        return len(self._found(self._sorted))

    # --- what the operator changes -----------------------------------------------------------

    def show_tab(self, tab: Tab) -> None:
        """Show another tab."""
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
        before, asked = self.asked, self._read(search)
        self.search, self.asked = search, asked
        if before and asked.narrows(before):
            self._match(self.shown)
        else:
            self._derive(self._sorted)

    # --- what the store changes --------------------------------------------------------------

    def take(
        self, orders: Mapping[str, OrderRow], listing: Sequence[str], older: Older = _NONE
    ) -> None:
        """Take over the store's orders: some came, went, or changed.

        Args:
            orders: All orders that are held, by ULID.
            listing: Their ULIDs, newest first.
            older: What is not held.
        """
        self._older = older
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
        self.waiting += row.waiting - (0 if old is None else old.waiting)
        stage, stood = row.stage.stage, self._stages.get(row.id)
        self._stages[row.id] = stage
        tabs, before = _TABS[stage], () if stood is None else _TABS[stood]
        if stage is not stood:
            for tab in before:
                self._members[tab].discard(row.id)
            for tab in tabs:
                self._members[tab].add(row.id)
        moved = (
            old is None
            or old.search != row.search
            or any(ask.test(old) is not ask.test(row) for ask in self.asked.conditions)
            or (self.tab in tabs) is not (self.tab in before)
        )
        if self._keys:
            key = _KEYS[self.sort](row)
            moved |= self._keys.get(row.id) != key
            self._keys[row.id] = key
        return moved

    def _forget(self, order_id: str) -> None:
        self.waiting -= self._rows[order_id].waiting
        del self._rows[order_id], self._stages[order_id]
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
        if self.goes_on and (end := self._older.before) is not None:
            ids = [order_id for order_id in ids if not end.is_after(self._rows[order_id])]
        self._match(ids)

    def _match(self, ids: Sequence[str]) -> None:
        self.shown = self._found(ids)

    def _found(self, ids: Sequence[str]) -> Sequence[str]:
        rows = self._rows
        for word in self.asked.words:
            ids = [order_id for order_id in ids if word in rows[order_id].search]
        for ask in self.asked.conditions:
            ids = [order_id for order_id in ids if ask.test(rows[order_id])]
        return ids


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
