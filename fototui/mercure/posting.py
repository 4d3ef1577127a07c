"""How an event's request gets to the hub.

Through httpx a request takes the processor time of ten over a plain kept connection, and an engine
sends one for each step of each job. So a request is written by hand here and its answer read by
httptools; httpx does what it alone can, which is to go through a proxy.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast
from urllib.request import getproxies

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from fototui.net.client import open_client

_FORM = "application/x-www-form-urlencoded"
_LAST_BREATH = 1.0


class NotAnsweredError(Exception):
    """The hub was not reached, or sent no answer; the text says how, in a word."""


class Poster(Protocol):
    """Sends forms to one address."""

    async def post(self, form: bytes, token: str) -> int:
        """Send a form.

        Args:
            form: The form, encoded.
            token: What the hub knows the sender by.

        Returns:
            The answer's HTTP status.

        Raises:
            NotAnsweredError: There was none.
        """

    async def aclose(self) -> None:
        """Close all connections."""


def open_poster(url: str, *, seconds: float) -> Poster:
    """A way to the hub, fit for what the environment says of proxies.

    Args:
        url: The hub's address, with http or https.
        seconds: Longest time for a request and its answer.
    """
    address = httpx.URL(url)
    proxies = getproxies()
    if proxies.get(address.scheme) or proxies.get("all"):
        return _ThroughHttpx(address, seconds)
    try:
        return KeptConnections(address, seconds)
    except OSError:  # certificates that cannot be read; its requests tell which variable names them
        return _ThroughHttpx(address, seconds)


class _ThroughHttpx:
    def __init__(self, address: httpx.URL, seconds: float) -> None:
        self._address = address
        self._client = open_client(lambda: httpx.AsyncClient(timeout=seconds))

    async def post(self, form: bytes, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": _FORM}
        try:
            answer = await self._client.post(self._address, content=form, headers=headers)
        except httpx.TransportError as error:
            raise NotAnsweredError(type(error).__name__) from error
        return answer.status_code

    async def aclose(self) -> None:
        await self._client.aclose()


class KeptConnections:
    """Sends forms over connections that are kept: as many as there are requests at once.

    Args:
        address: Where to.
        seconds: Longest time for a request and its answer.
    """

    def __init__(self, address: httpx.URL, seconds: float) -> None:
        self._address = address
        self._seconds = seconds
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._tls = None
        if address.scheme == "https":
            self._tls = httpx.create_ssl_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        self._token = ""
        self._head = b""

    async def post(self, form: bytes, token: str) -> int:
        """See `Poster.post`."""
        if token != self._token:
            self._token, self._head = token, self._head_with(token)
        request = b"%b%d\r\n\r\n%b" % (self._head, len(form), form)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(request)
        # Also of the name service and of TLS; a time-out is one as well, and what cannot be a name
        # at all is told by its letters.
        except (OSError, UnicodeError) as error:
            # A line that fell silent takes all its connections along: none is waited for any more.
            while self._idle:
                self._idle.pop().abort()
            raise NotAnsweredError(type(error).__name__) from error

    async def aclose(self) -> None:
        """See `Poster.aclose`."""
        connections = tuple(self._open)
        for connection in connections:
            connection.abort()
        if connections:
            lost = [connection.lost for connection in connections]
            await asyncio.wait(lost, timeout=_LAST_BREATH)

    def _head_with(self, token: str) -> bytes:
        target, host = self._address.raw_path, self._address.netloc
        fields = f"Authorization: Bearer {token}\r\nContent-Type: {_FORM}\r\nContent-Length: "
        return b"POST %b HTTP/1.1\r\nHost: %b\r\n%b" % (target, host, fields.encode())

    async def _send(self, request: bytes) -> int:
        while self._idle:
            try:
                return await self._ask(self._idle.pop(), request)
            except ConnectionError:
                # A hub ends connections that idle, perhaps in this very moment. It may have taken
                # the event all the same; then readers get it twice, which does no harm.
                continue
        return await self._ask(await self._connect(), request)

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            _Connection,
            self._address.raw_host.decode(),
            self._address.port or (443 if self._tls else 80),
            ssl=self._tls,
            happy_eyeballs_delay=0.25,
        )
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        return connection

    async def _ask(self, connection: _Connection, request: bytes) -> int:
        try:
            status = await connection.ask(request)
        except BaseException:
            connection.abort()
            raise
        if not connection.is_over:
            self._idle.append(connection)
        return status


class _Connection(asyncio.Protocol):
    """A connection, for one request at a time."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.is_over = False
        self._loop = loop
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None
        self._status: int | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request and wait for the status of its answer.

        Raises:
            ConnectionError: The connection ended before it.
        """
        if self.is_over:
            raise ConnectionResetError
        self._status, self._answer = None, self._loop.create_future()
        self._transport.write(request)
        return await self._answer

    def abort(self) -> None:
        """Close it at once."""
        self.is_over = True
        self._transport.abort()

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.abort()  # nothing was asked
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over = True
        if self._status is not None:  # an answer may also end with its connection
            self._answered(self._status)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_exception(
                error if isinstance(error, OSError) else ConnectionResetError()
            )
        if not self.lost.done():
            self.lost.set_result(None)

    # --- called by the parser ---

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._status = status if status >= 200 else None  # the answer is yet to come

    def on_message_complete(self) -> None:
        if self._status is not None:
            self.is_over = self.is_over or not self._parser.should_keep_alive()
            self._answered(self._status)

    def _answered(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)
