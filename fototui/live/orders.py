"""All known orders, in the order of the list."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import overload

from fototui.services.views.orders import OrderRow

# More new orders than this at once are sorted in; fewer are put in place one by one.
_FEW = 50

_Key = tuple[datetime, str]


class Listing(Sequence[str]):
    """ULIDs of orders, newest first; a live view.

    Finding a place costs the same with 100 orders and with 100,000.
    """

    def __init__(self, rows: Mapping[str, OrderRow]) -> None:
        self._rows = rows
        # Oldest first: a new order goes to the end, where nothing has to move for it.
        self._keys: list[_Key] = []

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self._keys[~index][1] for index in range(*place.indices(len(self)))]
        return self._keys[~place][1]

    def __iter__(self) -> Iterator[str]:
        return (order_id for _, order_id in reversed(self._keys))

    def __contains__(self, order_id: object) -> bool:
        return order_id in self._rows

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """The place of an order, from 0.

        Raises:
            ValueError: It is not in the list.
        """
        row = self._rows.get(value)
        place = -1 if row is None else len(self) - 1 - bisect_left(self._keys, _key(row))
        if not start <= place < (len(self) if stop is None else stop):
            raise ValueError(f"{value!r} is not in the list")
        return place

    def add(self, rows: Sequence[OrderRow]) -> None:
        """Put orders in their places; they must not be in the list."""
        if len(rows) > _FEW:
            # Sorting two sorted runs is one merge.
            self._keys.extend(sorted(map(_key, rows)))
            self._keys.sort()
            return
        for row in rows:
            insort(self._keys, _key(row))

    def remove(self, rows: Iterable[OrderRow]) -> None:
        """Take orders out; they must be in the list as these rows."""
        keys = {_key(row) for row in rows}
        if len(keys) > _FEW:
            self._keys = [key for key in self._keys if key not in keys]
            return
        for key in keys:
            del self._keys[bisect_left(self._keys, key)]


def _key(row: OrderRow) -> _Key:
    return (row.created_at, row.id)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change of the table did.

    Args:
        rows: Orders that were there and look different now.
        listing: Orders came, went, or changed places.
    """

    rows: frozenset[str]
    listing: bool


class OrderTable:
    """Orders by ULID, and their list."""

    def __init__(self) -> None:
        self._rows: dict[str, OrderRow] = {}
        self.rows: Mapping[str, OrderRow] = MappingProxyType(self._rows)
        self.listing = Listing(self._rows)

    def put(self, rows: Iterable[OrderRow]) -> Difference:
        """Add orders, or replace what is known of them."""
        changed: set[str] = set()
        placed: list[OrderRow] = []
        moved: list[OrderRow] = []
        for row in {row.id: row for row in rows}.values():
            known = self._rows.get(row.id)
            if known == row:
                continue
            self._rows[row.id] = row
            if known is not None:
                changed.add(row.id)
            if known is None or known.created_at != row.created_at:
                placed.append(row)
                moved += [] if known is None else [known]
        self.listing.remove(moved)
        self.listing.add(placed)
        return Difference(frozenset(changed), listing=bool(placed))

    def remove(self, ids: Iterable[str]) -> Difference:
        """Forget orders; those that are not known are passed over."""
        known = [self._rows[order_id] for order_id in set(ids) if order_id in self._rows]
        self.listing.remove(known)
        for row in known:
            del self._rows[row.id]
        return Difference(frozenset(), listing=bool(known))
