"""All that may be taken back, to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from fototui.i18n import _
from fototui.ui.context import AppContext
from fototui.ui.undo import Undoable
from fototui.widgets.badges import MUTED


class UndoScreen(ModalScreen[Callable[[], list[Undoable]] | None]):
    """Lists what may be taken back, the latest first; gives how to find what is to be, or None.

    Args:
        context: The parts of the app.
    """

    DEFAULT_CSS = """
    UndoScreen { align: center middle; }
    UndoScreen > Vertical {
        width: 90%; max-width: 96; height: auto; max-height: 80%; padding: 1 2;
        border: round $accent; background: $surface;
    }
    UndoScreen .heading { margin-bottom: 1; }
    UndoScreen .hint { margin-top: 1; color: $text-muted; }
    UndoScreen OptionList {
        height: auto; max-height: 16; border: none; padding: 0; background: $surface;
        scrollbar-size-vertical: 1;
    }
    UndoScreen OptionList:focus { border: none; }
    UndoScreen OptionList > .option-list--option-highlighted,
    UndoScreen OptionList:focus > .option-list--option-highlighted {
        background: $primary-muted; color: $foreground; text-style: bold;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("a", "all", show=False),
        Binding("j", "app.simulate_key('down')", show=False),
        Binding("k", "app.simulate_key('up')", show=False),
    ]

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._history = context.undo
        self._zone = context.timezone
        self._entries: Sequence[Undoable] = context.undo.entries[::-1]

    def compose(self) -> ComposeResult:
        """A row for each, and what the keys do."""
        rows = [
            Option(
                Content.assemble(
                    (f"{entry.at.astimezone(self._zone):%H:%M:%S}  ", MUTED), entry.in_words()
                )
            )
            for entry in self._entries
        ]
        with Vertical():
            yield Static(Content.styled(_("What can be undone"), "bold $accent"), classes="heading")
            yield OptionList(*rows, markup=False)
            hint = _("enter undoes just this one, a everything down to it, esc closes")
            yield Static(Content(hint), classes="hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take back just this one."""
        event.stop()
        self.dismiss(partial(self._history.only, self._entries[event.option_index]))

    def action_all(self) -> None:
        """Take back all down to this one."""
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self.dismiss(partial(self._history.down_to, self._entries[place]))
