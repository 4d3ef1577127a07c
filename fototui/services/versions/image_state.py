"""An image with all its versions, read under the image's lock.

The lock is what makes decisions about an image's versions safe: whoever creates, retries or chooses
one holds it, so the next number, "is one being made already?" and "which is chosen?" stay true
until the commit. Engines write versions without it; they never make one nor revive a finished one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Nullable, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.services.orders.refs import is_order, no_such_order

VersionT = TypeVar("VersionT", ColoringVersion, SvgVersion)


@dataclass(frozen=True, slots=True)
class ImageState:
    """One image while its row is locked.

    Args:
        image: The image.
        item: Its colouring book.
        order_number: Its order's number.
        now: The transaction's time, by the database's clock.
        coloring: Its colourings, by number.
        svg: Its SVGs, by number.
    """

    image: Image
    item: LineItem
    order_number: str
    now: datetime
    coloring: list[ColoringVersion] = field(default_factory=list)
    svg: list[SvgVersion] = field(default_factory=list)

    def versions(self, kind: VersionType) -> Sequence[ColoringVersion | SvgVersion]:
        """Its versions of a kind, by number."""
        return self.svg if kind is VersionType.SVG else self.coloring

    @property
    def order_id(self) -> ULID:
        """Its order."""
        return self.item.order_id

    @property
    def name(self) -> Sentence:
        """What an operator calls it."""
        return Sentence.make(
            "image {position} of {title} in order {number}",
            position=self.image.position,
            title=clean_line(self.item.title),
            number=self.order_number,
        )


async def lock_images(
    session: TrackedAsyncSession, *conditions: ColumnElement[bool]
) -> list[ImageState]:
    """Lock images and read all about them, in two round trips.

    Args:
        session: The session, inside a transaction.
        *conditions: Which images; may speak of their line item and order.

    Returns:
        What was found, in the order of books and pages.
    """
    locked = await session.execute(
        select(Image, LineItem, Order.order_number, func.now())
        .join(LineItem, LineItem.id == Image.line_item_id)
        .join(Order, Order.id == LineItem.order_id)
        .where(*conditions)
        # Everybody locks in the same order, so that two operators cannot lock each other out.
        .order_by(Image.id)
        # Not FOR UPDATE, which fails while anyone inserts a version.
        .with_for_update(key_share=True, of=Image)
        .execution_options(populate_existing=True)
    )
    states = {
        image.id: ImageState(image=image, item=item, order_number=number, now=now)
        for image, item, number, now in locked
    }
    if states:
        await _read_versions(session, states)
    return sorted(states.values(), key=lambda state: (state.item.position, state.image.position))


async def lock_order(session: TrackedAsyncSession, order_ref: str) -> list[ImageState]:
    """Lock all images of an order and read all about them, but for books taken out of it.

    Args:
        session: The session, inside a transaction.
        order_ref: The order's number or ULID.

    Returns:
        Its images, in the order of books and pages.

    Raises:
        NotFoundError: There is no such order.
    """
    states = await lock_images(session, is_order(order_ref) & (LineItem.quantity > 0))
    if not states and not await session.scalar(select(Order.id).where(is_order(order_ref))):
        raise no_such_order(order_ref)
    return states


async def lock_version(
    session: TrackedAsyncSession, model: type[VersionT], version_id: int
) -> tuple[VersionT, Image, LineItem, datetime] | None:
    """Lock one version, and not its image.

    Engines lock a version before its image: who waited for a version while holding its image could
    wait for an engine that waits for the image.

    Args:
        session: The session, inside a transaction.
        model: The version's model.
        version_id: The version.

    Returns:
        The version, its image and line item, and the transaction's time; None where there is none.
    """
    found = await session.execute(
        select(model, Image, LineItem, func.now())
        .join(Image, Image.id == model.image_id)
        .join(LineItem, LineItem.id == Image.line_item_id)
        .where(model.id == version_id)
        .with_for_update(key_share=True, of=model)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def _read_versions(session: TrackedAsyncSession, states: dict[int, ImageState]) -> None:
    # Every SVG has a colouring, so one query reads both kinds.
    versions = await session.execute(
        select(ColoringVersion, Nullable(SvgVersion))
        .outerjoin(SvgVersion, SvgVersion.coloring_version_id == ColoringVersion.id)
        # An array is one parameter: the statement stays the same for any number of images.
        .where(ColoringVersion.image_id == any_(literal(list(states), ARRAY(Image.id.type))))
        .order_by(ColoringVersion.version, SvgVersion.version)
        .execution_options(populate_existing=True)
    )
    for coloring, svg in versions:
        found = states[coloring.image_id].coloring
        if not found or found[-1] is not coloring:
            found.append(coloring)
        if svg is not None and svg.image_id in states:
            states[svg.image_id].svg.append(svg)
    for state in states.values():
        state.svg.sort(key=lambda svg: svg.version)
