"""A stand-in for systemd: it hears what services tell of themselves."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import in_time


@dataclass(frozen=True)
class Systemd:
    """What was told so far.

    Args:
        path: The socket, for NOTIFY_SOCKET.
        told: Each state, in order.
    """

    path: Path
    socket: socket.socket
    told: list[str] = field(default_factory=list)

    async def hear(self, wanted: str) -> None:
        """Wait until a state is told."""
        loop = asyncio.get_running_loop()
        async with in_time():
            while wanted not in self.told:
                self.told.extend((await loop.sock_recv(self.socket, 1000)).decode().split("\n"))


@contextmanager
def listening(path: Path) -> Iterator[Systemd]:
    """Have a systemd listen.

    Args:
        path: Where its socket is made.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.bind(str(path))
        yield Systemd(path, sock)
