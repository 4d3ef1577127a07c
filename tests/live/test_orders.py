"""The table of orders stays sorted, whatever is put in and taken out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fototui.domain.statuses import OrderStatus
from fototui.live.orders import Difference, OrderTable
from fototui.services.views.orders import OrderRow

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def _row(number: int, *, minute: int = 0, name: str = "Jana") -> OrderRow:
    return OrderRow(
        id=f"{number:026}",
        number=f"#{number}",
        created_at=_BEGAN + timedelta(minutes=minute),
        customer_name=name,
        customer_email=None,
        items=1,
        payment_status=None,
        status=OrderStatus.PENDING,
        images=(),
        waiting=0,
        search="",
    )


_numbers = st.integers(0, 90)
_rows = st.builds(_row, _numbers, minute=st.integers(0, 3), name=st.sampled_from("AB"))
_deeds = st.one_of(st.lists(_rows, max_size=80), st.sets(_numbers, max_size=70))


@settings(max_examples=50, deadline=None)
@given(st.lists(_deeds, max_size=8))
def test_it_is_a_sorted_dictionary(commands: list[list[OrderRow] | set[int]]) -> None:
    table = OrderTable()
    known: dict[str, OrderRow] = {}
    for command in commands:
        before = dict(known)
        if isinstance(command, set):
            ids = {f"{number:026}" for number in command}
            difference = table.remove(ids)
            known = {key: row for key, row in known.items() if key not in ids}
        else:
            difference = table.put(command)
            known |= {row.id: row for row in command}
        newest_first = sorted(known.values(), key=lambda r: (r.created_at, r.id), reverse=True)
        order = [row.id for row in newest_first]

        assert dict(table.rows) == known
        assert list(table.listing) == order
        assert [table.listing[place] for place in range(len(order))] == order
        assert [table.listing.index(order_id) for order_id in order] == list(range(len(order)))
        assert table.listing[1:7:2] == order[1:7:2]
        assert table.listing[-3:] == order[-3:]
        assert difference.rows == {
            key for key, row in known.items() if key in before and before[key] != row
        }
        if [r.id for r in before.values()] != [r.id for r in known.values()]:
            assert difference.listing


def test_what_is_not_in_the_list_has_no_place() -> None:
    table = OrderTable()
    table.put([_row(1), _row(2)])
    assert "nobody" not in table.listing
    with pytest.raises(ValueError, match="nobody"):
        table.listing.index("nobody")
    with pytest.raises(IndexError):
        table.listing[2]
    assert table.put([_row(1)]) == Difference(frozenset(), listing=False)
    assert table.put([_row(1, minute=5)]) == Difference(frozenset({_row(1).id}), listing=True)
