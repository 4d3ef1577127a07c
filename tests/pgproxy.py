"""A TCP proxy in front of PostgreSQL that counts round trips and misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

_CHUNK = 1 << 20
# Frontend/backend protocol 3.0: what a client sends before its start-up message.
_NEGOTIATION = {80877103: "SSLRequest", 80877104: "GSSENCRequest"}
_PROTOCOL = struct.pack("!I", 196608)
# After Sync or Query a client waits for ReadyForQuery: one network round trip.
_ENDS_A_REQUEST = frozenset({b"S", b"Q"})


class _Requests:
    """Counts the round trips in what one client sends."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False

    def feed(self, data: bytes) -> int:
        """Take the next bytes; how many round trips they complete."""
        self._buffer += data
        count = 0
        while (size := self._message_size()) and len(self._buffer) >= size:
            message = bytes(self._buffer[:size])
            del self._buffer[:size]
            if self._started:
                count += message[:1] in _ENDS_A_REQUEST
            else:
                self._started = struct.unpack_from("!I", message, 4)[0] not in _NEGOTIATION
        return count

    def _message_size(self) -> int:
        """Size of the message at the front; 0 while its length has not arrived."""
        type_byte = 1 if self._started else 0
        if len(self._buffer) < type_byte + 4:
            return 0
        length: int = struct.unpack_from("!I", self._buffer, type_byte)[0]
        return type_byte + length


@dataclass(eq=False)
class _Link:
    """One client's connection and ours to the server for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lost: bool = False
    requests: _Requests = field(default_factory=_Requests)

    def abort(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass
class Trips:
    """Round trips counted while a block runs."""

    total: int = 0


class PgProxy:
    """Stand between clients and a PostgreSQL server while the block runs.

    Args:
        url: The server's database URL; `url` of the proxy is the same by way of the proxy.
        latency: Seconds that each request is held up.
    """

    def __init__(self, url: str, *, latency: float = 0.0) -> None:
        self._target = make_url(url)
        self.latency = latency
        self.round_trips = 0
        self.connections = 0
        self.lies: dict[bytes, bytes] = {}
        """What the server says, and what clients are told instead; of the same length."""
        self.refused_parameter: bytes | None = None
        """A start-up parameter that is refused as PgBouncer refuses it."""
        self._half_open = False
        self._port = 0
        self._listener: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The database's URL through this proxy."""
        there = self._target.set(host="127.0.0.1", port=self._port)
        return there.render_as_string(hide_password=False)

    @contextlib.contextmanager
    def counting(self) -> Iterator[Trips]:
        """Count round trips while the block runs, on all connections; `total` is set at its end."""
        trips, before = Trips(), self.round_trips
        yield trips
        trips.total = self.round_trips - before

    def cut(self) -> None:
        """Reset every connection, as a restarting server or router does."""
        for link in self._links:
            link.abort()

    async def refuse(self) -> None:
        """Take no new connections (they are refused); the present ones stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def accept(self) -> None:
        """Take new connections again, at the same address."""
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, "127.0.0.1", self._port, limit=_CHUNK
            )
            self._port = self._listener.sockets[0].getsockname()[1]

    def swallow(self) -> None:
        """Go half open: take connections and bytes, pass nothing on, close nothing."""
        self._half_open = True
        for link in self._links:
            link.lost = True

    def heal(self) -> None:
        """Serve new connections again; those that lost bytes stay lost."""
        self._half_open = False

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.refuse()
        while self._handlers:
            # Again and again, because one may just be connecting to the server.
            self.cut()
            await asyncio.wait(self._handlers, timeout=0.05)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        self.connections += 1
        try:
            answers, server = await asyncio.open_connection(
                self._target.host, self._target.port, limit=_CHUNK
            )
        except OSError:
            client.transport.abort()
            self._handlers.discard(handler)
            return
        link = _Link(client, server, lost=self._half_open)
        self._links.add(link)
        try:
            await asyncio.gather(self._forward(reader, link), self._back(answers, link))
        finally:
            link.abort()
            self._links.discard(link)
            self._handlers.discard(handler)

    async def _forward(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while data := await _read(reader):
            self.round_trips += link.requests.feed(data)
            if self.latency:
                await asyncio.sleep(self.latency)
            refused = self.refused_parameter
            if refused is not None and data[4:8] == _PROTOCOL and refused + b"\0" in data:
                await _write(link.client, _refusal(refused))
                link.client.close()
                break
            if not link.lost:
                await _write(link.server, data)
        await self._close(link.server, link)

    async def _back(self, reader: asyncio.StreamReader, link: _Link) -> None:
        while data := await _read(reader):
            for true, false in self.lies.items():
                data = data.replace(true, false)
            if not link.lost:
                await _write(link.client, data)
        await self._close(link.client, link)

    async def _close(self, other: asyncio.StreamWriter, link: _Link) -> None:
        # The far side of a half-open connection never hears that this side is gone.
        if not link.lost:
            other.close()


def _refusal(parameter: bytes) -> bytes:
    fields = b"SFATAL\0C08P01\0Munsupported startup parameter: " + parameter + b"\0\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_CHUNK)
    except ConnectionError:
        return b""


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if writer.is_closing():
        return
    writer.write(data)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
