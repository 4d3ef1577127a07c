"""How an operator names an order."""

from contextlib import suppress

from sqlalchemy import ColumnElement
from ulid import ULID

from fototui.db.models.orders import Order
from fototui.domain.errors import NotFoundError
from fototui.domain.text import clean_line

_ULID_LENGTH = 26


def is_order(ref: str) -> ColumnElement[bool]:
    """The condition that an order is the one named.

    Args:
        ref: Its number, with or without "#" ("#1270", "1270", "M1000"), or its ULID.
    """
    ref = clean_line(ref)
    if len(ref) == _ULID_LENGTH:
        with suppress(ValueError):  # a number may be as long
            return Order.id == ULID.from_str(ref.upper())
    number = ref.removeprefix("#").upper()
    return Order.order_number.in_([f"#{number}", number])


def no_such_order(ref: str) -> NotFoundError:
    """The error for a reference that names nothing.

    Args:
        ref: What the operator gave.
    """
    return NotFoundError(
        "There is no order {number}; see the list for those that are.",
        number=clean_line(ref, limit=40),
    )
