"""A picture by half blocks, which every terminal with colours can show."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from fototui.widgets.picture.surface import Surface

if TYPE_CHECKING:
    from PIL import Image

_Pixel = tuple[int, int, int]


class HalfBlocks(Surface):
    """Two pixels per character, in colours."""

    def __init__(self) -> None:
        super().__init__(classes="surface")
        self._strips: list[Strip] = []

    async def paint(self, image: Image.Image, cells: Size, cell_height: int) -> None:
        """Show a picture that is as wide as this widget and twice as high."""
        del cells, cell_height
        self._strips = await asyncio.to_thread(lambda: list(half_blocks(image)))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of characters, two of pixels."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)


@lru_cache(maxsize=1 << 16)
def _style(upper: _Pixel, lower: _Pixel | None) -> Style:
    below = None if lower is None else Color.from_rgb(*lower)
    return Style.from_color(Color.from_rgb(*upper), below)


def half_blocks(image: Image.Image) -> Iterator[Strip]:
    """Make rows of half blocks, equal neighbours as one piece.

    Args:
        image: An RGB picture.

    Yields:
        A strip for each two rows of pixels.
    """
    width, data = image.width, image.tobytes()
    pixels = list(zip(data[0::3], data[1::3], data[2::3], strict=True))
    for start in range(0, len(pixels), width * 2):
        upper = pixels[start : start + width]
        lower: list[_Pixel | None] = [*pixels[start + width : start + 2 * width]]
        lower = lower or [None] * width
        segments: list[Segment] = []
        pair, count = (upper[0], lower[0]), 0
        for above, below in zip(upper, lower, strict=True):
            if (above, below) != pair:
                segments.append(Segment("▀" * count, _style(*pair)))
                pair, count = (above, below), 0
            count += 1
        segments.append(Segment("▀" * count, _style(*pair)))
        yield Strip(segments, width)
