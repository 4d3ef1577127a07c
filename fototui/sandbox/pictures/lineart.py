"""A photo becomes line art that looks like a printed colouring page.

Lines are drawn where the picture is darker than its surroundings (a difference of Gaussians, the
smooth kind of adaptive threshold), averaged along the direction in which contours run, so that they
come out as strokes and not as specks (Kang, Lee and Chui: Coherent Line Drawing, NPAR 2007). The
same photo with the same options gives the same bytes.
"""

import io
import math
from dataclasses import dataclass
from typing import Self, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike
from PIL import Image, ImageOps, UnidentifiedImageError

from fototui.domain.errors import InvalidInputError
from fototui.domain.options import STEPS_RANGE, ColoringOptions

_Plane: TypeAlias = npt.NDArray[np.float32]
_Mask: TypeAlias = npt.NDArray[np.uint8]

_MAX_PIXELS = 80_000_000
# Lines are found on at most this many pixels and scaled up from there: contours of a photo hardly
# get finer beyond it, while time and memory would grow with the pixels.
_WORK_PIXELS = 2_000_000
# How far a contour is followed to both sides of a pixel, in strides of 0.8 line widths.
_STRIDES = 5


@dataclass(frozen=True, slots=True)
class _Pen:
    """How to draw; lengths are in pixels of a one-megapixel picture.

    Args:
        smoothing: Passes of edge-preserving smoothing; each removes more texture.
        width: Half width of a line (the sigma of its Gaussian).
        ink: A pixel this much darker than its surroundings (of 255) is part of a line …
        core: … and the line is kept if it is this dark somewhere,
        area: covers this share of the picture,
        extent: and is this long, as a share of the picture's side.
    """

    smoothing: int
    width: float
    ink: float
    core: float
    area: float
    extent: float

    @classmethod
    def of(cls, steps: int) -> Self:
        """From bold outlines only (1 step) to every hair (20)."""
        fine = min(1.0, math.log(steps) / math.log(STEPS_RANGE[1]))
        ink = 5.2 - 3.4 * fine
        return cls(
            smoothing=round(5 - 4 * fine),
            width=2.5 - 1.5 * fine,
            ink=ink,
            core=ink * (2.6 - fine),
            area=0.0006 - 0.0005 * fine,
            extent=0.075 - 0.065 * fine,
        )


def line_art(photo: bytes, options: ColoringOptions) -> bytes:
    """Draw the contours of a photo (blocking; about 0.2 s of CPU for a megapixel).

    Args:
        photo: A picture in any format that Pillow reads; its EXIF rotation is honoured.
        options: `megapixels` is the size of the result; with more `steps` the smoothing is weaker
            and finer strokes are kept.

    Returns:
        A grey PNG: black anti-aliased lines on white.

    Raises:
        InvalidInputError: The photo is no readable picture, or it is too large.
    """
    pen = _Pen.of(options.steps)
    pixels = options.megapixels * 1e6
    picture = _scaled(_open(photo), min(pixels, _WORK_PIXELS))
    plane = _light(picture, pen)
    # Lines grow slower than the picture: a larger one is drawn finer, as by a pen on larger paper.
    width = max(0.8, pen.width * _unit(plane) ** 0.7)
    darkness = _along_contours(plane, _blurred(plane, width * 3) - _blurred(plane, width), width)
    return _png(_inked(_strokes(_plane(_scaled(darkness, pixels)), pen)))


