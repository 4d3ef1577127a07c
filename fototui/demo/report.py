"""What a headless demo tells at its end."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict

from fototui.domain.statuses import VersionType
from fototui.services.operations.stats import ShopStats
from fototui.storage.base import Storage


class EventCounts(BaseModel):
    """Live events.

    Args:
        published: Taken by the hub.
        received: Seen by a subscriber.
        lost: Published and never seen.
    """

    model_config = ConfigDict(frozen=True)

    published: int
    received: int
    lost: int


class StoredFile(BaseModel):
    """One file in storage."""

    model_config = ConfigDict(frozen=True)

    key: str
    size: int
    content_type: str
    sha256: str


class Report(BaseModel):
    """The demo's result; its JSON is what `--json` prints.

    Args:
        orders: Orders in the database.
        images: Their photos.
        coloring: Images by what became of their newest colouring; "missing" where there is none.
        svg: The same for SVGs.
        books: Line items by what became of their newest book.
        finished: Orders that were handed over.
        events: Live events of this run.
        files: All that lies in storage.
        seconds: How long the run took.
    """

    model_config = ConfigDict(frozen=True)

    orders: int
    images: int
    coloring: Mapping[str, int]
    svg: Mapping[str, int]
    books: Mapping[str, int]
    finished: int
    events: EventCounts
    files: tuple[StoredFile, ...]
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Every image has its colouring and its SVG, every line item its book; all is done."""
        return (
            self.coloring["completed"] == self.svg["completed"] == self.images
            and self.books["completed"] == sum(self.books.values())
            and self.finished == self.orders
        )

    @classmethod
    async def make(
        cls, stats: ShopStats, storage: Storage, events: EventCounts, *, seconds: float
    ) -> Self:
        """Put the report together.

        Args:
            stats: What there is in the database.
            storage: Where files are kept.
            events: Counted elsewhere.
            seconds: How long the run took.
        """
        return cls(
            orders=stats.orders,
            images=stats.images,
            coloring=stats.newest[VersionType.COLORING],
            svg=stats.newest[VersionType.SVG],
            books=stats.books,
            finished=stats.finished,
            events=events,
            files=await _files(storage),
            seconds=round(seconds, 2),
        )


async def _files(storage: Storage) -> tuple[StoredFile, ...]:
    files = []
    for key in sorted([key async for key in storage.list_keys()]):
        ref = await storage.head(key)
        if ref is not None:
            files.append(
                StoredFile(
                    key=key,
                    size=ref.size or 0,
                    content_type=ref.content_type or "",
                    sha256=ref.sha256 or "",
                )
            )
    return tuple(files)
