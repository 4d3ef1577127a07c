"""A picture by Sixel, which a terminal draws over its characters and knows nothing more of.

textual-image makes the Sixel data; its own widget is not used: as seen in xterm 379, its pictures
scroll the screen when they reach down to the last but one row, cover the notices in front of them,
and keep the holes of those that went (textual-image 0.12).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from itertools import pairwise

from PIL import Image
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual_image._sixel import image_to_sixels

from fototui.widgets.picture.surface import Surface

_BAND = 6  # rows of pixels that Sixel tells at once
_DEFINITION = re.compile(r"#(\d+);2;\d+;\d+;\d+")


def sixels(image: Image.Image, height: int) -> str:
    """Tell a picture in Sixel.

    Args:
        image: An RGB picture.
        height: How many rows of pixels it may fill; what is lower is cut off.

    Returns:
        The control string. It ends above `height`: xterm puts the cursor under a picture, and
        scrolls the screen where there is no row left for it.
    """
    # A band that is not full would be drawn to its end by some.
    height = max(_BAND, (height - 1) // _BAND * _BAND)
    if image.height > height:
        image = image.crop((0, 0, image.width, height))
    # To define a colour does not choose it, says xterm up to 379.
    data = _DEFINITION.sub(r"\g<0>#\1", image_to_sixels(image))
    return data.replace("-\x1b\\", "\x1b\\")


class _Kept(Strip):
    """Characters that are left as they are; blank behind a dialog and in what is no terminal."""

    def __init__(self, width: int, style: Style) -> None:
        super().__init__(Strip.blank(width, style), width)
        self._blank = style

    def divide(self, cuts: Iterable[int]) -> list[Strip]:
        """Give the parts between cuts."""
        ends = [cut for cut in cuts if cut <= self.cell_length]
        return [self.crop(start, end) for start, end in pairwise([0, *ends])]

    def crop(self, start: int, end: int | None = None) -> Strip:
        """Give a part."""
        return _Kept(self._left(start, end), self._blank)

    def render(self, console: Console) -> str:
        """Move over them."""
        return f"\x1b[{self.cell_length}C" if self.cell_length else ""

    def _left(self, start: int, end: int | None) -> int:
        end = self.cell_length if end is None else min(end, self.cell_length)
        return max(0, end - start)


class _Drawn(_Kept):
    """The first row of a picture, with which all of it is drawn.

    Args:
        width: Characters of the row that are still its own.
        style: What there is where it has no pixels.
        place: Where the picture is on the screen.
        data: The picture.
    """

    def __init__(self, width: int, style: Style, place: Region, data: str) -> None:
        super().__init__(width, style)
        self._place, self._data = place, data

    def crop(self, start: int, end: int | None = None) -> Strip:
        """Give a part; who has the beginning draws."""
        if start:
            return super().crop(start, end)
        return _Drawn(self._left(0, end), self._blank, self._place, self._data)

    def render(self, console: Console) -> str:
        """Erase what it may not cover to the edge, draw, and go on behind this row's characters."""
        x, y, width, height = self._place
        right, bottom = x + width - 1, y + height - 1
        rest = Strip([Segment("\x1b[1X", self._blank)]).render(console)
        edge = "".join(f"{_move_to(right, row)}{rest}" for row in range(y, bottom))
        last = Strip([Segment(f"\x1b[{width}X", self._blank)]).render(console)
        # The rest is not erased, so that nothing flickers while the terminal reads the picture.
        erased = f"{edge}{_move_to(x, bottom)}{last}"
        return f"{erased}{_move_to(x, y)}{self._data}{_move_to(x + self.cell_length, y)}"


def _move_to(x: int, y: int) -> str:
    return Control.move_to(x, y).segment.text


class Sixels(Surface):
    """A picture in pixels."""

    def __init__(self) -> None:
        super().__init__(classes="surface")
        self._data = ""
        self._cells = Size()
        self._in_front: frozenset[Region] = frozenset()

    def on_mount(self) -> None:
        """Follow what comes to stand in front of it."""
        self.screen.screen_layout_refresh_signal.subscribe(self, lambda _screen: self._look())

    async def paint(self, image: Image.Image, cells: Size, cell_height: int) -> None:
        """Show a picture once this widget has its size.

        Args:
            image: An RGB picture.
            cells: Its size in characters.
            cell_height: Pixels of one character, down.
        """
        self._data = await asyncio.to_thread(sixels, image, cells.height * cell_height)
        self._cells = cells
        self.refresh()

    def _look(self) -> None:
        """Draw anew where something came or went: its own characters are all that was restored."""
        notices = self.screen.query("Toast, Tooltip") if self.display else ()
        in_front = frozenset(
            notice.region
            for notice in notices
            if notice.display and notice.region.overlaps(self.region)
        )
        if in_front != self._in_front:
            self._in_front = in_front
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """All of it is drawn at its first row, so that what stands in front comes after it."""
        style = self.rich_style
        if not crop.size == self.size == self._cells:  # it would be drawn over others
            return [Strip.blank(crop.width, style)] * crop.height
        drawn = _Drawn(crop.width, style, self.region, self._data)
        return [drawn, *[_Kept(crop.width, style)] * (crop.height - 1)]
