"""Leaving while jobs run here: hand them over, wait for them, or stay."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from fototui.i18n import _, ngettext


class Leaving(StrEnum):
    """What to do with the jobs that run here."""

    STAY = "stay"
    HAND_OVER = "hand_over"
    WAIT = "wait"


class LeaveDialog(ModalScreen[Leaving]):
    """Asks what becomes of running jobs.

    Args:
        running: How many there are.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-roomy")]  # noqa: RUF012 - Textual's own
    DEFAULT_CSS = """
    LeaveDialog { align: center middle; }
    LeaveDialog > Vertical {
        width: auto; max-width: 76; height: auto; padding: 1 2;
        border: round $accent; background: $surface;
    }
    LeaveDialog Static { width: auto; max-width: 70; margin-bottom: 1; }
    LeaveDialog Horizontal { width: auto; height: auto; }
    LeaveDialog Button { margin-right: 2; }
    LeaveDialog.-narrow Static { max-width: 50; }
    LeaveDialog.-narrow Horizontal { layout: vertical; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer('stay')", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, running: int) -> None:
        super().__init__()
        self._jobs = running

    def compose(self) -> ComposeResult:
        """The question and three buttons."""
        question = ngettext(
            "{count} job runs here. Other engines go on with it at once if you hand it over.",
            "{count} jobs run here. Other engines go on with them at once if you hand them over.",
            self._jobs,
        ).format(count=self._jobs)
        with Vertical():
            yield Static(Content(question))
            with Horizontal():
                yield Button(Content(_("Hand over")), id="hand_over", variant="primary")
                yield Button(Content(_("Wait, a minute at most")), id="wait")
                yield Button(Content(_("Stay")), id="stay")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(Leaving(event.button.id or "stay"))

    def action_answer(self, answer: str) -> None:
        """Answer by key."""
        self.dismiss(Leaving(answer))
