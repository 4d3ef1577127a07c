"""What stands above the order table: the search field, and the tabs with their counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from fototui.domain.text import clean_line
from fototui.i18n import _
from fototui.live.order_list import Tab
from fototui.widgets.badges import MUTED

_STACKED_BELOW = 74
_LONGEST_SEARCH = 100


class SearchField(Input):
    """The field that filters as one types."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "submit", show=False)]


class OrderTabs(Widget):
    """One line: the states with their counts, and at its end a word in passing.

    Args:
        count: Gives how many orders are in a state.
    """

    DEFAULT_CSS = """
    OrderTabs { height: 1; width: 1fr; background: $surface; color: $foreground; }
    """

    class Chosen(Message):
        """A tab was clicked.

        Args:
            tab: Which.
        """

        def __init__(self, tab: Tab) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, count: Callable[[Tab], int]) -> None:
        super().__init__()
        self._count = count
        self._tab = Tab.ALL
        self._note = ""
        self._spans: list[tuple[int, int, Tab]] = []

    def show(self, tab: Tab, note: str) -> None:
        """Show which tab is chosen, with the present counts.

        Args:
            tab: The chosen one.
            note: What is marked, found, or being done; translated.
        """
        self._tab, self._note = tab, note
        self.refresh()

    def render(self) -> Content:
        """Lay the line out; the note gives way first."""
        parts: list[Content] = []
        self._spans = []
        column = 0
        for tab in Tab:
            style = "bold $accent underline" if tab is self._tab else ""
            count = self._count(tab)
            part = Content.assemble(
                " ",
                (_(tab.label), style),
                (f" {count} ", "$error" if tab is Tab.ERROR and count else MUTED),
            )
            self._spans.append((column, column + part.cell_length, tab))
            column += part.cell_length + 1
            parts.append(part)
        line = Content.styled("│", MUTED).join(parts)
        room = self.size.width - line.cell_length - 2
        note = Content.styled(self._note, "$accent").truncate(max(0, room), ellipsis=True)
        if room >= 8 and self._note:
            line += Content(" " * (room - note.cell_length + 1)) + note
        return line.truncate(self.size.width, ellipsis=True)

    def on_click(self, event: Click) -> None:
        """Choose the tab under the mouse."""
        for start, end, tab in self._spans:
            if start <= event.x < end:
                self.post_message(self.Chosen(tab))


class OrderFilter(Container):
    """Search field and tabs: beside each other where there is room, else one above the other.

    Args:
        search: What is searched for at first.
        count: Gives how many orders are in a state.
    """

    DEFAULT_CSS = """
    OrderFilter { height: 1; layout: horizontal; background: $surface; }
    OrderFilter SearchField {
        width: 1fr; min-width: 16; max-width: 36; padding: 0 1; background: $panel;
    }
    OrderFilter SearchField:focus { background: $primary 20%; }
    OrderFilter OrderTabs { width: 2fr; min-width: 50; }
    OrderFilter.-stacked { height: 2; layout: vertical; }
    OrderFilter.-stacked SearchField { width: 100%; max-width: 100%; }
    OrderFilter.-stacked OrderTabs { width: 100%; min-width: 0; }
    """

    class Searched(Message):
        """The search is another.

        Args:
            text: The present one.
        """

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The operator is done with typing."""

    def __init__(self, *, search: str, count: Callable[[Tab], int]) -> None:
        super().__init__()
        self.field = SearchField(
            clean_line(search, limit=_LONGEST_SEARCH),
            compact=True,
            max_length=_LONGEST_SEARCH,
            select_on_focus=False,
        )
        self.tabs = OrderTabs(count)

    def compose(self) -> ComposeResult:
        """The field and the tabs."""
        yield self.field
        yield self.tabs

    def on_mount(self) -> None:
        """Say what the field is for."""
        self.translate()

    def translate(self) -> None:
        """Show everything in the present language."""
        self.field.placeholder = _("/ search…")
        self.tabs.refresh()

    def on_resize(self, event: Resize) -> None:
        """Use the room there is."""
        self.set_class(event.size.width < _STACKED_BELOW, "-stacked")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter; what was pasted may hold anything."""
        event.stop()
        typed = event.value.replace("\t", " ")
        safe = clean_line(typed, limit=_LONGEST_SEARCH)
        if safe != typed.strip():
            self.field.value = safe
        else:
            self.post_message(self.Searched(safe))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to what was found."""
        event.stop()
        self.post_message(self.Left())
