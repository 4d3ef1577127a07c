"""A picture by block characters of two colours each, which every terminal with colours can show.

A character is a grid of pixels: halves (1×2), quadrants (2×2), sextants (2×3) or octants (2×4).
What is darker than the character's mean is drawn in the mean of its dark pixels, the rest in the
mean of the light ones. So lines keep their edges, which a coarser grid blurs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip

from fototui.pictures.terminal import Graphics
from fototui.widgets.picture.surface import Surface

if TYPE_CHECKING:
    from PIL import Image

_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
# Six bits of a colour: the others are not seen, and would make more pieces of a row.
_SIX_BITS = [value & 0xFC | value >> 6 for value in range(256)] * 3


def _sextants() -> str:
    """Unicode's sextants (U+1FB00, version 13); four of the patterns are other blocks."""
    others = {0: " ", 21: "▌", 42: "▐", 63: "█"}
    rest = iter(range(0x1FB00, 0x1FB3C))
    return "".join(others.get(pattern) or chr(next(rest)) for pattern in range(64))


def _octants() -> str:
    """Unicode's octants (U+1CD00, version 16); 26 of the patterns are other blocks."""
    others = dict(
        zip(
            (0, 5, 10, 15, 80, 85, 90, 95, 160, 165, 170, 175, 240, 245, 250, 255),
            _QUADRANTS,
            strict=True,
        )
    )
    others |= {192: "▂", 252: "▆", 3: "\U0001fb82", 63: "\U0001fb85"}
    others |= {20: "\U0001fbe6", 40: "\U0001fbe7"}
    others |= {1: "\U0001cea8", 2: "\U0001ceab", 64: "\U0001cea3", 128: "\U0001cea0"}
    rest = iter(range(0x1CD00, 0x1CDE6))
    return "".join(others.get(pattern) or chr(next(rest)) for pattern in range(256))


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixels of one character.

    Args:
        across: How many, across.
        down: How many, down.
        characters: The character for each pattern; its bits are the dark pixels, row by row.
    """

    across: int
    down: int
    characters: str


@cache
def grid(graphics: Graphics) -> Grid:
    """The grid of a way to show pictures."""
    match graphics:
        case Graphics.OCTANT:
            return Grid(2, 4, _octants())
        case Graphics.SEXTANT:
            return Grid(2, 3, _sextants())
        case Graphics.QUADRANT:
            return Grid(2, 2, _QUADRANTS)
        case _:
            return Grid(1, 2, " ▀▄█")


class Symbols(Surface):
    """Block characters in colours.

    Args:
        graphics: Which characters.
    """

    def __init__(self, graphics: Graphics) -> None:
        super().__init__(classes="surface")
        self._grid = grid(graphics)
        self._strips: list[Strip] = []

    async def paint(self, image: Image.Image, cells: Size, cell_height: int) -> None:
        """Show a picture once this widget has its size; only rows that changed are drawn again."""
        del cell_height
        before = self._strips
        self._strips = await asyncio.to_thread(
            lambda: list(draw(image, self._grid, cells.width, cells.height))
        )
        if len(before) != len(self._strips):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, self._strips, strict=True)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One row of characters."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)


def draw(image: Image.Image, grid: Grid, width: int, height: int) -> Iterator[Strip]:
    """Draw a picture.

    Args:
        image: An RGB picture.
        grid: Which characters.
        width: Characters across.
        height: Characters down.

    Yields:
        A strip for each row of characters, equal neighbours as one piece.
    """
    from PIL import Image  # it takes long to import, and not every screen has pictures

    pixels = (width * grid.across, height * grid.down)
    if image.size != pixels:
        image = image.resize(pixels, Image.Resampling.BOX)
    patterns, dark, light = _two_colours(image, grid)
    for start in range(0, width * height, width):
        yield _row(range(start, start + width), patterns, dark, light, grid.characters)


def _two_colours(image: Image.Image, grid: Grid) -> tuple[bytes, bytes, bytes]:
    """Divide the pixels of each character into dark and light ones.

    All of it by Pillow, which is a hundred times faster than a loop over pixels.

    Returns:
        For each character the bits of its dark pixels; the means of the dark and of the light ones,
        three bytes each.
    """
    from PIL import Image, ImageChops, ImageMath

    cell = (grid.across, grid.down)
    grey = image.convert("L")
    mean = grey.reduce(cell).resize(image.size, Image.Resampling.NEAREST)
    mask = ImageChops.subtract(mean, grey).point([0] + [255] * 255)
    share = _mean(mask, cell)  # of dark pixels, of 255
    darks, lights = [], []
    for channel in image.split():
        means = {
            "whole": _mean(channel, cell),
            "dark": _mean(ImageChops.multiply(channel, mask), cell),
            "share": share,
        }
        darks.append(ImageMath.lambda_eval(_dark, **means).convert("L"))
        lights.append(ImageMath.lambda_eval(_light, **means).convert("L"))
    bits = _mean(ImageChops.multiply(mask, _weights(cell, image.size)), cell)
    count = grid.across * grid.down
    patterns = bits.point(lambda value: value * count + 0.5).convert("L").tobytes()
    return (
        patterns,
        Image.merge("RGB", darks).point(_SIX_BITS).tobytes(),
        Image.merge("RGB", lights).point(_SIX_BITS).tobytes(),
    )


def _dark(of: Mapping[str, Any]) -> Any:
    # A little more than nothing, where there is none.
    return of["dark"] * 255 / (of["share"] + 0.001) + 0.5


def _light(of: Mapping[str, Any]) -> Any:
    return (of["whole"] - of["dark"]) * 255 / (255.001 - of["share"]) + 0.5


def _mean(channel: Image.Image, cell: tuple[int, int]) -> Image.Image:
    """The mean of each character's pixels, exactly."""
    return channel.convert("F").reduce(cell)


@lru_cache(maxsize=4)
def _weights(cell: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    """The bit of each pixel's place in its character."""
    from PIL import Image

    across, down = cell
    rows = (bytes(1 << (across * y + x) for x in range(across)) for y in range(down))
    row = b"".join(row * (size[0] // across) for row in rows)
    return Image.frombytes("L", size, row * (size[1] // down))


def _row(cells: range, patterns: bytes, dark: bytes, light: bytes, characters: str) -> Strip:
    segments: list[Segment] = []
    text, fore, back = "", b"", b""
    for cell in cells:
        pattern = patterns[cell]
        behind = light[3 * cell : 3 * cell + 3]
        before = dark[3 * cell : 3 * cell + 3] if pattern else fore
        # Blanks before and after take any colour to stand in front.
        if behind != back or before != (fore or before):
            if text:
                segments.append(Segment(text, _style(fore, back)))
            text, back = "", behind
        fore = before
        text += characters[pattern]
    segments.append(Segment(text, _style(fore, back)))
    return Strip(segments, len(cells))


@lru_cache(maxsize=1 << 16)
def _style(fore: bytes, back: bytes) -> Style:
    return Style.from_color(Color.from_rgb(*fore) if fore else None, Color.from_rgb(*back))
