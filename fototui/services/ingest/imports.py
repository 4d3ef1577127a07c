"""Asking the shop for orders, at once or by way of the engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import Select, func, select

from fototui.db.errors import DatabaseError, RecordLockedError
from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.locking import ProcessingLock
from fototui.db.models.orders import Image, LineItem, Order
from fototui.db.notify import lane_payload, notify
from fototui.domain.errors import ConflictError, NotFoundError, OutsideError
from fototui.domain.events import ImageUpdateEvent, ListUpdateEvent, OrderUpdateEvent
from fototui.domain.sentences import Sentence
from fototui.domain.shop import ShopOrder, ShopOrderHead
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.log import get_logger
from fototui.services.ingest.ahead import ahead
from fototui.services.ingest.applied import Applied
from fototui.services.ingest.apply import IngestService, ask_anew, move_on
from fototui.services.ingest.diff import is_missing
from fototui.services.ingest.new_orders import insert_new
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.refs import is_order, no_such_order

log = get_logger(__name__)

_AT_ONCE = 50
"""Orders that are compared with the database together."""

_NOT_GIVEN = Sentence.make(
    "The shop names it in its list and does not give it in whole. Import again; if this stays, "
    "look for it in Shopify."
)


class ShopSource(Protocol):
    """What an import needs of the shop; `ShopifyClient` has it."""

    def order_heads(
        self, *, limit: int | None = None, since: datetime | date | None = None
    ) -> AsyncGenerator[list[ShopOrderHead], None]:
        """Pages of the shop's orders without their books, newest first."""

    def whole_orders(self, shopify_ids: Sequence[int]) -> AsyncGenerator[ShopOrder, None]:
        """Some orders with their books; none for what the shop does not have."""

    async def order(self, shopify_id: int) -> ShopOrder | None:
        """One order; None where the shop has none."""


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Why an order was not taken in.

    Args:
        number: The order's number; empty where the shop stopped telling before the end.
        reason: Why, for an operator.
    """

    number: str
    reason: Sentence


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the orders of an import, by their numbers.

    Args:
        imported: Those whose details were not known before.
        updated: Those of which something new was told.
        skipped: Those that brought nothing.
        failed: What was not taken in; the rest was.
    """

    imported: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    failed: tuple[ImportFailure, ...] = ()


