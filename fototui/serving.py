"""Run an ASGI app inside this process, on this event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

# Long-lived streams (the hub's subscribers) end when their server is told to exit; this bounds how
# long a stubborn one may hold the stop up.
_SHUTDOWN_SECONDS = 3


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


@asynccontextmanager
async def serving(
    app: ASGIApp, *, sock: socket.socket | None = None, shutdown_seconds: float = _SHUTDOWN_SECONDS
) -> AsyncIterator[str]:
    """Serve an app while the block runs.

    Args:
        app: The ASGI app; its lifespan is run.
        sock: A bound socket from `bind`; a free loopback port where none is given.
        shutdown_seconds: How long requests under way may take to end when the block is left.

    Yields:
        The base URL, without a trailing slash.

    Raises:
        RuntimeError: The app's own start-up failed.
    """
    sock = sock or bind()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=max(1, round(shutdown_seconds)),
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]), name=f"serve {sock.getsockname()}")
    try:
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("the server ended before it began to listen")
            await asyncio.sleep(0.005)
        host, port = sock.getsockname()[:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        try:
            await asyncio.shield(task)
        finally:
            sock.close()
