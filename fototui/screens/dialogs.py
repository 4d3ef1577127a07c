"""Questions: yes or no, one line of text, and what becomes of jobs. The careful answer is first."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from fototui.i18n import _, ngettext
from fototui.ui.bindings import list_bindings

BREAKPOINTS = [(0, "-narrow"), (76, "-roomy")]
_DIALOG_CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{
    width: auto; max-width: 72; height: auto; padding: 1 2;
    border: round $accent; background: $surface;
}}
{name} Static {{ width: auto; max-width: 66; margin-bottom: 1; }}
{name} .hint {{ margin-bottom: 0; color: $text-muted; }}
{name} Horizontal {{ width: auto; height: auto; }}
{name} Button {{ margin-right: 2; }}
{name} Input {{ width: 60; margin-bottom: 1; }}
{name}.-narrow Static {{ max-width: 50; }}
{name}.-narrow Input {{ width: 50; }}
"""


class Confirm(ModalScreen[bool]):
    """Asks before something is lost or paid for. Enter and escape both mean no.

    Args:
        question: The question, translated.
        yes: What the button that does it says.
    """

    AUTO_FOCUS = "#no"  # The careful answer is under the finger.
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    DEFAULT_CSS = _DIALOG_CSS.format(name="Confirm")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", show=False),
        Binding("y,a", "answer(True)", show=False),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, *, yes: str) -> None:
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """The question and two buttons."""
        with Vertical():
            yield Static(Content(self._question))
            with Horizontal():
                yield Button(Content(_("No")), id="no", variant="primary")
                yield Button(Content(self._yes), id="yes")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - textual calls it so
        """Answer by key."""
        self.dismiss(answer)


async def confirm(app: App[object], question: str, *, yes: str) -> bool:
    """Ask before something is lost or paid for. To be called in a worker.

    Args:
        app: The app.
        question: The question, translated.
        yes: What the button that does it says.
    """
    answer: bool = await app.push_screen_wait(Confirm(question, yes=yes))
    return answer


class AskText(ModalScreen[str | None]):
    """Asks for one line; None where the operator thinks better of it.

    Args:
        question: What is asked for, translated.
        value: What stands there at first.
    """

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    DEFAULT_CSS = _DIALOG_CSS.format(name="AskText")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, question: str, *, value: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value

    def compose(self) -> ComposeResult:
        """The question and a field."""
        with Vertical():
            yield Static(Content(self._question))
            yield self.field()
            yield Static(Content(self.hint()), classes="hint")

    def field(self) -> Input:
        """The field."""
        return Input(self._value)

    def hint(self) -> str:
        """What the keys do, translated."""
        return _("enter confirms, esc cancels")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Think better of it."""
        self.dismiss(None)


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


class Reading(ModalScreen[None]):
    """Something long that one reads and closes again; its rows are two columns."""

    DEFAULT_CSS = """
    Reading { align: center middle; }
    Reading > VerticalScroll {
        width: 90%; max-width: 96; height: 80%; padding: 1 2; scrollbar-size-vertical: 1;
        border: round $accent; background: $surface;
    }
    Reading .row { height: auto; }
    Reading .row Static { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", show=False),
        Binding("down", "line(1)", show=False),
        Binding("up", "line(-1)", show=False),
        Binding("g,home", "edge(0)", show=False),
        Binding("G,end", "edge(1)", show=False),
        *list_bindings("line(1)", "line(-1)", "part(0.5)", "part(-0.5)"),
    ]

    def action_line(self, step: int) -> None:
        """A line up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)

    def action_part(self, part: float) -> None:
        """Some part of a page up or down."""
        text = self.query_one(VerticalScroll)
        text.scroll_relative(y=int(part * text.size.height), animate=False)

    def action_edge(self, place: int) -> None:
        """To the beginning or the end."""
        text = self.query_one(VerticalScroll)
        text.scroll_to(y=place * text.max_scroll_y, animate=False)