@mercure_autotrack(ListUpdateEvent)
class ImportService:
    """Takes in orders of the shop, and waits for it.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
        shop: The shop.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str, shop: ShopSource) -> None:
        self.session = session
        self.operator = operator
        self._shop = shop
        self._intake = IngestService(session, operator=operator)

    async def time(self) -> datetime:
        """The database's time."""
        async with self.session.begin():
            return (await self.session.scalars(select(func.now()))).one()

    async def import_recent(
        self, *, limit: int | None = None, since: datetime | date | None = None
    ) -> ImportReport:
        """Ingest the shop's recent orders; all are one event.

        Only those are asked for in full that are not here just as the shop has them. New ones are
        written some together, changed ones in a transaction each.

        Args:
            limit: Most orders.
            since: Only orders that changed since then.

        Returns:
            What became of them. Where the shop stopped telling, the orders before are kept, and
            the reason is among the failures.

        Raises:
            OutsideError: The shop told nothing at all.
            DatabaseUnavailableError: The database does not answer; what was written before is kept.
        """
        outcome = _Outcome()
        ended: BaseException | None = None
        async with self.session.deferred_batch_events():
            try:
                told = self._shop.order_heads(limit=limit, since=since)
                async with aclosing(ahead(told)) as pages:
                    async for heads in pages:
                        await self._take_in_news(heads, outcome)
            except OutsideError as error:
                ended = error if outcome.is_empty else None
                outcome.failed.append(ImportFailure("", error.sentence))
            except BaseException as error:  # noqa: BLE001 - raised below
                ended = error
        # Only here: what was written stays, so its event has to go out, whatever came after.
        if ended is not None:
            raise ended
        return outcome.report()

    async def sync(self, ref: str) -> ImportReport:
        """Fetch one order again, now. If it had failed, it goes on.

        Args:
            ref: Its number or ULID.

        Returns:
            What became of it.

        Raises:
            NotFoundError: There is no such order, here or in the shop.
            ConflictError: It was made by hand, or one of its books belongs to another order.
            OutsideError: The shop does not answer.
            RecordLockedError: Someone else kept it locked.
        """
        async with self.session.begin():
            found = await self.session.execute(
                select(Order.order_number, Order.shopify_id).where(is_order(ref))
            )
            known = found.first()
        if known is None:
            raise no_such_order(ref)
        number, shopify_id = known
        if shopify_id is None:
            raise _made_by_hand(number)
        told = await self._shop.order(shopify_id)
        if told is None:
            raise NotFoundError(
                "The shop has no order {number} any more, or does not show it to this program. "
                "Look for it in Shopify.",
                number=number,
            )
        outcome = _Outcome()
        outcome.add(await self._intake.apply(told, asked=True))
        return outcome.report()

    async def _take_in_news(self, heads: Sequence[ShopOrderHead], outcome: _Outcome) -> None:
        fresh = [head for head in heads if outcome.is_first_seen(head)]
        known = await self._intake.known(fresh)
        outcome.skipped += [head.number for head in fresh if head.shopify_id in known.whole]
        wanted = {head.shopify_id: head for head in fresh if head.shopify_id not in known.whole}
        told = _together(self._shop.whole_orders(list(wanted)))
        async with aclosing(ahead(told)) as lots:
            async for orders in lots:
                await self._take_in(orders, known.here, outcome)
                for order in orders:
                    wanted.pop(order.shopify_id, None)
        # A failure, so that the next import reaches back as far.
        outcome.failed += [ImportFailure(head.number, _NOT_GIVEN) for head in wanted.values()]

    async def _take_in(
        self, orders: Sequence[ShopOrder], here: Collection[int], outcome: _Outcome
    ) -> None:
        new = [order for order in orders if order.shopify_id not in here]
        old = [order for order in orders if order.shopify_id in here]
        without_news = await self._intake.without_news(old)
        made = await insert_new(self.session, new, operator=self.operator)
        for order in orders:
            if order.shopify_id in without_news:
                outcome.skipped.append(order.number)
                continue
            try:
                # What is known already, or could not be made with the others, goes by itself.
                applied = made.get(order.shopify_id) or await self._intake.apply(order)
                outcome.add(applied)
            except (ConflictError, RecordLockedError) as error:
                outcome.failed.append(ImportFailure(order.number, error.sentence))
            except DatabaseError as error:  # an outage has another name; this is the order's own
                # The error's text may hold what customers wrote.
                state = error.sqlstate or type(error).__name__
                log.warning("an order cannot be written", order=order.number, sqlstate=state)
                reason = Sentence.make(
                    "The database does not take what the shop tells of it (error {state}). "
                    "Report this as a bug.",
                    state=state,
                )
                outcome.failed.append(ImportFailure(order.number, reason))


class _Outcome:
    """What has become of the orders so far."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.imported: list[str] = []
        self.updated: list[str] = []
        self.skipped: list[str] = []
        self.failed: list[ImportFailure] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing became of any order."""
        return not (self.imported or self.updated or self.skipped or self.failed)

    def is_first_seen(self, order: ShopOrderHead) -> bool:
        """Whether it did not come before: the shop's pages shift while they are read."""
        is_known = order.shopify_id in self.seen
        self.seen.add(order.shopify_id)
        return not is_known

    def add(self, applied: Applied) -> None:
        """Count an order that was taken in."""
        if applied.is_new:
            self.imported.append(applied.number)
        else:
            (self.updated if applied.changed else self.skipped).append(applied.number)

    def report(self) -> ImportReport:
        """All of it."""
        return ImportReport(
            imported=tuple(self.imported),
            updated=tuple(self.updated),
            skipped=tuple(self.skipped),
            failed=tuple(self.failed),
        )


