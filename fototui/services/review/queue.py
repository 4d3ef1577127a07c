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
    ScalarSelect,
    Select,
    Update,
    case,
    func,
    or_,
    select,
    update,
)
from ulid import ULID

from fototui.db.models.operations import Review
from fototui.db.models.orders import VERSION_MODEL, Image, LineItem
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import VersionType
from fototui.services.views.orders import ImageView
from fototui.services.views.versions import VersionView

CLAIM_SECONDS = 60.0
"""How long a picture stays with a terminal that no longer renews its claim."""

FINISHED = "finished"
"""The decision on pictures that waited when their order was handed over; nobody judged them."""

_WAITING = Review.decision.is_(None)


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How far the review is.

    Args:
        done: Pictures this terminal has had before it and that are decided.
        waiting: Pictures that wait, whoever may be looking at them.
    """

    done: int
    waiting: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.done + self.waiting


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
        progress: How far the review is.
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
    progress: ReviewProgress

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


def claim_first(operator: str, terminal_id: uuid.UUID, orders: Sequence[ULID] = ()) -> Update:
    """Claim the first picture that nobody else looks at.

    Args:
        operator: Whose order of pictures counts.
        terminal_id: Who claims it; what it holds already is free for it.
        orders: Orders whose pictures come before all others.

    Returns:
        A statement that gives image_id, kind, note, done and waiting.
    """
    first = (
        select(Review.image_id, Review.kind)
        .where(_WAITING, or_(_is_free(), Review.terminal_id == terminal_id))
        .order_by(*_order(operator, orders))
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
        .cte("first")
    )
    return (
        update(Review)
        .where(Review.image_id == first.c.image_id, Review.kind == first.c.kind)
        .values(claimed_by=operator, terminal_id=terminal_id, claimed_until=lease_end())
        .returning(
            Review.image_id,
            Review.kind,
            Review.note,
            count_done(terminal_id).label("done"),
            count_waiting().label("waiting"),
        )
    )


def free_ahead(
    operator: str, terminal_id: uuid.UUID, count: int, orders: Sequence[ULID] = ()
) -> Select[int, str, S3ObjectRefData | None, S3ObjectRefData | None]:
    """What probably comes next for a terminal, after what it holds.

    Args:
        operator: Whose order of pictures counts.
        terminal_id: The terminal.
        count: Most pictures.
        orders: Orders whose pictures come before all others.

    Returns:
        A query for image id, kind, the photo's file and the newest version's.
    """
    newest = case({kind.value: _newest_file(kind) for kind in VersionType}, value=Review.kind)
    return (
        select(Image.id, Review.kind, Image.file_ref, newest)
        .join(Image, Image.id == Review.image_id)
        .where(_WAITING, _is_free(), Review.terminal_id.is_distinct_from(terminal_id))
        .order_by(*_order(operator, orders))
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
    """Write to all rows that wait and that a terminal has."""
    return update(Review).where(_WAITING, Review.terminal_id == terminal_id)


def lease_end() -> ColumnElement[Any]:  # Any: a time reckoned by the database
    """Until when a claim made now lasts."""
    return func.now() + timedelta(seconds=CLAIM_SECONDS)


def count_done(terminal_id: uuid.UUID) -> ScalarSelect[int]:
    """How many pictures were decided on that this terminal had last."""
    done = Review.__table__.alias("done")
    return (
        select(func.count())
        .where(done.c.terminal_id == terminal_id, done.c.decision != FINISHED)
        .scalar_subquery()
    )


def count_waiting() -> ScalarSelect[int]:
    """How many pictures wait, whoever looks at them."""
    waiting = Review.__table__.alias("waiting")
    return select(func.count()).where(waiting.c.decision.is_(None)).scalar_subquery()


def count_waiting_of_image() -> ScalarSelect[int]:
    """How many pictures of the `Image` around it wait; found by the key of `reviews`."""
    return (
        select(func.count())
        .where(Review.image_id == Image.id, _WAITING)
        .correlate(Image)
        .scalar_subquery()
    )


def _is_free() -> ColumnElement[bool]:
    return or_(Review.claimed_until.is_(None), Review.claimed_until < func.now())


# Any: columns of several types
def _order(operator: str, orders: Sequence[ULID]) -> tuple[ColumnElement[Any], ...]:
    # What waits longest first; what this operator put off after all others.
    put_off = Review.skipped[operator].astext.cast(DateTime(timezone=True)).asc().nulls_first()
    usual = (put_off, Review.waiting_since.asc(), Review.image_id.asc(), Review.kind.asc())
    if not orders:
        return usual
    theirs = select(Image.id).join(LineItem, LineItem.id == Image.line_item_id)
    return (Review.image_id.in_(theirs.where(LineItem.order_id.in_(orders))).desc(), *usual)


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
