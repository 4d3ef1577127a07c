"""Writing many orders that are not here yet: a few statements for all of them, in one transaction.

An import brings hardly anything else the first time. What comes of an order is what
`IngestService.apply` makes of it; where one stands in the way, none is written, and each is to be
applied by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert

from fototui.db.base import Base
from fototui.db.errors import DatabaseError, RecordLockedError
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order
from fototui.db.notify import lane_payload, notify
from fototui.db.transaction import transaction
from fototui.domain.errors import ConflictError
from fototui.domain.events import Change, Operation
from fototui.domain.shop import ShopOrder
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.log import get_logger
from fototui.services.ingest.applied import Applied
from fototui.services.ingest.apply import first_status, order_columns, tell_lack
from fototui.services.ingest.diff import OrderDiff, compare, item_columns, photo_columns
from fototui.services.operations.activity import ActivityAction, entry_columns

log = get_logger(__name__)

_ERROR = ("error_code", "error", "error_words")


@dataclass(frozen=True, slots=True)
class _New:
    """An order to be written.

    Args:
        row: Its row, which no session knows.
        columns: The same as columns.
        diff: What is in it.
        applied: What becomes of it.
    """

    row: Order
    columns: dict[str, object]
    diff: OrderDiff
    applied: Applied

    @classmethod
    def of(cls, order: ShopOrder) -> _New:
        """What is to be written for an order."""
        columns = order_columns(order, first_status(order))
        row = Order(**columns)
        diff = compare(row, [], order, is_new=True)
        applied = Applied.of(row, diff)
        tell_lack(row, is_so=applied.lacks_photos)
        columns |= {name: getattr(row, name) for name in _ERROR}
        return cls(row, columns, diff, applied)


async def insert_new(
    session: TrackedAsyncSession, orders: Sequence[ShopOrder], *, operator: str
) -> dict[int, Applied]:
    """Write orders down, in one transaction.

    Args:
        session: A session with no transaction under way, which tracks lists of orders.
        orders: Orders that were not here just now.
        operator: Who acts, for the activity log.

    Returns:
        What became of them, by Shopify's numbers. Those that somebody else made meanwhile, or whose
        number another order has, are not among them; nor is any, where one could not be written.

    Raises:
        DatabaseUnavailableError: The database does not answer; none was written, or all were.
    """
    # Who does the same at this moment comes by them in the same order, and waits for no other.
    new = [_New.of(each) for each in sorted(orders, key=_number) if each.created_at is not None]
    if not new:
        return {}
    try:
        async with transaction(session):
            return await _insert(session, new, operator)
    except (ConflictError, DatabaseError, RecordLockedError) as error:
        state = getattr(error, "sqlstate", None) or type(error).__name__
        log.info("new orders are written one by one", orders=len(new), reason=state)
        return {}


async def _insert(
    session: TrackedAsyncSession, new: Sequence[_New], operator: str
) -> dict[int, Applied]:
    inserted = await session.scalars(
        upsert(_ORDERS).on_conflict_do_nothing().returning(_ORDERS.c.shopify_id),
        [each.columns for each in new],
    )
    by_number = {each.row.shopify_id: each for each in new}
    made = {number: by_number[number] for number in inserted.all()}
    if not made:
        return {}
    await _insert_books(session, list(made.values()))
    entries = [
        entry_columns(
            operator, ActivityAction.IMPORTED, order_id=each.row.id, detail=each.diff.words()
        )
        for each in made.values()
    ]
    await session.execute(insert(_ACTIVITY), entries)
    for each in made.values():
        session.report(Change(Order.__name__, str(each.row.id), Operation.INSERT))
    if any(each.row.status is OrderStatus.DOWNLOADING for each in made.values()):
        await notify(session, lane_payload(JobKind.DOWNLOAD))
    return {number: each.applied for number, each in made.items()}


async def _insert_books(session: TrackedAsyncSession, new: Sequence[_New]) -> None:
    books = {
        (each.row.id, position): item for each in new for position, item in each.diff.new_items
    }
    if not books:
        return
    column = _LINE_ITEMS.c
    found = await session.execute(
        insert(_LINE_ITEMS).returning(column.order_id, column.position, column.id),
        [
            {"order_id": order_id, **item_columns(position, item)}
            for (order_id, position), item in books.items()
        ],
    )
    photos = [
        {"line_item_id": item_id, **photo_columns(photo)}
        for order_id, position, item_id in found
        for photo in books[order_id, position].photos
    ]
    if photos:
        await session.execute(insert(_IMAGES), photos)


def _number(order: ShopOrder) -> int:
    return order.shopify_id


# As tables: no object of the ORM is made of what is only written.
_ORDERS, _LINE_ITEMS, _IMAGES, _ACTIVITY = (
    Base.metadata.tables[model.__tablename__] for model in (Order, LineItem, Image, Activity)
)
