"""How an operator names an order."""

from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import ColumnElement, func, literal, select
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import Order
from fototui.db.types import among
from fototui.domain.errors import NotFoundError
from fototui.domain.text import clean_line

_ULID_LENGTH = 26


def is_order(ref: str) -> ColumnElement[bool]:
    """The condition that an order is the one named.

    Args:
        ref: Its number as the shop writes it, in any case, with or without "#" ("#1270", "1270",
            "m1000", "EXP-12/2026"), or its ULID.
    """
    if (order_id := _id_in(ref)) is not None:
        return Order.id == order_id
    number = clean_line(ref).removeprefix("#")
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
    named = {ref: _id_in(ref) for ref in refs}
    ids = {order_id for order_id in named.values() if order_id is not None}
    found: set[ULID] = set()
    if ids:
        found.update(await session.scalars(select(Order.id).where(among(Order.id, ids))))
    for ref, order_id in named.items():
        by_number = None
        if order_id is None:
            by_number = await session.scalar(select(Order.id).where(is_order(ref)))
        if by_number is not None:
            found.add(by_number)
        elif order_id not in found:
            raise no_such_order(ref)
    return found


def _id_in(ref: str) -> ULID | None:
    """The ULID that a reference is; None for an order's number."""
    ref = clean_line(ref)
    if len(ref) == _ULID_LENGTH:
        with suppress(ValueError):  # a number may be as long
            return ULID.from_str(ref.upper())
    return None


def no_such_order(ref: str) -> NotFoundError:
    """The error for a reference that names nothing.

    Args:
        ref: What the operator gave.
    """
    return NotFoundError(
        "There is no order {number}; see the list for those that are.",
        number=clean_line(ref, limit=40),
    )
