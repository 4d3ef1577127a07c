"""A small map in a picture's corner: which part of the whole is seen."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

_WIDEST, _HIGHEST = 20, 8  # characters
_NARROWEST, _LOWEST = 4, 2
_SHARE = 5  # of the picture's width and height, at most
_GROUND = (38, 38, 46)
_SEEN = (255, 170, 60)
_OPACITY = 0.8


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture, in shares of its width and height, each from 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def is_whole(self) -> bool:
        """Nothing is left out."""
        return (self.left, self.top, self.right, self.bottom) == (0, 0, 1, 1)


def draw_minimap(
    image: Image.Image, part: Part, *, shape: tuple[int, int], cell: tuple[int, int]
) -> None:
    """Draw the map into what is seen of a picture; not where there is no room for it.

    It lies on the borders of characters, so that it is as sharp in symbols as in pixels.

    Args:
        image: What is seen; it is changed.
        part: Which part of the picture that is.
        shape: The picture's width and height.
        cell: Pixels of one character, across and down.
    """
    across, down = cell
    wide = min(_WIDEST * across, image.width / _SHARE)
    high = min(_HIGHEST * down, image.height / _SHARE)
    scale = min(wide / shape[0], high / shape[1])
    columns, rows = round(shape[0] * scale / across), round(shape[1] * scale / down)
    if part.is_whole or columns < _NARROWEST or rows < _LOWEST:
        return
    width, height = columns * across, rows * down
    # One character from the corner.
    x = (image.width // across - columns - 1) * across
    y = (image.height // down - rows - 1) * down
    ground = (x, y, x + width, y + height)
    shade = Image.blend(image.crop(ground), Image.new("RGB", (width, height), _GROUND), _OPACITY)
    image.paste(shade, ground)
    left, top = x + int(part.left * width), y + int(part.top * height)
    seen = (
        left,
        top,
        max(left, min(x + width, x + round(part.right * width)) - 1),
        max(top, min(y + height, y + round(part.bottom * height)) - 1),
    )
    ImageDraw.Draw(image).rectangle(seen, fill=_SEEN)
