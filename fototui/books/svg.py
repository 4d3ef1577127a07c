"""An SVG as a book prints it: plain shapes in greys, written anew from the parsed tree.

Only what is known to be a shape is kept. So nothing runs, nothing is fetched, and no renderer makes
pixels of a filter or colours of a gradient. What is left out is reported.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import NoReturn
from xml.etree import ElementTree as ET
from xml.parsers.expat import errors as expat

from fototui.books.request import SERVICE
from fototui.domain.books import FindingKind
from fototui.domain.errors import PermanentError
from fototui.domain.sentences import Sentence

MAX_BYTES = 20_000_000
"""A bigger file is not parsed: its tree takes some ten times its size."""

_MAX_DEPTH = 128
_LONGEST = 200
_MAX_ELEMENTS = 400_000
_NO_MEMORY = expat.codes[expat.XML_ERROR_NO_MEMORY]

UNDRAWABLE = Sentence.make("The SVG cannot be drawn; generate it again.")
_DAMAGED = Sentence.make("The SVG is damaged; generate it again.")
_ENTITIES = Sentence.make("The SVG defines entities, which no SVG of ours does; generate it again.")
_TOO_BIG = Sentence.make("The SVG is too big to be printed; generate it again with fewer pixels.")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}"
_SHAPES = _words("svg g defs path rect circle ellipse line polyline polygon clipPath style")
# They draw nothing.
_SILENT = frozenset({"title", "desc", "metadata", "namedview"})
_ACTIVE = _words(
    "script foreignObject iframe audio video animate animateMotion animateTransform set"
)
_IMAGES = frozenset({"image", "feImage"})

_KEPT = _words(
    "d points x y x1 x2 y1 y2 cx cy r rx ry width height viewBox transform class id "
    "clipPathUnits pathLength"
)
_COLOURS = frozenset({"fill", "stroke", "color"})
_PROPERTIES = _COLOURS | _words(
    "fill-rule clip-rule fill-opacity stroke-opacity opacity stroke-width "
    "stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray "
    "stroke-dashoffset clip-path display visibility paint-order overflow"
)
_ANY_COLOUR = frozenset({"none", "inherit", "currentcolor"})

_INSIDE = re.compile(r"url\(\s*(['\"]?)#[^'\"()\\]+\1\s*\)")
_OUTSIDE = re.compile(r"url\(\s*['\"]?\s*(?!['\"\s#])|@import", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_SELECTOR = re.compile(r"[\w\s.#,>*:-]+")
_NUMBER = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*(?:px|pt|mm|cm|in)?\s*", re.IGNORECASE)

# What is nearly black is meant to be black: as a grey, a press prints it as dots. Paper likewise.
_BLACK, _WHITE = 40, 240
# A tint that nobody sees: between the least and the greatest of red, green and blue.
_COLOURLESS = 24


@dataclass(frozen=True, slots=True)
class PrintableSvg:
    """An SVG that can be printed in black alone.

    Args:
        data: The file, written anew.
        width: Its proportions, in its own units.
        height: Likewise.
        left_out: What it held that is not printed, or not as it was, and how often.
    """

    data: bytes
    width: float
    height: float
    left_out: Counter[FindingKind]


def printable(data: bytes) -> PrintableSvg:
    """Reduce an SVG to what a book prints.

    Args:
        data: The file, in UTF-8.

    Raises:
        PermanentError: It is no SVG, is damaged, or is beyond all bounds.
        MemoryError: There is too little memory to read it.
    """
    if len(data) > MAX_BYTES:
        _refuse(_TOO_BIG)
    try:
        text = data.decode("utf-8-sig")
        if "<!ENTITY" in text:
            _refuse(_ENTITIES)
        root = ET.fromstring(text)  # noqa: S314 - no entities, no DTD is loaded
    except ET.ParseError as error:
        if error.code == _NO_MEMORY:  # says nothing of the file
            raise MemoryError from None
        _refuse(_DAMAGED)
    except (ValueError, LookupError):
        _refuse(_DAMAGED)
    if _known_name(root) != "svg":
        _refuse(_DAMAGED)
    width, height = _size(root)
    left_out: Counter[FindingKind] = Counter()
    clean = _rebuilt(root, left_out)
    clean.attrib |= {"width": f"{width:g}", "height": f"{height:g}"}
    if "viewBox" not in clean.attrib:
        clean.set("viewBox", f"0 0 {width:g} {height:g}")
    clean.set("xmlns", _SVG)
    return PrintableSvg(ET.tostring(clean, encoding="utf-8"), width, height, left_out)


def _refuse(sentence: Sentence) -> NoReturn:
    raise PermanentError(sentence, service=SERVICE)


def _known_name(element: ET.Element) -> str | None:
    """An element's name; None for one of another vocabulary."""
    namespace, _, name = element.tag.rpartition("}")
    return name if namespace.lstrip("{") in ("", _SVG) else None


def _rebuilt(root: ET.Element, left_out: Counter[FindingKind]) -> ET.Element:
    """A tree of what is kept; level by level, so that no depth ends the process."""
    top = ET.Element("svg", _attributes(root, left_out))
    elements = 0
    level = [(root, top)]
    for _depth in range(_MAX_DEPTH):
        below: list[tuple[ET.Element, ET.Element]] = []
        for source, target in level:
            for child in source:
                elements += 1
                if (kept := _kept(child, left_out)) is not None:
                    target.append(kept)
                    below.append((child, kept))
        if elements > _MAX_ELEMENTS:
            _refuse(_TOO_BIG)
        if not below:
            return top
        level = below
    _refuse(_TOO_BIG)


