"""A small shop on a screen: orders with colourings, a hub, and the app on a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from ulid import ULID

from bench.live import fill
from bench.processes import running
from bench.program import FOTOTUI, environment, free_port, until_listening
from bench.terminal import Terminal, on_terminal
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.domain.events import ImageStatusEvent
from fototui.domain.statuses import VersionType
from fototui.mercure.address import HUB_PATH

KEY = "a-key-of-the-benchmark-0123456789abcdef"
UNDER_WAY, WAITING, FAILED = "runpod_processing", "queued", "error"
SIGNS = {UNDER_WAY: "◐", WAITING: "○", FAILED: "✗"}

_VERSIONS = """
SELECT o.id AS order_id, v.image_id, v.id FROM orders o JOIN line_items l ON l.order_id = o.id
JOIN images i ON i.line_item_id = l.id JOIN coloring_versions v ON v.image_id = i.id
ORDER BY o.created_at DESC, o.id DESC, i.position
"""
_EMPTY = "DELETE FROM svg_versions"


@dataclass(frozen=True)
class Version:
    """A colouring."""

    order_id: str
    image_id: int
    id: int

    def event(self, status: str) -> ImageStatusEvent:
        """What is published when it comes to a status."""
        return ImageStatusEvent(
            order_id=self.order_id,
            image_id=self.image_id,
            status_type=VersionType.COLORING,
            version_id=self.id,
            status=status,
        )


async def filled(url: str, orders: int, status: str) -> Sequence[Version]:
    """Fill a database with orders of two colourings each, all in one status; newest first."""
    async with Database(url) as database:
        await migrate.upgrade(database.engine)
        await fill(database, orders)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(_EMPTY)
        await set_status(connection, status)
        rows = await connection.fetch(_VERSIONS)
    finally:
        await connection.close()
    return [Version(str(ULID.from_uuid(row[0])), row[1], row[2]) for row in rows]


async def set_status(
    connection: asyncpg.Connection, status: str, ids: Sequence[int] | None = None
) -> None:
    """Write a status, and commit; of all colourings, or of some."""
    await connection.execute(
        f"UPDATE coloring_versions SET status = '{status}', completed_at = NULL "
        "WHERE $1::int[] IS NULL OR id = ANY ($1)",
        ids,
    )


@asynccontextmanager
async def hub() -> AsyncIterator[str]:
    """The hub that the program brings along, in a process of its own; gives its address."""
    port = free_port()
    keys = {f"MERCURE_{who}_JWT_KEY": KEY for who in ("PUBLISHER", "SUBSCRIBER")}
    variables = environment("postgresql://nobody@127.0.0.1/none", Path("/nonexistent"), **keys)
    hub = ("hub", "--port", str(port))
    async with running(str(FOTOTUI), *hub, environment=variables, quiet=True) as process:
        await until_listening(port)
        yield f"http://127.0.0.1:{port}{HUB_PATH}"
        process.stop()


@asynccontextmanager
async def app(url: str, folder: Path, hub_url: str | None = None) -> AsyncIterator[Terminal]:
    """The app without an engine, when its first orders are painted and it has come to rest."""
    more = {"UI_LANGUAGE": "en"}
    if hub_url is not None:
        keys = {f"MERCURE_{who}_JWT_KEY": KEY for who in ("PUBLISHER", "SUBSCRIBER")}
        more |= {"MERCURE_URL": hub_url, **keys}
    async with on_terminal([str(FOTOTUI), "--no-engine"], environment(url, folder, **more)) as it:
        await it.shows("Zákazník")
        await it.rests()
        yield it


async def settle() -> None:
    """Leave the program alone for a moment, so that what comes next is met at rest."""
    await asyncio.sleep(0.15)
