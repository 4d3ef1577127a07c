"""An SVG as it is printed."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fototui.books.svg import MAX_BYTES, printable
from fototui.domain.books import FindingKind as Kind
from fototui.domain.errors import PermanentError
from fototui.domain.options import ColoringOptions
from tests.books.conftest import drawing, svg

SHAPE = '<path d="M1 1L9 9Z"/>'


def body(content: str) -> tuple[str, Counter[Kind]]:
    """What is left of an SVG's content, and what was left out."""
    result = printable(svg(content))
    inner = re.fullmatch(rb"<svg [^>]*?(?:/>|>(.*)</svg>)", result.data, re.DOTALL)
    assert inner is not None
    return (inner[1] or b"").decode().replace(" />", "/>"), result.left_out


@pytest.mark.parametrize(
    ("given", "printed", "is_colour"),
    [
        ("#000", "#000000", False),
        ("white", "#ffffff", False),
        ("#231f20", "#000000", False),
        ("#0a0a0a", "#000000", False),
        ("#f9f9f9", "#ffffff", False),
        ("#808080", "#808080", False),
        ("rgb(50%, 50%, 50%)", "#808080", False),
        ("Red", "#4c4c4c", True),
        ("hsl(240, 100%, 50%)", "#000000", True),
        ("#ff000080", "#4c4c4c", True),
        ("#ff000000", "none", False),
        ("transparent", "none", False),
        ("none", "none", False),
        ("currentColor", "currentColor", False),
        ("#CD853F icc-color(acmecmyk, 0.11, 0.48, 0.83, 0.00)", "#939393", True),
    ],
)
def test_colours_become_their_greys(given: str, printed: str, is_colour: bool) -> None:
    left = Counter([Kind.COLOURS]) if is_colour else Counter()
    assert body(f'<path fill="{given}"/>') == (f'<path fill="{printed}"/>', left)
    assert body(f'<path style="fill: {given} !important"/>')[0] == f'<path style="fill:{printed}"/>'
    assert (
        body(f"<style>/**/.a{{fill:{given};}}</style>")[0] == f"<style>.a{{fill:{printed}}}</style>"
    )


@pytest.mark.parametrize(
    "value", ["", "nonsense", "var(--x)", "#12", "rgb(1)", "url", "expression(1)"]
)
def test_what_is_no_colour_counts_as_not_given(value: str) -> None:
    assert body(f'<path fill="{value}" d="M1 1"/>') == ('<path d="M1 1"/>', Counter())


@pytest.mark.parametrize(
    ("content", "left", "kinds"),
    [
        ('<image xlink:href="data:image/png;base64,AAAA"/>', "", [Kind.RASTER_IMAGE]),
        ('<image href="http://x/y"/>', "", [Kind.RASTER_IMAGE, Kind.OUTSIDE_REFERENCE]),
        ('<use href="other.svg#a"/>', "", [Kind.NO_LINE_ART]),
        ("<script>alert(1)</script>", "", [Kind.ACTIVE_CONTENT]),
        ("<foreignObject><p/></foreignObject>", "", [Kind.ACTIVE_CONTENT]),
        ('<animate attributeName="x"/>', "", [Kind.ACTIVE_CONTENT]),
        ('<g onclick="x()"/>', "<g/>", [Kind.ACTIVE_CONTENT]),
        ("<text>Ahoj</text>", "", [Kind.NO_LINE_ART]),
        ("<linearGradient/>", "", [Kind.NO_LINE_ART]),
        ("<filter><feImage href='/etc/passwd'/></filter>", "", [Kind.NO_LINE_ART]),
        ('<path fill="url(#g)"/>', '<path fill="none"/>', [Kind.NO_LINE_ART]),
        ('<path filter="url(#f)"/>', "<path/>", [Kind.NO_LINE_ART]),
        ('<path style="mask:url(#m)"/>', '<path style=""/>', [Kind.NO_LINE_ART]),
        ('<path fill="url(http://x/#g)"/>', "<path/>", [Kind.OUTSIDE_REFERENCE]),
        ('<path style="cursor:url(//x)"/>', '<path style=""/>', [Kind.OUTSIDE_REFERENCE]),
        ('<style>@import "x.css";</style>', "<style/>", [Kind.OUTSIDE_REFERENCE]),
        ("<style>@font-face{src:url(x)}</style>", "<style/>", []),
        ('<path clip-path="url(#c)"/>', '<path clip-path="url(#c)"/>', []),
        ('<path clip-path="url(x#c)"/>', "<path/>", [Kind.OUTSIDE_REFERENCE]),
        ("<title>A</title><desc/><metadata/><!-- c --><?pi?>", "", []),
        ('<x:namedview xmlns:x="urn:x"/><path x:y="1" xmlns:x="urn:x"/>', "<path/>", []),
        ('<svg x="1" y="2" width="3" height="4"/>', '<svg x="1" y="2" width="3" height="4"/>', []),
        ('<path data-a="1" class="b" id="c"/>', '<path class="b" id="c"/>', []),
        ('<path stroke-width="2mm" opacity=".5"/>', '<path stroke-width="2mm" opacity=".5"/>', []),
        ('<path stroke-width="expression(&quot;x&quot;)"/>', "<path/>", []),
    ],
)
def test_only_shapes_are_kept(content: str, left: str, kinds: list[Kind]) -> None:
    assert body(content + SHAPE) == (left + SHAPE, Counter(kinds))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg",
        b"<html/>",
        b"\xff\xfe<\0s\0",
        b"GIF89a",
        b'<svg viewBox="0 0 9 9" viewBox="0 0 9 9"/>',
        b'<!DOCTYPE svg [<!ENTITY a "b">]><svg viewBox="0 0 9 9"/>',
        b"<svg/>",
        b'<svg viewBox="0 0 0 9"/>',
        b'<svg viewBox="0 0 nan 9"/>',
        b'<svg viewBox="0 0 1e99 9"/>',
        b'<svg viewBox="0 0 1e6 9"/>',
        b'<svg width="-1" height="9"/>',
        b'<svg width="1.2.3" height="9"/>',
        b'<x:svg xmlns:x="urn:x" viewBox="0 0 9 9"/>',
        b'<svg viewBox="0 0 9 9">' + b"<g>" * 200 + b"</g>" * 200 + b"</svg>",
        b" " * (MAX_BYTES + 1),
    ],
)
def test_what_cannot_be_printed_is_refused(data: bytes) -> None:
    with pytest.raises(PermanentError, match=r"^The SVG .* generate it again"):
        printable(data)


def test_an_ordinary_doctype_and_a_byte_order_mark_are_no_harm() -> None:
    head = '\ufeff<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE svg PUBLIC "-//W3C" "http://x/y">'
    result = printable(f'{head}<svg width="40mm" height="30mm">{SHAPE}</svg>'.encode())
    assert (result.width, result.height) == (40, 30)
    assert b'viewBox="0 0 40 30"' in result.data


@settings(max_examples=50)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_anything_is_printable_or_refused(noise: bytes) -> None:
    for data in (noise, svg('<path fill="red"/>').replace(b'"red"', b'"' + noise + b'"')):
        try:
            result = printable(data)
        except PermanentError:
            continue
        ET.fromstring(result.data)


def test_finer_line_art_is_printable_in_a_moment() -> None:
    data = drawing("coffee", ColoringOptions(megapixels=2, steps=20))
    assert len(printable(data).data) > 250_000
