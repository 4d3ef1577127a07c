"""What a print shop wants of a PDF beyond what Typst writes."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream, String

from fototui.domain.books import FindingKind

_POINTS_PER_MM = 72 / 25.4
_NESTED = (Dictionary, Stream, Array)
_RGB = frozenset({"/DeviceRGB", "/CalRGB", "/Lab", "/Indexed"})

_DEEPEST = 8
_SHOW = frozenset({"Tj", "TJ"})
_NO_GLYPH = b"\0\0"


@dataclass(frozen=True, slots=True)
class FinishedPdf:
    """A file for a print shop.

    Args:
        pdf: The file.
        pages: How many pages it has.
        not_grey: By page what in it is not in black alone.
        boxes: Pages with characters that the font has not.
    """

    pdf: bytes
    pages: int
    not_grey: dict[int, set[FindingKind]]
    boxes: list[int]


def finished(pdf: bytes, *, bleed: float) -> FinishedPdf:
    """Make black black alone, and say what is cut off.

    Typst writes greys by an ICC profile; a press may mix such a black of four inks. What is said to
    be `DeviceGray` goes onto the black plate as it is.

    Args:
        pdf: The file as Typst wrote it.
        bleed: Millimetres around each page that are printed and cut off.
    """
    not_grey: dict[int, set[FindingKind]] = {}
    boxes: list[int] = []
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for each in document.objects:
            _make_grey(each)
        for number, page in enumerate(document.pages, 1):
            if "/TrimBox" in page:
                page["/BleedBox"] = _around(page, bleed * _POINTS_PER_MM)
            if kinds := set(_not_grey(page.obj)):
                not_grey[number] = kinds
            if _has_boxes(page.obj):
                boxes.append(number)
        pages = len(document.pages)
        buffer = io.BytesIO()
        document.save(
            buffer,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            fix_metadata_version=False,
        )
    return FinishedPdf(buffer.getvalue(), pages, not_grey, boxes)


def _has_boxes(content: Object, depth: int = 0) -> bool:
    """Whether a page, or a form that it shows, has a character by the glyph that stands for none.

    Pictures have no fonts, so none of their many paths is read.
    """
    resources = content.get("/Resources", Dictionary())
    if "/Font" in resources:
        for each in pikepdf.parse_content_stream(content, "Tj TJ"):
            if str(each.operator) in _SHOW and _NO_GLYPH in set(_glyphs(each.operands[0])):
                return True
    forms = resources.get("/XObject", Dictionary()).values() if depth < _DEEPEST else ()
    return any(_has_boxes(form, depth + 1) for form in forms if form.get("/Subtype") == Name.Form)


def _glyphs(shown: Object) -> Iterator[bytes]:
    for piece in list(shown) if isinstance(shown, Array) else [shown]:
        if isinstance(piece, String):
            codes = bytes(piece)
            yield from (codes[place : place + 2] for place in range(0, len(codes), 2))


def _around(page: pikepdf.Page, bleed: float) -> Array:
    """The page with its bleed, as far as there is paper."""
    left, bottom, right, top = (float(side) for side in page.trimbox.as_list())
    paper = [float(side) for side in page.mediabox.as_list()]
    return Array(
        [
            max(paper[0], round(left - bleed, 3)),
            max(paper[1], round(bottom - bleed, 3)),
            min(paper[2], round(right + bleed, 3)),
            min(paper[3], round(top + bleed, 3)),
        ]
    )


def _make_grey(holder: Object) -> None:
    """Name each colour space of one channel `DeviceGray` wherever it is named."""
    waiting = [holder]
    while waiting:
        each = waiting.pop()
        if isinstance(each, (Dictionary, Stream)):
            keys: list[str | int] = list(each.keys())
        elif isinstance(each, Array):
            keys = list(range(len(each)))
        else:
            continue
        if isinstance(each, Dictionary) and each.get("/S") == Name.Transparency:
            # What shines through is mixed in greys, too.
            each["/CS"] = Name.DeviceGray
        for key in keys:
            value = each[key]
            if _channels(value) == 1:
                each[key] = Name.DeviceGray
            elif isinstance(value, _NESTED) and not value.is_indirect:  # others come by themselves
                waiting.append(value)


def _channels(value: Object) -> int | None:
    """How many channels a colour space by an ICC profile has; None for anything else."""
    if isinstance(value, Array) and len(value) == 2 and value[0] == Name.ICCBased:
        return int(value[1].get("/N", 0))
    return None


def _not_grey(page: Object) -> Iterator[FindingKind]:
    """What a page's resources hold that is not printed in black alone."""
    waiting: list[Object] = [page.get(key, Dictionary()) for key in ("/Resources", "/Group")]
    seen: set[tuple[int, int]] = set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, _NESTED) and each.is_indirect:
            if each.objgen in seen:
                continue
            seen.add(each.objgen)
        if _channels(each) or (isinstance(each, Name) and str(each) in _RGB):
            yield FindingKind.COLOURS
        elif isinstance(each, (Dictionary, Stream)):
            if each.get("/Subtype") == Name.Image:
                yield FindingKind.RASTER_IMAGE
            waiting += [value for _, value in each.items()]
        elif isinstance(each, Array):
            waiting += list(each)
