"""How an operator names an order."""

from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import ColumnElement, func, literal, select
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import Order
from fototui.domain.errors import NotFoundError
from fototui.domain.text import clean_line

_ULID_LENGTH = 26


def is_order(ref: str) -> ColumnElement[bool]:
    """The condition that an order is the one named.

    Args:
        ref: Its number as the shop writes it, in any case, with or without "#" ("#1270", "1270",
            "m1000", "EXP-12/2026"), or its ULID.
    """
    ref = clean_line(ref)
    if len(ref) == _ULID_LENGTH:
        with suppress(ValueError):  # a number may be as long
            return Order.id == ULID.from_str(ref.upper())
    number = ref.removeprefix("#")
    # The database makes both sides alike: Python's idea of upper case is another one.
    return func.upper(Order.order_number).in_(
        [func.upper(literal(f"#{number}")), func.upper(literal(number))]
    )


async def find_orders(session: TrackedAsyncSession, refs: Iterable[str]) -> set[ULID]:
    """Find orders that an operator names.

    Args:
        session: The session, inside a transaction.
        refs: Their numbers or ids.

    Returns:
        Their ids.

    Raises:
        NotFoundError: There is no such order.
    """
    found: set[ULID] = set()
    for ref in refs:
        order_id = await session.scalar(select(Order.id).where(is_order(ref)))
        if order_id is None:
            raise no_such_order(ref)
        found.add(order_id)
    return found


def no_such_order(ref: str) -> NotFoundError:
    """The error for a reference that names nothing.

    Args:
        ref: What the operator gave.
    """
    return NotFoundError(
        "There is no order {number}; see the list for those that are.",
        number=clean_line(ref, limit=40),
    )
