"""A terminal that is gone without a signal, or takes nothing: the app still ends."""

import asyncio
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.waiting import in_time, until


@asynccontextmanager
async def _app(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, int]]:
    """An app, drawn on a terminal; gives the terminal's two ends too."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    # Not its controlling terminal, so that no signal tells of the end.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fototui", "--no-engine", "--lang", "en", "--pictures", "off"),
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TERM": "xterm-256color",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
            "STORAGE_PATH": str(tmp_path),
        },
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.set_blocking(outer, False)
    seen = b""

    def is_drawn() -> bool:
        nonlocal seen
        with contextlib.suppress(BlockingIOError):
            seen += os.read(outer, 1 << 16)
        return b"Orders" in seen

    try:
        await until(is_drawn)
        yield process, outer, inner
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _has_room(terminal: int) -> bool:
    return bool(select.select([], [terminal], [], 0)[1])


async def test_the_app_ends_with_its_terminal(tmp_path: Path) -> None:
    async with _app(tmp_path) as (process, outer, inner):
        os.close(inner)
        os.close(outer)
        async with in_time():
            # Python ends with 120 where what was still to be written found no terminal.
            assert await process.wait() in (0, 120)


async def test_the_app_ends_when_told_although_its_terminal_takes_nothing(tmp_path: Path) -> None:
    async with _app(tmp_path) as (process, outer, inner):
        for _ in range(400):
            os.write(outer, b"?")  # help, which is drawn over all of the screen
        await until(lambda: not _has_room(inner))
        process.send_signal(signal.SIGTERM)
        async with in_time():
            assert await process.wait() == 0
        os.close(outer)
