"""The review's queue as values and as SQL: what waits, who holds it, in which order it comes.

It is the table `reviews`, whose triggers are the one place that decides what waits.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    ScalarSelect,
    Select,
    Update,
    and_,
    case,
    func,
    not_,
    select,
    true,
    update,
)
from sqlalchemy.orm import aliased
from ulid import ULID

from fototui.db.models.orders import VERSION_MODEL, Image, LineItem
from fototui.db.models.reviews import Review
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import VersionType
from fototui.services.views.orders import ImageView
from fototui.services.views.versions import VersionView

CLAIM_SECONDS = 60.0
"""How long a picture stays with a terminal that no longer renews its claim."""

_WAITING = Review.decision.is_(None)


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """Which of the pictures that wait an operator wants to judge.

    Args:
        kind: Only colourings, or only SVGs.
        order_id: Only those of an order; its ULID.
        image_id: Only those of an image.
    """

    kind: VersionType | None = None
    order_id: str | None = None
    image_id: int | None = None


ALL = ReviewFilter()
"""All that wait."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A picture to judge.

    Args:
        terminal_id: The terminal that it is claimed for.
        kind: Colouring or SVG.
        order_id: ULID of its order.
        order_number: The order's number.
        customer_name: Who placed it.
        title: Its colouring book.
        dedication: The book's dedication.
        image: The photo and all that was made from it.
        note: What an operator noted when setting it aside earlier.
        customer_note: What the order waits for from its customer; None where it does not wait.
        left: How many pictures wait, this one included, whoever may be looking at them.
    """

    terminal_id: uuid.UUID
    kind: VersionType
    order_id: str
    order_number: str
    customer_name: str | None
    title: str
    dedication: str | None
    image: ImageView
    note: str | None
    customer_note: str | None
    left: int

    @property
    def versions(self) -> tuple[VersionView, ...]:
        """The versions that can be chosen, by number."""
        views = self.image.versions(self.kind)
        return tuple(view for view in views if view.status == "completed" and view.file)

    @property
    def selected_id(self) -> int | None:
        """The version that is chosen now, by an operator or by its completion."""
        return self.image.chosen_id(self.kind)


@dataclass(frozen=True, slots=True)
class ReviewPreview:
    """A picture further down the queue, to be loaded ahead.

    Args:
        image_id: The image.
        kind: Colouring or SVG.
        original: The photo.
        version: The newest version's file.
    """

    image_id: int
    kind: VersionType
    original: S3ObjectRefData | None
    version: S3ObjectRefData | None


def claim_first(
    operator: str,
    terminal_id: uuid.UUID,
    orders: Sequence[ULID] = (),
    within: ReviewFilter = ALL,
) -> Select[int, str, str | None, int]:
    """Claim the first order that nobody else judges, and give its first picture.

    All its pictures are claimed, so that one person judges them all. Who claims an order locks the
    first of its rows: two terminals at once never share one.

    Args:
        operator: Whose order of pictures counts.
        terminal_id: Who claims it; what it holds already is free for it, and comes first.
        orders: Orders whose pictures come before all others.
        within: Which pictures are wanted; others of the same order are claimed with them.

    Returns:
        A statement that gives image_id, kind, note and left.
    """
    waiting = _waiting(operator, terminal_id, within).cte("waiting")
    rank = _rank(waiting, orders)
    first = _first_order(waiting, terminal_id).order_by(*rank).limit(1).cte("first")
    pages = (
        select(Review.image_id, Review.kind)
        .join(waiting, _is_same(waiting))
        .where(_WAITING, waiting.c.order_id.in_(select(first.c.order_id)))
        .with_for_update(key_share=True, skip_locked=True, of=Review)
        .cte("pages")
    )
    held = (
        update(Review)
        .where(_is_same(pages))
        .values(claimed_by=operator, terminal_id=terminal_id, claimed_until=lease_end())
        .returning(Review.image_id, Review.kind, Review.note)
        .cte("held")
    )
    left = select(func.count()).where(waiting.c.is_wanted).scalar_subquery()
    return (
        select(held.c.image_id, held.c.kind, held.c.note, left.label("left"))
        .join(
            waiting,
            (waiting.c.image_id == held.c.image_id) & (waiting.c.kind == held.c.kind),
        )
        .where(waiting.c.is_wanted)
        .order_by(*rank)
        .limit(1)
    )


def _first_order(waiting: FromClause, terminal_id: uuid.UUID) -> Select[Any]:
    """Orders that nobody else judges; the row that guards each is locked."""
    guard = aliased(Review, name="guard")
    return (
        select(waiting.c.order_id)
        .join(
            guard,
            (guard.image_id == waiting.c.guard_image) & (guard.kind == waiting.c.guard_kind),
        )
        .where(waiting.c.is_wanted, not_(waiting.c.is_taken))
        # Asked of the row as it is once it is locked, too.
        .where(guard.decision.is_(None), not_(_is_anothers(guard, terminal_id)))
        .with_for_update(key_share=True, skip_locked=True, of=guard)
    )


def free_ahead(
    operator: str,
    terminal_id: uuid.UUID,
    count: int,
    orders: Sequence[ULID] = (),
    within: ReviewFilter = ALL,
) -> Select[int, str, S3ObjectRefData | None, S3ObjectRefData | None]:
    """What a terminal would be given now, and what comes after that.

    Args:
        operator: Whose order of pictures counts.
        terminal_id: The terminal.
        count: Most pictures.
        orders: Orders whose pictures come before all others.
        within: Which pictures are wanted.

    Returns:
        A query for image id, kind, the photo's file and the newest version's.
    """
    waiting = _waiting(operator, terminal_id, within).subquery("waiting")
    newest = case({kind.value: _newest_file(kind) for kind in VersionType}, value=Review.kind)
    return (
        select(Image.id, Review.kind, Image.file_ref, newest)
        .join(Image, Image.id == Review.image_id)
        .join(waiting, _is_same(waiting))
        .where(waiting.c.is_wanted, not_(waiting.c.is_taken))
        .order_by(*_rank(waiting, orders))
        .limit(count)
    )


def place_of(item: ReviewItem) -> ColumnElement[bool]:
    """The condition that names a picture's row."""
    return (Review.image_id == item.image.id) & (Review.kind == item.kind.value)


