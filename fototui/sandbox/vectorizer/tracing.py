"""Line art becomes an SVG of black and white shapes."""

import io
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from xml.etree import ElementTree as ET

import vtracer  # type: ignore[import-untyped]  # the wheel carries no py.typed
from PIL import Image, UnidentifiedImageError

from fototui.domain.errors import InvalidInputError
from fototui.domain.options import GroupBy, ShapeStacking, SvgOptions

_SVG = "http://www.w3.org/2000/svg"
_PATH = f"{{{_SVG}}}path"
_BLACK, _WHITE = "#000000", "#ffffff"
_SUBPATH = re.compile(r"M[^M]+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_SPECKLE, _DECIMALS = 4, 2
# By position (img_format, colormode, …, filter_speckle, …, path_precision): given keywords, the
# wheel crashes under Python 3.14.
_TRACING = ("png", "binary", None, None, _SPECKLE, *(None,) * 6, _DECIMALS)

ET.register_namespace("", _SVG)


def vectorize(png: bytes, options: SvgOptions) -> bytes:
    """Trace a picture's black and white shapes (blocking; about 0.15 s of CPU for a megapixel).

    Args:
        png: The line art.
        options: Stacked: holes are white shapes that lie on the black ones, above a white page.
            Cut out: black shapes with real holes, and nothing below. Grouping puts neighbours in
            painting order under one `<g>`.

    Returns:
        A UTF-8 SVG document with a viewBox of the picture's pixels.

    Raises:
        InvalidInputError: The data is no readable picture.
    """
    try:
        with Image.open(io.BytesIO(png)) as image:
            width, height = image.size
            sheet = image.convert("L").point(lambda level: 255 if level > 127 else 0)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInputError("The picture cannot be read; send a PNG.") from error
    root = ET.Element(
        f"{{{_SVG}}}svg",
        {"version": "1.1", "viewBox": f"0 0 {width} {height}"}
        | {"width": str(width), "height": str(height)},
    )
    shapes = list(_traced(sheet))
    if options.shape_stacking is ShapeStacking.STACKED:
        shapes = _stacked(shapes, width, height)
    root.extend(_grouped(shapes, options.group_by))
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _traced(sheet: Image.Image) -> Iterator[ET.Element]:
    """Black shapes, each with its holes as further subpaths."""
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", compress_level=1)
    # vtracer's "color" mode knows stacking, but gives thin lines the mean colour of what they
    # enclose, so that outlines get lost; "binary" keeps every line.
    svg: str = vtracer.convert_raw_image_to_svg(buffer.getvalue(), *_TRACING)
    yield from ET.fromstring(svg).iter(_PATH)  # noqa: S314  # vtracer's own words


def _stacked(shapes: Iterable[ET.Element], width: int, height: int) -> list[ET.Element]:
    """Split holes off as white shapes, and put what encloses another shape below it."""
    page = ET.Element(_PATH, {"d": f"M0 0 H{width} V{height} H0 Z", "fill": _WHITE})
    pieces = []
    for shape in shapes:
        outline, *holes = _SUBPATH.findall(shape.get("d", ""))
        for d, colour in [(outline, _BLACK), *((hole, _WHITE) for hole in holes)]:
            piece = ET.Element(_PATH, {"d": d, "fill": colour})
            piece.set("transform", shape.get("transform", ""))
            pieces.append((_extent(d), piece))
    return [page, *(piece for _, piece in sorted(pieces, key=lambda item: -item[0]))]


def _extent(d: str) -> float:
    """Area of the box around a subpath; that of an enclosing one is larger."""
    numbers = [float(number) for number in _NUMBER.findall(d)]
    x, y = numbers[::2], numbers[1::2]
    return (max(x) - min(x)) * (max(y) - min(y))


def _grouped(shapes: list[ET.Element], group_by: GroupBy) -> Iterator[ET.Element]:
    """Put neighbours into groups, which changes nothing in what is painted over what."""
    runs = groupby(shapes, key=lambda shape: shape.get("fill", _BLACK))
    match group_by:
        case GroupBy.NONE:
            yield from shapes
        case GroupBy.COLOR:
            for colour, members in runs:
                yield _group({"fill": colour}, members)
        case GroupBy.LAYER:
            for number, (_, members) in enumerate(runs, start=1):
                yield _group({"id": f"layer-{number}"}, members)
        case GroupBy.PARENT:
            yield _group({"id": "page"}, shapes)


def _group(attributes: dict[str, str], members: Iterable[ET.Element]) -> ET.Element:
    group = ET.Element(f"{{{_SVG}}}g", attributes)
    group.extend(members)
    return group
