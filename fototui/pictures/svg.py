"""SVGs made into pixels with no access to anything outside the file."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET
from xml.parsers.expat import errors as expat

import resvg_py

from fototui.domain.sentences import Sentence
from fototui.pictures.errors import PictureBrokenError, PictureTooBigError

SIDE = 2048
"""Longer side of a rasterised SVG in pixels, at most."""

MAX_BYTES = 20_000_000
"""A bigger file is not parsed: its tree takes some ten times its size."""

_MAX_DEPTH = 128
_MAX_ELEMENTS = 400_000
_MAX_USES = 1_000  # each may repeat others: what doubles at every step never ends

_NO_SVG = Sentence.make("The SVG is damaged; generate it again.")
_REFUSED = Sentence.make("The SVG holds what no SVG of ours does; it is not opened here.")
_TOO_BIG = Sentence.make("The SVG is too big to be shown here; open it in the browser with o.")

_NO_MEMORY = expat.codes[expat.XML_ERROR_NO_MEMORY]
_NAMESPACE = "{http://www.w3.org/2000/svg}"
# They run, embed other documents, load other files, or cost without bound.
_UNWANTED = {"script", "foreignObject", "image", "feImage", "filter", "iframe", "audio", "video"}
_URL = re.compile(r"url\(\s*['\"]?\s*(?!['\"\s#])|@import|\\", re.IGNORECASE)
_NUMBER = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*(?:px|pt|mm|cm|in)?\s*", re.IGNORECASE)


def looks_like_svg(data: bytes) -> bool:
    """Whether a file is XML with an SVG in it, by its beginning."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and b"<svg" in head


def rasterise(data: bytes, side: int = SIDE) -> bytes:
    """Draw an SVG on white.

    What the renderer gets is written anew from the parsed tree, without scripts, embedded files
    and references that lead out of the file; so it has nothing to follow.

    Args:
        data: The file, in UTF-8.
        side: The longer side of the picture, in pixels.

    Returns:
        A PNG.

    Raises:
        PictureBrokenError: It is no SVG, or holds entities, which no SVG needs.
        PictureTooBigError: It is too big or too deep.
        MemoryError: There is too little memory to read it.
    """
    if len(data) > MAX_BYTES:
        raise PictureTooBigError(_TOO_BIG)
    try:
        text = data.decode("utf-8-sig")
        if "<!ENTITY" in text:
            raise PictureBrokenError(_REFUSED)
        root = ET.fromstring(text)  # noqa: S314 - no entities, no DTD is loaded
        if root.tag not in ("svg", f"{_NAMESPACE}svg"):
            raise PictureBrokenError(_NO_SVG)
        _make_harmless(root)
        width, height = _size(root, side)
        root.set("width", str(width))
        root.set("height", str(height))
        safe = ET.tostring(root, encoding="unicode")
        return bytes(
            resvg_py.svg_to_bytes(svg_string=safe, background="#ffffff", skip_system_fonts=True)
        )
    except (ET.ParseError, ValueError, RecursionError, LookupError) as error:
        if isinstance(error, ET.ParseError) and error.code == _NO_MEMORY:
            raise MemoryError from None  # which says nothing of the file
        raise PictureBrokenError(_NO_SVG) from error


def _make_harmless(root: ET.Element) -> None:
    """Take out of a tree all that leads out of the file."""
    elements = uses = 0
    level = [root]
    for _depth in range(_MAX_DEPTH):
        below: list[ET.Element] = []
        for element in level:
            _strip(element)
            below.extend(element)
            elements += 1
            uses += _name(element) == "use"
        if elements > _MAX_ELEMENTS or uses > _MAX_USES:
            raise PictureTooBigError(_TOO_BIG)
        if not below:
            return
        level = below
    raise PictureTooBigError(_TOO_BIG)


def _strip(element: ET.Element) -> None:
    for child in list(element):
        unwanted = _name(child) in _UNWANTED
        if unwanted or (_name(child) == "style" and _URL.search("".join(child.itertext()))):
            element.remove(child)
    for attribute, value in list(element.attrib.items()):
        leads_out = _local(attribute) in ("href", "src") and not value.strip().startswith("#")
        if leads_out or _local(attribute).startswith("on") or _URL.search(value):
            del element.attrib[attribute]


def _name(element: ET.Element) -> str:
    return _local(element.tag)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _size(root: ET.Element, side: int) -> tuple[int, int]:
    """The drawing's proportions, as the size it is drawn in."""
    box = [float(part) for part in re.split(r"[\s,]+", root.get("viewBox", "").strip()) if part]
    if len(box) == 4:
        width, height = box[2:]
    else:
        sizes = [_NUMBER.fullmatch(root.get(side, "")) for side in ("width", "height")]
        width, height = (float(found[1]) if found else 0.0 for found in sizes)
        root.set("viewBox", f"0 0 {width:g} {height:g}")
    if not (0 < width < float("inf") and 0 < height < float("inf")):
        raise PictureBrokenError(_NO_SVG)
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
