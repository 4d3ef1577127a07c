"""What a book is asked for with, and what is found in it before it is printed."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line, folded

MAX_BLEED = 20.0
"""Millimetres; print shops ask for 3 to 5."""


class BookOptions(BaseModel):
    """How a book is typeset; with none of it, for a screen or an office printer.

    Args:
        bleed: Millimetres of paper around each page that are cut off after printing.
        crop_marks: Thin lines outside the page tell where it is cut.
        blank_backs: Each picture has the front of a leaf for itself; its back stays white.
        page_numbers: Pictures are numbered at the foot of the page.
    """

    # Options of a stored book may know more than this program does.
    model_config = ConfigDict(frozen=True, extra="ignore")

    bleed: Annotated[float, Field(ge=0, le=MAX_BLEED, allow_inf_nan=False)] = 0.0
    crop_marks: bool = False
    blank_backs: bool = False
    page_numbers: bool = False


class Orientation(StrEnum):
    """Which way up the pages of a book are."""

    UPRIGHT = "upright"
    LANDSCAPE = "landscape"


class FindingKind(StrEnum):
    """What may be wrong with a book; programs tell findings apart by it."""

    UNKNOWN_LAYOUT = "unknown_layout"
    """The shop's words for the layout say neither upright nor landscape."""
    MISSING_CHARACTERS = "missing_characters"
    """Characters of the dedication that no font at hand has."""
    DEDICATION_CUT = "dedication_cut"
    """The dedication does not fit on a page; its end is left out."""
    NEARLY_EMPTY = "nearly_empty"
    """Hardly a line on the page."""
    NEARLY_BLACK = "nearly_black"
    """More black than a page to be coloured has."""
    SPECKS = "specks"
    """Many dots that are no lines."""
    TOUCHES_EDGE = "touches_edge"
    """The drawing is cut by the edge of its picture."""
    THIN_LINES = "thin_lines"
    """Many lines are thinner than a press prints reliably."""
    COLOURS = "colours"
    """The picture has colours; the book has their greys."""
    NO_LINE_ART = "no_line_art"
    """The SVG holds what is no plain shape, such as text or a gradient, which is left out."""
    RASTER_IMAGE = "raster_image"
    """The SVG holds an image of pixels, which is left out."""
    OUTSIDE_REFERENCE = "outside_reference"
    """The SVG refers to another file, which is never fetched."""
    ACTIVE_CONTENT = "active_content"
    """The SVG holds a script or another document, which is left out."""
    PICTURE_LEFT_OUT = "picture_left_out"
    """The template prints a picture of the book on none of its pages."""


class Finding(BaseModel):
    """A warning to an operator; the book is made nonetheless.

    Args:
        page: Page of the file, from 1; None for what is true of the whole book, or of an SVG that
            is in none.
        kind: What kind of finding it is.
        sentence: What to tell the operator; it names no page.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    page: int | None = None
    kind: FindingKind
    sentence: Sentence


_WORDS = re.compile(r"[a-z0-9]+")
_LANDSCAPE = frozenset({"sirku", "sirka", "lezato", "landscape", "horizontalni", "horizontal"})
_UPRIGHT = frozenset({"vysku", "vyska", "stojato", "portrait", "vertikalni", "vertical", "upright"})


def orientation(layout: str | None) -> tuple[Orientation, Finding | None]:
    """Read a shop's words for the layout, such as "Na šířku", with or without accents.

    Args:
        layout: The words; None and blank mean upright.

    Returns:
        The orientation, and a finding where the words do not tell it.
    """
    if layout is None or not layout.strip():
        return Orientation.UPRIGHT, None
    words = set(_WORDS.findall(folded(layout[:500])))
    is_landscape, is_upright = bool(words & _LANDSCAPE), bool(words & _UPRIGHT)
    if is_landscape != is_upright:
        return Orientation.LANDSCAPE if is_landscape else Orientation.UPRIGHT, None
    return Orientation.UPRIGHT, Finding(
        kind=FindingKind.UNKNOWN_LAYOUT,
        sentence=Sentence.make(
            'The layout "{layout}" is not known; the book is upright.',
            layout=clean_line(layout, limit=60),
        ),
    )
