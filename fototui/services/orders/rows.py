"""A line of the list of orders, made of what its statement brings."""

from collections.abc import Sequence
from datetime import datetime

from ulid import ULID

from fototui.domain.sentences import Sentence
from fototui.domain.stages import BookState
from fototui.domain.statuses import (
    NO_PHOTOS,
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
)
from fototui.domain.text import folded
from fototui.services.views import stored
from fototui.services.views.orders import ImageBadges, OrderRow

# One row per order. How many of its versions are unfinished, and how far its line items' books are.
# Of its line items the dedications. How many of its pictures wait in the review. Of its images, in
# the order of the line items and their pages, their ids, of both kinds a version's id and status,
# and seven facts: what is missing is None, and so is all of it where there are no images.
ListRow = tuple[
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


def order_row(
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
    """Make a line of the columns of a `ListRow`."""
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


def cancelled(at: datetime | None) -> Sentence | None:
    """What an order says that the shop cancelled.

    Args:
        at: When it was cancelled; None where it was not.
    """
    if at is None:
        return None
    return Sentence.make("The order was cancelled in the shop; nothing is made of it unasked.")
