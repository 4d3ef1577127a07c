"""Reading orders: a page of the list in one query, whole orders in one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Nullable,
    Select,
    false,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased
from ulid import ULID

from fototui.db.models import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.db.tracking import TrackedAsyncSession
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus, SvgProcessingStatus
from fototui.domain.text import clean_line
from fototui.services.views import (
    ImageBadges,
    ImageView,
    LineItemView,
    OrderCursor,
    OrderDetail,
    OrderPage,
    OrderRow,
    VersionView,
)

VersionT = TypeVar("VersionT", ColoringVersion, SvgVersion)

# One row of the list per image: order, line item, image, and of both kinds a version's id and
# status. What is missing is None; an order without images has one row.
_ListRow = tuple[
    Order,
    int | None,
    int | None,
    int | None,
    ColoringProcessingStatus | None,
    int | None,
    SvgProcessingStatus | None,
]

_DetailRow = tuple[
    Order, LineItem | None, Image | None, ColoringVersion | None, SvgVersion | None, datetime
]


# --- the list --------------------------------------------------------------------------------


async def read_page(
    session: TrackedAsyncSession,
    *,
    limit: int,
    before: OrderCursor | None,
    status: OrderStatus | None,
    search: str | None,
) -> OrderPage:
    """Read a page of the list, newest first.

    Args:
        session: A session with no transaction under way.
        limit: Most orders.
        before: Where the page before it ended.
        status: Only orders in this status.
        search: Only orders with this text in number, name, e-mail address or a dedication.

    Returns:
        The page.
    """
    # One more than asked for tells whether there is a next page.
    page = _page(before, status, search).limit(limit + 1)
    async with session.begin():
        found = (await session.execute(_with_badges(page))).all()
    rows = [_order_row(order, list(group)) for order, group in groupby(found, lambda row: row[0])]
    shown = rows[:limit]
    is_last = len(rows) <= limit
    return OrderPage(
        orders=tuple(shown),
        next=None if is_last else OrderCursor(shown[-1].created_at, shown[-1].id),
    )


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
    if search := clean_line(search or ""):
        texts = (Order.order_number, Order.customer_name, Order.customer_email)
        dedicated = select(LineItem.id).where(
            LineItem.order_id == Order.id, LineItem.dedication.icontains(search, autoescape=True)
        )
        statement = statement.where(
            or_(
                *(column.icontains(search, autoescape=True) for column in texts), dedicated.exists()
            )
        )
    return statement


_CURSOR_TYPES = (Order.created_at.type, Order.id.type)


def _with_badges(page: Select[Order]) -> Select[*_ListRow]:
    order = aliased(Order, page.subquery("page"))
    coloring = _badge(ColoringVersion, Image.selected_coloring_id)
    svg = _badge(SvgVersion, Image.selected_svg_id)
    return (
        select(
            order, LineItem.id, Image.id, coloring.c.id, coloring.c.status, svg.c.id, svg.c.status
        )
        .outerjoin(LineItem, LineItem.order_id == order.id)
        .outerjoin(Image, Image.line_item_id == LineItem.id)
        .outerjoin(coloring, true())
        .outerjoin(svg, true())
        .order_by(order.created_at.desc(), order.id.desc(), LineItem.position, Image.position)
        .execution_options(populate_existing=True)
    )


def _badge(model: type[VersionT], selected_id: InstrumentedAttribute[int | None]) -> FromClause:
    """The version that an image's badge tells of: the chosen one, else the latest."""
    is_chosen = func.coalesce(model.id == selected_id, false())
    return (
        select(model.id, model.status)
        .where(model.image_id == Image.id)
        .order_by(is_chosen.desc(), model.version.desc())
        .limit(1)
        .lateral()
    )


