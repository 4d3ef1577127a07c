"""Writing many orders that are not here yet: one statement for all of them.

An import brings hardly anything else the first time. What comes of an order is what
`IngestService.apply` makes of it; where one stands in the way, none is written, and each is to be
applied by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    Integer,
    Select,
    Table,
    TableValuedAlias,
    bindparam,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import TypeEngine
from ulid import ULID

from fototui.db.base import Base
from fototui.db.errors import DatabaseError, RecordLockedError
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.fixed import FixedStatement
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order
from fototui.db.notify import CHANNEL, lane_payload
from fototui.db.transaction import transaction
from fototui.domain.errors import ConflictError
from fototui.domain.events import Change, Operation
from fototui.domain.shop import ShopOrder
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.log import get_logger
from fototui.services.ingest.applied import Applied
from fototui.services.ingest.apply import LACKS_PHOTOS, first_status, order_columns
from fototui.services.ingest.diff import OrderDiff, first_diff, item_columns, photo_columns
from fototui.services.operations.activity import ActivityAction, entry_columns

log = get_logger(__name__)

Values = dict[str, object]

_ERROR = ("error_code", "error", "error_words")


@dataclass(frozen=True, slots=True)
class _New:
    """An order to be written.

    Args:
        order_id: Its id.
        order: Its columns.
        diff: What is in it.
        applied: What becomes of it.
    """

    order_id: ULID
    order: Values
    diff: OrderDiff
    applied: Applied

    @classmethod
    def of(cls, told: ShopOrder) -> _New:
        """What is to be written for an order."""
        order_id, status, diff = ULID(), first_status(told), first_diff(told)
        applied = Applied.of(order_id, told.number, diff)
        lacks = status is OrderStatus.READY_FOR_REVIEW and applied.lacks_photos
        error = dict(zip(_ERROR, LACKS_PHOTOS if lacks else (None, None, None), strict=True))
        return cls(order_id, order_columns(told, status, order_id) | error, diff, applied)

    def books(self) -> Iterator[Values]:
        """The columns of its books."""
        for position, item in self.diff.new_items:
            yield {"order_id": self.order_id, **item_columns(position, item)}

    def photos(self) -> Iterator[Values]:
        """The columns of their photos, and whose they are."""
        for place, item in self.diff.new_items:
            for photo in item.photos:
                yield {"order_id": self.order_id, "place": place, **photo_columns(photo)}

    def entry(self, operator: str) -> Values:
        """The columns of its entry in the activity log."""
        words = self.diff.words()
        imported = ActivityAction.IMPORTED
        return entry_columns(operator, imported, order_id=self.order_id, detail=words)


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
    new = {
        each.shopify_id: _New.of(each)
        for each in sorted(orders, key=_number)
        if each.created_at is not None
    }
    if not new:
        return {}
    values = {
        **_arrays("orders", [each.order for each in new.values()]),
        **_arrays("line_items", [book for each in new.values() for book in each.books()]),
        **_arrays("images", [photo for each in new.values() for photo in each.photos()]),
        **_arrays("activity", [each.entry(operator) for each in new.values()]),
    }
    try:
        async with transaction(session):
            made = {row.shopify_id: new[row.shopify_id] for row in await session.run(_ALL, values)}
            for each in made.values():
                session.report(Change(Order.__name__, str(each.order_id), Operation.INSERT))
            return {number: each.applied for number, each in made.items()}
    except (ConflictError, DatabaseError, RecordLockedError) as error:
        state = getattr(error, "sqlstate", None) or type(error).__name__
        log.info("new orders are written one by one", orders=len(new), reason=state)
        return {}


def _number(order: ShopOrder) -> int:
    return order.shopify_id


# As tables: no object of the ORM is made of what is only written.
_ORDERS, _LINE_ITEMS, _IMAGES, _ACTIVITY = (
    Base.metadata.tables[model.__tablename__] for model in (Order, LineItem, Image, Activity)
)
# Of each table what is given of its rows; of photos also whose they are.
_COLUMNS: dict[str, dict[str, TypeEngine[Any]]] = {  # Any: SQLAlchemy's own declaration
    table.name: {name: table.c[name].type for name in names.split()}
    for table, names in (
        (
            _ORDERS,
            """
            id order_number shopify_id shopify_order_number customer_email customer_name
            payment_status shipping_method status cancelled_at created_at shop_revision
            error_code error error_words
            """,
        ),
        (
            _LINE_ITEMS,
            "order_id position shopify_line_item_id title quantity dedication layout",
        ),
        (_IMAGES, "position original_url error_code error error_words"),
        (_ACTIVITY, "order_id operator action detail detail_words"),
    )
}
_COLUMNS["images"] |= {"order_id": _LINE_ITEMS.c.order_id.type, "place": Integer()}


def _arrays(table: str, rows: Sequence[Values]) -> dict[str, list[object]]:
    """Rows as an array for each column, as `_given` takes them."""
    return {f"{table}_{name}": [row[name] for row in rows] for name in _COLUMNS[table]}


def _given(table: Table) -> TableValuedAlias:
    columns = _COLUMNS[table.name]
    arrays = (
        bindparam(f"{table.name}_{name}", type_=ARRAY(kind)) for name, kind in columns.items()
    )
    named = (column(name, kind) for name, kind in columns.items())
    return func.unnest(*arrays).table_valued(*named, name=f"told_{table.name}").render_derived()


def _insert_all() -> Select[int, object]:
    """Insert orders with their books, photos and entries in the log, and wake an engine.

    What the arrays have of an order that is not made is made of none.
    """
    orders, books, photos, entries = map(_given, (_ORDERS, _LINE_ITEMS, _IMAGES, _ACTIVITY))
    of_order = [*_COLUMNS["orders"], "updated_at"]
    made = (
        upsert(_ORDERS)
        .from_select(of_order, select(orders, func.now()), include_defaults=False)
        .on_conflict_do_nothing()
        .returning(_ORDERS.c.id, _ORDERS.c.shopify_id, _ORDERS.c.status)
        .cte("made")
    )
    of_made = select(books).join(made, made.c.id == books.c.order_id)
    bound = (
        insert(_LINE_ITEMS)
        .from_select([*_COLUMNS["line_items"]], of_made, include_defaults=False)
        .returning(_LINE_ITEMS.c.id, _LINE_ITEMS.c.order_id, _LINE_ITEMS.c.position)
        .cte("bound")
    )
    of_photo = [name for name in _COLUMNS["images"] if name in _IMAGES.c]
    is_its = (photos.c.order_id == bound.c.order_id) & (photos.c.place == bound.c.position)
    of_bound = select(bound.c.id, *(photos.c[name] for name in of_photo)).join_from(
        bound, photos, is_its
    )
    shown = insert(_IMAGES).from_select(
        ["line_item_id", *of_photo], of_bound, include_defaults=False
    )
    of_entries = select(entries).join(made, made.c.id == entries.c.order_id)
    logged = insert(_ACTIVITY).from_select(
        [*_COLUMNS["activity"]], of_entries, include_defaults=False
    )
    woken = (
        select(func.pg_notify(CHANNEL, lane_payload(JobKind.DOWNLOAD)))
        .where(made.c.status == OrderStatus.DOWNLOADING)
        .limit(1)
    )
    told = select(made.c.shopify_id, woken.scalar_subquery())
    return told.add_cte(shown.cte("shown"), logged.cte("logged"))


_ALL = FixedStatement(_insert_all())
