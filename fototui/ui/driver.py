"""What is drawn goes to the terminal, and nobody waits for one that takes nothing any more.

Textual has its event loop wait until the terminal took what was drawn before. A terminal whose line
is dead, or whose multiplexer was killed, would hold the loop for ever: no signal would end the app,
and its engine would keep jobs that it neither does nor lets go.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

_PATIENCE = 3.0


class TerminalOutput:
    """Writes to a terminal. What comes while it takes nothing is left out, and told of afterwards.

    Args:
        fileno: The terminal.
        on_missed: Called in a thread once the terminal takes something again, if anything was left
            out: then it shows less than it should.
        patience: Seconds that one writing may take before the terminal is thought to take nothing.
    """

    def __init__(
        self, fileno: int, on_missed: Callable[[], None], *, patience: float = _PATIENCE
    ) -> None:
        self._fileno = _opened_anew(fileno)
        self._can_write_now = self._fileno != fileno
        self._on_missed = on_missed
        self._patience = patience
        self._lock = threading.Lock()
        self._is_stalled = False
        self._is_missing = False
        self._put_off = 0  # so many texts
        self._rest = b""  # of the first of them, where its beginning is written

    def write_now(self, text: str) -> bool:
        """Write a text, where nothing waits before it and the terminal takes it without waiting.

        Returns:
            Whether it is written; else it is put off, and `write` is to be called with it.
        """
        with self._lock:
            if self._can_write_now and not self._put_off and not self._is_stalled:
                data = text.encode(errors="replace")
                self._rest = self._written(data, 0)
                if not self._rest:
                    return True
            self._put_off += 1
            return False

    def write(self, text: str) -> int:
        """Write a text whole, or not at all: half of one could end in the midst of a sequence.

        Args:
            text: The text.
        """
        with self._lock:
            data, self._rest = self._rest or text.encode(errors="replace"), b""
            if self._is_stalled:
                self._is_missing = True
                data = b""
        self._write(data)
        with self._lock:
            self._put_off = max(0, self._put_off - 1)
        return len(text)

    def _write(self, data: bytes) -> None:
        if left := self._written(data, self._patience):
            self._is_stalled = True
            # Nobody can end a thread that waits for a terminal; it ends with the process.
            threading.Thread(
                target=self._go_on, args=(left,), name="stalled terminal", daemon=True
            ).start()

    def flush(self) -> None:
        """Nothing is kept back."""

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._fileno

    def _written(self, data: bytes, patience: float | None) -> bytes:
        """Write what the terminal takes; gives the rest."""
        left = memoryview(data)
        try:
            while left:
                if not select.select([], [self._fileno], [], patience)[1]:
                    break
                with contextlib.suppress(BlockingIOError):
                    left = left[os.write(self._fileno, left) :]
        except OSError:  # the terminal is gone; who looks for that ends the app
            return b""
        return bytes(left)

    def _go_on(self, left: bytes) -> None:
        self._written(left, None)
        with self._lock:
            self._is_stalled = False
            missed, self._is_missing = self._is_missing, False
        if missed:
            self._on_missed()


def _opened_anew(fileno: int) -> int:
    """The same terminal, so that to write to it waits for nothing, here and not for others too."""
    try:
        return os.open(os.ttyname(fileno), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:  # it is none, or another user's: to write to it may wait
        return fileno


class TerminalDriver(LinuxDriver):
    """Textual's driver, whose output waits for no terminal without an end.

    Args:
        app: The app.
        debug: As for Textual's.
        mouse: Whether it listens to the mouse.
        size: The terminal's size, where it is not to be asked.
    """

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        assert self._file is not None  # the app looks for a terminal before it starts
        self._output = TerminalOutput(self._file.fileno(), self._draw_anew)
        # All that Textual asks of it: write, flush.
        self._file = self._output  # type: ignore[assignment]

    def write(self, data: str) -> None:
        """Write at once what the terminal takes at once.

        Textual's thread that writes has to wait until the event loop lets it, which in a busy
        moment is as long as to draw.

        Args:
            data: What is drawn.
        """
        if not self._output.write_now(data):
            super().write(data)

    def _draw_anew(self) -> None:
        with contextlib.suppress(RuntimeError):  # the app has ended
            self._loop.call_soon_threadsafe(self._app.refresh)