def _order_row(order: Order, rows: Sequence[_ListRow]) -> OrderRow:
    return OrderRow(
        id=str(order.id),
        number=order.order_number,
        created_at=order.created_at,
        customer_name=order.customer_name,
        items=len({row[1] for row in rows} - {None}),
        payment_status=order.payment_status,
        status=order.status,
        images=tuple(
            ImageBadges(image_id, coloring_id, coloring, svg_id, svg)
            for _, _, image_id, coloring_id, coloring, svg_id, svg in rows
            if image_id is not None
        ),
    )


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


# --- whole orders ----------------------------------------------------------------------------


async def read_details(
    session: TrackedAsyncSession, condition: ColumnElement[bool]
) -> list[OrderDetail]:
    """Read orders with everything in them.

    Args:
        session: A session with no transaction under way.
        condition: Which; it may speak of `Image` too, and only those images are read then.

    Returns:
        The orders.
    """
    statement = (
        select(
            Order,
            Nullable(LineItem),
            Nullable(Image),
            Nullable(ColoringVersion),
            Nullable(SvgVersion),
            func.now(),
        )
        .outerjoin(LineItem, LineItem.order_id == Order.id)
        .outerjoin(Image, Image.line_item_id == LineItem.id)
        .outerjoin(ColoringVersion, ColoringVersion.image_id == Image.id)
        # Every SVG has a colouring, so both kinds fit into one query without multiplying.
        .outerjoin(SvgVersion, SvgVersion.coloring_version_id == ColoringVersion.id)
        .where(condition)
        .order_by(LineItem.position, Image.position, ColoringVersion.version, SvgVersion.version)
        .execution_options(populate_existing=True)
    )
    async with session.begin():
        rows = (await session.execute(statement)).all()
    return _details(rows)


def _details(rows: Iterable[_DetailRow]) -> list[OrderDetail]:
    # Dictionaries, because each row repeats all that stands above its last part.
    orders: dict[Order, dict[LineItem, dict[Image, _Versions]]] = {}
    for order, item, image, coloring, svg, now in rows:
        items = orders.setdefault(order, {})
        if item is None:
            continue
        images = items.setdefault(item, {})
        if image is None:
            continue
        versions = images.setdefault(image, _Versions())
        if coloring is not None:
            versions.coloring[coloring.version] = VersionView.of(
                coloring, selected_id=image.selected_coloring_id, now=now
            )
        if svg is not None:
            versions.svg[svg.version] = VersionView.of(
                svg, selected_id=image.selected_svg_id, now=now
            )
    return [_detail(order, items) for order, items in orders.items()]


@dataclass(frozen=True, slots=True)
class _Versions:
    """An image's versions, by number."""

    coloring: dict[int, VersionView] = field(default_factory=dict)
    svg: dict[int, VersionView] = field(default_factory=dict)


def _detail(order: Order, items: dict[LineItem, dict[Image, _Versions]]) -> OrderDetail:
    return OrderDetail(
        id=str(order.id),
        number=order.order_number,
        shopify_id=order.shopify_id,
        customer_name=order.customer_name,
        customer_email=order.customer_email,
        payment_status=order.payment_status,
        shipping_method=order.shipping_method,
        status=order.status,
        created_at=order.created_at,
        updated_at=order.updated_at,
        line_items=tuple(
            LineItemView(
                id=item.id,
                position=item.position,
                title=item.title,
                quantity=item.quantity,
                dedication=item.dedication,
                layout=item.layout,
                images=tuple(_image(image, versions) for image, versions in images.items()),
            )
            for item, images in items.items()
        ),
    )


def _image(image: Image, versions: _Versions) -> ImageView:
    return ImageView(
        id=image.id,
        position=image.position,
        original_url=image.original_url,
        file=image.file_ref,
        uploaded_at=image.uploaded_at,
        selected_coloring_id=image.selected_coloring_id,
        selected_svg_id=image.selected_svg_id,
        coloring=tuple(versions.coloring[number] for number in sorted(versions.coloring)),
        svg=tuple(versions.svg[number] for number in sorted(versions.svg)),
    )
