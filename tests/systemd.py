"""A stand-in for systemd: it hears what services tell of themselves."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.waiting import PATIENCE, in_time


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


@asynccontextmanager
async def started(
    systemd: Systemd,
    folder: Path,
    database_url: str,
    *arguments: str,
    stdin: int = asyncio.subprocess.DEVNULL,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the program as systemd's units do; it is killed if it still runs at the end.

    Args:
        systemd: Whom it tells how it is.
        folder: Its home.
        database_url: Its database.
        *arguments: Its command.
        stdin: Its standard input.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fototui", *arguments),
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DATABASE_URL": database_url,
            "STORAGE_PATH": str(folder / "files"),
            "NOTIFY_SOCKET": str(systemd.path),
            "WATCHDOG_USEC": "200000",
        },
        cwd=folder,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ends_well(process: asyncio.subprocess.Process) -> bytes:
    """Wait for its end, and give what it still had to say; reading lets it say that."""
    assert process.stderr is not None
    rest = await asyncio.wait_for(process.stderr.read(), PATIENCE)
    assert await process.wait() == 0, rest.decode()
    assert b"Traceback" not in rest
    return rest
