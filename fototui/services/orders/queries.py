"""Reading the list of orders: a page of it in one query."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Function,
    Select,
    SQLColumnExpression,
    Text,
    any_,
    bindparam,
    cast,
    column,
    false,
    func,
    or_,
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
from fototui.domain.sentences import Sentence
from fototui.domain.shop import NO_PHOTOS
from fototui.domain.stages import BookState
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)
from fototui.domain.text import clean_line, folded
from fototui.services.orders.details import cancelled
from fototui.services.orders.stage_facts import (
    book_states,
    has_photo,
    has_svg,
    is_approved,
    is_out_of_date,
    is_svg_chosen,
    running,
)
from fototui.services.review.queue import count_waiting_of_image
from fototui.services.views import stored
from fototui.services.views.orders import (
    ImageBadges,
    OrderCursor,
    OrderPage,
    OrderRow,
)

T = TypeVar("T")

# One row per order. How many of its versions are unfinished, and how far its line items' books are.
# Of its line items the dedications. How many of its pictures wait in the review. Of its images, in
# the order of the line items and their pages, their ids, of both kinds a version's id and status,
# and seven facts: what is missing is None, and so is all of it where there are no images.
_ListRow = tuple[
    ULID,
    str,
    datetime,
    str | None,
    str | None,
    str | None,
    OrderStatus,
    str | None,
    Sentence | None,
    datetime | None,
    datetime | None,
    datetime | None,
    str | None,
    int | None,
    str | None,
    int,
    list[str] | None,
    int,
    list[str] | None,
    int,
    list[int] | None,
    list[int | None] | None,
    list[str | None] | None,
    list[int | None] | None,
    list[str | None] | None,
    list[bool] | None,
    list[bool] | None,
    list[bool] | None,
    list[bool] | None,
    list[bool] | None,
    list[bool] | None,
    list[bool] | None,
]


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

    Returns:
        The page.
    """
    page = _page(before, status, search)
    if working:
        page = page.where(Order.finished_at.is_(None))
    # One more than asked for tells whether there is a next page.
    page = page.limit(limit + 1).offset(skip or None)
    async with session.begin():
        found = (await session.execute(_with_badges(page))).all()
    rows = [_order_row(*row) for row in found]
    shown = rows[:limit]
    is_last = len(rows) <= limit
    return OrderPage(
        orders=tuple(shown),
        next=None if is_last else OrderCursor(shown[-1].created_at, shown[-1].id),
    )


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
    return tuple(_order_row(*row) for row in found)


async def read_done(
    session: TrackedAsyncSession, *, limit: int, skip: int, search: str | None
) -> tuple[tuple[OrderRow, ...], int]:
    """Read orders that are done, the latest first.

    Args:
        session: A session with no transaction under way.
        limit: Most orders.
        skip: Leave out so many of the latest.
        search: As in `read_page`.

    Returns:
        The orders, and how many there are in all.
    """
    done = _searched(select(Order).where(Order.finished_at.is_not(None)), search)
    latest = done.order_by(Order.finished_at.desc(), Order.id.desc())
    async with session.begin():
        found = (
            await session.execute(
                _with_badges(latest.limit(limit).offset(skip or None), by="finished_at")
            )
        ).all()
        total = await session.scalar(done.with_only_columns(func.count()))
    return tuple(_order_row(*row) for row in found), total or 0


def _page(
    before: OrderCursor | None, status: OrderStatus | None, search: str | None
) -> Select[Order]:
    statement = select(Order).order_by(Order.created_at.desc(), Order.id.desc())
    if before is not None:
        # As a row comparison, which the list's index answers by one descent.
        end = tuple_(before.created_at, ULID.from_str(before.id), types=_CURSOR_TYPES)
        statement = statement.where(tuple_(Order.created_at, Order.id) < end)
    if status is not None:
        statement = statement.where(Order.status == status)
    return _searched(statement, search)


