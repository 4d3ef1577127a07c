"""Real line art, and a typesetter that leaves no process behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio

from fototui import sandbox
from fototui.books.request import BookRequest
from fototui.books.typesetter import Typesetter
from fototui.domain.books import BookOptions
from fototui.domain.options import ColoringOptions, ShapeStacking, SvgOptions
from fototui.sandbox.pictures.lineart import line_art
from fototui.sandbox.vectorizer.tracing import vectorize

SAMPLES = sorted((Path(sandbox.__file__).parent / "samples").glob("*.jpg"))


@cache
def drawing(
    name: str = "cat", options: ColoringOptions | None = None, *, is_stacked: bool = True
) -> bytes:
    """The SVG of a sample photo, as an order's picture becomes one."""
    (photo,) = (sample for sample in SAMPLES if sample.stem == name)
    stacking = ShapeStacking.STACKED if is_stacked else ShapeStacking.CUTOUTS
    picture = line_art(photo.read_bytes(), options or ColoringOptions())
    return vectorize(picture, SvgOptions(shape_stacking=stacking))


def svg(body: str = "", *, width: int = 180, height: int = 240) -> bytes:
    """An SVG of this content, as many millimetres big on its page as it has units."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width} {height}">{body}</svg>'
    ).encode()


PLAIN = svg('<path d="M20 20H160V200H20Z" fill="none" stroke="#000" stroke-width="2"/>')


def request(
    *pages: bytes,
    order_number: str = "#1001",
    title: str = "Omalovánky z vašich fotek",
    dedication: str | None = None,
    layout: str | None = None,
    options: BookOptions | None = None,
) -> BookRequest:
    """A book of some pages."""
    return BookRequest(
        order_number, title, dedication, layout, pages or (PLAIN,), options or BookOptions()
    )


@pytest.fixture(autouse=True)
def _forked(forked_decoders: None) -> None:
    """No new Python is started for books."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def typesetter() -> AsyncIterator[Typesetter]:
    """One for all tests of a file that end no process: to start one takes as long as ten books."""
    async with Typesetter() as opened:
        yield opened
