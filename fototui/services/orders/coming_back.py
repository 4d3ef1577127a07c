"""What brings a finished order back: its pictures are judged again that had not been."""

from collections.abc import Sequence

from sqlalchemy import func, select, text, update

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import VERSION_MODEL, Image, LineItem, Order, active_predicate
from fototui.db.models.reviews import FINISHED, Review
from fototui.db.types import among
from fototui.domain.sentences import Sentence


async def bring_back(session: TrackedAsyncSession, row: Order, why: Sentence) -> None:
    """Let a finished order be worked on again, and its pictures be judged that waited for it.

    Args:
        session: The session, inside a transaction.
        row: The order, locked.
        why: Why, for operators.
    """
    await hold_below(session, [row])
    row.finished_at = row.finished_by = None
    row.reopened_words = why
    await decide_waiting(session, [row], FINISHED, None)


async def hold_below(session: TrackedAsyncSession, rows: Sequence[Order]) -> None:
    """Let no version of orders end, and nobody choose or make a book, until the commit.

    What these mean for the review depends on whether the order is done. Whoever was about to is
    waited for. Engines lock a version before its image, and so does this.
    """
    ids = [row.id for row in rows]
    items = select(LineItem.id).where(among(LineItem.order_id, ids))
    below = [
        *(
            select(model.id).where(among(model.order_id, ids), text(active_predicate(kind)))
            for kind, model in VERSION_MODEL.items()
        ),
        items,
        select(Image.id).where(Image.line_item_id.in_(items)),
    ]
    for statement in below:
        # Only the locks are wanted: the caller may have the rows themselves, half changed.
        ordered = statement.order_by(statement.selected_columns.id)
        await session.execute(ordered.with_for_update(key_share=True))


async def decide_waiting(
    session: TrackedAsyncSession, rows: Sequence[Order], before: str | None, after: str | None
) -> None:
    """Take the pictures of orders out of the review, or put them back."""
    images = (
        select(Image.id)
        .join(LineItem, LineItem.id == Image.line_item_id)
        .where(among(LineItem.order_id, [row.id for row in rows]))
    )
    await session.execute(
        update(Review)
        .where(Review.image_id.in_(images), Review.decision.is_not_distinct_from(before))
        .values(decision=after, decided_at=None if after is None else func.now())
        .execution_options(synchronize_session=False)
    )


def new_photos(count: int) -> Sentence:
    """Why an order came back for new photos.

    Args:
        count: How many.
    """
    return Sentence.make(
        "{count} new photo came after the order was handed over.",
        "{count} new photos came after the order was handed over.",
        count=count,
    )