def _searched(statement: Select[Order], search: str | None) -> Select[Order]:
    """Only orders with all words of a text, each in number, name, e-mail address or a dedication.

    As in the app: neither case nor accents count.

    Args:
        statement: The orders.
        search: The text.
    """
    for word in folded(clean_line(search or "")).split():
        texts = (
            Order.order_number,
            Order.customer_name,
            Order.customer_email,
            Order.customer_note,
        )
        dedicated = select(LineItem.id).where(
            LineItem.order_id == Order.id,
            _plain(LineItem.dedication).contains(word, autoescape=True),
        )
        statement = statement.where(
            or_(
                *(_plain(column).contains(word, autoescape=True) for column in texts),
                dedicated.exists(),
            )
        )
    return statement


# The letters that lose an accent by `folded`, and what it leaves of each.
_ACCENTED = "".join(c for c in map(chr, range(0xC0, 0x250)) if len(folded(c)) == 1)


def _plain(column: SQLColumnExpression[str] | SQLColumnExpression[str | None]) -> Function[str]:
    return func.replace(func.translate(func.lower(column), _ACCENTED, folded(_ACCENTED)), "ß", "ss")


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


def _with_badges(page: Select[Order], *, by: str = "created_at") -> Select[*_ListRow]:
    return _badges(by).add_cte(page.with_only_columns(*_PAGE).cte("page"))


@cache
def _badges(by: str) -> Select[*_ListRow]:
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
        select(model.id, model.status, *more)
        .where(model.image_id == Image.id)
        .order_by(is_chosen.desc(), model.version.desc())
        .limit(1)
        .lateral()
    )


def _order_row(
    order_id: ULID,
    number: str,
    created_at: datetime,
    customer_name: str | None,
    customer_email: str | None,
    payment_status: str | None,
    status: OrderStatus,
    error: str | None,
    error_words: Sentence | None,
    urgent_at: datetime | None,
    cancelled_at: datetime | None,
    finished_at: datetime | None,
    error_code: str | None,
    shopify_id: int | None,
    customer_note: str | None,
    running: int,
    books: Sequence[str] | None,
    items: int,
    dedications: Sequence[str] | None,
    waiting: int,
    *badges: Sequence[int] | Sequence[int | None] | Sequence[str | None] | Sequence[bool] | None,
) -> OrderRow:
    texts = (number, customer_name, customer_email, customer_note, *(dedications or ()))
    told = [book.partition(" ") for book in books or ()]
    return OrderRow(
        id=str(order_id),
        number=number,
        created_at=created_at,
        customer_name=customer_name,
        customer_email=customer_email,
        items=items,
        payment_status=payment_status,
        status=status,
        images=tuple(
            ImageBadges(image_id, coloring_id, _COLORING[coloring], svg_id, _SVG[svg], *facts)
            for image_id, coloring_id, coloring, svg_id, svg, *facts in zip(
                *(column or () for column in badges), strict=True
            )
        ),
        waiting=int(waiting),  # a sum is a decimal
        search=folded("\n".join(filter(None, texts))),
        error=stored(error, error_words) or cancelled(cancelled_at),
        urgent=urgent_at is not None,
        shopify_id=shopify_id,
        running=running,
        books=tuple(_BOOKS[state] for state, _space, _book in told),
        book_ids=tuple(int(book) for _state, _space, book in told),
        lacks_photos=error_code == NO_PHOTOS and status is OrderStatus.READY_FOR_REVIEW,
        cancelled_at=cancelled_at,
        finished_at=finished_at,
        customer_note=customer_note,
    )


# Looked up: calling an enum with a value takes ten times as long, and there are many.
_COLORING: dict[str | None, ColoringProcessingStatus | None] = {
    None: None,
    **{status.value: status for status in ColoringProcessingStatus},
}
_SVG: dict[str | None, SvgProcessingStatus | None] = {
    None: None,
    **{status.value: status for status in SvgProcessingStatus},
}

_BOOKS = {state.value: state for state in BookState}


async def count_by_status(session: TrackedAsyncSession) -> dict[OrderStatus, int]:
    """Count orders.

    Args:
        session: A session with no transaction under way.

    Returns:
        How many orders are in each status; every status is named.
    """
    statement = select(Order.status, func.count()).group_by(Order.status)
    async with session.begin():
        found = dict((await session.execute(statement)).all())
    return {status: found.get(status, 0) for status in OrderStatus}
