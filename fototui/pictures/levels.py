"""How big a picture is kept: about what a screen shows, so that it is decoded and read soon.

The bigger ones are made where somebody looks closer.
"""

from collections.abc import Iterator

SIDES = (384, 768, 1536, 3072)
"""Longer sides in pixels; in the longest, the biggest colouring of 8 megapixels loses nothing."""


def side_for(pixels: float) -> int:
    """The side of which so many pixels can be shown; the longest one where there is no such."""
    return next((side for side in SIDES if side >= pixels), SIDES[-1])


def sides_with(wanted: int) -> Iterator[int]:
    """Where to look for a picture: as wanted, then bigger, then smaller ones."""
    yield from (side for side in SIDES if side >= wanted)
    yield from (side for side in reversed(SIDES) if side < wanted)


def is_enough(size: tuple[int, int], side: int, wanted: int) -> bool:
    """Whether a picture is as big as wanted, or there are no more pixels of it.

    Args:
        size: The picture's.
        side: What it was kept as.
        wanted: The side that is wanted.
    """
    return side >= wanted or max(size) < side
