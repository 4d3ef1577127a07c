"""Run an ASGI app inside this process, on this event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Long-lived streams (the hub's subscribers) end when their server is told to exit; this bounds how
# long a stubborn one may hold the stop up.
_SHUTDOWN_SECONDS = 3

# Longer than clients keep theirs (httpx: 5 s, as uvicorn by itself): else one may be used at the
# very moment at which it is closed.
_KEEP_ALIVE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What strangers may take of a server.

    Args:
        connections: Most connections at once; more are answered with 503.
        keep_alive_seconds: How long an idle connection is kept.
        header_bytes: Most bytes of a request's line and headers.
    """

    connections: int = 1000
    keep_alive_seconds: int = _KEEP_ALIVE_SECONDS
    header_bytes: int = 16_384


class _Server(uvicorn.Server):
    """A server that leaves the process alone, its signals and its end: others own them."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture nothing."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, or fail like anything else would.

        Raises:
            RuntimeError: The app's own start-up failed.
        """
        try:
            await super().startup(sockets=sockets)
        except SystemExit as error:
            raise RuntimeError("the app's own start-up failed") from error


def bind(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Bind a listening address before the server starts, so that its port is known and held.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.

    Returns:
        The bound socket.

    Raises:
        OSError: The address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, because asyncio sets TCP_NODELAY only then; without it each answer waits 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def base_url(sock: socket.socket) -> str:
    """The address of what is served on a bound socket, without a trailing slash.

    Args:
        sock: The socket.
    """
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _BoundedProtocol(HttpToolsProtocol):
    """HTTP read by httptools, with a bound for what is neither body nor answered yet.

    uvicorn has one for h11 only, which takes half as long again for a page of orders. What arrives
    at once is bounded by what a socket gives at once, and refused by the app.
    """

    _beside = 0
    _is_in_body = False

    def data_received(self, data: bytes) -> None:
        """Take what arrived; hang up where a head or a trailer has no end."""
        self._beside += len(data)
        super().data_received(data)
        most = self.config.h11_max_incomplete_event_size
        if most is not None and self._beside > most and not self.transport.is_closing():
            self.send_400_response("The headers are too big.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers are left out, since the app has seen the headers by then."""
        if not self._is_in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._beside, self._is_in_body = 0, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, which has a bound of its own."""
        self._beside = max(0, self._beside - len(body))
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """The body goes on."""
        self._beside = 0

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._beside, self._is_in_body = 0, False
        super().on_message_complete()


@asynccontextmanager
async def serving(
    app: ASGIApp,
    *,
    sock: socket.socket | None = None,
    shutdown_seconds: float = _SHUTDOWN_SECONDS,
    limits: ConnectionLimits | None = None,
) -> AsyncIterator[str]:
    """Serve an app while the block runs.

    Args:
        app: The ASGI app; its lifespan is run.
        sock: A bound socket from `bind`; a free loopback port where none is given.
        shutdown_seconds: How long requests under way may take to end when the block is left.
        limits: What strangers may take; uvicorn's own limits where not given.

    Yields:
        The base URL, without a trailing slash.

    Raises:
        RuntimeError: The app's own start-up failed.
    """
    sock = sock or bind()
    config = uvicorn.Config(
        app,
        http="h11" if limits is None else _BoundedProtocol,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(shutdown_seconds)),
    )
    if limits is not None:
        config.limit_concurrency = limits.connections
        config.timeout_keep_alive = limits.keep_alive_seconds
        config.h11_max_incomplete_event_size = limits.header_bytes
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]), name=f"serve {sock.getsockname()}")
    try:
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("the server ended before it began to listen")
            await asyncio.sleep(0.005)
        yield base_url(sock)
    finally:
        server.should_exit = True
        try:
            await asyncio.shield(task)
        finally:
            sock.close()
