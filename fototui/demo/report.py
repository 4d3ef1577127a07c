"""What a headless demo tells at its end."""

from collections import Counter
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select

from fototui.db.database import Database
from fototui.db.models.orders import VERSION_MODEL, Image, Order
from fototui.domain.statuses import PROCESSING_STATUS, VersionType
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
        events: Live events of this run.
        files: All that lies in storage.
        seconds: How long the run took.
    """

    model_config = ConfigDict(frozen=True)

    orders: int
    images: int
    coloring: Mapping[str, int]
    svg: Mapping[str, int]
    events: EventCounts
    files: tuple[StoredFile, ...]
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Every image has its colouring and its SVG."""
        return self.coloring["completed"] == self.svg["completed"] == self.images

    @classmethod
    async def make(
        cls, database: Database, storage: Storage, events: EventCounts, *, seconds: float
    ) -> Self:
        """Count what is there.

        Args:
            database: The database.
            storage: Where files are kept.
            events: Counted elsewhere.
            seconds: How long the run took.
        """
        async with database.session() as session:
            orders = await session.scalar(select(func.count()).select_from(Order))
            images = await session.scalar(select(func.count()).select_from(Image))
        return cls(
            orders=orders or 0,
            images=images or 0,
            coloring=await _newest_versions(database, VersionType.COLORING),
            svg=await _newest_versions(database, VersionType.SVG),
            events=events,
            files=await _files(storage),
            seconds=round(seconds, 2),
        )


async def _newest_versions(database: Database, kind: VersionType) -> Mapping[str, int]:
    model = VERSION_MODEL[kind]
    newest = (
        select(model.status)
        .where(model.image_id == Image.id)
        .order_by(model.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    async with database.session() as session:
        found = Counter(
            "missing" if status is None else str(status)
            for status in await session.scalars(select(newest).select_from(Image))
        )
    ends = [str(state) for state in PROCESSING_STATUS[kind] if state.meta.is_final]
    return {**dict.fromkeys(ends, 0), **found}


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
