"""Requests one after the other on kept connections, by a client that costs next to nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator


async def seconds_of(port: int, requests: Iterator[bytes], connections: int) -> list[float]:
    """Send all requests, so many at once, and give how long each took.

    Args:
        port: Of a server on this machine.
        requests: Each a whole request, as bytes.
        connections: How many are under way at any time.

    Raises:
        RuntimeError: An answer was no success.
    """
    took: list[float] = []

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for request in requests:
                began = time.perf_counter()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
                took.append(time.perf_counter() - began)
        finally:
            writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(send())
    return took


def _length(head: bytes) -> int:
    first, *lines = head.decode("latin-1").lower().splitlines()
    if not first.split()[1].startswith("2"):
        raise RuntimeError(f"the server says: {first}")
    return int(next(line.split(":")[1] for line in lines if line.startswith("content-length:")))


def repeated(make: Callable[[int], bytes], count: int) -> Iterator[bytes]:
    """So many requests, each made of its number."""
    return (make(number) for number in range(count))


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A whole request."""
    named = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body
