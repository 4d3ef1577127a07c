"""The end of orders: handed over, nothing more is to be done; and their reopening."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.locking import ProcessingLock, RecordLock
from fototui.db.models.orders import (
    Order,
)
from fototui.db.models.reviews import FINISHED
from fototui.db.transaction import transaction
from fototui.db.types import among
from fototui.domain.errors import ConflictError
from fototui.domain.events import ListUpdateEvent, OrderUpdateEvent
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.coming_back import bring_back, decide_waiting, hold_below
from fototui.services.orders.queries import rows_now
from fototui.services.orders.refs import find_orders
from fototui.services.views.orders import OrderRow

_AT_ONCE = 200  # an order is held no longer than its share of these takes


@dataclass(frozen=True, slots=True)
class FinishReport:
    """What became of orders that were finished, or reopened.

    Args:
        changed: Numbers of those that were.
        unchanged: Numbers of those that stood so already.
        order_ids: ULIDs of those that were.
        at: When, by the database's clock; names this very act. None where none was changed.
        passed_over: Why others were not, which had changed since they were looked at.
    """

    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    at: datetime | None = None
    passed_over: tuple[Sentence, ...] = ()


@mercure_autotrack(OrderUpdateEvent, ListUpdateEvent)
class FinishService:
    """Finishes orders and reopens them. The shop's own status stays as it is.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the order and the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def finish(self, refs: Sequence[str]) -> FinishReport:
        """Write down that orders were handed over, whatever they still wanted; in one transaction.

        What runs already goes on.

        Args:
            refs: The orders' numbers or ids.

        Returns:
            Which orders that changed.

        Raises:
            NotFoundError: There is no such order; none was changed.
            RecordLockedError: Someone else kept an order locked; none was changed.
        """
        async with transaction(self.session):
            return await self._finish(await find_orders(self.session, refs))

    async def finish_seen(self, rows: Iterable[OrderRow]) -> FinishReport:
        """Finish orders, each only if it still is as somebody saw it; in one transaction.

        Nobody hands over another book than the one that was looked at, nor an order that wants
        something else by now.

        Args:
            rows: The orders, as they were seen.

        Returns:
            Which orders that changed, and why others were passed over.

        Raises:
            RecordLockedError: Someone else kept an order locked; none was changed.
        """
        seen = {ULID.from_str(row.id): row for row in rows}
        async with transaction(self.session):
            locks = await self._lock_all(seen)
            present = await rows_now(self.session, [str(lock.record.id) for lock in locks])
            reasons = {
                row.id: why
                for row in present
                if row.finished_at is None
                and (why := _changed_since(seen[ULID.from_str(row.id)], row))
            }
            left = [lock for lock in locks if str(lock.record.id) not in reasons]
            report = await self._end(left)
        return replace(report, passed_over=tuple(reasons.values()))

    async def finish_before(self, moment: datetime) -> FinishReport:
        """Finish all orders that were placed before a moment; in a transaction for each portion.

        Args:
            moment: The moment.

        Returns:
            Which orders that changed.

        Raises:
            RecordLockedError: Someone else kept an order locked; portions before it are finished.
        """
        numbers: list[str] = []
        order_ids: list[str] = []
        old = (
            select(Order.id)
            .where(Order.finished_at.is_(None), Order.created_at < moment)
            .order_by(Order.created_at.desc(), Order.id.desc())
            .limit(_AT_ONCE)
        )
        while True:
            async with transaction(self.session):
                portion = await self._finish(await self.session.scalars(old))
            numbers += portion.changed
            order_ids += portion.order_ids
            if portion.at is None:
                return FinishReport(tuple(numbers), order_ids=tuple(order_ids))

    async def reopen(self, refs: Sequence[str]) -> FinishReport:
        """Let finished orders be worked on again; in one transaction.

        Args:
            refs: The orders' numbers or ids.

        Returns:
            Which orders that changed.

        Raises:
            NotFoundError: There is no such order; none was changed.
            RecordLockedError: Someone else kept an order locked; none was changed.
        """
        why = Sentence.make("Reopened by {operator}.", operator=self.operator)
        async with transaction(self.session):
            found = await find_orders(self.session, refs)
            locks = await self._lock(found)
            finished = [lock for lock in locks if lock.record.finished_at is not None]
            for lock in finished:
                await bring_back(self.session, lock.record, why)
                self._activity.add(ActivityAction.REOPENED, order_id=lock.record.id)
            return _report(locks, finished)

    async def take_back(self, report: FinishReport) -> FinishReport:
        """Undo a finishing, as if it had not been; in one transaction.

        Args:
            report: What `finish` gave.

        Returns:
            Which orders are unfinished by it; those that somebody reopened since are left out.

        Raises:
            ConflictError: None of them is as it was left.
            RecordLockedError: Someone else kept an order locked; none was changed.
        """
        async with transaction(self.session):
            locks = await self._lock_all(ULID.from_str(order_id) for order_id in report.order_ids)
            left = [lock for lock in locks if lock.record.finished_at == report.at]
            if not left:
                raise ConflictError("The orders were reopened meanwhile; nothing is left to undo.")
            for lock in left:
                lock.record.finished_at = lock.record.finished_by = None
                self._activity.add(
                    ActivityAction.REOPENED,
                    order_id=lock.record.id,
                    detail=Sentence.make("The handing over was undone."),
                )
            await decide_waiting(self.session, [lock.record for lock in left], FINISHED, None)
            return _report(locks, left)

    async def _finish(self, order_ids: Iterable[ULID]) -> FinishReport:
        return await self._end(await self._lock_all(order_ids))

    async def _end(self, locks: Sequence[RecordLock[Order]]) -> FinishReport:
        working = [lock for lock in locks if lock.record.finished_at is None]
        for lock in working:
            lock.record.finished_at, lock.record.finished_by = lock.now, self.operator
            self._activity.add(ActivityAction.FINISHED, order_id=lock.record.id)
        if working:
            await decide_waiting(self.session, [lock.record for lock in working], None, FINISHED)
        return _report(locks, working)

    async def _lock_all(self, order_ids: Iterable[ULID]) -> list[RecordLock[Order]]:
        """Orders and what is below them."""
        locks = await self._lock(order_ids)
        await hold_below(self.session, [lock.record for lock in locks])
        return locks

    async def _lock(self, order_ids: Iterable[ULID]) -> list[RecordLock[Order]]:
        wanted = among(Order.id, order_ids)
        return await ProcessingLock(self.session, Order, wanted, wait=True).hold()


def _changed_since(seen: OrderRow, present: OrderRow) -> Sentence | None:
    """Why an order is not handed over; None where it is as it was seen."""
    number = clean_line(present.number)
    if present.stage != seen.stage:
        return Sentence.make(
            "{number} was not handed over, for it changed meanwhile (now: {stage}). "
            "Look at it again.",
            number=number,
            stage=present.stage.stage.label,
        )
    if (present.images, present.book_ids) != (seen.images, seen.book_ids):
        return Sentence.make(
            "{number} was not handed over: another version was chosen or another book made "
            "meanwhile. Look at it again.",
            number=number,
        )
    return None


def _report(
    locks: Sequence[RecordLock[Order]], changed: Sequence[RecordLock[Order]]
) -> FinishReport:
    rows = [lock.record for lock in changed]
    ids = {row.id for row in rows}
    return FinishReport(
        changed=tuple(row.order_number for row in rows),
        unchanged=tuple(lock.record.order_number for lock in locks if lock.record.id not in ids),
        order_ids=tuple(str(row.id) for row in rows),
        at=changed[0].now if changed else None,
    )
