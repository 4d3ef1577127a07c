"""Being woken by PostgreSQL notifications, and knowing when one may have been missed."""

import asyncio
import contextlib
from collections.abc import Callable

from sqlalchemy import URL

from fototui.db.connection import OwnConnection
from fototui.db.notify import CHANNEL, JobCancelled, LaneReady, parse_payload
from fototui.domain.errors import FototuiError
from fototui.log import get_logger
from fototui.retry import Backoff

log = get_logger(__name__)

# What a dead connection did not tell of, the engine's own look finds sooner.
PROBE_SECONDS = 30.0


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
        on_message: Callable[[LaneReady | JobCancelled], None],
        on_gap: Callable[[], None],
        probe_seconds: float = PROBE_SECONDS,
        timeout: float = 5.0,
    ) -> None:
        self._url = url
        self._on_message = on_message
        self._on_gap = on_gap
        self._probe_seconds = probe_seconds
        self._timeout = timeout

    async def run(self) -> None:
        """Listen until cancelled."""
        backoff = Backoff(0.1, 5.0)
        while True:
            try:
                connection = await OwnConnection.connect(
                    self._url, name="fototui listener", seconds=self._timeout
                )
            except FototuiError:
                await asyncio.sleep(backoff.next_wait())
                continue
            backoff.reset()
            try:
                await self._listen(connection)
            except (FototuiError, TimeoutError) as error:
                log.warning("lost the listening connection", reason=str(error) or "time-out")
            finally:
                connection.cut()

    async def _listen(self, connection: OwnConnection) -> None:
        closed = asyncio.Event()
        async with asyncio.timeout(self._timeout):
            await connection.listen(CHANNEL, on_payload=self._receive, on_end=closed.set)
        self._on_gap()
        while not closed.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._probe_seconds):
                    await closed.wait()
                return
            async with asyncio.timeout(self._timeout):
                await connection.fetch_value("SELECT 1")

    def _receive(self, payload: str) -> None:
        message = parse_payload(payload)
        if message is not None:
            self._on_message(message)
