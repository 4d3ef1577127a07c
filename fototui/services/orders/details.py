"""Reading whole orders, in one query; with their books in three."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Nullable, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import JSONB

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.costs import PaidCall
from fototui.db.models.operations import Activity
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.costs import Costs
from fototui.domain.statuses import VersionType
from fototui.services.books.recipe import read_items
from fototui.services.costs.reading import SUMS, costs
from fototui.services.operations.activity import ActivityAction
from fototui.services.orders.rows import cancelled
from fototui.services.views import stored
from fototui.services.views.books import BookView
from fototui.services.views.orders import ImageView, LineItemView, OrderDetail
from fototui.services.views.versions import VersionView

_DetailRow = tuple[
    Order,
    LineItem | None,
    Image | None,
    ColoringVersion | None,
    SvgVersion | None,
    datetime,
    Sequence[Decimal],
    Mapping[str, str] | None,
]

# Of each version that an operator chose, by kind and id, who did so last.
_CHOICES: ColumnElement[Mapping[str, str] | None] = literal_column(
    "jsonb_object_agg(version_type || ' ' || version_id, operator ORDER BY id)"
    " FILTER (WHERE version_type || ' ' || version_id IS NOT NULL)",
    JSONB,
).label("choices")

# An image's versions, by kind and number.
_Versions = dict[VersionType, dict[int, VersionView]]


async def read_details(
    session: TrackedAsyncSession, condition: ColumnElement[bool], *, books: bool = False
) -> list[OrderDetail]:
    """Read orders with everything in them.

    Args:
        session: A session with no transaction under way.
        condition: Which; it may speak of `Image` too, and only those images are read then.
        books: With their books, which takes two statements more.

    Returns:
        The orders.
    """
    sums: ColumnElement[Sequence[Decimal]] = literal_column(SUMS).label("sums")
    paid = select(sums).select_from(PaidCall).where(PaidCall.order_id == Order.id).lateral("paid")
    chosen = (
        select(_CHOICES)
        .select_from(Activity)
        .where(Activity.order_id == Order.id, Activity.action == ActivityAction.SELECTED)
        .lateral("chosen")
    )
    statement = (
        select(
            Order,
            Nullable(LineItem),
            Nullable(Image),
            Nullable(ColoringVersion),
            Nullable(SvgVersion),
            func.now(),
            paid.c.sums,
            chosen.c.choices,
        )
        .select_from(Order)
        .join(paid, true())
        .join(chosen, true())
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
        items = list(dict.fromkeys(item for _, item, *_ in rows if item is not None))
        states = await read_items(session, items, rows[0][5]) if books and items else []
    made = [state.view(book) for state in states for book in state.books]
    return _details(rows, made if books else None)


def _details(rows: Iterable[_DetailRow], books: Sequence[BookView] | None) -> list[OrderDetail]:
    # Dictionaries, because each row repeats all that stands above its last part.
    orders: dict[Order, dict[LineItem, dict[Image, _Versions]]] = {}
    told: dict[Order, tuple[Costs, Mapping[str, str]]] = {}
    for order, item, image, coloring, svg, now, sums, choices in rows:
        items = orders.setdefault(order, {})
        if order not in told:
            told[order] = costs(sums), choices or {}
        if item is None:
            continue
        images = items.setdefault(item, {})
        if image is None:
            continue
        versions = images.setdefault(image, {kind: {} for kind in VersionType})
        for version in (coloring, svg):
            if version is not None:
                selected = image.chosen_id(version.version_type)
                view = VersionView.of(version, selected_id=selected, now=now)
                versions[view.kind][view.version] = view
    return [_detail(order, items, *told[order], books) for order, items in orders.items()]


def _detail(
    order: Order,
    items: dict[LineItem, dict[Image, _Versions]],
    paid: Costs,
    choices: Mapping[str, str],
    books: Sequence[BookView] | None,
) -> OrderDetail:
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
                images=tuple(
                    _image(image, versions, choices) for image, versions in images.items()
                ),
            )
            for item, images in items.items()
        ),
        error=stored(order.error, order.error_words) or cancelled(order.cancelled_at),
        urgent=order.urgent_at is not None,
        finished_at=order.finished_at,
        finished_by=order.finished_by,
        reopened=None if order.finished_at is not None else order.reopened_words,
        customer_note=order.customer_note,
        customer_asked_at=order.customer_asked_at,
        customer_asked_by=order.customer_asked_by,
        costs=paid,
        books=None if books is None else tuple(b for b in books if b.order_id == str(order.id)),
    )


def _image(image: Image, versions: _Versions, choices: Mapping[str, str]) -> ImageView:
    def chosen_at(kind: VersionType) -> datetime | None:
        # An operator's choice may since have been replaced by a completion's, which is of a version
        # that was asked for after it.
        at, chosen = image.chosen_at(kind), image.chosen_id(kind)
        asked = (view.queued_at for view in versions[kind].values() if view.id == chosen)
        return None if at is None or any(moment > at for moment in asked) else at

    def chosen_by(kind: VersionType) -> str | None:
        if chosen_at(kind) is None:
            return None
        return choices.get(f"{kind.value} {image.chosen_id(kind)}")

    return ImageView(
        id=image.id,
        position=image.position,
        original_url=image.original_url,
        file=image.file_ref,
        uploaded_at=image.uploaded_at,
        selected_coloring_id=image.selected_coloring_id,
        selected_svg_id=image.selected_svg_id,
        coloring=_by_number(versions[VersionType.COLORING]),
        svg=_by_number(versions[VersionType.SVG]),
        error=stored(image.error, image.error_words),
        coloring_chosen_at=chosen_at(VersionType.COLORING),
        svg_chosen_at=chosen_at(VersionType.SVG),
        coloring_chosen_by=chosen_by(VersionType.COLORING),
        svg_chosen_by=chosen_by(VersionType.SVG),
    )


def _by_number(versions: dict[int, VersionView]) -> tuple[VersionView, ...]:
    return tuple(versions[number] for number in sorted(versions))
