"""Follows the live events as a terminal would, and counts them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fototui.config.settings import Settings, required
from fototui.domain.events import BaseMercureEvent, parse_event
from fototui.mercure.subscriber import LinkState, MercureSubscriber, Message, StateChange


class Follower:
    """One subscriber.

    Args:
        settings: Where the hub is.
        on_event: Called with each event.
    """

    def __init__(self, settings: Settings, on_event: Callable[[BaseMercureEvent], None]) -> None:
        self._subscriber = MercureSubscriber(
            required(settings.mercure_url, "mercure_url"),
            settings.mercure_subscriber_jwt_key,
            parse_event,
        )
        self._on_event = on_event
        self._live = asyncio.Event()
        self._heard = asyncio.Event()
        self.received = 0

    @asynccontextmanager
    async def following(self, *, seconds: float = 10.0) -> AsyncIterator[None]:
        """Follow while the block runs.

        Args:
            seconds: How long the first connection may take.

        Raises:
            TimeoutError: The hub could not be reached.
        """
        task = asyncio.create_task(self._follow(), name="follower")
        try:
            async with asyncio.timeout(seconds):
                await self._live.wait()
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def wait_for(self, count: int, *, seconds: float) -> None:
        """Wait until so many events have come, or the time is over.

        Args:
            count: How many in all.
            seconds: How long at most.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.received < count:
                    self._heard.clear()
                    await self._heard.wait()

    async def _follow(self) -> None:
        async with contextlib.aclosing(self._subscriber.stream()) as stream:
            async for item in stream:
                match item:
                    case Message(event=event):
                        self.received += 1
                        self._heard.set()
                        self._on_event(event)
                    case StateChange(state=LinkState.LIVE):
                        self._live.set()
