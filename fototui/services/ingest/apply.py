"""Writing what the shop tells of an order into the database.

It may be told any number of times, at once and in any order: an order is known by its number at
Shopify, a book by its line item's, a photo by its page. Whoever writes holds the order's row, so
that of two who bring the same order one makes it and the other finds it made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Nullable, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import undefer
from sqlalchemy.orm.attributes import flag_modified
from ulid import ULID

from fototui.db.errors import DatabaseError
from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.locking import ProcessingLock
from fototui.db.models.inbound import WebhookDelivery
from fototui.db.models.orders import Image, LineItem, Order
from fototui.db.notify import lane_payload, notify
from fototui.db.transaction import transaction
from fototui.db.types import among
from fototui.domain.errors import ConflictError
from fototui.domain.events import (
    Change,
    ImageUpdateEvent,
    ListUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from fototui.domain.sentences import Sentence
from fototui.domain.shop import ShopOrder, ShopOrderHead
from fototui.domain.statuses import NO_PHOTOS, JobKind, OrderStatus
from fototui.services.ingest.applied import Applied
from fototui.services.ingest.diff import KnownBook, OrderDiff, compare
from fototui.services.ingest.revisions import (
    THIS_TRANSACTION,
    Known,
    keep_revisions,
    known_orders,
)
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.coming_back import bring_back, new_photos

_WAITS_FOR_DETAILS = (OrderStatus.PENDING, OrderStatus.PROCESSING, OrderStatus.ERROR)
_NO_PHOTOS = Sentence.make(
    "The order should have photos, and the shop names none that can be fetched; see its line "
    "items in Shopify, and ask the customer."
)
LACKS_PHOTOS = (NO_PHOTOS, str(_NO_PHOTOS), _NO_PHOTOS)
"""The columns `error_code`, `error` and `error_words` of an order that should have photos."""

ASKED_ANEW: dict[str, ColumnElement[datetime] | int | None] = {
    "queued_at": func.now(),
    "not_before": None,
    "held_at": None,
    "attempts": 0,
    "retries": 0,
    "takeovers": 0,
}
"""What is written on an order that becomes a job again."""


@mercure_autotrack(ListUpdateEvent, OrderUpdateEvent, ImageUpdateEvent)
class IngestService:
    """Takes in what the shop tells.

    Args:
        session: A session.
        operator: Who acts, for the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def apply(self, order: ShopOrder, *, asked: bool = False) -> Applied:
        """Write an order down, in a transaction of its own, and see to what is to be done next.

        An engine that fetches the same order's details meanwhile loses its claim, for that is done
        by this; one that downloads its photos keeps it, and finds the new ones before it ends.

        Args:
            order: The order.
            asked: An operator asked for this very order: if it failed, it goes on.

        Returns:
            What became of it.

        Raises:
            ConflictError: Its number, or one of its books, belongs to another order here.
            RecordLockedError: Someone else kept it locked.
        """
        async with transaction(self.session):
            row, is_new = await self._locked(order)
            books = [] if is_new else (await read_books(self.session, [row.id])).get(row.id, [])
            diff = compare(row, books, order, is_new=is_new)
            applied = Applied.of(row.id, row.order_number, diff)
            before, after = row.status, applied.status_after(row.status, asked=asked)
            if after is not before:
                move_on(row, after)
                applied = replace(applied, changed=True)
                await self._ask_where_webhooks_are_unread(row, before)
            if not is_new:
                _keep_revision(row, order, applied)
                if not applied.changed and self.session.is_modified(row):
                    flag_modified(row, "updated_at")  # it stays: that it is whole is no news
            await self._write(row, diff, applied)
            tell_lack(row, is_so=applied.lacks_photos)
            if after is OrderStatus.DOWNLOADING and (after is not before or applied.new_photos):
                await notify(self.session, lane_payload(JobKind.DOWNLOAD))
            return applied

    async def apply_within(self, order: ShopOrder, row: Order) -> Applied:
        """Write an order down inside the caller's transaction; status and claim are the caller's.

        Args:
            order: The order.
            row: Its row, locked by the caller.

        Returns:
            What became of it; `Applied.status_after` tells where it stands with it.

        Raises:
            ConflictError: One of its books belongs to another order here.
        """
        books = await read_books(self.session, [row.id])
        diff = compare(row, books.get(row.id, []), order)
        applied = Applied.of(row.id, row.order_number, diff)
        _keep_revision(row, order, applied)
        await self._write(row, diff, applied)
        return applied

    async def without_news(self, orders: Sequence[ShopOrder]) -> frozenset[int]:
        """Find orders that need not be touched; few round trips for many orders.

        Args:
            orders: Orders as the shop tells of them.

        Returns:
            Shopify's numbers of those that are here and of which nothing new is told.
        """
        if not orders:
            return frozenset()
        async with self.session.begin():
            found = await self.session.scalars(
                select(Order)
                .where(among(Order.shopify_id, (order.shopify_id for order in orders)))
                .options(undefer(Order.changed_in))
                .execution_options(populate_existing=True)
            )
            rows = {row.shopify_id: row for row in found}
            ids = [row.id for row in rows.values()]
            books = await read_books(self.session, ids) if ids else {}
            known = [(row, order) for order in orders if (row := rows.get(order.shopify_id))]
            quiet = [
                (row, order)
                for row, order in known
                if not _brings(order, row, books.get(row.id, []))
            ]
            revisions = {
                row.id: (row.changed_in, order.revision)
                for row, order in quiet
                if order.revision is not None
            }
            await keep_revisions(self.session, revisions)
        return frozenset(order.shopify_id for _, order in quiet)

    async def known(self, heads: Sequence[ShopOrderHead]) -> Known:
        """Find orders that are here, and those that are here just as the shop has them.

        Args:
            heads: Orders as the shop tells of them, without their books.
        """
        async with self.session.begin():
            return await known_orders(self.session, heads)

    async def _locked(self, order: ShopOrder) -> tuple[Order, bool]:
        """The order's row, held until the transaction ends, and whether it was made just now."""
        is_it = Order.shopify_id == order.shopify_id
        lock = ProcessingLock(self.session, Order, is_it, wait=True)
        for held in await lock.hold():
            return held.record, False
        if row := await insert_order(self.session, order, first_status(order)):
            return row, True
        # Someone else made it between the two statements, or it stands in the way of its number.
        for held in await lock.hold():
            return held.record, False
        raise number_taken(order)

    async def _ask_where_webhooks_are_unread(self, row: Order, before: OrderStatus) -> None:
        """Have an order asked for once more where a webhook told of it that nobody has read.

        Whoever fetches its details reads that, and need not fetch them any more. But it may be
        news: the shop was asked for what is written here some time ago.
        """
        if before not in _WAITS_FOR_DETAILS or row.sync_requested_at is not None:
            return
        told = WebhookDelivery.shopify_id == row.shopify_id, WebhookDelivery.payload.is_not(None)
        if await self.session.scalar(select(select(WebhookDelivery.id).where(*told).exists())):
            row.sync_requested_at = func.clock_timestamp()
            if row.status is OrderStatus.READY_FOR_REVIEW:  # a download tells of it at its end
                await notify(self.session, lane_payload(JobKind.INGEST))

    async def _write(self, row: Order, diff: OrderDiff, applied: Applied) -> None:
        if not applied.changed:
            return
        self.session.add_all(diff.rows(row))
        if applied.new_photos and row.finished_at is not None:
            why = new_photos(applied.new_photos)
            await bring_back(self.session, row, why)
            self._activity.add(ActivityAction.REOPENED, order_id=row.id, detail=why)
        if diff.photos:
            # A photo that is not there yet makes no event of its own; it is news of its order.
            status = {"status": str(row.status)}
            self.session.report(Change(Order.__name__, str(row.id), Operation.UPDATE, status))
        self._activity.add(
            ActivityAction.IMPORTED if diff.is_first else ActivityAction.UPDATED,
            order_id=row.id,
            detail=diff.words(),
        )
        try:
            await self.session.flush()
        except DatabaseError as error:
            if "shopify_line_item_id" not in (error.constraint or ""):
                raise
            raise ConflictError(
                "One of the colouring books of order {number} belongs to another order here. "
                "Compare the two orders in Shopify.",
                number=applied.number,
            ) from error


