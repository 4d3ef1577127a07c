"""What tables have in common: a heading, lines below it, and a cursor on one of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click
from textual.scroll_view import ScrollView

from fototui.ui.bindings import list_bindings

HEADER = 1
"""Lines that the heading takes."""


class CursorTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Moves the cursor by keys and mouse, and keeps it in sight."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(-1)", show=False),
        *list_bindings("move(1)", "move(-1)", "page(0.5)", "page(-0.5)"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as Textual names it
        super().__init__(id=id)
        self._place = 0

    # --- what each table does its own way ------------------------------------------------------

    @property
    @abstractmethod
    def row_count(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def _go(self, place: int) -> None:
        """Put the cursor on a row that is there, and tell of it."""

    @abstractmethod
    def _open(self) -> None:
        """Tell that the row under the cursor was double clicked."""

    def _click_header(self, x: int) -> None:
        """The heading was clicked."""

    # --- the cursor ----------------------------------------------------------------------------

    @property
    def place(self) -> int:
        """Where the cursor is, from 0."""
        return self._place

    @property
    def _page(self) -> int:
        """How many rows are seen at once."""
        return max(1, self.scrollable_content_region.height - HEADER)

    def _is_seen(self, place: int) -> bool:
        return self.scroll_offset.y <= place < self.scroll_offset.y + self._page

    def move_to(self, place: int) -> None:
        """Put the cursor on a row and bring it into sight.

        Args:
            place: From 0; beyond the ends it is the first or the last.
        """
        if self.row_count:
            self._go(max(0, min(place, self.row_count - 1)))
            self.scroll_to_cursor()

    def scroll_to_cursor(self) -> None:
        """Bring the row under the cursor into sight."""
        top = self.scroll_offset.y
        wanted = max(min(top, self._place), self._place - self._page + 1)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)

    def action_move(self, step: int) -> None:
        """One line up or down."""
        self.move_to(self._place + step)

    def action_page(self, step: float) -> None:
        """One page up or down, or a part of one."""
        self.move_to(self._place + int(step * self._page))

    def action_edge(self, place: int) -> None:
        """To the first or the last."""
        self.move_to(place if place >= 0 else self.row_count - 1)

    def on_click(self, event: Click) -> None:
        """A click puts the cursor there, a double click opens."""
        place = event.y - HEADER + self.scroll_offset.y
        if event.y < HEADER:
            self._click_header(event.x)
        elif place < self.row_count:
            self.move_to(place)
            if event.chain == 2:
                self._open()
