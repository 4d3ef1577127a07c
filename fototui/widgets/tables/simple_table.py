"""A short table: a heading, and rows with keys. The cursor stays on its row whatever comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from fototui.domain.text import folded
from fototui.widgets.tables.cursor_table import HEADER, CursorTable

_GUTTER = 2
_GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Args:
        title: Its heading, translated.
        width: In cells; None takes what the others leave, and stands last.
        right: Its cells are set to the right.
        from_width: Widths of the table below this one leave it out.
    """

    title: str
    width: int | None
    right: bool = False
    from_width: int = 0


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row.

    Args:
        key: What tells it from the others, always.
        cells: One for each column.
    """

    key: str
    cells: tuple[Content, ...]

    @property
    def search(self) -> str:
        """What a search looks through: all that is shown, `folded`."""
        return folded(" ".join(cell.plain for cell in self.cells))


class SimpleTable(CursorTable):
    """Shows some hundred rows at most; whoever fills it keeps them.

    The cursor is on a row, not on a line. Where rows come above, the cursor's row keeps its line of
    the screen; only at the very top what is new comes into sight.

    Args:
        name: Its id in the screen.
        ascii_signs: Use the signs that every font has.

    Attributes:
        cursor: Key of the row under the cursor; None in an empty table.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "edge(0)", show=False),
        Binding("G", "edge(-1)", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "simple-table--header",
        "simple-table--cursor",
        "simple-table--empty",
    }
    DEFAULT_CSS = """
    SimpleTable {
        height: 1fr; background: $background; color: $foreground;
        overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    SimpleTable > .simple-table--header { color: $text-muted; text-style: bold; }
    SimpleTable > .simple-table--cursor { background: $panel; color: $foreground; }
    SimpleTable:focus > .simple-table--cursor {
        background: $primary 30%; color: $foreground; text-style: bold;
    }
    SimpleTable > .simple-table--empty { color: $text-muted; }
    """

    class Moved(Message):
        """The cursor is on another row."""

    class Opened(Message):
        """A row was double clicked."""

    class NearEnd(Message):
        """The cursor comes near the last row: whoever has more may bring it."""

    def __init__(self, name: str, *, ascii_signs: bool = False) -> None:
        super().__init__(id=name)
        self._ascii = ascii_signs
        self._columns: Sequence[Column] = ()
        self._rows: Sequence[TableRow] = ()
        self._empty_words = ""
        self.cursor: str | None = None

    # --- what is shown -----------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def set_columns(self, *columns: Column) -> None:
        """Say what the columns are; again in another language."""
        self._columns = columns
        self.refresh()

    def show_when_empty(self, words: str) -> None:
        """Say what an empty table means, and what to do."""
        self._empty_words = words
        self.refresh()

    def show(self, rows: Sequence[TableRow]) -> None:
        """Show these rows; cursor and scroll stay with what they were on.

        Args:
            rows: The rows, in their order; not changed afterwards.
        """
        before, self._rows = self._rows, rows
        old_place, old_top, old_cursor = self._place, self.scroll_offset.y, self.cursor
        self._place = _place_after(before, old_place, rows)
        self.cursor = rows[self._place].key if rows else None
        top = self._place - (old_place - old_top)
        if old_top == 0 and self._place < self._page:
            top = 0
        self._measure()
        self.scroll_to(y=max(0, min(top, len(rows) - self._page)), animate=False, force=True)
        self.refresh()
        if self.cursor != old_cursor:
            self.post_message(self.Moved())

    def on_resize(self, event: Resize) -> None:
        """Keep the cursor in sight."""
        self._measure()
        self.scroll_to_cursor()

    def _measure(self) -> None:
        width = self.scrollable_content_region.width
        self.virtual_size = Size(width, len(self._rows) + HEADER)

    # --- drawing -----------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw one line of the widget."""
        width = self.scrollable_content_region.width
        place = y - HEADER + self.scroll_offset.y
        content, style = Content(), self.visual_style
        if y < HEADER:
            titles = [Content(column.title) for column in self._columns]
            content, style = self._line(" ", titles), self.get_visual_style("simple-table--header")
        elif not self._rows:
            lines = Content(self._empty_words).wrap(max(1, width - 2 * _GUTTER))
            if y <= len(lines):
                content = Content(" " * _GUTTER) + lines[y - 1]
            style = self.get_visual_style("simple-table--empty")
        elif place < len(self._rows):
            mark = " "
            if place == self._place:
                mark = ">" if self._ascii else "▸"
                style = self.get_visual_style("simple-table--cursor")
            content = self._line(mark, self._rows[place].cells)
        segments = content.truncate(width).render_segments(style)
        return Strip(segments).extend_cell_length(width, style.rich_style).crop(0, width)

    def _line(self, mark: str, cells: Sequence[Content]) -> Content:
        room = self.scrollable_content_region.width
        shown = [
            (column, cell)
            for column, cell in zip(self._columns, cells, strict=True)
            if room >= column.from_width
        ]
        left = room - _GUTTER - sum((column.width or 0) + _GAP for column, _ in shown) + _GAP
        parts = []
        for column, cell in shown:
            width = max(1, left) if column.width is None else column.width
            text = cell.truncate(width, ellipsis=True)
            short = width - text.cell_length
            parts.append(text.pad_left(short) if column.right else text.pad_right(short))
        return Content(mark.ljust(_GUTTER)) + Content(" " * _GAP).join(parts)

    # --- the cursor ----------------------------------------------------------------------------

    def _go(self, place: int) -> None:
        if place != self._place:
            self._place, self.cursor = place, self._rows[place].key
            self.refresh()
            self.post_message(self.Moved())
        if place >= len(self._rows) - self._page // 2 - 1:
            self.post_message(self.NearEnd())

    def _open(self) -> None:
        self.post_message(self.Opened())


def _place_after(before: Sequence[TableRow], place: int, now: Sequence[TableRow]) -> int:
    """Where a row stands now, or where it went, the next one that is left."""
    if place >= len(before) or not now:
        return 0
    places = {row.key: index for index, row in enumerate(now)}
    for row in before[place:]:
        if row.key in places:
            return places[row.key]
    return min(len(now) - 1, place)
