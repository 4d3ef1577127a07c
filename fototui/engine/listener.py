"""Being woken by PostgreSQL notifications, and knowing when one may have been missed."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog
from sqlalchemy import URL

from fototui.db.connection import FAILURES, Connection, connect
from fototui.db.notify import CHANNEL, LaneReady, VersionCancelled, parse_payload

log = structlog.get_logger(__name__)


class Listener:
    """Listens on a connection of its own, and comes back when it is lost.

    A half-open connection never tells that it is dead, so it is probed; after every (re)connection
    everything may have been missed, and `on_gap` is called.

    Args:
        url: Database address.
        on_message: Called with each notification that is understood.
        on_gap: Called when notifications may have been missed.
        probe_seconds: How often the connection is probed.
        timeout: How long connecting and probing may take, in seconds.
    """

    def __init__(
        self,
        url: URL,
        *,
        on_message: Callable[[LaneReady | VersionCancelled], None],
        on_gap: Callable[[], None],
        probe_seconds: float = 10.0,
        timeout: float = 5.0,
    ) -> None:
        self._url = url
        self._on_message = on_message
        self._on_gap = on_gap
        self._probe_seconds = probe_seconds
        self._timeout = timeout

    async def run(self) -> None:
        """Listen until cancelled."""
        wait = 0.1
        while True:
            try:
                connection = await connect(
                    self._url, name="fototui listener", seconds=self._timeout
                )
            except FAILURES:
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
                continue
            wait = 0.1
            try:
                await self._listen(connection)
            except FAILURES as error:
                log.warning("lost the listening connection", error=type(error).__name__)
            finally:
                connection.terminate()

    async def _listen(self, connection: Connection) -> None:
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _connection: closed.set())
        async with asyncio.timeout(self._timeout):
            await connection.add_listener(CHANNEL, self._receive)
        self._on_gap()
        while not closed.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(closed.wait(), self._probe_seconds)
                return
            async with asyncio.timeout(self._timeout):
                await connection.execute("SELECT 1")

    def _receive(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        message = parse_payload(str(payload))
        if message is not None:
            self._on_message(message)
