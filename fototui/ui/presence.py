"""One terminal among others: says where it is, and knows who else is there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import Callable

from fototui.domain.errors import FototuiError
from fototui.log import get_logger
from fototui.services.backend import Backend
from fototui.services.operations.presence import SEEN_WITHIN, PresenceService, PresenceView

log = get_logger(__name__)

_FAILURES = (FototuiError, TimeoutError)
ALONE_BEATS = 2
"""How many times longer a terminal waits between heartbeats while nobody else is here."""

_LONGEST_BEAT = 10.0
_LONGEST_GOODBYE = 2.0


class Presence:
    """This terminal's presence.

    Args:
        backend: The services.
        terminal_id: New at every start of the app.
        host: This machine's name.
        interval: Seconds between heartbeats, while others are here.
    """

    def __init__(
        self,
        backend: Backend,
        terminal_id: uuid.UUID,
        *,
        host: str | None = None,
        interval: float = 5.0,
    ) -> None:
        self._backend = backend
        self._id = terminal_id
        self._host = host or socket.gethostname()
        self._interval = interval
        self._place: tuple[str, str | None] = ("orders", None)
        self._moved = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self.others: tuple[PresenceView, ...] = ()
        """The other open terminals; none while the database has not told for a while."""

    def viewers(self, order_id: str) -> list[str]:
        """Other operators who have an order open, each once, by name.

        Args:
            order_id: The order's ULID.
        """
        names = {other.operator for other in self.others if other.order_id == order_id}
        return sorted(names - {self._backend.operator})

    def now_at(self, screen: str, order_id: str | None = None) -> None:
        """Tell where this terminal is; written at once.

        Args:
            screen: The screen it shows.
            order_id: ULID of the order it has open.
        """
        if self._place != (screen, order_id):
            self._place = (screen, order_id)
            self._moved.set()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Hear when `others` has changed.

        Returns:
            Call it to hear no more.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Be present until cancelled; a lost database is only waited for."""
        heard_at = time.monotonic()
        try:
            while True:
                self._moved.clear()
                try:
                    others = await self._beat()
                except _FAILURES as error:
                    log.info("presence is unknown", fault=type(error).__name__)
                    if time.monotonic() - heard_at > SEEN_WITHIN.total_seconds():
                        self._set_others(())
                else:
                    heard_at = time.monotonic()
                    self._set_others(others)
                with contextlib.suppress(TimeoutError):
                    times = 1 if self.others else ALONE_BEATS
                    async with asyncio.timeout(self._interval * times):
                        await self._moved.wait()
        finally:
            await self._say_goodbye()

    async def _beat(self) -> tuple[PresenceView, ...]:
        screen, order_id = self._place
        async with (
            asyncio.timeout(_LONGEST_BEAT),
            self._backend.autocommit(PresenceService) as service,
        ):
            return await service.here(self._id, self._host, screen, order_id)

    async def _say_goodbye(self) -> None:
        with contextlib.suppress(*_FAILURES):
            async with (
                asyncio.timeout(_LONGEST_GOODBYE),
                self._backend.autocommit(PresenceService) as service,
            ):
                await service.gone(self._id)

    def _set_others(self, others: tuple[PresenceView, ...]) -> None:
        if others != self.others:
            self.others = others
            for listener in list(self._listeners):
                listener()
