"""Files made into pictures of a bounded size; work for a worker process (`apart`)."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import (
    GifImagePlugin,  # noqa: F401 - importing a plugin registers its format
    Image,
    JpegImagePlugin,  # noqa: F401 - the same
    PngImagePlugin,  # noqa: F401 - the same
    WebPImagePlugin,  # noqa: F401 - the same
)

from fototui.decoding.limits import (
    MAX_SCANS,
    jpeg_scans,
    without_broken_extras,
    without_extras,
)
from fototui.decoding.upright import TURNS, orientation_of
from fototui.domain.sentences import Sentence
from fototui.pictures import svg
from fototui.pictures.errors import PictureBrokenError, PictureTooBigError
from fototui.pictures.levels import SIDES
from fototui.pictures.minimap import Part, draw_minimap

MAX_FILE_BYTES = 60_000_000
"""Bigger files are not read."""

MAX_PIXELS = 120_000_000
"""Bigger pictures are not decoded: as RGB these are 360 MB for a moment."""

# Pillow opens what it is not told to leave alone, and some of its formats run other programs.
# HEIF is there only where a plugin for it is installed and registered.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")

_BROKEN = Sentence.make("The file is damaged or no picture; fetch or generate it again.")
TOO_BIG = Sentence.make("The picture is too big to be shown here; open it in the browser with o.")

# Narrower than this, a picture has lost its whole other side; pixels are never fewer.
_MIN_SIDE = 1


def decode(data: bytes, side: int = SIDES[-1]) -> Image.Image:
    """Open a picture, upright, on white, and of a bounded size.

    Args:
        data: The file: JPEG, PNG, WebP, GIF (its first frame) or SVG.
        side: How many pixels its longer side has, where there are so many, and less than twice as
            many.

    Returns:
        An RGB picture, without any metadata.

    Raises:
        PictureBrokenError: It is no picture, or a damaged one.
        PictureTooBigError: It has too many pixels.
    """
    return Image.frombytes("RGB", *pixels(data, side))


def pixels(data: bytes, side: int = SIDES[-1]) -> tuple[tuple[int, int], bytes]:
    """The same as `decode`, as width and height, and bare pixels."""
    if svg.looks_like_svg(data):
        data = svg.rasterise(data, min(side, svg.SIDE))
    elif jpeg_scans(data) > MAX_SCANS:
        raise PictureTooBigError(TOO_BIG)
    try:
        with _opened(without_broken_extras(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureTooBigError(TOO_BIG)
            # A JPEG decodes to an eighth, quarter or half of itself at a fraction of the cost.
            image.draft("RGB", _within(image.size, side))
            bounded = _bounded(image, side)
            return bounded.size, bounded.tobytes()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooBigError(TOO_BIG) from error
    # What Pillow's decoders raise on damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, TypeError) as error:
        raise PictureBrokenError(_BROKEN) from error
    except (struct.error, zlib.error, OverflowError, LookupError, AttributeError) as error:
        raise PictureBrokenError(_BROKEN) from error


def _opened(data: bytes) -> Image.Image:
    """Open a picture, without a damaged profile or text where there is one."""
    formats = [name for name in _FORMATS if name in Image.OPEN]
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise
    except Exception:
        bare = without_extras(data)
        if bare == data:
            raise
        return Image.open(io.BytesIO(bare), formats=formats)


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / max(size)
    return max(_MIN_SIDE, round(size[0] * scale)), max(_MIN_SIDE, round(size[1] * scale))


def _bounded(image: Image.Image, side: int) -> Image.Image:
    orientation = orientation_of(image)  # read before `thumbnail` forgets it
    if image.mode not in ("RGB", "L"):
        image = _on_white(image)
    factor = max(image.size) // side
    # Whole factors cost a tenth of others; what a window shows is scaled from it in any case.
    if factor > 1:
        image = image.reduce(factor)
    else:
        image.load()
    image.thumbnail((SIDES[-1], SIDES[-1]), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if image.mode != "RGB":  # a copy of a small photo costs as much as its decoding
        image = image.convert("RGB")
    turn = TURNS.get(orientation or 1)
    return image if turn is None else image.transpose(turn)


def _on_white(image: Image.Image) -> Image.Image:
    """A page is white where a picture is transparent."""
    rgba = image.convert("RGBA")
    page = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(page, rgba)


def fit(
    image: Image.Image,
    width: int,
    height: int,
    zoom: float,
    pan: tuple[float, float],
    *,
    cell: tuple[int, int] | None = None,
) -> Image.Image:
    """Cut out and scale what is seen of a picture in a window.

    Args:
        image: The picture.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        zoom: 1 shows all of it; 2 half of its width and height.
        pan: Which point is in the middle, each from 0 to 1.
        cell: Pixels of one character, where a map is to tell which part is seen.

    Returns:
        A picture no bigger than the window, with its proportions kept.
    """
    scale = min(width / image.width, height / image.height) * max(1.0, zoom)
    shown = min(width / scale, image.width), min(height / scale, image.height)
    left = min(max(pan[0] * image.width - shown[0] / 2, 0), image.width - shown[0])
    top = min(max(pan[1] * image.height - shown[1] / 2, 0), image.height - shown[1])
    size = (
        min(width, max(_MIN_SIDE, round(shown[0] * scale))),
        min(height, max(_MIN_SIDE, round(shown[1] * scale))),
    )
    box = (left, top, min(left + shown[0], image.width), min(top + shown[1], image.height))
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    seen = image.resize(size, method, box)
    if cell is not None and zoom > 1:
        part = Part(
            box[0] / image.width,
            box[1] / image.height,
            box[2] / image.width,
            box[3] / image.height,
        )
        draw_minimap(seen, part, shape=image.size, cell=cell)
    return seen
