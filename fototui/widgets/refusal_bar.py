"""Below the header: why the database refuses, where it does."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.widgets import Static


class RefusalBar(Static):
    """Some lines that are there only while there is something to say.

    Args:
        read: Gives the words now; empty where there are none.
    """

    DEFAULT_CSS = """
    RefusalBar {
        dock: top; height: auto; max-height: 4; padding: 0 1; margin-top: 1;
        background: $error-muted; color: $text-error;
    }
    """

    def __init__(self, read: Callable[[], str]) -> None:
        super().__init__(markup=False)
        self._read = read

    def on_mount(self) -> None:
        """Say what is known already."""
        self.look()

    def look(self) -> None:
        """Say what is to be said now."""
        words = self._read()
        if self.content != words:  # the screen is laid out anew for each text
            self.update(Content(words))
        self.display = bool(words)
