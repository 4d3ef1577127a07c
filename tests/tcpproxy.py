"""A TCP proxy that can go still, as a hung server or a line that is cut half-open does."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16


class TcpProxy:
    """Stand in front of a server on this machine while the block runs.

    Args:
        port: The server's port; `port` of the proxy is its own.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._links: set[asyncio.Task[None]] = set()
        self._stale: set[asyncio.Task[None]] = set()
        self._moving = asyncio.Event()
        self._moving.set()
        self.port = 0
        self.answers = 0
        """How many pieces of answers were passed on."""

    def freeze(self) -> None:
        """Take connections and bytes in, and pass nothing on."""
        self._moving.clear()

    def strand(self) -> None:
        """Let the connections that are there pass nothing on ever again; new ones are served."""
        self._stale |= self._links

    def cut(self) -> None:
        """Hang up on both sides of the connections that are there; new ones are served."""
        for link in self._links:
            link.cancel()

    def thaw(self) -> None:
        """Pass on what was held, and what comes."""
        self._moving.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        writers = [writer]
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self._to)
            writers.append(onward)
            ways = [
                asyncio.ensure_future(self._carry(link, reader, onward, is_answer=False)),
                asyncio.ensure_future(self._carry(link, there, writer, is_answer=True)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the server is not there, or the test is over
        finally:
            self._links.discard(link)
            for one in writers:
                one.transport.abort()

    async def _carry(
        self,
        link: asyncio.Task[None],
        source: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        *,
        is_answer: bool,
    ) -> None:
        while data := await source.read(_CHUNK):
            await self._moving.wait()
            if link not in self._stale:
                to.write(data)
                await to.drain()
                self.answers += is_answer
