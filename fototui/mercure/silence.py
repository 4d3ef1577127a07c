"""Whether a stream on which nothing is said is still one.

A hub that is gone may leave a connection that looks alive, and a hub with nothing to say sends no
byte for 40 s (v0.24.2). So silence alone proves nothing; a hub that does not answer while it is
silent does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import httpx

T = TypeVar("T")

#: Header in which our own hub tells how many seconds it is silent at most.
HEARTBEAT_HEADER = "x-heartbeat-seconds"
_ATTEMPTS = 2


class SilentError(Exception):
    """The stream is silent, and nothing shows that somebody is still at its other end."""


async def heard(
    source: AsyncIterator[bytes], *, quiet_seconds: float, is_alive: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """What comes over a stream, for as long as there is reason to believe in it.

    Args:
        source: The stream.
        quiet_seconds: After so long without a byte it is asked about, again and again.
        is_alive: Whether the other end is there.

    Yields:
        What comes.

    Raises:
        SilentError: It is quiet, and the other end is not there.
    """
    while (chunk := await _next(source, quiet_seconds, is_alive)) is not None:
        yield chunk


async def _next(
    source: AsyncIterator[bytes], quiet_seconds: float, is_alive: Callable[[], Awaitable[bool]]
) -> bytes | None:
    # A task, because a time limit on the read itself would end the stream.
    reading = asyncio.ensure_future(_read(source))
    try:
        while not (await asyncio.wait({reading}, timeout=quiet_seconds))[0]:
            asking = asyncio.ensure_future(is_alive())
            try:
                await asyncio.wait({reading, asking}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done() and not asking.result():
                    raise SilentError
            finally:
                await _end(asking)
        return reading.result()
    finally:
        await _end(reading)


async def _read(source: AsyncIterator[bytes]) -> bytes | None:
    return await anext(source, None)


async def _end(task: asyncio.Future[T]) -> None:
    task.cancel()
    # Its failure, where it has one, was raised already or is of no interest.
    await asyncio.gather(task, return_exceptions=True)


async def answers(client: httpx.AsyncClient, url: str, *, seconds: float) -> bool:
    """Whether a hub answers anything at all.

    It is asked for a stream of nothing, which each hub refuses at once, whatever our token.

    Args:
        client: Sends the question.
        url: The hub's address.
        seconds: Longest wait.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for _ in range(_ATTEMPTS):  # a kept connection may have been closed meanwhile
                with contextlib.suppress(httpx.HTTPError):
                    # From a server in front of it, 5xx tells that the hub is away.
                    return (await client.get(url)).status_code < 500
    return False


def announced_heartbeat(response: httpx.Response) -> float | None:
    """Seconds that the hub is silent at most; None where it does not say so."""
    with contextlib.suppress(ValueError):
        seconds = float(response.headers.get(HEARTBEAT_HEADER, ""))
        return seconds if seconds > 0 else None
    return None
