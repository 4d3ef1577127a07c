"""What an operator should look at before a picture is printed, measured on it as it is printed.

The picture is drawn in the size it has on its page, at 150 dots per inch: there, a dot is 0.17 mm.
"""

import io
from dataclasses import dataclass

import resvg_py
from PIL import Image, ImageChops, ImageStat

from fototui.books.request import SERVICE
from fototui.books.svg import UNDRAWABLE, PrintableSvg
from fototui.domain.books import FindingKind
from fototui.domain.errors import PermanentError

PPI = 150
_MM = PPI / 25.4

MOST_WHITE = 0.006
"""Below this share of ink a page is nearly empty; the sparest sample has seven times as much."""
MOST_BLACK = 0.45
"""Above this share of ink a page is nearly black; the darkest sample has half of it."""
SPECK = 0.8
"""Millimetres; what is smaller to both sides, with white all around, is a speck."""
MANY_SPECKS = 40
EDGE_SHARE = 0.65
"""Of one side of a picture; where a photo was cut, lines that run out of it take up to half."""
THIN = 0.11
"""Millimetres; presses ask for lines of 0.25 pt (0.09 mm) at least."""
THIN_SHARE = 0.15
"""Of all ink."""

# Of 255; what is fainter is the soft edge of something darker.
_INK = 38


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured on a drawing.

    Args:
        ink: Share of it that is black.
        specks: How many dots stand alone.
        edge: Share of ink along the side of the picture that has the most.
        thin: Share of the ink that is in lines too thin to be printed.
    """

    ink: float
    specks: int
    edge: float
    thin: float

    def kinds(self) -> list[FindingKind]:
        """What is to be reported."""
        if self.ink < MOST_WHITE:
            # Of next to nothing all else would be true, too.
            return [FindingKind.NEARLY_EMPTY]
        is_black = self.ink > MOST_BLACK
        found = {
            FindingKind.NEARLY_BLACK: is_black,
            FindingKind.SPECKS: self.specks >= MANY_SPECKS,
            # A black page does so anyhow.
            FindingKind.TOUCHES_EDGE: self.edge > EDGE_SHARE and not is_black,
            FindingKind.THIN_LINES: self.thin > THIN_SHARE,
        }
        return [kind for kind, is_found in found.items() if is_found]


def measure(svg: PrintableSvg, millimetres: float) -> Measures:
    """Draw a picture and measure it.

    Args:
        svg: The picture.
        millimetres: Its width on the page.

    Raises:
        PermanentError: It cannot be drawn.
    """
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=svg.data.decode(),
            background="#ffffff",
            skip_system_fonts=True,
            width=max(1, round(millimetres * _MM)),
            dpi=96.0,
        )
    except ValueError:
        raise PermanentError(UNDRAWABLE, service=SERVICE) from None
    with Image.open(io.BytesIO(bytes(png))) as image:
        darkness = ImageChops.invert(image.convert("L"))
    ink = darkness.point(lambda level: 255 if level > _INK else 0)
    return Measures(
        ink=_mean(darkness),
        specks=_specks(ink),
        edge=_edge(ink),
        thin=_thin(darkness, ink),
    )


def _mean(image: Image.Image) -> float:
    return ImageStat.Stat(image).mean[0] / 255


def _edge(ink: Image.Image) -> float:
    width, height = ink.size
    depth = min(2, width, height)
    return max(
        _mean(ink.crop(box))
        for box in (
            (0, 0, width, depth),
            (0, height - depth, width, height),
            (0, 0, depth, height),
            (width - depth, 0, width, height),
        )
    )


def _thin(darkness: Image.Image, ink: Image.Image) -> float:
    """Share of the ink that has nothing dark beside it: a thin line never fills a dot."""
    whole = _mean(ink)
    if not whole:
        return 0.0
    full = round(255 * THIN * _MM)
    cores = darkness.point(lambda level: 255 if level > full else 0)
    # Nor is a grey area a thin line, although none of its dots is dark.
    areas = ImageChops.invert(_around(ImageChops.invert(ink), 2))
    near_cores = _around(ImageChops.lighter(cores, areas), 2)
    return _mean(ImageChops.subtract(ink, near_cores)) / whole


def _specks(ink: Image.Image) -> int:
    """Count what stands in a ring of white, by shifting the picture against itself."""
    radius = round(SPECK * _MM / 2) + 2
    room = Image.new("L", (ink.width + 4 * radius, ink.height + 4 * radius))
    room.paste(ink, (2 * radius, 2 * radius))
    across, down = _smeared(room, radius, (1, 0)), _smeared(room, radius, (0, 1))
    ring = ImageChops.lighter(
        ImageChops.lighter(
            ImageChops.offset(across, 0, radius), ImageChops.offset(across, 0, -radius)
        ),
        ImageChops.lighter(ImageChops.offset(down, radius, 0), ImageChops.offset(down, -radius, 0)),
    )
    inside = _around(room, radius - 1)
    # Around each speck the places that see it so fill a rectangle; its first corner is counted.
    seen = ImageChops.subtract(inside, ring)
    above, left = ImageChops.offset(seen, 0, 1), ImageChops.offset(seen, 1, 0)
    corners = ImageChops.subtract(seen, ImageChops.lighter(above, left))
    return corners.histogram()[255]


def _around(image: Image.Image, radius: int) -> Image.Image:
    """Each dot drawn out to a square."""
    return _smeared(_smeared(image, radius, (1, 0)), radius, (0, 1))


def _smeared(image: Image.Image, radius: int, way: tuple[int, int]) -> Image.Image:
    """Each dot drawn out to both sides."""
    done = 0
    while done < radius:  # by doubling
        step = min(done + 1, radius - done) if done else 1
        image = ImageChops.lighter(
            image,
            ImageChops.lighter(
                ImageChops.offset(image, step * way[0], step * way[1]),
                ImageChops.offset(image, -step * way[0], -step * way[1]),
            ),
        )
        done += step
    return image
