"""The line above the footer: what the operator is told, in the way of nothing."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.events import Click

from fototui.ui.message_log import MessageLog
from fototui.ui.telling import MessagePlace
from fototui.widgets.badges import MUTED

SIGNS = {
    "information": ("·", MUTED),
    "warning": ("!", "bold $warning"),
    "error": ("✗", "bold $error"),
}
"""Sign and style of each severity."""

_MOST_LINES = 3


class MessageLine(MessagePlace):
    """The latest message. One that needs more than a line gets it for as long as it stands.

    Args:
        log: What was told.
        key: What key shows all of it; empty where none does.
    """

    DEFAULT_CSS = f"""
    MessageLine {{
        dock: bottom; height: auto; min-height: 1; max-height: {_MOST_LINES}; margin-bottom: 1;
    }}
    """

    def __init__(self, log: MessageLog, key: Callable[[], str]) -> None:
        super().__init__()
        self._log = log
        self._key = key

    def render(self) -> Content:
        """The message, and how many errors nobody has read yet."""
        told = self._log.shown
        if told is None:
            return Content()
        sign, style = SIGNS[told.severity]
        words = Content.assemble((f" {sign} ", style), told.text)
        if self._log.unread and (key := self._key()):
            words += Content.styled(f"  {key} ✗ {len(self._log.unread)}", MUTED)
        return words

    def look(self) -> None:
        """Show what is to be read now; only another number of lines moves what is around it."""
        lines = self.render().get_height({}, self.size.width)
        self.refresh(layout=max(1, min(lines, _MOST_LINES)) != self.size.height)

    async def on_click(self, _event: Click) -> None:
        """Show all messages."""
        await self.app.run_action("act('everywhere.messages')")
