"""What an app asks of the terminal itself, beside being shown there."""

from __future__ import annotations

import base64
import os
from typing import TypeVar

from textual.app import App
from textual.driver import Driver

from fototui.domain.text import clean_line

ResultT = TypeVar("ResultT")


class TerminalApp(App[ResultT]):
    """An app that names its terminal, copies through it, and lets go of one that is gone."""

    def get_driver_class(self) -> type[Driver]:
        """Choose what draws on a terminal; on Windows, and where one is named, it is Textual's."""
        usual = super().get_driver_class()
        if usual.__name__ != "LinuxDriver":
            return usual
        from fototui.ui.driver import TerminalDriver

        return TerminalDriver

    def name_terminal(self, title: str) -> None:
        """Have the terminal's window or tab called so.

        Args:
            title: The name.
        """
        if self._driver is not None:
            self._driver.write(f"\x1b]2;{clean_line(title)}\x07")

    def stop_reading(self) -> None:
        """Have no key read any more.

        Textual ends its reading when it gives the terminal back; where that fails, because there is
        no terminal any more, the reading would keep the process for ever.
        """
        ended = getattr(self._driver, "exit_event", None)
        if ended is not None:
            ended.set()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text by OSC 52, which works over SSH; wrapped once more for tmux."""
        super().copy_to_clipboard(text)
        if os.environ.get("TMUX") and self._driver is not None:
            payload = base64.b64encode(text.encode()).decode()
            self._driver.write(f"\x1bPtmux;\x1b\x1b]52;c;{payload}\a\x1b\\")