def _open(photo: bytes) -> MatLike:
    """Decode to RGB, upright, transparent parts white."""
    try:
        with Image.open(io.BytesIO(photo)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise InvalidInputError(
                    "The photo has {width} × {height} pixels, which is too many; send a smaller "
                    "one.",
                    width=image.width,
                    height=image.height,
                )
            upright = ImageOps.exif_transpose(image)
            if upright.has_transparency_data:
                page = Image.new("RGBA", upright.size, "white")
                page.alpha_composite(upright.convert("RGBA"))
                upright = page
            return np.asarray(upright.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow tells broken files by any of these; SyntaxError is its way for broken PNG chunks.
        raise InvalidInputError("The photo cannot be read; send a JPEG or PNG.") from error


def _scaled(plane: MatLike, pixels: float) -> MatLike:
    """Scale to about this many pixels, keeping the proportions."""
    height, width = plane.shape[:2]
    factor = math.sqrt(pixels / (height * width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if size == (width, height):
        return plane
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(plane, size, interpolation=way)


def _unit(plane: MatLike) -> float:
    """How many times longer a side is than in a picture of one megapixel."""
    return math.sqrt(plane.shape[0] * plane.shape[1]) / 1000


def _plane(values: MatLike) -> _Plane:
    """OpenCV's stubs know no narrower type than "numbers"; this copies nothing that fits."""
    return np.asarray(values, np.float32)


def _light(picture: MatLike, pen: _Pen) -> _Plane:
    """Smooth textures away but keep edges, and reduce to one plane in which colours differ too."""
    for _ in range(pen.smoothing):
        picture = cv2.bilateralFilter(picture, 7, 30, 3 * _unit(picture))
    light, red, yellow = cv2.split(_plane(cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)))
    # Red on brown differs hardly in light: redness darkens, yellowness brightens a little.
    return _plane(light - 0.35 * red + 0.2 * yellow)


def _blurred(plane: _Plane, sigma: float) -> _Plane:
    return _plane(cv2.GaussianBlur(plane, (0, 0), sigma))


def _contour_direction(plane: _Plane, width: float) -> tuple[_Plane, _Plane]:
    """Unit vectors along the contours, from the smoothed structure tensor of the picture."""
    smooth = _blurred(plane, width * 0.8)
    across_x = _plane(cv2.Scharr(smooth, cv2.CV_32F, 1, 0))
    across_y = _plane(cv2.Scharr(smooth, cv2.CV_32F, 0, 1))
    xx, xy, yy = (
        _blurred(product, width * 2)
        for product in (across_x * across_x, across_x * across_y, across_y * across_y)
    )
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    return -np.sin(angle), np.cos(angle)


def _along_contours(plane: _Plane, darkness: _Plane, width: float) -> _Plane:
    """Average each pixel's darkness with what lies before and behind it on its contour."""
    along_x, along_y = _contour_direction(plane, width)
    height, length = darkness.shape[:2]
    columns, rows = np.meshgrid(
        np.arange(length, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    stride = width * 0.8
    total, weights = darkness.copy(), 1.0
    for way in (1, -1):
        x, y, step_x, step_y = columns, rows, way * along_x, way * along_y
        for count in range(1, _STRIDES + 1):
            x, y = x + stride * step_x, y + stride * step_y
            weight = math.exp(-((count * stride) ** 2) / (2 * (3 * width) ** 2))
            total += weight * _at(darkness, x, y, cv2.INTER_LINEAR)
            weights += weight
            next_x = _at(along_x, x, y, cv2.INTER_NEAREST)
            next_y = _at(along_y, x, y, cv2.INTER_NEAREST)
            # A contour has no front: keep going the way we came.
            onward = np.sign(next_x * step_x + next_y * step_y)
            step_x, step_y = next_x * onward, next_y * onward
    return _plane(total / weights)


def _at(plane: _Plane, x: _Plane, y: _Plane, way: int) -> _Plane:
    return _plane(cv2.remap(plane, x, y, way, borderMode=cv2.BORDER_REPLICATE))


def _strokes(darkness: _Plane, pen: _Pen) -> _Mask:
    """The mask of lines, without those that are faint, small or short, and without pin holes."""
    size = darkness.shape[0] * darkness.shape[1]
    mask = (darkness > pen.ink).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    extents = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    kept = np.zeros(count, np.bool_)
    kept[labels[darkness > pen.core]] = True
    kept &= stats[:, cv2.CC_STAT_AREA] > pen.area * size
    kept &= extents > pen.extent * math.sqrt(size)
    kept[0] = False  # the paper
    mask = np.asarray(kept[labels], np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    holes = stats[:, cv2.CC_STAT_AREA] < 0.00006 * size
    holes[0] = False  # the lines
    mask[holes[labels]] = 1
    return mask


def _inked(mask: _Mask) -> _Mask:
    """Black on white, edges rounded, lines a little thicker than the mask and anti-aliased."""
    soft = _blurred(_plane(mask), max(1.0, _unit(mask)))
    return np.asarray(255 * np.clip((0.45 - soft) / 0.2 + 0.5, 0, 1), np.uint8)


def _png(plane: _Mask) -> bytes:
    _, data = cv2.imencode(".png", plane)
    return data.tobytes()
