"""From a committed status to its painted badge, after a raw client has it.

*With a hub* another process commits a status and publishes it; the raw client reads the hub's
stream from a socket. *Without one* the status is committed by the app itself (a key retries what
failed); the raw client is a bare connection that PostgreSQL notifies at the commit. What is told is
how much later the badge's sign is written to the app's terminal. A frame of a terminal is 17 ms.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from bench.rows import Figures, Part, Row, Way
from bench.shop import (
    FAILED,
    KEY,
    SIGNS,
    UNDER_WAY,
    WAITING,
    Version,
    app,
    filled,
    hub,
    set_status,
    settle,
)
from bench.terminal import Terminal
from fototui.db.notify import CHANNEL
from fototui.mercure.publisher import MercurePublishService
from fototui.mercure.tokens import subscribe_token
from fototui.sandbox.postgres.server import temporary_postgres

ORDERS, TIMES = 100, 12
FRAME = 17.0
AT_REST = 0.3


class RawListener:
    """A socket that reads a hub's stream, and notes when something came.

    Args:
        url: The hub.
    """

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    async def __aenter__(self) -> RawListener:
        assert self._url.port is not None
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._url.port)
        token = subscribe_token(SecretStr(KEY))
        self._writer.write(
            f"GET {self._url.path}?topic=* HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        await self._reader.readuntil(b"\r\n\r\n")
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._writer.close()

    async def hears(self, text: str) -> float:
        """The clock when a line with this in it was read."""
        while text.encode() not in await self._reader.readline():
            pass
        return time.perf_counter()


async def from_others(
    terminal: Terminal, connection: asyncpg.Connection, hub_url: str, version: Version
) -> Figures:
    """Another process commits a status, and publishes it."""
    took, after = [], []
    async with (
        MercurePublishService(hub_url, SecretStr(KEY)) as publisher,
        RawListener(hub_url) as raw,
    ):
        for number in range(TIMES):
            status = (WAITING, UNDER_WAY)[number % 2]
            await settle()
            terminal.forget()
            await set_status(connection, status, [version.id])
            committed = time.perf_counter()
            publisher.publish(version.event(status))
            heard, painted = await asyncio.gather(
                raw.hears(f'"{status}"'), terminal.shows(SIGNS[status])
            )
            took.append((painted - committed) * 1000)
            after.append((painted - heard) * 1000)
    return {"ms after raw": statistics.median(after), "ms after commit": statistics.median(took)}


async def from_itself(terminal: Terminal, connection: asyncpg.Connection) -> Figures:
    """The app commits a status when a key is pressed; down to the next order, and again."""
    await set_status(connection, FAILED)
    await connection.execute("UPDATE coloring_versions SET error_code = 'bench', error = 'bench'")
    terminal.press(b"\x1b[H")  # Home
    await terminal.shows(SIGNS[FAILED])
    await terminal.rests()
    after = []
    heard: asyncio.Queue[float] = asyncio.Queue()

    def hear(*_: object) -> None:
        heard.put_nowait(time.perf_counter())

    await connection.add_listener(CHANNEL, hear)
    for _ in range(TIMES):
        await terminal.rests(AT_REST)  # the side pane follows the cursor, with its pictures
        terminal.press(b"r")
        painted = await terminal.shows(SIGNS[WAITING])
        after.append((painted - await heard.get()) * 1000)
        await settle()
        while not heard.empty():
            heard.get_nowait()
        terminal.press(b"\x1b[B")  # down
    await connection.remove_listener(CHANNEL, hear)
    return {"ms after raw": statistics.median(after)}


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    with tempfile.TemporaryDirectory() as name:
        async with temporary_postgres() as postgres, hub() as hub_url:
            urls = {}
            for database in ("hub", "none"):
                await postgres.create_database(database)
                urls[database] = postgres.url(database)
            [first, *_] = await filled(urls["hub"], ORDERS, UNDER_WAY)
            await filled(urls["none"], ORDERS, FAILED)
            connections = {
                database: await asyncpg.connect(url.replace("+asyncpg", ""))
                for database, url in urls.items()
            }
            async with (
                app(urls["hub"], Path(name), hub_url) as live,
                app(urls["none"], Path(name)) as alone,
            ):
                yield {
                    "a hub": partial(from_others, live, connections["hub"], hub_url, first),
                    "no hub": partial(from_itself, alone, connections["none"]),
                }
            for connection in connections.values():
                await connection.close()


PART = Part(
    "badge",
    opened,
    rows=[
        Row(
            f"status committed → badge painted, {way}: after a raw client has it",
            figure="ms after raw",
            ours=way,
            unit="ms",
            limit=FRAME,
            why="an end, and what follows one, is read from the database before it is shown",
        )
        for way in ("a hub", "no hub")
    ],
)