def _kept(element: ET.Element, left_out: Counter[FindingKind]) -> ET.Element | None:
    name = _known_name(element)
    if name in _SHAPES:
        kept = ET.Element(str(name), _attributes(element, left_out))
        if name == "style":
            kept.text = _stylesheet("".join(element.itertext()), left_out)
        return kept
    if name in _IMAGES:
        left_out[FindingKind.RASTER_IMAGE] += 1
        _attributes(element, left_out)  # it may lead out of the file, too
    elif name in _ACTIVE:
        left_out[FindingKind.ACTIVE_CONTENT] += 1
    elif name is not None and name not in _SILENT:
        left_out[FindingKind.NO_LINE_ART] += 1
    return None


def _attributes(element: ET.Element, left_out: Counter[FindingKind]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in element.attrib.items():
        if name in _KEPT:
            kept[name] = value
        elif name in _PROPERTIES:
            if (word := _property(name, value, left_out)) is not None:
                kept[name] = word
        elif name == "style":
            kept[name] = _declarations(value, left_out)
        elif name in ("href", "src", f"{_XLINK}href"):
            place = value.strip()
            if place and not place.startswith(("#", "data:")):
                left_out[FindingKind.OUTSIDE_REFERENCE] += 1
        elif name.lower().startswith("on"):
            left_out[FindingKind.ACTIVE_CONTENT] += 1
        elif _OUTSIDE.search(value):
            left_out[FindingKind.OUTSIDE_REFERENCE] += 1
        elif name in ("filter", "mask"):
            left_out[FindingKind.NO_LINE_ART] += 1
    return kept


def _stylesheet(text: str, left_out: Counter[FindingKind]) -> str:
    """The rules of a stylesheet with plain selectors; whatever stands around them is left out."""
    text = _COMMENT.sub("", text)
    if "@import" in text.lower():
        left_out[FindingKind.OUTSIDE_REFERENCE] += 1
    rules = []
    for selector, declarations in _RULE.findall(text):
        plain = selector.rpartition(";")[2].strip()
        if _SELECTOR.fullmatch(plain):
            rules.append(f"{plain}{{{_declarations(declarations, left_out)}}}")
    return "".join(rules)


def _declarations(text: str, left_out: Counter[FindingKind]) -> str:
    kept = []
    for declaration in _COMMENT.sub("", text).split(";"):
        name, _, value = declaration.partition(":")
        name = name.strip().lower()
        if name in _PROPERTIES:
            word = _property(name, value.replace("!important", ""), left_out)
            if word is not None:
                kept.append(f"{name}:{word}")
        elif _OUTSIDE.search(value):
            left_out[FindingKind.OUTSIDE_REFERENCE] += 1
        elif name in ("filter", "mask"):
            left_out[FindingKind.NO_LINE_ART] += 1
    return ";".join(kept)


def _property(name: str, value: str, left_out: Counter[FindingKind]) -> str | None:
    """A property's value as it is printed; None where it has none."""
    value = value.strip()
    if _OUTSIDE.search(value):
        left_out[FindingKind.OUTSIDE_REFERENCE] += 1
        return None
    if name not in _COLOURS:
        if "url(" in value.lower():
            return value if name == "clip-path" and _INSIDE.fullmatch(value) else None
        return value if re.fullmatch(r"[\w\s.,%+-]*", value) else None
    if value.lower() in _ANY_COLOUR:
        return value
    if value.lower().startswith("url("):  # a gradient or a pattern
        left_out[FindingKind.NO_LINE_ART] += 1
        return "none"
    return _grey(value, left_out)


def _grey(value: str, left_out: Counter[FindingKind]) -> str | None:
    """A colour's grey, as hexadecimal digits; None where it is no colour."""
    value = value.lower()
    if value == "transparent":
        return "none"
    try:
        # An ICC colour may follow the one that all understand.
        from PIL import ImageColor  # here: an engine that sets no books loads no pictures' library

        red, green, blue, *alpha = ImageColor.getrgb(value.partition(" icc-color")[0].strip())
    except ValueError:
        return None
    if alpha and not alpha[0]:
        return "none"
    if max(red, green, blue) - min(red, green, blue) > _COLOURLESS:
        left_out[FindingKind.COLOURS] += 1
    light = round(0.299 * red + 0.587 * green + 0.114 * blue)
    light = 0 if light <= _BLACK else 255 if light >= _WHITE else light
    return f"#{light:02x}{light:02x}{light:02x}"


def _size(root: ET.Element) -> tuple[float, float]:
    """The drawing's proportions."""
    try:
        box = [float(part) for part in re.split(r"[\s,]+", root.get("viewBox", "").strip()) if part]
    except ValueError:
        box = []
    if len(box) == 4:
        width, height = box[2:]
    else:
        sizes = [_NUMBER.fullmatch(root.get(side, "")) for side in ("width", "height")]
        try:
            width, height = (float(found[1]) if found else 0.0 for found in sizes)
        except ValueError:
            width = height = 0.0
        root.attrib.pop("viewBox", None)
    # No picture is a thread; to be drawn it would be of very many pixels, or of none.
    sides = (width, height)
    if not all(math.isfinite(side) and 1e-3 <= side <= 1e7 for side in sides) or (
        max(sides) > _LONGEST * min(sides)
    ):
        _refuse(_DAMAGED)
    return width, height
