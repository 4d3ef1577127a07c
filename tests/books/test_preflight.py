"""What is said of drawings: of good ones nothing."""

from __future__ import annotations

import io
from xml.etree import ElementTree as ET

import pytest
from PIL import Image, ImageOps

from fototui.books.preflight import Measures, measure
from fototui.books.svg import PrintableSvg, printable
from fototui.domain.books import FindingKind as Kind
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.sandbox.pictures.lineart import line_art
from fototui.sandbox.vectorizer.tracing import vectorize
from tests.books.conftest import SAMPLES, drawing, svg

# A drawing of which nothing is to be said, to put other things into.
FRAME = '<path d="M20 20H160V120H20Z" fill="none" stroke="#000" stroke-width="2"/>'

OPTIONS = [(1, 4), (0.5, 1), (2, 20), (0.5, 4), (0.5, 1), (0.5, 20), (0.5, 4)]
"""Megapixels and steps of each sample's colouring; more pixels show by two of them."""


def measured(body: str) -> Measures:
    return measure(printable(svg(body)), 180)


def lines(width: float, count: int = 40) -> str:
    return "".join(
        f'<path d="M10 {10 + 5 * n}L170 {12 + 5.3 * n}" stroke="#000" stroke-width="{width}"/>'
        for n in range(count)
    )


def dots(count: int, radius: float) -> str:
    # Not in step with the grid of dots that they are measured on.
    return "".join(
        f'<circle cx="{10 + 5.03 * (n % 30)}" cy="{10.2 + 4.97 * (n // 30)}" r="{radius}"/>'
        for n in range(count)
    )


@pytest.mark.parametrize(
    ("sample", "options"),
    zip([path.stem for path in SAMPLES], OPTIONS, strict=True),
)
def test_real_line_art_is_printed_as_it_is_and_gives_no_false_alarm(
    sample: str, options: tuple[float, int]
) -> None:
    original = drawing(sample, ColoringOptions(*options))
    picture = printable(original)
    assert shapes(picture.data) == shapes(original)
    assert not picture.left_out
    for width in (180.0, 120.0):
        assert measure(picture, width).kinds() == [], width


def shapes(data: bytes) -> list[tuple[str | None, ...]]:
    return [
        tuple(each.get(name) for name in ("d", "fill", "transform"))
        for each in ET.fromstring(data).iter()
        if each.tag.endswith("path")
    ]


def vectorized(picture: Image.Image) -> PrintableSvg:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return printable(vectorize(file.getvalue(), SvgOptions()))


def test_a_colouring_that_went_wrong_is_found() -> None:
    (path,) = (each for each in SAMPLES if each.stem == "cat")
    photo = path.read_bytes()
    with Image.open(io.BytesIO(line_art(photo, ColoringOptions()))) as art:
        white_on_black = ImageOps.invert(art.convert("L"))
    with Image.open(io.BytesIO(photo)) as image:
        grey = image.convert("L").resize((320, 320 * image.height // image.width))
        # As a newspaper prints it; big enough dots to be traced.
        screened = grey.convert("1").convert("L").resize((960, 3 * grey.height), 0)

    assert measure(vectorized(white_on_black), 180).kinds() == [Kind.NEARLY_BLACK]
    assert Kind.SPECKS in measure(vectorized(screened), 180).kinds()


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        (FRAME, []),
        ("", [Kind.NEARLY_EMPTY]),
        ('<circle cx="90" cy="90" r="5"/>', [Kind.NEARLY_EMPTY]),
        ('<rect x="20" y="20" width="140" height="200"/>', [Kind.NEARLY_BLACK]),
        ('<rect x="20" y="20" width="140" height="200" fill="#444"/>', [Kind.NEARLY_BLACK]),
        ('<rect x="20" y="20" width="140" height="200" fill="#ccc"/>', []),
        (FRAME + dots(300, 0.3), [Kind.SPECKS]),
        (FRAME + dots(300, 0.15), [Kind.SPECKS]),
        (FRAME + dots(300, 1.2), []),
        (FRAME + dots(20, 0.3), []),
        (lines(0.07), [Kind.THIN_LINES]),
        (lines(0.35), []),
        (FRAME + '<path d="M0 1H180" stroke="#000" stroke-width="2"/>', [Kind.TOUCHES_EDGE]),
        (FRAME + '<path d="M179 0V240" stroke="#000" stroke-width="2"/>', [Kind.TOUCHES_EDGE]),
        (FRAME + '<path d="M0 99H180" stroke="#000" stroke-width="2"/>', []),
    ],
)
def test_what_is_wrong_is_told(body: str, kinds: list[Kind]) -> None:
    assert measured(body).kinds() == kinds


@pytest.mark.parametrize("radius", [0.1, 0.2, 0.35])
def test_specks_are_counted(radius: float) -> None:
    assert measured(dots(600, radius)).specks == 600


def test_lines_get_thinner_as_the_picture_gets_smaller() -> None:
    picture = printable(svg(lines(0.3)))
    assert measure(picture, 180).kinds() == []
    assert Kind.THIN_LINES in measure(picture, 40).kinds()


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1)])
def test_any_shape_can_be_measured(size: tuple[int, int]) -> None:
    width, height = size
    picture = printable(svg('<rect width="1" height="1"/>', width=width, height=height))
    assert 0 <= measure(picture, 180 if width > height else 1.3).ink <= 1
