"""A field that filters a table as one types, with what may be typed; there while it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from fototui.domain.search import Search
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line
from fototui.i18n import _, translate
from fototui.widgets.badges import MUTED

LONGEST_SEARCH = 100
RowT = TypeVar("RowT")


class SearchField(Input):
    """The field that filters as one types."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "submit", show=False)]


def told(asked: Search[RowT], takes: Sentence) -> Content:
    """What was not understood of a search; else what may be typed.

    Args:
        asked: The search.
        takes: What fields there are.
    """
    if asked.complaint is not None:
        return Content.styled(translate(asked.complaint), "$warning")
    return Content.styled(translate(asked.hint or takes), MUTED)


class SearchLine(Container, Generic[RowT]):
    """Two lines above a table, which stay while something is searched for.

    Args:
        read: Reads a search.
        takes: What fields there are.

    Attributes:
        asked: The present search.
    """

    DEFAULT_CSS = """
    SearchLine { height: 2; background: $surface; display: none; }
    SearchLine.-used { display: block; }
    SearchLine SearchField { width: 100%; padding: 0 1; background: $panel; }
    SearchLine SearchField:focus { background: $primary 20%; }
    SearchLine Static { height: 1; padding: 0 1; }
    """

    class Searched(Message):
        """The search is another."""

    class Left(Message):
        """The operator is done with typing."""

    def __init__(self, read: Callable[[str], Search[RowT]], takes: Sentence) -> None:
        super().__init__()
        self._read, self._takes = read, takes
        self.asked: Search[RowT] = Search()
        self.field = SearchField(compact=True, max_length=LONGEST_SEARCH, select_on_focus=False)
        self._hint = Static()

    def compose(self) -> ComposeResult:
        """The field, and what may be typed."""
        yield self.field
        yield self._hint

    def open(self) -> None:
        """Have the keys that follow typed into the field."""
        self.field.placeholder = _("/ search…")
        self._tell()
        self.add_class("-used")
        # At once, and not with the next message: keys that follow belong to the field.
        self.screen.set_focus(self.field)

    def close(self) -> bool:
        """Search for nothing any more.

        Returns:
            Whether anything was searched for, or was about to be.
        """
        if not self.has_class("-used"):
            return False
        self.field.value = ""
        self.remove_class("-used")
        self.post_message(self.Left())
        return True

    def _tell(self) -> None:
        words = told(self.asked, self._takes)
        self._hint.update(words.truncate(max(0, self.screen.size.width - 2), ellipsis=True))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter; what was pasted may hold anything."""
        event.stop()
        self.asked = self._read(clean_line(event.value.replace("\t", " "), limit=LONGEST_SEARCH))
        self._tell()
        self.post_message(self.Searched())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to what was found."""
        event.stop()
        self.set_class(bool(self.field.value), "-used")
        self.post_message(self.Left())
