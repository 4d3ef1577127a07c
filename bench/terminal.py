"""A program on a terminal of its own, as a person would see it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

_SECONDS = 120
_ROWS, _COLUMNS = 36, 120


class Terminal:
    """What a program writes to its terminal, and keys for it.

    Args:
        end: The terminal's other end.
        pid: Of the program.
    """

    def __init__(self, end: int, pid: int) -> None:
        self.pid = pid
        self._end = end
        self._text = b""
        self._changed = asyncio.Event()
        self._at = time.perf_counter()

    @property
    def wrote_at(self) -> float:
        """The clock when it last wrote something, or a key was pressed."""
        return self._at

    def read(self) -> None:
        """Take what was written, as soon as it is there."""
        try:
            self._text += os.read(self._end, 65_536)
        except OSError:  # the program is gone
            asyncio.get_running_loop().remove_reader(self._end)
        self._at = time.perf_counter()
        self._changed.set()

    def press(self, keys: bytes) -> None:
        """Press keys; what was written until then is forgotten."""
        self._text, self._at = b"", time.perf_counter()
        os.write(self._end, keys)

    async def rests(self, seconds: float = 1.0) -> None:
        """Wait until it has written nothing for a while."""
        while (left := self._at + seconds - time.perf_counter()) > 0:  # noqa: ASYNC110 - as told
            await asyncio.sleep(left)

    def forget(self) -> None:
        """Forget what was written until now."""
        self._text = b""

    async def shows(self, text: str) -> float:
        """Wait until the program writes something.

        Args:
            text: What; as it is written, so without a change of style in it.

        Returns:
            The clock when it was read.

        Raises:
            TimeoutError: It does not.
        """
        async with asyncio.timeout(_SECONDS):
            while text.encode() not in self._text:
                self._changed.clear()
                await self._changed.wait()
        return self._at


@asynccontextmanager
async def on_terminal(
    command: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[Terminal]:
    """Run a program on a terminal; it is killed at the end.

    Args:
        command: The program.
        environment: All its variables.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
    )
    os.close(its)
    loop, terminal = asyncio.get_running_loop(), Terminal(ours, process.pid)
    loop.add_reader(ours, terminal.read)
    try:
        yield terminal
    finally:
        process.kill()
        await process.wait()
        loop.remove_reader(ours)
        os.close(ours)
