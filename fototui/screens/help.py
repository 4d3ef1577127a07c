"""Help: the keys of the screen it was asked on, and those that work everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from fototui.i18n import _
from fototui.screens.base import FototuiScreen
from fototui.screens.dialogs import Reading
from fototui.ui.actions import Action, Scope, in_scope
from fototui.ui.bindings import LIST_KEYS
from fototui.widgets.badges import MUTED, legend


class HelpScreen(Reading):
    """Lists keys with what they do, and why some cannot be used now.

    Args:
        about: The screen it is about.
    """

    DEFAULT_CSS = """
    HelpScreen .row .keys { width: 12; margin-right: 2; text-align: right; }
    HelpScreen .next { margin-top: 1; }
    HelpScreen .sign { padding-left: 11; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark", "dismiss", show=False)]

    def __init__(self, about: FototuiScreen) -> None:
        super().__init__()
        self._about = about

    def compose(self) -> ComposeResult:
        """Two lists of keys, and what the signs mean."""
        with VerticalScroll():
            yield Static(Content.styled(self._about.heading(), "bold $accent"))
            yield from self._rows(in_scope(self._about.scope))
            yield Static(Content.styled(_("Everywhere"), "bold $accent"), classes="next")
            yield from self._rows(in_scope(Scope.EVERYWHERE))
            yield _row(LIST_KEYS, Content(_("Down and up in lists, by a line or half a page.")))
            yield Static(Content.styled(_("Signs"), "bold $accent"), classes="next")
            for line in legend(self._about.context.settings.ascii_badges):
                yield Static(line, classes="sign")

    def _rows(self, actions: Iterable[Action]) -> ComposeResult:
        for action in actions:
            if action.id.startswith("order.version_") and action.id != "order.version_1":
                continue
            found = [
                self.app.get_key_display(active.binding)
                for active in self._about.active_bindings.values()
                if active.binding.id == action.id
            ]
            keys = " ".join(found) or action.keys
            keys = "1–9" if action.id == "order.version_1" else keys
            against = (
                self._about.reason_against(action.id) if action.scope is self._about.scope else None
            )
            words = Content(self._about.tooltip_of(action.id))
            if against is not None:
                words += Content.styled(f"  {against}", MUTED)
            yield _row(keys, words)


def _row(keys: str, words: Content) -> Horizontal:
    """Keys, and what they do."""
    shown = Static(Content.styled(keys, "bold"), classes="keys")
    return Horizontal(shown, Static(words), classes="row")
