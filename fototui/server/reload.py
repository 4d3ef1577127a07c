"""A running server: HTTP and an engine in one process, which can be reloaded while it serves."""

import asyncio
import socket
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Self

from starlette.types import ASGIApp, Receive, Scope, Send

from fototui.config.settings import Settings
from fototui.domain.statuses import JobKind
from fototui.engine.engine import Engine
from fototui.log import get_logger
from fototui.net.asgi import ConnectionLimits, serving
from fototui.runtime.compose import open_engine
from fototui.server.app import create_server
from fototui.server.context import ServerContext
from fototui.server.maintenance import maintaining
from fototui.server.metrics import ServerMetrics

log = get_logger(__name__)

_REQUESTS_END_SECONDS = 30.0


class SwappableApp:
    """The ASGI app that the listening socket knows: it calls the present generation's app.

    Those who are inside when the generation changes stay where they are until they are done.
    """

    def __init__(self) -> None:
        self._current: ASGIApp | None = None
        self._under_way: Counter[ASGIApp] = Counter()
        self._one_done = asyncio.Condition()

    def switch_to(self, app: ASGIApp) -> None:
        """Hand all requests from now on to another app."""
        self._current = app

    async def empty(self, app: ASGIApp, *, seconds: float) -> bool:
        """Wait until no request is under way in an app any more.

        Args:
            app: Which.
            seconds: Longest wait.

        Returns:
            Whether it is empty.
        """
        try:
            async with asyncio.timeout(seconds), self._one_done:
                await self._one_done.wait_for(lambda: not self._under_way[app])
        except TimeoutError:
            return False
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on one request."""
        if scope["type"] == "lifespan":
            # Who runs the server opens and closes generations.
            for done in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{done}.complete"})
            return
        app = self._current
        assert app is not None
        self._under_way[app] += 1
        try:
            await app(scope, receive, send)
        finally:
            self._under_way[app] -= 1
            async with self._one_done:
                self._one_done.notify_all()


@dataclass(slots=True)
class _Generation:
    """A context, the app that serves it, and the work that is done in it."""

    context: ServerContext
    app: ASGIApp
    engine: Engine
    work: AsyncExitStack
    parts: AsyncExitStack

    @classmethod
    async def open(cls, settings: Settings, server: "Server") -> Self:
        """Open everything, or nothing.

        Raises:
            FototuiError: Something is not configured or does not answer.
        """
        async with AsyncExitStack() as parts, AsyncExitStack() as work:
            context = ServerContext(settings, metrics=server.metrics)
            await parts.enter_async_context(context)
            await context.database.check()
            engine = await work.enter_async_context(
                open_engine(
                    context, lanes=server.lanes, grace=server.grace, observer=server.metrics
                )
            )
            await work.enter_async_context(maintaining(context))
            server.metrics.watch_events(context.publisher)
            return cls(context, create_server(context), engine, work.pop_all(), parts.pop_all())

    async def stop_work(self) -> None:
        """Let jobs end or give them back, and take up no more; requests are still answered."""
        self.context.is_draining = True
        await self.work.aclose()

    async def close(self) -> None:
        """Close the rest, when no request is inside any more."""
        await self.parts.aclose()


class Server:
    """A server that runs; made by `open_server`.

    Args:
        lanes: The kinds of jobs its engine does; None for all that are configured.
        grace: Seconds that jobs under way are given when it stops or reloads.

    Attributes:
        url: Where it listens.
    """

    url: str

    def __init__(self, *, lanes: frozenset[JobKind] | None, grace: float) -> None:
        self.lanes = lanes
        self.grace = grace
        self.metrics = ServerMetrics()
        self.app = SwappableApp()
        self._generation: _Generation | None = None

    @property
    def context(self) -> ServerContext:
        """What it stands on at present."""
        return self._present.context

    @property
    def engine_id(self) -> uuid.UUID:
        """The id of its present engine."""
        return self._present.engine.engine_id

    @property
    def _present(self) -> _Generation:
        assert self._generation is not None
        return self._generation

    async def wait(self) -> None:
        """Wait until a part of the engine ends, which none does by itself.

        Raises:
            Exception: Whatever ended it.
        """
        await self._present.engine.wait()
        raise RuntimeError("a part of the engine ended by itself")

    async def open(self, settings: Settings) -> None:
        """Begin to serve with settings; what was before ends, and drops no request.

        The new generation is open before the old one is closed. For a moment there are two engines,
        which share the work as any two do; jobs that do not end in time go to the new one.

        Args:
            settings: The settings.

        Raises:
            FototuiError: Something is not configured or does not answer; nothing has changed.
        """
        new = await _Generation.open(settings, self)
        old, self._generation = self._generation, new
        self.app.switch_to(new.app)
        if old is not None:
            await old.stop_work()
            if not await self.app.empty(old.app, seconds=_REQUESTS_END_SECONDS):
                log.warning("requests took too long and lose what they stand on")
            await old.close()

    async def stop_work(self) -> None:
        """Be ready no more, and end the engine; requests are still answered."""
        await self._present.stop_work()

    async def close(self) -> None:
        """Close everything."""
        await self._present.close()


@asynccontextmanager
async def open_server(
    settings: Settings,
    *,
    sock: socket.socket | None = None,
    lanes: frozenset[JobKind] | None = None,
    grace: float = 5.0,
) -> AsyncIterator[Server]:
    """Serve HTTP and run an engine while the block runs.

    At its end `/readyz` turns 503 first; then the engine stops, while requests are still answered;
    then no more are taken, and those under way end; then the rest is closed.

    Args:
        settings: The settings.
        sock: A bound socket; a free loopback port where none is given.
        lanes: The kinds of jobs the engine does; None for all that are configured.
        grace: Seconds that jobs under way are given when it stops.

    Yields:
        The server.

    Raises:
        ConfigurationError: Something is not configured, or migrations have not run.
        DatabaseUnavailableError: The database does not answer.
    """
    server = Server(lanes=lanes, grace=grace)
    try:
        await server.open(settings)
    except BaseException:
        if sock is not None:
            sock.close()
        raise
    try:
        async with serving(
            server.app,
            sock=sock,
            shutdown_seconds=_REQUESTS_END_SECONDS,
            limits=ConnectionLimits(),
        ) as url:
            server.url = url
            try:
                yield server
            finally:
                await server.stop_work()
    finally:
        await server.close()
