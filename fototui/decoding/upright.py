"""How a picture was held when it was taken (EXIF 2.3, tag 0x0112)."""

from PIL import Image

_TAG = 0x0112

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How each orientation is made upright; 1 is upright."""

ON_ITS_SIDE = frozenset(TURNS[orientation] for orientation in (5, 6, 7, 8))
"""Turns that change width for height."""


def orientation_of(image: Image.Image) -> int | None:
    """How a picture is turned; None where that cannot be read.

    A PNG is decoded to know (its EXIF may come last).

    Args:
        image: The picture.
    """
    try:
        orientation = image.getexif().get(_TAG, 1)
    except Exception:  # noqa: BLE001 - damaged Exif raises nearly anything, and the pixels are there
        return None
    return orientation if isinstance(orientation, int) else None
