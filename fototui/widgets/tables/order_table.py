"""The table of orders: draws the lines that are seen, whatever the number of orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import tzinfo
from time import monotonic
from typing import ClassVar

from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.timer import Timer

from fototui.domain.statuses import VersionType
from fototui.i18n import _
from fototui.live.order_list import Sort, place_after
from fototui.services.views.orders import OrderRow
from fototui.widgets.tables.cursor_table import HEADER, CursorTable
from fototui.widgets.tables.order_columns import GAP, Column, Paint, cells, fit

_GLOW_SECONDS = 1.0
_GUTTER = 3


class OrderTable(CursorTable):
    """Shows orders by their ids; the rows themselves stay where they are kept.

    The cursor is on an order, not on a line: whatever comes, goes or changes places, it stays on
    its order, and that order stays on its line of the screen where it can.

    Args:
        rows: Gives the orders by ULID.
        zone: In which times are shown.
        ascii_signs: Use the signs that every font has.

    Attributes:
        cursor: ULID of the order under the cursor; None in an empty table.
        marked: ULIDs of the marked orders, also of those that are not shown now.
        has_pane: The side pane stands beside it, and tells what may be left out here.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "order-table--header",
        "order-table--cursor",
        "order-table--empty",
    }
    DEFAULT_CSS = """
    OrderTable {
        height: 1fr; background: $background; color: $foreground;
        overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
        scrollbar-background: $background; scrollbar-color: $panel-lighten-2;
    }
    OrderTable > .order-table--header {
        background: $panel; color: $foreground; text-style: bold;
    }
    OrderTable > .order-table--cursor { background: $panel; color: $foreground; }
    OrderTable:focus > .order-table--cursor {
        background: $primary 30%; color: $foreground; text-style: bold;
    }
    OrderTable > .order-table--empty { text-style: dim; }
    """

    class Moved(Message):
        """The cursor is on another order."""

    class Scrolled(Message):
        """Other orders are in sight."""

    class Ended(Message):
        """The operator wants to go on beyond the last order."""

    class Opened(Message):
        """An order was double clicked."""

    class SortAsked(Message):
        """A heading was clicked.

        Args:
            sort: Its column.
        """

        def __init__(self, sort: Sort) -> None:
            super().__init__()
            self.sort = sort

    def __init__(
        self,
        rows: Callable[[], Mapping[str, OrderRow]],
        *,
        zone: tzinfo,
        ascii_signs: bool = False,
    ) -> None:
        super().__init__()
        self._rows = rows
        self._zone = zone
        self._ascii = ascii_signs
        self._ids: Sequence[str] = ()
        self._layout: list[tuple[Column, int]] = []
        self._sorted_by: tuple[Sort, bool] = Sort.CREATED, True
        self._empty_words = self._further_words = ""
        self._painted: dict[str, tuple[OrderRow, Content]] = {}
        self._glowing: dict[str, dict[tuple[int, VersionType], float]] = {}
        self._glow_timer: Timer | None = None
        self.cursor: str | None = None
        self.marked: set[str] = set()
        self.has_pane = False
        self._marked_last: str | None = None

    # --- what is shown -----------------------------------------------------------------------

    def show(self, ids: Sequence[str], further: str = "") -> None:
        """Show these orders; cursor and scroll stay with what they were on.

        Args:
            ids: Their ULIDs, in their order; not changed afterwards.
            further: What is said of those that come after them, if there are any.
        """
        before, self._ids, self._further_words = self._ids, ids, further
        old_place, old_top, old_cursor = self._place, self.scroll_offset.y, self.cursor
        self._place = place_after(before, old_place, ids)
        self.cursor = ids[self._place] if ids else None
        page = self._page
        if old_top <= old_place < old_top + page:
            top = self._place - (old_place - old_top)
            if old_top == 0 and self._place < page:
                top = 0  # at the very top, what is new comes into sight
        elif old_top == 0:
            top = 0
        else:
            top = place_after(before, old_top, ids)
        self._measure()
        self.scroll_to(y=max(0, min(top, self._lines - page)), animate=False, force=True)
        self.refresh()
        self.post_message(self.Scrolled())
        if self.cursor != old_cursor:
            self.post_message(self.Moved())

    @property
    def _lines(self) -> int:
        return len(self._ids) + bool(self._further_words)

    def _measure(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, self._lines + HEADER)

    def update_rows(self, ids: Set[str]) -> None:
        """Paint orders anew whose rows changed, as far as they are seen.

        Args:
            ids: Their ULIDs.
        """
        for place, order_id in enumerate(self.in_sight, start=self.scroll_offset.y):
            if order_id in ids:
                self._note_changes(order_id)
                self.refresh_line(place + HEADER)

    def show_sorting(self, sort: Sort, *, descending: bool) -> None:
        """Say in the header what the orders are sorted by."""
        self._sorted_by = sort, descending
        self.refresh()

    def has_column_of(self, sort: Sort) -> bool:
        """Whether there is room for the column in whose heading the sorting is told."""
        return any(column.sort is sort for column, _width in self._layout)

    def show_when_empty(self, words: str) -> None:
        """Say what an empty table means."""
        self._empty_words = words
        self.refresh()

    def repaint(self) -> None:
        """Forget what was painted: the language or the theme is another."""
        self._painted.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme is another."""
        self._painted.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Fold columns away or unfold them, and keep the cursor in sight."""
        was_seen = self._is_seen(self._place)
        width = self.scrollable_content_region.width
        self._layout = fit(width - _GUTTER, has_pane=self.has_pane)
        self._painted.clear()
        self._measure()
        if was_seen:
            self.scroll_to_cursor()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Tell that other orders are in sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())

    @property
    def in_sight(self) -> Sequence[str]:
        """ULIDs of the orders that are seen now."""
        top = self.scroll_offset.y
        return self._ids[top : top + self._page]

    @property
    def is_near_end(self) -> bool:
        """Fewer orders are below what is seen than are seen."""
        return self.scroll_offset.y + 2 * self._page >= len(self._ids)

    @property
    def is_near_top(self) -> bool:
        """Fewer orders are above what is seen than are seen."""
        return self.scroll_offset.y < self._page

    # --- drawing -----------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw one line of the widget."""
        width = self.scrollable_content_region.width
        place = y - HEADER + self.scroll_offset.y
        if y < HEADER:
            content, style = self._header(), self.get_visual_style("order-table--header")
        elif not self._ids:
            lines = Content(self._empty_words).wrap(max(1, width - 2 * _GUTTER))
            content = (
                Content(" " * _GUTTER) + lines[y - 2] if 2 <= y < len(lines) + 2 else Content()
            )
            style = self.get_visual_style("order-table--empty")
        elif place < len(self._ids):
            content = self._line(self._ids[place])
            style = self._line_style(place)
        elif place == len(self._ids) and self._further_words:
            content = Content(" " * _GUTTER + self._further_words)
            style = self.get_visual_style("order-table--empty")
        else:
            content, style = Content(), self.visual_style
        segments = content.truncate(width).render_segments(style)
        strip = Strip(segments).extend_cell_length(width, style.rich_style)
        return strip.crop(0, width)

    def _line_style(self, place: int) -> Style:
        if place == self._place:
            return self.get_visual_style("order-table--cursor")
        return self.visual_style

    def _line(self, order_id: str) -> Content:
        cursor = (">" if self._ascii else "▸") if order_id == self.cursor else " "
        mark = ("*" if self._ascii else "✓") if order_id in self.marked else " "
        row = self._rows().get(order_id)
        if row is None:
            return Content(cursor + mark)
        return Content.assemble(cursor, (mark, "bold $accent"), " ") + self._cells(row)

    def _cells(self, row: OrderRow) -> Content:
        glow = frozenset(self._glowing.get(row.id, ()))
        painted = self._painted.get(row.id)
        if painted is not None and painted[0] is row and not glow:
            return painted[1]
        content = cells(row, self._layout, Paint(self._zone, self._ascii, glow))
        if len(self._painted) > 4 * self._page:
            self._painted.clear()
        self._painted[row.id] = row, content
        return content

    def _header(self) -> Content:
        sort, descending = self._sorted_by
        arrow = ("v" if descending else "^") if self._ascii else ("▼" if descending else "▲")
        parts = []
        for column, width in self._layout:
            title = Content(_(column.title))
            if column.sort is sort:
                title = title.truncate(width - 1, ellipsis=True) + Content.styled(arrow, "$accent")
            title = title.truncate(width, ellipsis=True)
            short = width - title.cell_length
            parts.append(title.pad_left(short) if column.right else title.pad_right(short))
        return Content(" " * _GUTTER) + Content(" " * GAP).join(parts)

    # --- the glow of what just changed ---------------------------------------------------------

    def _note_changes(self, order_id: str) -> None:
        painted, row = self._painted.pop(order_id, None), self._rows().get(order_id)
        if painted is None or row is None:
            return
        before = {image.image_id: image for image in painted[0].images}
        end = monotonic() + _GLOW_SECONDS
        for image in row.images:
            old = before.get(image.image_id, image)
            for kind in VersionType:
                told = image.version_id(kind), image.status(kind)
                if told != (old.version_id(kind), old.status(kind)):
                    self._glow(order_id, image.image_id, kind, end)

    def _glow(self, order_id: str, image_id: int, kind: VersionType, end: float) -> None:
        self._glowing.setdefault(order_id, {})[image_id, kind] = end
        if self._glow_timer is None:
            self._glow_timer = self.set_interval(_GLOW_SECONDS / 5, self._fade)
        self._glow_timer.resume()

    def _fade(self) -> None:
        now = monotonic()
        faded = set()
        for order_id, badges in list(self._glowing.items()):
            left = {badge: end for badge, end in badges.items() if end > now}
            if len(left) < len(badges):
                faded.add(order_id)
                self._painted.pop(order_id, None)
                self._glowing[order_id] = left
            if not left:
                del self._glowing[order_id]
        for place, order_id in enumerate(self.in_sight, start=self.scroll_offset.y):
            if order_id in faded:
                self.refresh_line(place + HEADER)
        if not self._glowing and self._glow_timer is not None:
            self._glow_timer.pause()

    # --- the cursor ----------------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        """How many orders are shown."""
        return len(self._ids)

    def _go(self, place: int) -> None:
        if place != self._place or self.cursor is None:
            self.refresh_line(self._place + HEADER)
            self._place, self.cursor = place, self._ids[place]
            self.refresh_line(place + HEADER)
            self.post_message(self.Moved())

    def move_to(self, place: int) -> None:
        """Put the cursor on a row and bring it into sight."""
        last = len(self._ids) - 1
        if self._further_words and self._place == last and place >= last:
            self.post_message(self.Ended())
        super().move_to(place)

    def scroll_to_cursor(self) -> None:
        """Bring the row under the cursor into sight, and what is said below the last one."""
        super().scroll_to_cursor()
        if self._further_words and self._place == len(self._ids) - 1:
            self.scroll_end(animate=False, force=True)

    def _open(self) -> None:
        self.post_message(self.Opened())

    def toggle_mark(self) -> None:
        """Mark the order under the cursor, or not, and go on to the next."""
        if self.cursor is not None:
            self.marked ^= {self.cursor}
            self._marked_last = self.cursor
            self.refresh_line(self._place + HEADER)
            self.move_to(self._place + 1)

    @property
    def can_mark_range(self) -> bool:
        """Whether the range has a beginning that is still marked and shown."""
        last = self._marked_last
        return self.cursor is not None and last in self.marked and last in self._ids

    def mark_range(self) -> None:
        """Mark all from the order that was marked last to the one under the cursor."""
        if self.can_mark_range and self._marked_last is not None:
            ends = sorted((self._ids.index(self._marked_last), self._place))
            self.marked |= set(self._ids[ends[0] : ends[1] + 1])
            self._marked_last = self.cursor
            self.refresh()

    def toggle_all_marks(self) -> None:
        """Mark all orders that are shown; where all are marked, none."""
        shown = set(self._ids)
        self.marked = self.marked - shown if shown <= self.marked else self.marked | shown
        self.refresh()

    def unmark(self, ids: Iterable[str]) -> None:
        """Take marks away.

        Args:
            ids: ULIDs of orders.
        """
        self.marked.difference_update(ids)
        self.refresh()

    # --- the mouse -----------------------------------------------------------------------------

    def _click_header(self, x: int) -> None:
        """Ask for the column's order."""
        start = _GUTTER
        for column, width in self._layout:
            if start <= x < start + width + GAP:
                if column.sort is not None:
                    self.post_message(self.SortAsked(column.sort))
                return
            start += width + GAP
