"""A running server: HTTP and an engine in one process, which can change house while it serves."""

import asyncio
import socket
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Self

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from fototui.config.settings import Settings
from fototui.domain.statuses import JobKind
from fototui.engine.engine import Engine
from fototui.net.asgi import ConnectionLimits, serving
from fototui.runtime.compose import has_shop, open_engine, open_parts, open_shop, open_storage
from fototui.server.app import create_server
from fototui.server.context import ServerHouse
from fototui.server.maintenance import doing_chores
from fototui.server.metrics import ServerMetrics

log = structlog.get_logger(__name__)

_REQUESTS_END_SECONDS = 30.0


class Door:
    """The ASGI app that the listening socket knows: it leads each request into the present house.

    Those who are inside when the house changes stay where they are until they are done.
    """

    def __init__(self) -> None:
        self._leads_to: ASGIApp | None = None
        self._inside: Counter[ASGIApp] = Counter()
        self._one_left = asyncio.Condition()

    def lead_to(self, app: ASGIApp) -> None:
        """Lead all who come from now on into another app."""
        self._leads_to = app

    async def empty(self, app: ASGIApp, *, seconds: float) -> bool:
        """Wait until nobody is inside an app any more.

        Args:
            app: Which.
            seconds: Longest wait.

        Returns:
            Whether it is empty.
        """
        try:
            async with asyncio.timeout(seconds), self._one_left:
                await self._one_left.wait_for(lambda: not self._inside[app])
        except TimeoutError:
            return False
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead one request in."""
        if scope["type"] == "lifespan":
            # Houses are opened and closed by who runs the server.
            for done in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{done}.complete"})
            return
        app = self._leads_to
        assert app is not None
        self._inside[app] += 1
        try:
            await app(scope, receive, send)
        finally:
            self._inside[app] -= 1
            async with self._one_left:
                self._one_left.notify_all()


@dataclass(slots=True)
class _Household:
    """A house, the app that it serves, and the work that is done in it."""

    house: ServerHouse
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
            opened = await parts.enter_async_context(open_parts(settings))
            storage = await parts.enter_async_context(open_storage(settings))
            shop = None
            if has_shop(settings):
                shop = await parts.enter_async_context(open_shop(settings))
            house = ServerHouse(
                settings=settings,
                database=opened.database,
                storage=storage,
                publisher=opened.publisher,
                shop=shop,
                metrics=server.metrics,
            )
            engine = await work.enter_async_context(
                open_engine(opened, lanes=server.lanes, grace=server.grace, observer=server.metrics)
            )
            await work.enter_async_context(doing_chores(house))
            server.metrics.watch_events(opened.publisher)
            return cls(house, create_server(house), engine, work.pop_all(), parts.pop_all())

    async def stop_work(self) -> None:
        """Let jobs end or give them back, and take up no more; requests are still answered."""
        self.house.is_draining = True
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
        self.door = Door()
        self._household: _Household | None = None

    @property
    def house(self) -> ServerHouse:
        """What it stands on at present."""
        return self._present.house

    @property
    def engine_id(self) -> uuid.UUID:
        """The id of its present engine."""
        return self._present.engine.engine_id

    @property
    def _present(self) -> _Household:
        assert self._household is not None
        return self._household

    async def wait(self) -> None:
        """Wait until a part of the engine ends, which none does by itself.

        Raises:
            Exception: Whatever ended it.
        """
        await self._present.engine.wait()
        raise RuntimeError("a part of the engine ended by itself")

    async def move_in(self, settings: Settings) -> None:
        """Begin to serve with settings; what was before ends, and drops no request.

        The new house stands before the old one is left. For a moment there are two engines, which
        share the work as any two do; jobs that do not end in time go to the new one.

        Args:
            settings: The settings.

        Raises:
            FototuiError: Something is not configured or does not answer; nothing has changed.
        """
        new = await _Household.open(settings, self)
        old, self._household = self._household, new
        self.door.lead_to(new.app)
        if old is not None:
            await old.stop_work()
            if not await self.door.empty(old.app, seconds=_REQUESTS_END_SECONDS):
                log.warning("requests took too long and lose what they stand on")
            await old.close()

    async def stop_work(self) -> None:
        """Be ready no more, and end the engine; requests are still answered."""
        await self._present.stop_work()

    async def move_out(self) -> None:
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
        await server.move_in(settings)
    except BaseException:
        if sock is not None:
            sock.close()
        raise
    try:
        async with serving(
            server.door,
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
        await server.move_out()
