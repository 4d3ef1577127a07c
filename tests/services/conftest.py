"""What tests of the services share: a shop's order, a storage, and an ear for notifications."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from PIL import Image as Picture
from sqlalchemy import select

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, Order
from fototui.db.notify import CHANNEL
from fototui.domain.events import BaseMercureEvent
from fototui.storage.directory import DirectoryStorage
from tests.factories import make_order
from tests.waiting import in_time

MakeOrder = Callable[..., Awaitable[Order]]


@pytest.fixture
async def shop_order(database: Database, published: list[BaseMercureEvent]) -> MakeOrder:
    """Makes committed orders; takes what `make_order` takes."""

    async def make(**fields: object) -> Order:
        async with database.session() as session, session.begin():
            # mypy cannot know which of the factory's arguments are among them.
            order = await make_order(session, **fields)  # type: ignore[arg-type]
        published.clear()
        return order

    return make


@pytest.fixture
async def image(shop_order: MakeOrder) -> Image:
    """The only image of an order."""
    return (await shop_order()).line_items[0].images[0]


@pytest.fixture
async def activity(database: Database) -> Callable[[], Awaitable[list[Activity]]]:
    """Reads the whole activity log, oldest first."""

    async def read() -> list[Activity]:
        async with database.session() as session:
            return list(await session.scalars(select(Activity).order_by(Activity.id)))

    return read


class Notifications:
    """Hears what was notified since it was last asked."""

    _MARK = "that was all"

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._heard: asyncio.Queue[str] = asyncio.Queue()

    async def listen(self) -> None:
        await self._connection.add_listener(CHANNEL, self._hear)

    def _hear(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self._heard.put_nowait(str(payload))

    async def heard(self) -> list[str]:
        """All payloads, in their order."""
        await self._connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._MARK)
        payloads: list[str] = []
        async with in_time():
            while (payload := await self._heard.get()) != self._MARK:
                payloads.append(payload)
        return payloads


@pytest.fixture
async def notifications(database_url: str) -> AsyncIterator[Notifications]:
    """What engines would hear."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        notifications = Notifications(connection)
        await notifications.listen()
        yield notifications
    finally:
        await connection.close()


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    """An empty storage."""
    return DirectoryStorage(tmp_path / "storage")


@pytest.fixture
def photo() -> bytes:
    """A small JPEG."""
    return picture("JPEG")


def picture(kind: str, size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture file.

    Args:
        kind: Pillow's name of the format.
        size: Width and height in pixels.
    """
    target = io.BytesIO()
    Picture.new("RGB", size, "orange").save(target, kind)
    return target.getvalue()


@pytest.fixture
def png() -> bytes:
    """A small PNG."""
    return picture("PNG")
