"""All that the operator was told since the app was opened."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from fototui.i18n import _
from fototui.screens.dialogs import Reading
from fototui.ui.context import AppContext
from fototui.widgets.badges import MUTED
from fototui.widgets.message_line import SIGNS


class MessagesScreen(Reading):
    """Lists the messages, the latest first; who sees it has read them.

    Args:
        context: The parts of the app.
    """

    DEFAULT_CSS = """
    MessagesScreen .row .at { width: 12; }
    MessagesScreen .heading { margin-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+l", "dismiss", show=False)]

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._parts = context

    def compose(self) -> ComposeResult:
        """A row for each."""
        with VerticalScroll():
            yield Static(Content.styled(_("Messages"), "bold $accent"), classes="heading")
            if not self._parts.messages.entries:
                yield Static(Content.styled(_("Nothing has been said yet."), MUTED))
            for told in reversed(self._parts.messages.entries):
                sign, style = SIGNS[told.severity]
                at = told.at.astimezone(self._parts.timezone)
                when = Content.assemble((f"{at:%H:%M:%S} ", MUTED), (sign, style))
                yield Horizontal(
                    Static(when, classes="at"), Static(Content(told.text)), classes="row"
                )
