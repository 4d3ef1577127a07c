"""Reads a book as a print shop does: its boxes, its text, and by which colours it is painted."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream

MM = 72 / 25.4

_PAINTS = {"rg", "RG", "k", "K", "sh", "BI", "INLINE IMAGE"}
_SPACES = {"cs", "CS"}
_CMAP_CHARACTER = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")


def opened(pdf: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(pdf))


def box(page: pikepdf.Page, name: str) -> list[float]:
    """A box of a page, in whole and half millimetres."""
    return [round(float(side) / MM, 1) for side in page[name]]


def colours(pdf: bytes) -> list[str]:
    """Everything in a file by which a press may print other than in black alone."""
    found = []
    with opened(pdf) as document:
        for number, page in enumerate(document.pages, 1):
            for stream in _streams(page.obj):
                found += [f"page {number}: {each}" for each in _painted(stream)]
        for each in document.objects:
            if isinstance(each, Stream) and each.get("/Subtype") == Name.Image:
                found.append("an image")
            found += re.findall(
                r"/(?:ICCBased|DeviceRGB|DeviceCMYK|CalRGB|Lab|Separation)\b", repr(each)
            )
    return found


def paths(page: pikepdf.Page) -> int:
    """How many shapes are filled or stroked on a page."""
    return sum(
        str(each.operator) in {"f", "F", "f*", "S", "s", "B", "b", "B*", "b*"}
        for stream in _streams(page.obj)
        for each in pikepdf.parse_content_stream(stream)
    )


def text(page: pikepdf.Page) -> str:
    """What is written on a page, without the spaces that lines break at."""
    return "".join(_letters(page.obj, page.obj.Resources.get("/Font", Dictionary())))


def _streams(holder: Object) -> Iterator[Object]:
    """A page's own content, and that of each form in it."""
    yield holder
    resources = holder.get("/Resources", Dictionary())
    for form in resources.get("/XObject", Dictionary()).values():
        if form.get("/Subtype") == Name.Form:
            yield from _streams(form)


def _painted(stream: Object) -> Iterator[str]:
    spaces = stream.get("/Resources", Dictionary()).get("/ColorSpace", Dictionary())
    for each in pikepdf.parse_content_stream(stream):
        operator = str(each.operator)
        if operator in _PAINTS:
            yield operator
        elif operator in _SPACES:
            name = str(each.operands[0])
            space = spaces.get(name, name)
            if space != Name.DeviceGray:
                yield f"{operator} {space!r}"


def _letters(page: Object, fonts: Object) -> Iterator[str]:
    characters: dict[bytes, str] = {}
    for each in pikepdf.parse_content_stream(page):
        operator = str(each.operator)
        if operator == "Tf":
            characters = _characters(fonts[str(each.operands[0])])
        elif operator in ("TJ", "Tj"):
            shown = each.operands[0]
            pieces = list(shown) if isinstance(shown, Array) else [shown]
            for piece in pieces:
                if isinstance(piece, pikepdf.String):
                    codes = bytes(piece)
                    pairs = (codes[place : place + 2] for place in range(0, len(codes), 2))
                    yield from (characters.get(pair, "\N{REPLACEMENT CHARACTER}") for pair in pairs)


def _characters(font: Object) -> dict[bytes, str]:
    cmap = font.ToUnicode.read_bytes()
    body = cmap[cmap.index(b"endcodespacerange") :]
    return {
        bytes.fromhex(code.decode()): bytes.fromhex(character.decode()).decode("utf-16-be")
        for code, character in _CMAP_CHARACTER.findall(body)
    }
