"""One reader's open connection."""

import asyncio
import random
import time

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fototui.mercure.hub.broker import Broker, Subscription
from fototui.mercure.hub.settings import HubSettings
from fototui.mercure.silence import HEARTBEAT_HEADER

#: Updates per write: enough to be quick, few enough that a stuck reader is noticed.
_BATCH = 100
_COMMENT = b":\n"
_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "private, no-cache, no-store, must-revalidate, max-age=0",
    "pragma": "no-cache",
    "expires": "0",
    "x-accel-buffering": "no",  # nginx would keep events back otherwise
    "x-content-type-options": "nosniff",
}


def lifetime(settings: HubSettings, *, expires_at: float | None) -> float | None:
    """How long a stream may live, drawn at random as hub v0.24.2 does.

    Args:
        settings: The hub's settings.
        expires_at: Unix time at which the reader's token expires; None where it does not.

    Returns:
        Seconds; None for no end.
    """
    share = random.uniform(0.8, 1.0)  # noqa: S311 - spreads reconnections, keeps no secret
    limits = []
    if settings.write_timeout_seconds:
        limits.append(settings.write_timeout_seconds * share)
    if expires_at is not None:
        limits.append((expires_at - time.time()) * share)
    if not limits:
        return None
    # Ended cleanly before the write deadline, so that the reader sees an end and not a failure.
    return max(0.0, min(limits) - settings.dispatch_timeout_seconds)


class EventStream(Response):
    """Sends a subscription's updates until it is closed, its time is over, or the reader is gone.

    Args:
        broker: Where the subscription is at home.
        subscription: What to send.
        settings: The hub's settings.
        seconds: How long the stream may live; None for no end.
        with_previous_id: Whether the reader asked for what it missed, and is told where it begins.
    """

    def __init__(
        self,
        broker: Broker,
        subscription: Subscription,
        settings: HubSettings,
        *,
        seconds: float | None,
        with_previous_id: bool,
    ) -> None:
        # Not `Response.__init__`: it would add a length and a charset.
        self.status_code = 200
        self.background = None
        self.raw_headers = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
        if settings.heartbeat_seconds:
            self.raw_headers.append(
                (HEARTBEAT_HEADER.encode(), f"{settings.heartbeat_seconds:g}".encode())
            )
        if with_previous_id:
            self.raw_headers.append((b"last-event-id", subscription.previous_id.encode()))
        self._broker = broker
        self._subscription = subscription
        self._settings = settings
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the stream.

        Args:
            scope: The request.
            receive: Tells when the reader is gone.
            send: Takes the response.
        """
        watch = asyncio.create_task(self._watch(receive), name="hub: watch a reader")
        try:
            await self._write(send)
        finally:
            self._broker.unsubscribe(self._subscription)
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._subscription.close()

    async def _write(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        # The headers go out with the first byte of the body, as at the hub.
        if not await self._sent(send, _COMMENT):
            return
        clock = asyncio.get_running_loop().time
        end = None if self._seconds is None else clock() + self._seconds
        last_sent = clock()
        while True:
            if end is not None and clock() >= end:
                self._subscription.close()
            chunk = self._subscription.take(_BATCH)
            if not chunk:
                if self._subscription.closed:
                    break
                wait = self._wait(clock(), last_sent, end)
                if wait is None or wait > 0:
                    await self._subscription.changed(seconds=wait)
                    continue
                chunk = _COMMENT
            if not await self._sent(send, chunk):
                return
            last_sent = clock()
        await self._sent(send, b"", more=False)

    def _wait(self, now: float, last_sent: float, end: float | None) -> float | None:
        """Seconds until a heartbeat is due, or the stream's end if that comes first."""
        heartbeat = self._settings.heartbeat_seconds
        due = [last_sent + heartbeat] if heartbeat else []
        if end is not None:
            due.append(end)
        return min(due) - now if due else None

    async def _sent(self, send: Send, chunk: bytes, *, more: bool = True) -> bool:
        """Write; False where the reader takes nothing in any more."""
        try:
            async with asyncio.timeout(self._settings.dispatch_timeout_seconds or None):
                await send({"type": "http.response.body", "body": chunk, "more_body": more})
        except TimeoutError:
            return False
        return True
