"""The facts that an order's stage is decided by, as SQL beside the rows of the list."""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from fototui.db.models.books import Book
from fototui.db.models.orders import (
    CHOICE,
    ColoringVersion,
    Image,
    LineItem,
    SvgVersion,
    active_predicate,
)
from fototui.domain.stages import BookState
from fototui.domain.statuses import (
    CANCELLED,
    BookProcessingStatus,
    SvgProcessingStatus,
    VersionType,
)


def has_photo() -> ColumnElement[bool]:
    """Whether an image's photo is in storage."""
    # Older writers left a JSON `null` where they meant no file.
    return func.coalesce(cast(Image.file_ref, Text) != "null", false())


def is_made_of_choice() -> ColumnElement[bool]:
    """Whether an SVG version is made of its image's chosen colouring; of any, where none is chosen.

    The chosen SVG is not where another colouring was chosen after it; nobody wants that printed.
    """
    return or_(
        Image.selected_coloring_id.is_(None),
        SvgVersion.coloring_version_id == Image.selected_coloring_id,
    )


def is_approved(told: FromClause, kind: VersionType) -> ColumnElement[bool]:
    """Whether an operator chose the version of an image that a badge tells of.

    One that was asked for after the operator's choice was chosen by its completion: it is made, and
    nobody approved it yet.

    Args:
        told: The version, by its id and when it was asked for.
        kind: Its kind.
    """
    chosen_id, chosen_at = CHOICE[kind]
    return func.coalesce(and_(told.c.id == chosen_id, chosen_at >= told.c.queued_at), false())


def is_out_of_date(svg: FromClause) -> ColumnElement[bool]:
    """Whether an SVG was made of a colouring that is not the chosen one.

    Args:
        svg: The SVG, by what it was made of.
    """
    return func.coalesce(svg.c.coloring_version_id != Image.selected_coloring_id, false())


def page_svg() -> ColumnElement[int | None]:
    """The SVG on an image's page of a book; NULL where none is chosen that can be printed."""
    return (
        select(SvgVersion.id)
        .where(
            SvgVersion.id == Image.selected_svg_id,
            SvgVersion.status == SvgProcessingStatus.COMPLETED,
            func.coalesce(cast(SvgVersion.file_ref, Text) != "null", false()),
            is_made_of_choice(),
        )
        .correlate(Image)
        .scalar_subquery()
    )


def is_svg_chosen() -> ColumnElement[bool]:
    """Whether an image has a chosen SVG that can be printed."""
    return page_svg().is_not(None)


def has_svg(coloring: FromClause) -> ColumnElement[bool]:
    """Whether an SVG was made of a colouring, or is being made.

    Args:
        coloring: The colouring, by its id.
    """
    return (
        select(SvgVersion.id)
        .where(
            SvgVersion.coloring_version_id == coloring.c.id,
            SvgVersion.status != SvgProcessingStatus.ERROR,
        )
        .correlate(coloring)
        .exists()
    )


def running(order: FromClause) -> ColumnElement[int]:
    """How many versions of an order are unfinished; it reads indexes that hold only such.

    Args:
        order: The order, by its id.
    """
    counts = [
        select(func.count())
        .select_from(model)
        .where(
            model.order_id == order.c.id, text(active_predicate(kind, f"{model.__tablename__}."))
        )
        .correlate(order)
        .scalar_subquery()
        for kind, model in (
            (VersionType.COLORING, ColoringVersion),
            (VersionType.SVG, SvgVersion),
        )
    ]
    return (counts[0] + counts[1]).label("running")


def book_states(order: FromClause) -> ColumnElement[Sequence[str]]:
    """How far the newest book is of each line item that wants one: its `BookState` and its id.

    They stand in one text, with a space between; the id is 0 where there is no book. A book is true
    as long as it shows what is chosen and told today.

    Args:
        order: The order, by its id.
    """
    newest = (
        select(Book)
        .where(Book.line_item_id == LineItem.id)
        .order_by(Book.version.desc())
        .limit(1)
        .lateral("newest")
    )
    pages = (
        select(func.array_agg(aggregate_order_by(page_svg(), Image.position)))
        .where(Image.line_item_id == LineItem.id, has_photo())
        .correlate(LineItem)
        .scalar_subquery()
    )
    is_true = and_(
        newest.c.svg_ids == pages,
        newest.c.title == LineItem.title,
        newest.c.dedication.is_not_distinct_from(LineItem.dedication),
        newest.c.layout.is_not_distinct_from(LineItem.layout),
    )
    state = case(
        (newest.c.id.is_(None), BookState.NONE.value),
        (newest.c.error_code == CANCELLED, BookState.NONE.value),
        (newest.c.status == BookProcessingStatus.ERROR, BookState.ERROR.value),
        (newest.c.status != BookProcessingStatus.COMPLETED, BookState.RUNNING.value),
        (is_true, BookState.CURRENT.value),
        else_=BookState.STALE.value,
    )
    told = func.concat(state, " ", func.coalesce(newest.c.id, 0))
    has_pages = select(Image.id).where(Image.line_item_id == LineItem.id, has_photo()).exists()
    return (
        select(func.array_agg(aggregate_order_by(told, LineItem.position)))
        .select_from(LineItem)
        .outerjoin(newest, true())
        .where(LineItem.order_id == order.c.id, LineItem.quantity > 0, has_pages)
        .correlate(order)
        .scalar_subquery()
    )