def write_held(item: ReviewItem) -> Update:
    """Write to a picture's row if it still waits and its terminal still has it.

    A claim that ran out and that nobody took since is as good as a fresh one.
    """
    return update(Review).where(place_of(item), _WAITING, Review.terminal_id == item.terminal_id)


def write_all_held(terminal_id: uuid.UUID) -> Update:
    """Write to all rows that wait and that a terminal has.

    They are locked in the order in which engines write them that end several versions at once: who
    took them in another could wait for an engine that waits for it.
    """
    held = (
        select(Review.image_id, Review.kind)
        .where(_WAITING, Review.terminal_id == terminal_id)
        .order_by(Review.image_id, Review.kind)
        .with_for_update(key_share=True)
        .cte("held")
    )
    return update(Review).where(_is_same(held))


def lease_end() -> ColumnElement[Any]:  # Any: a time reckoned by the database
    """Until when a claim made now lasts."""
    return func.now() + timedelta(seconds=CLAIM_SECONDS)


def count_waiting(within: ReviewFilter = ALL) -> Select[int]:
    """How many pictures wait, whoever looks at them."""
    return (
        select(func.count())
        .select_from(Review)
        .join(Image, Image.id == Review.image_id)
        .join(LineItem, LineItem.id == Image.line_item_id)
        .where(_WAITING, *_is_within(within))
    )


def count_waiting_of_image() -> ScalarSelect[int]:
    """How many pictures of the `Image` around it wait; found by the key of `reviews`."""
    return (
        select(func.count())
        .where(Review.image_id == Image.id, _WAITING)
        .correlate(Image)
        .scalar_subquery()
    )


def _is_anothers(row: type[Review], terminal_id: uuid.UUID) -> ColumnElement[bool]:
    """Whether another terminal holds a row that waits."""
    is_held = func.coalesce(row.claimed_until >= func.now(), False)
    return and_(is_held, row.terminal_id.is_distinct_from(terminal_id))


def _is_same(rows: FromClause) -> ColumnElement[bool]:
    """The condition that a row of `reviews` is one of these."""
    return (Review.image_id == rows.c.image_id) & (Review.kind == rows.c.kind)


def _waiting(
    operator: str, terminal_id: uuid.UUID, within: ReviewFilter
) -> Select[*tuple[Any, ...]]:  # Any: columns of several types
    """All that waits, each picture with what decides on its turn and its order's."""
    of_order: dict[str, Any] = {"partition_by": LineItem.order_id}  # Any: as SQLAlchemy takes it
    first = {**of_order, "order_by": (Review.image_id, Review.kind)}
    is_mine = and_(Review.terminal_id == terminal_id, Review.claimed_until.is_not(None))
    put_off = Review.skipped[operator].astext.cast(DateTime(timezone=True))
    return (
        select(
            Review.image_id,
            Review.kind,
            LineItem.order_id,
            LineItem.position.label("book"),
            Image.position.label("page"),
            put_off.label("put_off"),
            and_(*_is_within(within)).label("is_wanted"),
            func.bool_or(_is_anothers(Review, terminal_id)).over(**of_order).label("is_taken"),
            func.bool_or(func.coalesce(is_mine, False)).over(**of_order).label("is_mine"),
            func.min(Review.waiting_since).over(**of_order).label("since"),
            func.first_value(Review.image_id).over(**first).label("guard_image"),
            func.first_value(Review.kind).over(**first).label("guard_kind"),
        )
        .join(Image, Image.id == Review.image_id)
        .join(LineItem, LineItem.id == Image.line_item_id)
        .where(_WAITING)
    )


def _is_within(within: ReviewFilter) -> tuple[ColumnElement[bool], ...]:
    wanted: list[ColumnElement[bool]] = [true()]
    if within.kind is not None:
        wanted.append(Review.kind == within.kind.value)
    if within.order_id is not None:
        wanted.append(LineItem.order_id == ULID.from_str(within.order_id))
    if within.image_id is not None:
        wanted.append(Review.image_id == within.image_id)
    return tuple(wanted)


# Any: columns of several types
def _rank(waiting: FromClause, orders: Sequence[ULID]) -> tuple[ColumnElement[Any], ...]:
    # What this operator put off comes after all others; else an order that was begun is ended, and
    # then comes the one that waits longest.
    usual = (
        waiting.c.put_off.asc().nulls_first(),
        waiting.c.is_mine.desc(),
        waiting.c.since.asc(),
        waiting.c.order_id.asc(),
        waiting.c.book.asc(),
        waiting.c.page.asc(),
        waiting.c.kind.asc(),
    )
    return (waiting.c.order_id.in_(orders).desc(), *usual) if orders else usual


def _newest_file(kind: VersionType) -> ScalarSelect[S3ObjectRefData | None]:
    model = VERSION_MODEL[kind]
    return (
        select(model.file_ref)
        .where(model.image_id == Review.image_id, model.status == "completed")
        .order_by(model.version.desc())
        .limit(1)
        .correlate(Review)
        .scalar_subquery()
    )
