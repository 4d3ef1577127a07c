"""What stands above the order table: the search field, and the tabs with their counts."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from fototui.domain.text import clean_line
from fototui.i18n import _, translate
from fototui.live.order_list import OrderList, Tab
from fototui.services.orders.search import HELP
from fototui.widgets.badges import MUTED
from fototui.widgets.search_line import LONGEST_SEARCH, SearchField, told

_STACKED_BELOW = 110
_BETWEEN, _EARLIER, _LATER = "│", "‹", "›"


class OrderTabs(Widget):
    """One line: the stages with their counts, and at its end a word in passing.

    Args:
        orders: The list whose tabs they are.
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

    def __init__(self, orders: OrderList) -> None:
        super().__init__()
        self._orders = orders
        self._note = ""
        self._spans: list[tuple[int, int, Tab]] = []

    def show(self, note: str) -> None:
        """Show the list's tabs with their present counts.

        Args:
            note: What is marked, found, or being done; translated.
        """
        self._note = note
        self.refresh()

    def render(self) -> Content:
        """Lay the line out; the note gives way first, then the tabs far from the chosen one."""
        tabs, before, after = self._fitting()
        line = Content.styled(_EARLIER if before else "", MUTED)
        self._spans = []
        for tab in tabs:
            if self._spans:
                line += Content.styled(_BETWEEN, MUTED)
            start, line = line.cell_length, line + self._part(tab)
            self._spans.append((start, line.cell_length, tab))
        line += Content.styled(_LATER if after else "", MUTED)
        room = self.size.width - line.cell_length - 2
        note = Content.styled(self._note, "$accent").truncate(max(0, room), ellipsis=True)
        if room >= 8 and self._note:
            line += Content(" " * (room - note.cell_length + 1)) + note
        return line.truncate(self.size.width, ellipsis=True)

    def _fitting(self) -> tuple[list[Tab], bool, bool]:
        """The tabs that there is room for, and whether some are left out before and after."""
        tabs = self._orders.tabs
        first, last = 0, len(tabs)
        chosen = tabs.index(self._orders.tab)
        widths = [self._part(tab).cell_length + len(_BETWEEN) for tab in tabs]
        while last - first > 1 and sum(widths[first:last]) + 2 > self.size.width:
            if chosen - first > last - 1 - chosen:
                first += 1
            else:
                last -= 1
        return tabs[first:last], first > 0, last < len(tabs)

    def _part(self, tab: Tab) -> Content:
        style = "bold $accent underline" if tab is self._orders.tab else ""
        count = self._orders.count(tab)
        return Content.assemble(
            " ",
            (translate(tab.label), style),
            (f" {count} ", "$error" if tab is Tab.ERROR and count else MUTED),
        )

    def on_click(self, event: Click) -> None:
        """Choose the tab under the mouse."""
        for start, end, tab in self._spans:
            if start <= event.x < end:
                self.post_message(self.Chosen(tab))


class OrderFilter(Container):
    """Search field and tabs: beside each other where there is room, else one above the other.

    Below them, while one types, what may be typed; what was not understood stays there.

    Args:
        search: What is searched for at first.
        orders: The list that is filtered.
    """

    DEFAULT_CSS = """
    OrderFilter { height: auto; background: $surface; }
    OrderFilter #line { height: 1; layout: horizontal; }
    OrderFilter #hint { height: 1; padding: 0 1; background: $panel; display: none; }
    OrderFilter #hint.-told { display: block; }
    OrderFilter SearchField {
        width: 1fr; min-width: 16; max-width: 36; padding: 0 1; background: $panel;
    }
    OrderFilter SearchField:focus { background: $primary 20%; }
    OrderFilter OrderTabs { width: 2fr; min-width: 50; }
    OrderFilter.-stacked #line { height: 2; layout: vertical; }
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

    def __init__(self, *, search: str, orders: OrderList) -> None:
        super().__init__()
        self.field = SearchField(
            clean_line(search, limit=LONGEST_SEARCH),
            compact=True,
            max_length=LONGEST_SEARCH,
            select_on_focus=False,
        )
        self.tabs = OrderTabs(orders)
        self._orders = orders
        self._hint = Static(id="hint")

    def compose(self) -> ComposeResult:
        """The field and the tabs, and what may be typed."""
        yield Container(self.field, self.tabs, id="line")
        yield self._hint

    def on_mount(self) -> None:
        """Say what the field is for."""
        self.translate()

    def translate(self) -> None:
        """Show everything in the present language."""
        self.field.placeholder = _("/ search…")
        self.tabs.refresh()
        self.tell()

    def tell(self) -> None:
        """Say what may be typed while one types, and what of it was not understood."""
        asked = self._orders.asked
        self._hint.update(told(asked, HELP).truncate(max(0, self.size.width - 2), ellipsis=True))
        self._hint.set_class(self.field.has_focus or asked.complaint is not None, "-told")

    def on_descendant_focus(self) -> None:
        """One types."""
        self.tell()

    def on_descendant_blur(self) -> None:
        """One is done with typing."""
        self.tell()

    def on_resize(self, event: Resize) -> None:
        """Use the room there is."""
        self.set_class(event.size.width < _STACKED_BELOW, "-stacked")
        self.tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter; what was pasted may hold anything."""
        event.stop()
        typed = event.value.replace("\t", " ")
        safe = clean_line(typed, limit=LONGEST_SEARCH)
        if safe != typed.strip():
            self.field.value = safe
        else:
            self.post_message(self.Searched(safe))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to what was found."""
        event.stop()
        self.post_message(self.Left())
