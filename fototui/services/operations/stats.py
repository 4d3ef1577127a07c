"""Stats about all the work there is, for monitoring; whatever the shop's age, they cost little.

They come of partial indexes alone: of unfinished rows, and of what ended within the last hour.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, text

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.books import Book
from fototui.db.models.orders import VERSION_MODEL, Image, LineItem, Order
from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.lanes import LANES, LaneSpec, own_row_lanes
from fototui.domain.statuses import (
    PROCESSING_STATUS,
    BookProcessingStatus,
    JobKind,
    VersionType,
)


@dataclass(frozen=True, slots=True)
class QueueStats:
    """Unfinished jobs of one kind in one status, over all engines.

    Args:
        kind: The kind of job.
        status: The rows' status.
        count: How many there are.
        waiting: Of these, how many nobody has claimed.
        oldest: Age in seconds of the one that has waited longest; None where none waits.
    """

    kind: JobKind
    status: str
    count: int
    waiting: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class EndedStats:
    """Jobs of one kind that ended in one status within the last hour, over all engines.

    Args:
        kind: The kind of job.
        status: Their final status.
        count: How many.
        retries: Times they were rescheduled after a failure that passed.
        takeovers: Times they were taken from an engine that had died.
        resubmissions: Calls that may have been paid twice.
        credits: What Vectorizer.ai charged for them.
    """

    kind: JobKind
    status: str
    count: int
    retries: int
    takeovers: int
    resubmissions: int
    credits: float


@dataclass(frozen=True, slots=True)
class Stats:
    """What is to be done, and what was done lately."""

    queue: tuple[QueueStats, ...]
    ended: tuple[EndedStats, ...]


@dataclass(frozen=True, slots=True)
class ShopStats:
    """All that a shop has, old and new.

    Args:
        orders: Orders.
        imported: Of these, how many came from Shopify.
        images: Their photos.
        newest: For each kind, images by the status of their newest version: each final status is
            there, and "missing" counts those without a version.
        items: Line items that are still in their order.
        books: These by the status of their newest book, likewise.
        finished: Orders that were handed over.
    """

    orders: int
    imported: int
    images: int
    newest: Mapping[VersionType, Mapping[str, int]]
    items: int
    books: Mapping[str, int]
    finished: int


class StatsService:
    """Reads the stats, in one network round trip for each kind of them.

    Args:
        session: A session with no transaction under way; best an autocommit one.
        operator: Not used; services are all made alike.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        del operator
        self._session = session

    async def read(self) -> Stats:
        """Read all stats."""
        async with self._session.begin():
            queue = (await self._session.execute(text(_QUEUE))).all()
            ended = (await self._session.execute(text(_ENDED))).all()
        return Stats(
            queue=tuple(QueueStats(JobKind(kind), *rest) for kind, *rest in queue),
            ended=tuple(EndedStats(JobKind(kind), *rest) for kind, *rest in ended),
        )

    async def shop(self) -> ShopStats:
        """Count all there is; this reads every image, and so is for small shops."""
        async with self._session.begin():
            counts = select(
                func.count(), func.count(Order.shopify_id), func.count(Order.finished_at)
            ).select_from(Order)
            orders, imported, finished = (await self._session.execute(counts)).one()
            images = await self._session.scalar(select(func.count()).select_from(Image))
            newest = {kind: await self._newest(kind) for kind in VersionType}
            books = await self._newest_books()
        items = sum(books.values())
        return ShopStats(orders, imported, images or 0, newest, items, books, finished)

    async def _newest(self, kind: VersionType) -> Mapping[str, int]:
        model = VERSION_MODEL[kind]
        newest = (
            select(model.status)
            .where(model.image_id == Image.id)
            .order_by(model.version.desc())
            .limit(1)
            .scalar_subquery()
        )
        found = await self._session.scalars(select(newest).select_from(Image))
        return _by_status(found, PROCESSING_STATUS[kind])

    async def _newest_books(self) -> Mapping[str, int]:
        newest = (
            select(Book.status)
            .where(Book.line_item_id == LineItem.id)
            .order_by(Book.version.desc())
            .limit(1)
            .scalar_subquery()
        )
        found = await self._session.scalars(select(newest).where(LineItem.quantity > 0))
        return _by_status(found, BookProcessingStatus)


def _by_status(
    found: Iterable[ProcessingStatusEnum | None], states: type[ProcessingStatusEnum]
) -> Mapping[str, int]:
    counts = Counter("missing" if status is None else str(status) for status in found)
    return {**dict.fromkeys((str(s) for s in states if s.meta.is_final), 0), **counts}


def _queue_of(lane: LaneSpec) -> str:
    return (
        f"SELECT '{lane.kind}', status::text, count(*), "  # noqa: S608 - constants only
        "count(*) FILTER (WHERE claimed_by IS NULL), "
        f"extract(epoch FROM now() - min({lane.since}) FILTER (WHERE claimed_by IS NULL))::float8 "
        f"FROM {lane.table} WHERE {lane.active()} GROUP BY status"
    )


def _ended_of(lane: LaneSpec) -> str:
    return (
        f"SELECT '{lane.kind}', status::text, count(*), "  # noqa: S608 - constants only
        "sum(retries)::int, sum(takeovers)::int, "
        f"({lane.resubmitted})::int, ({lane.charged})::float8 "
        f"FROM {lane.table} WHERE completed_at > now() - interval '1 hour' GROUP BY status"
    )


_QUEUE = " UNION ALL ".join(_queue_of(lane) for lane in LANES.values())
_ENDED = " UNION ALL ".join(map(_ended_of, own_row_lanes()))
