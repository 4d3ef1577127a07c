"""Marks on orders, set and taken away for several at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.locking import ProcessingLock, RecordLock
from fototui.db.models.orders import Order
from fototui.db.transaction import transaction
from fototui.db.types import among
from fototui.services.orders.refs import find_orders


@dataclass(frozen=True, slots=True)
class MarkReport:
    """What became of the orders that were named.

    Args:
        changed: Numbers of those that changed.
        unchanged: Numbers of those that were so already.
    """

    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


async def mark_orders(
    session: TrackedAsyncSession, refs: Sequence[str], mark: Callable[[RecordLock[Order]], bool]
) -> MarkReport:
    """Mark orders, all of them or none, in one transaction.

    Args:
        session: A session with no transaction under way.
        refs: The orders' numbers or ids.
        mark: Marks a locked order; tells whether that changed it.

    Raises:
        NotFoundError: There is no such order; none was changed.
        RecordLockedError: Someone else kept an order locked; none was changed.
    """
    changed: list[str] = []
    unchanged: list[str] = []
    async with transaction(session):
        ids = await find_orders(session, refs)
        for lock in await ProcessingLock(session, Order, among(Order.id, ids), wait=True).hold():
            (changed if mark(lock) else unchanged).append(lock.record.order_number)
    return MarkReport(tuple(changed), tuple(unchanged))
