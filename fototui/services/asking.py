"""Orders that wait for their customers: a mark with a note, which stops nothing by itself."""

from collections.abc import Sequence

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.models.orders import Order
from fototui.domain.events import ListUpdateEvent, OrderUpdateEvent
from fototui.domain.text import clean_line
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.marking import MarkReport, mark_orders

LONGEST_NOTE = 300


@mercure_autotrack(OrderUpdateEvent, ListUpdateEvent)
class AskingService:
    """Marks orders as waiting for their customers. Each call is one transaction.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the order and the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def ask(self, refs: Sequence[str], note: str) -> MarkReport:
        """Mark orders as waiting for their customers; with another note, once more.

        Args:
            refs: The orders' numbers or ids.
            note: What is asked for; may be empty.

        Raises:
            NotFoundError: There is no such order; none was changed.
            RecordLockedError: Someone else kept an order locked; none was changed.
        """
        return await self._mark(refs, clean_line(note, limit=LONGEST_NOTE))

    async def answered(self, refs: Sequence[str]) -> MarkReport:
        """Take the mark away.

        Args:
            refs: The orders' numbers or ids.

        Raises:
            NotFoundError: There is no such order; none was changed.
            RecordLockedError: Someone else kept an order locked; none was changed.
        """
        return await self._mark(refs, None)

    async def _mark(self, refs: Sequence[str], note: str | None) -> MarkReport:
        def entry(order: Order) -> None:
            if note is None:
                self._activity.add(ActivityAction.CUSTOMER_ANSWERED, order_id=order.id)
            else:
                asked = ActivityAction.CUSTOMER_ASKED
                self._activity.add(asked, order_id=order.id, detail=note or None)

        return await mark_orders(
            self.session,
            refs,
            unmarked=lambda order: order.customer_note != note,
            values=lambda now: {
                "customer_note": note,
                "customer_asked_at": None if note is None else now,
                "customer_asked_by": None if note is None else self.operator,
            },
            entry=entry,
        )
