"""Putting orders first: an urgent order's jobs are claimed before those of others."""

from collections.abc import Sequence

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.domain.events import ListUpdateEvent, OrderUpdateEvent
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.marking import MarkReport, mark_orders


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

    async def set_urgent(self, refs: Sequence[str], *, urgent: bool) -> MarkReport:
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

        action = ActivityAction.PUT_FIRST if urgent else ActivityAction.PUT_BACK
        return await mark_orders(
            self.session,
            refs,
            unmarked=lambda order: (order.urgent_at is not None) != urgent,
            values=lambda now: {"urgent_at": now if urgent else None},
            entry=lambda order: self._activity.add(action, order_id=order.id),
        )
