"""Marks on orders, set and taken away for several at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.locking import ProcessingLock
from fototui.db.models.orders import Order
from fototui.db.transaction import transaction
from fototui.db.types import among
from fototui.domain.events import Change, Operation
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
    session: TrackedAsyncSession,
    refs: Sequence[str],
    *,
    unmarked: Callable[[Order], bool],
    values: Callable[[datetime], Mapping[str, object]],
    entry: Callable[[Order], None],
) -> MarkReport:
    """Mark orders, all of them or none, in one transaction and by one statement.

    Args:
        session: A session with no transaction under way.
        refs: The orders' numbers or ids.
        unmarked: Tells of a locked order whether it is not so already.
        values: The columns that mark it, at the transaction's time.
        entry: Writes into the activity log that it was marked.

    Raises:
        NotFoundError: There is no such order; none was changed.
        RecordLockedError: Someone else kept an order locked; none was changed.
    """
    async with transaction(session):
        ids = await find_orders(session, refs)
        locks = await ProcessingLock(session, Order, among(Order.id, ids), wait=True).hold()
        changed = [lock.record for lock in locks if unmarked(lock.record)]
        if changed:
            written = values(locks[0].now)
            await session.execute(
                update(Order)
                .where(among(Order.id, [order.id for order in changed]))
                .values(written)
                .execution_options(synchronize_session=False)
            )
            for order in changed:
                entry(order)
                session.report(Change(Order.__name__, str(order.id), Operation.UPDATE, written))
        numbers = {order.id: order.order_number for order in changed}
        others = [lock.record for lock in locks if lock.record.id not in numbers]
        return MarkReport(tuple(numbers.values()), tuple(order.order_number for order in others))