async def read_books(
    session: TrackedAsyncSession, order_ids: Sequence[ULID]
) -> dict[ULID, list[KnownBook]]:
    """Read the colouring books of some orders with their photos, in one query.

    Args:
        session: The session, inside a transaction.
        order_ids: The orders.
    """
    found = await session.execute(
        select(LineItem, Nullable(Image))
        .outerjoin(Image, Image.line_item_id == LineItem.id)
        .where(among(LineItem.order_id, order_ids))
        .order_by(LineItem.position)
        .execution_options(populate_existing=True)
    )
    books: dict[int, KnownBook] = {}
    for item, image in found:
        book = books.setdefault(item.id, KnownBook(item))
        if image is not None:
            book.photos[image.position] = image
    by_order: dict[ULID, list[KnownBook]] = {}
    for book in books.values():
        by_order.setdefault(book.item.order_id, []).append(book)
    return by_order


async def insert_order(
    session: TrackedAsyncSession,
    order: ShopOrder,
    status: OrderStatus,
    *,
    created_at: datetime | None = None,
) -> Order | None:
    """Make an order's row, without its books.

    Args:
        session: The session, inside a transaction.
        order: The order.
        status: Where it stands.
        created_at: When it was placed at the latest, where the shop does not tell.

    Returns:
        The row; None where one with its number, the shop's or Shopify's, is there.
    """
    columns = order_columns(order, status, ULID())
    columns["created_at"] = order.created_at or created_at or func.now()
    row = await session.scalar(
        insert(Order).values(columns).on_conflict_do_nothing().returning(Order)
    )
    if row is not None:
        # No flush made it, so the session has to be told.
        session.report(Change(Order.__name__, str(row.id), Operation.INSERT))
    return row