async def _together(
    orders: AsyncGenerator[ShopOrder, None],
) -> AsyncGenerator[list[ShopOrder], None]:
    """Take orders together; what came before the shop failed is given before its error is."""
    some: list[ShopOrder] = []
    async with aclosing(orders):
        try:
            async for order in orders:
                some.append(order)
                if len(some) == _AT_ONCE:
                    yield some
                    some = []
        except OutsideError:
            if some:
                yield some
            raise
    if some:
        yield some


@mercure_autotrack(ListUpdateEvent, OrderUpdateEvent, ImageUpdateEvent)
class SyncService:
    """Has the engine fetch orders again; it needs no shop itself.

    Each call is a transaction of its own.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def request(self, ref: str) -> None:
        """Have an order's details fetched again. If it had failed, it begins anew.

        Its status stays, unless it had failed; so does the claim of an engine at work on it, which
        will find the request when it ends.

        Args:
            ref: The order's number or ULID.

        Raises:
            NotFoundError: There is no such order.
            ConflictError: It was made by hand.
            RecordLockedError: Someone else kept it locked.
        """
        async with self._lock(ref).acquire() as lock:
            row = lock.record
            if row.shopify_id is None:
                raise _made_by_hand(row.order_number)
            if row.status is OrderStatus.ERROR:
                move_on(row, OrderStatus.PENDING)
            elif row.status is OrderStatus.READY_FOR_REVIEW and row.sync_requested_at is None:
                ask_anew(row)
            row.not_before = row.held_at = None
            # Not now(), the transaction's beginning: a request that waited for the row came after
            # what the row's holder had seen.
            row.sync_requested_at = func.clock_timestamp()
            self._activity.add(ActivityAction.REQUESTED, order_id=row.id, detail=_DETAILS)
            await notify(self.session, lane_payload(JobKind.INGEST))

    async def retry(self, ref: str) -> OrderStatus:
        """Have an order that failed go on from where it failed.

        Args:
            ref: The order's number or ULID.

        Returns:
            `downloading` if only photos are missing, else `pending`; a manual order with all its
            photos has nothing to fetch and is `ready_for_review`.

        Raises:
            NotFoundError: There is no such order.
            ConflictError: It has not failed.
            RecordLockedError: Someone else kept it locked.
        """
        async with self._lock(ref).acquire() as lock:
            row = lock.record
            if row.status is not OrderStatus.ERROR:
                raise ConflictError(
                    "Order {number} has not failed; only one that failed can be retried.",
                    number=row.order_number,
                )
            images = (await self.session.scalars(_images_of(row))).all()
            for image in images:
                image.error = image.error_code = image.error_words = None
            if any(map(is_missing, images)):
                status, lane = OrderStatus.DOWNLOADING, JobKind.DOWNLOAD
            elif row.shopify_id is not None:
                status, lane = OrderStatus.PENDING, JobKind.INGEST
            else:
                status, lane = OrderStatus.READY_FOR_REVIEW, None
            move_on(row, status)
            self._activity.add(ActivityAction.RETRIED, order_id=row.id)
            if lane is not None:
                await notify(self.session, lane_payload(lane))
            return status

    def _lock(self, ref: str) -> ProcessingLock[Order]:
        # Two numbers may differ by their "#" only.
        first = select(Order.id).where(is_order(ref)).order_by(Order.id).limit(1).scalar_subquery()
        missing = no_such_order(ref)
        return ProcessingLock(self.session, Order, Order.id == first, wait=True, missing=missing)


_DETAILS = Sentence.make("Its details from the shop.")


def _images_of(order: Order) -> Select[Image]:
    return (
        select(Image)
        .join(LineItem, LineItem.id == Image.line_item_id)
        .where(LineItem.order_id == order.id)
        .execution_options(populate_existing=True)
    )


def _made_by_hand(number: str) -> ConflictError:
    return ConflictError(
        "Order {number} was made by hand; the shop knows nothing of it.", number=number
    )
