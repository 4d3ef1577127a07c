"""How the app tells its operator something: a line above the footer, and a list of all of it."""

from __future__ import annotations

from textual.widget import Widget

from fototui.domain.text import clean
from fototui.ui.context import AppContext
from fototui.ui.in_turn import InTurnApp
from fototui.ui.message_log import Severity, Told

_MESSAGE_SECONDS = 8.0


class MessagePlace(Widget):
    """Where a screen shows what the operator is told."""

    def look(self) -> None:
        """Show what is to be read now."""
        raise NotImplementedError


class TellingApp(InTurnApp):
    """An app whose messages stand in a line of its screens and cover nothing."""

    context: AppContext

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Severity = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Tell the operator something, in the line above the footer; never parsed as markup.

        Args:
            message: The words.
            title: Words before them.
            severity: How bad it is; an error stands there until it is read.
            timeout: For how many seconds it stands there.
            markup: Not used.
        """
        del markup
        words = clean(f"{title}: {message}" if title else message, limit=500)
        told = Told(self.context.settings.now(), words, severity)
        self.context.messages.add(told)
        self.show_messages()
        self.set_timer(timeout or _MESSAGE_SECONDS, lambda: self._fade(told))
        if severity == "error" and self.context.settings.bell:
            self.bell()

    def _fade(self, told: Told) -> None:
        self.context.messages.fade(told)
        self.show_messages()

    def show_messages(self) -> None:
        """Paint what is to be read now; another message, or none."""
        for screen in self.screen_stack:
            for place in screen.query(MessagePlace):
                place.look()
