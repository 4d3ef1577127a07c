"""A terminal that is gone without a signal: the app ends, and does not read its end for ever."""

import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import sys
import termios
from pathlib import Path

from tests.waiting import in_time, until


async def test_the_app_ends_with_its_terminal(tmp_path: Path) -> None:
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
    os.close(inner)
    os.set_blocking(outer, False)
    seen = b""

    def is_drawn() -> bool:
        nonlocal seen
        with contextlib.suppress(BlockingIOError):
            seen += os.read(outer, 1 << 16)
        return b"Orders" in seen

    await until(is_drawn)
    os.close(outer)
    async with in_time():
        # Python ends with 120 where what was still to be written found no terminal.
        assert await process.wait() in (0, 120)
