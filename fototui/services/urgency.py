"""Putting orders first: an urgent order's jobs are claimed before those of others."""

from collections.abc import Sequence
from dataclasses import dataclass

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.locking import ProcessingLock
from fototui.db.models.orders import Order
from fototui.db.transaction import transaction
from fototui.domain.events import ListUpdateEvent, OrderUpdateEvent
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.refs import find_orders


@dataclass(frozen=True, slots=True)
class UrgencyReport:
    """What became of the orders that were named.

    Args:
        changed: Numbers of those that were put first, or back among the others.
        unchanged: Numbers of those that were so already.
    """

    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


@mercure_autotrack(OrderUpdateEvent, ListUpdateEvent)
class UrgencyService:
    """Puts orders first, and back among the others. Each call is one transaction.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def set_urgent(self, refs: Sequence[str], *, urgent: bool) -> UrgencyReport:
        """Have all jobs of some orders, also those asked for later, claimed before others' or not.

        What runs already goes on: it is finished first.

        Args:
            refs: The orders' numbers or ids.
            urgent: Whether they go first.

        Returns:
            Which orders that changed.

        Raises:
            NotFoundError: There is no such order; none was changed.
            RecordLockedError: Someone else kept an order locked; none was changed.
        """
        changed: list[str] = []
        unchanged: list[str] = []
        async with transaction(self.session):
            ids = await find_orders(self.session, refs)
            for lock in await ProcessingLock(
                self.session, Order, Order.id.in_(ids), wait=True
            ).hold():
                order = lock.record
                if (order.urgent_at is not None) == urgent:
                    unchanged.append(order.order_number)
                    continue
                order.urgent_at = lock.now if urgent else None
                action = ActivityAction.PUT_FIRST if urgent else ActivityAction.PUT_BACK
                self._activity.add(action, order_id=order.id)
                changed.append(order.order_number)
        return UrgencyReport(tuple(changed), tuple(unchanged))
