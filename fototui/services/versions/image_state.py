"""An image with all its versions, read under the image's lock.

The lock is what makes decisions about an image's versions safe: whoever creates, retries or chooses
one holds it, so the next number, "is one being made already?" and "which is chosen?" stay true
until the commit. Engines write versions without it; they never make one nor revive a finished one.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Nullable, select
from sqlalchemy.orm import joinedload
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.locking import ProcessingLock, RecordLock
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.db.types import among
from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.services.orders.refs import is_order, no_such_order

VersionT = TypeVar("VersionT", ColoringVersion, SvgVersion)


@dataclass(frozen=True, slots=True)
class ImageState:
    """One image while its row is locked.

    Args:
        lock: The lock on its row, with its book and order read along.
        coloring: Its colourings, by number.
        svg: Its SVGs, by number.
    """

    lock: RecordLock[Image]
    coloring: list[ColoringVersion] = field(default_factory=list)
    svg: list[SvgVersion] = field(default_factory=list)

    def versions(self, kind: VersionType) -> Sequence[ColoringVersion | SvgVersion]:
        """Its versions of a kind, by number."""
        versions: dict[VersionType, Sequence[ColoringVersion | SvgVersion]] = {
            VersionType.COLORING: self.coloring,
            VersionType.SVG: self.svg,
        }
        return versions[kind]

    @property
    def image(self) -> Image:
        """The image."""
        return self.lock.record

    @property
    def now(self) -> datetime:
        """The transaction's time, by the database's clock."""
        return self.lock.now

    @property
    def item(self) -> LineItem:
        """Its colouring book."""
        return self.image.line_item

    @property
    def order_id(self) -> ULID:
        """Its order."""
        return self.item.order_id

    @property
    def name(self) -> Sentence:
        """What an operator calls it."""
        return Sentence.make(
            "photo {position} of {title} in order {number}",
            position=self.image.position,
            title=clean_line(self.item.title),
            number=self.item.order.order_number,
        )


@asynccontextmanager
async def lock_image(
    session: TrackedAsyncSession, which: ColumnElement[bool], *, missing: FototuiError
) -> AsyncIterator[ImageState]:
    """Hold one image in a transaction of its own, with all about it read in two round trips.

    Args:
        session: The session.
        which: The image.
        missing: The error where there is no such image.

    Yields:
        The image.
    """
    async with _lock(session, which, missing).acquire() as lock:
        (state,) = await _read(session, [lock])
        yield state


@asynccontextmanager
async def lock_order(
    session: TrackedAsyncSession, order_ref: str
) -> AsyncIterator[list[ImageState]]:
    """`lock_image` for all images of an order, but for books taken out of it.

    Args:
        session: The session.
        order_ref: The order's number or ULID.

    Yields:
        Its images, in the order of books and pages.

    Raises:
        NotFoundError: There is no such order.
    """
    books = select(LineItem.id).join(Order, Order.id == LineItem.order_id)
    books = books.where(is_order(order_ref), LineItem.quantity > 0)
    async with _lock(session, Image.line_item_id.in_(books)).acquire_all() as locks:
        if not locks and not await session.scalar(select(Order.id).where(is_order(order_ref))):
            raise no_such_order(order_ref)
        yield await _read(session, locks)


def lock_version(
    session: TrackedAsyncSession, model: type[VersionT], version_id: int, *, missing: FototuiError
) -> ProcessingLock[VersionT]:
    """The lock on one version, and not on its image, which is read along.

    Engines lock a version before its image: who waited for a version while holding its image could
    wait for an engine that waits for the image.

    Args:
        session: The session.
        model: The version's model.
        version_id: The version.
        missing: The error where there is no such version.
    """
    item = joinedload(model.image, innerjoin=True).joinedload(Image.line_item, innerjoin=True)
    return ProcessingLock(
        session, model, model.id == version_id, wait=True, along=[item], missing=missing
    )


def _lock(
    session: TrackedAsyncSession, which: ColumnElement[bool], missing: FototuiError | None = None
) -> ProcessingLock[Image]:
    item = joinedload(Image.line_item, innerjoin=True)
    order = item.joinedload(LineItem.order, innerjoin=True)
    return ProcessingLock(session, Image, which, wait=True, along=[order], missing=missing)


async def _read(
    session: TrackedAsyncSession, locks: Sequence[RecordLock[Image]]
) -> list[ImageState]:
    states = {lock.record.id: ImageState(lock) for lock in locks}
    if states:
        await _read_versions(session, states)
    return sorted(states.values(), key=lambda state: (state.item.position, state.image.position))


async def _read_versions(session: TrackedAsyncSession, states: dict[int, ImageState]) -> None:
    # Every SVG has a colouring, so one query reads both kinds.
    versions = await session.execute(
        select(ColoringVersion, Nullable(SvgVersion))
        .outerjoin(SvgVersion, SvgVersion.coloring_version_id == ColoringVersion.id)
        .where(among(ColoringVersion.image_id, states))
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
