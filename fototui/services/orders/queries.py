"""Reading the list of orders: a page of it in one query."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Literal, TypeVar

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    SQLColumnExpression,
    Text,
    any_,
    bindparam,
    cast,
    column,
    false,
    func,
    select,
    table,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import (
    CHOICE,
    VERSION_MODEL,
    Image,
    LineItem,
    Order,
    SvgVersion,
)
from fototui.domain.statuses import (
    OrderStatus,
    VersionType,
)
from fototui.services.orders.rows import ListRow, order_row
from fototui.services.orders.stage_facts import (
    book_states,
    has_photo,
    has_svg,
    is_approved,
    is_out_of_date,
    is_svg_chosen,
    running,
)
from fototui.services.orders.words import done_orders, newest_with, words_of
from fototui.services.review.queue import count_waiting_of_image
from fototui.services.views.orders import (
    OrderCursor,
    OrderPage,
    OrderRow,
)

T = TypeVar("T")
_By = Literal["created_at", "finished_at"]


# --- the list --------------------------------------------------------------------------------


async def read_page(
    session: TrackedAsyncSession,
    *,
    limit: int,
    before: OrderCursor | None,
    status: OrderStatus | None,
    search: str | None,
    skip: int = 0,
    working: bool = False,
    done_before: datetime | None = None,
) -> OrderPage:
    """Read a page of the list, newest first.

    Args:
        session: A session with no transaction under way.
        limit: Most orders.
        before: Where the page before it ended.
        status: Only orders in this status.
        search: Only orders with these words in number, name, e-mail address or a dedication.
        skip: Leave out so many of the newest; each costs about as much as one that is read.
        working: Only orders that are not done; read from an index that holds no others.
        done_before: Only orders that were done before then.

    Returns:
        The page.
    """
    # One more than asked for tells whether there is a next page.
    conditions = [
        *([] if status is None else [Order.status == status]),
        *([Order.finished_at.is_(None)] if working else []),
        *([] if done_before is None else [Order.finished_at < done_before]),
    ]
    page = _page(before, words_of(search), conditions, skip=skip, limit=limit + 1)
    return await _read(session, page, limit)


async def read_done_since(
    session: TrackedAsyncSession, since: datetime, *, before: OrderCursor | None, limit: int
) -> OrderPage:
    """Read a page of orders that were done lately, the latest first.

    Args:
        session: A session with no transaction under way.
        since: None that were done before then.
        before: Where the page before it ended.
        limit: Most orders.
    """
    page = select(Order).where(Order.finished_at >= since)
    if before is not None:
        end = tuple_(before.at, ULID.from_str(before.id), types=_CURSOR_TYPES)
        page = page.where(tuple_(Order.finished_at, Order.id) < end)
    page = page.order_by(*_LATEST).limit(limit + 1)
    return await _read(session, page, limit, by="finished_at")


async def _read(
    session: TrackedAsyncSession, page: Select[Order], limit: int, *, by: _By = "created_at"
) -> OrderPage:
    async with session.begin():
        found = (await session.execute(_with_badges(page, by=by))).all()
    rows = [order_row(*row) for row in found]
    shown = rows[:limit]
    if len(rows) <= limit:
        return OrderPage(orders=tuple(shown), next=None)
    last = shown[-1]
    at = last.created_at if by == "created_at" else last.finished_at
    assert at is not None
    return OrderPage(orders=tuple(shown), next=OrderCursor(at, last.id))


async def read_rows(session: TrackedAsyncSession, ids: Iterable[str]) -> tuple[OrderRow, ...]:
    """Read lines of the list.

    Args:
        session: A session with no transaction under way.
        ids: ULIDs of their orders.

    Returns:
        The lines of those that exist, newest first.
    """
    async with session.begin():
        return await rows_now(session, ids)


async def rows_now(session: TrackedAsyncSession, ids: Iterable[str]) -> tuple[OrderRow, ...]:
    """Like `read_rows`, inside a transaction.

    Args:
        session: A session inside a transaction.
        ids: ULIDs of their orders.
    """
    # One array whatever their number: the statement stays the same, and prepared.
    wanted = bindparam("ids", [ULID.from_str(key) for key in ids], type_=ARRAY(Order.id.type))
    statement = _with_badges(select(Order).where(Order.id == any_(wanted)))
    found = (await session.execute(statement)).all()
    return tuple(order_row(*row) for row in found)


async def read_done(
    session: TrackedAsyncSession, *, limit: int, skip: int, search: str | None
) -> tuple[OrderRow, ...]:
    """Read orders that are done, the latest first.

    Args:
        session: A session with no transaction under way.
        limit: Most orders.
        skip: Leave out so many of the latest.
        search: As in `read_page`.
    """
    page = done_orders(search).order_by(*_LATEST).limit(limit).offset(skip or None)
    async with session.begin():
        found = (await session.execute(_with_badges(page, by="finished_at"))).all()
    return tuple(order_row(*row) for row in found)


def _page(
    before: OrderCursor | None,
    words: Sequence[str],
    conditions: Sequence[ColumnElement[bool]],
    *,
    skip: int,
    limit: int,
) -> Select[Order]:
    end = None if before is None else (before.at, ULID.from_str(before.id))
    page = select(Order).where(*conditions)
    if words:
        page = page.where(
            Order.id.in_(newest_with(words, skip + limit, before=end, conditions=conditions))
        )
    if end is not None:
        # As a row comparison, which the list's index answers by one descent.
        page = page.where(tuple_(Order.created_at, Order.id) < tuple_(*end, types=_CURSOR_TYPES))
    return page.order_by(*_NEWEST).limit(limit).offset(skip or None)


_LATEST = (Order.finished_at.desc(), Order.id.desc())
_NEWEST = (Order.created_at.desc(), Order.id.desc())
_CURSOR_TYPES = (Order.created_at.type, Order.id.type)


_PAGE = (
    Order.id,
    Order.order_number,
    Order.created_at,
    Order.customer_name,
    Order.customer_email,
    Order.payment_status,
    Order.status,
    Order.error,
    Order.error_words,
    Order.urgent_at,
    Order.cancelled_at,
    Order.finished_at,
    Order.error_code,
    Order.shopify_id,
    Order.customer_note,
)


def _with_badges(page: Select[Order], *, by: _By = "created_at") -> Select[*ListRow]:
    return _badges(by).add_cte(page.with_only_columns(*_PAGE).cte("page"))


@cache
def _badges(by: _By) -> Select[*ListRow]:
    """What is told of the orders of a page, which is a table `page` here.

    Made once: to make it takes longer than to have it answered.
    """
    # Gathered by the server: a third of the rows to send, and none of them an object of the ORM.
    order = table("page", *(column(each.key, each.type) for each in _PAGE))
    coloring = _told(VersionType.COLORING)
    svg = _told(VersionType.SVG, SvgVersion.coloring_version_id)
    columns = (
        Image.id,
        coloring.c.id,
        cast(coloring.c.status, Text),
        svg.c.id,
        cast(svg.c.status, Text),
        LineItem.quantity > 0,
        has_photo(),
        has_svg(coloring),
        is_svg_chosen(),
        is_approved(coloring, VersionType.COLORING),
        is_approved(svg, VersionType.SVG),
        is_out_of_date(svg),
    )
    below = (
        select(
            func.count(LineItem.id.distinct()),
            func.array_agg(LineItem.dedication.distinct()).filter(LineItem.dedication.is_not(None)),
            func.coalesce(func.sum(count_waiting_of_image()), 0),
            *(_in_order(column) for column in columns),
        )
        .outerjoin(Image, Image.line_item_id == LineItem.id)
        .outerjoin(coloring, true())
        .outerjoin(svg, true())
        .where(LineItem.order_id == order.c.id)
        .lateral("below")
    )
    return (
        select(*order.c, running(order), book_states(order), *below.c)
        .join(below, true())
        .order_by(order.c[by].desc(), order.c.id.desc())
    )


def _in_order(column: SQLColumnExpression[T]) -> ColumnElement[Sequence[T]]:
    ordered = aggregate_order_by(column, LineItem.position, Image.position)
    return func.array_agg(ordered).filter(Image.id.is_not(None))


def _told(kind: VersionType, *more: InstrumentedAttribute[int]) -> FromClause:
    """The version that an image's badge tells of: the chosen one, else the latest."""
    model = VERSION_MODEL[kind]
    chosen_id, _chosen_at = CHOICE[kind]
    is_chosen = func.coalesce(model.id == chosen_id, false())
    return (
        select(model.id, model.status, model.queued_at, *more)
        .where(model.image_id == Image.id)
        .order_by(is_chosen.desc(), model.version.desc())
        .limit(1)
        .lateral()
    )