def order_columns(order: ShopOrder, status: OrderStatus, order_id: ULID) -> dict[str, object]:
    """The columns of a new order.

    Args:
        order: The order.
        status: Where it stands.
        order_id: Its id here.
    """
    return {
        "id": order_id,
        "order_number": order.number,
        "shopify_id": order.shopify_id,
        "shopify_order_number": order.number.removeprefix("#"),
        "customer_email": order.email,
        "customer_name": order.customer,
        "payment_status": order.payment_status,
        "shipping_method": order.shipping_method,
        "status": status,
        "cancelled_at": order.cancelled_at,
        "created_at": order.created_at,
        "shop_revision": order.revision,
    }


def first_status(order: ShopOrder) -> OrderStatus:
    """Where an order stands that was not here yet.

    Args:
        order: The order, with its details.
    """
    has_photos = any(photo.url for item in order.items if item.quantity for photo in item.photos)
    return OrderStatus.DOWNLOADING if has_photos else OrderStatus.READY_FOR_REVIEW


def number_taken(order: ShopOrder) -> ConflictError:
    """The error for an order whose number another order has.

    Args:
        order: The order.
    """
    return ConflictError(
        "There is another order {number} here, which is not Shopify's order {shopify_id}. "
        "Give that one another number, then import again.",
        number=order.number,
        shopify_id=str(order.shopify_id),
    )


def move_on(row: Order, status: OrderStatus) -> None:
    """Put an order into another status, as a job that was asked for just now.

    A claim is made for one status, so whoever holds one loses it.

    Args:
        row: The order, locked.
        status: The status.
    """
    row.status = status
    row.claimed_by = row.claim_token = None
    row.error = row.error_code = row.error_words = None
    ask_anew(row)


def tell_lack(row: Order, *, is_so: bool) -> None:
    """Say of an order that should have photos and has none that it is so.

    To be called when it stands where it shall stand: only one that waits for nothing is told of.

    Args:
        row: The order, locked.
        is_so: Whether it lacks its photos.
    """
    if row.status is OrderStatus.READY_FOR_REVIEW and is_so:
        row.error_code, row.error, row.error_words = LACKS_PHOTOS
    elif row.error_code == NO_PHOTOS:
        row.error = row.error_code = row.error_words = None


def ask_anew(row: Order) -> None:
    """Count an order's attempts from the beginning, as a job that was asked for just now.

    Args:
        row: The order, locked.
    """
    for name, value in ASKED_ANEW.items():
        setattr(row, name, value)


def _keep_revision(row: Order, order: ShopOrder, applied: Applied) -> None:
    # What brings nothing leaves whole what was whole, be it an old webhook.
    if applied.changed or order.revision not in (None, row.shop_revision):
        row.shop_revision, row.taken_in = order.revision, THIS_TRANSACTION


def _brings(order: ShopOrder, row: Order, books: Iterable[KnownBook]) -> bool:
    diff = compare(row, list(books), order)
    applied = Applied.of(row.id, row.order_number, diff)
    return diff.is_any or applied.status_after(row.status) is not row.status
