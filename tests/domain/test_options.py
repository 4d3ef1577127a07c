"""What an operator may choose."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fototui.domain.errors import InvalidInputError
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions


def test_defaults() -> None:
    assert ColoringOptions() == ColoringOptions(megapixels=1.0, steps=4)
    assert SvgOptions() == SvgOptions(ShapeStacking.STACKED, GroupBy.COLOR)


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(-5, 30))
def test_coloring_options_are_in_their_ranges_or_refused(megapixels: float, steps: int) -> None:
    in_range = 0.5 <= megapixels <= 8 and 1 <= steps <= 20
    try:
        options = ColoringOptions(megapixels, steps)
    except InvalidInputError:
        assert not in_range
    else:
        assert in_range
        assert (options.megapixels, options.steps) == (megapixels, steps)


@pytest.mark.parametrize(("megapixels", "steps"), [(0.5, 1), (8.0, 20), (8, 1)])
def test_both_ends_of_the_ranges_belong_to_them(megapixels: float, steps: int) -> None:
    assert ColoringOptions(megapixels, steps).steps == steps


def test_a_refusal_tells_the_range() -> None:
    with pytest.raises(InvalidInputError, match=r"9\.5; choose a value from 0\.5 to 8"):
        ColoringOptions(megapixels=9.5)
    with pytest.raises(InvalidInputError, match="21; choose a whole number from 1 to 20"):
        ColoringOptions(steps=21)
    with pytest.raises(InvalidInputError, match="nan"):
        ColoringOptions(megapixels=math.nan)


def test_svg_options_are_the_services_words_with_czech_labels() -> None:
    assert {str(option): option.label for option in ShapeStacking} == {
        "stacked": "Vrstvené",
        "cutouts": "Vyříznuté",
    }
    assert {str(option): option.label for option in GroupBy} == {
        "none": "Žádné",
        "color": "Podle barvy",
        "parent": "Podle rodiče",
        "layer": "Podle vrstvy",
    }


def test_an_old_clients_word_for_cutouts_is_read_and_never_written() -> None:
    assert ShapeStacking("none") is ShapeStacking.CUTOUTS
    assert "none" not in {str(option) for option in ShapeStacking}
    with pytest.raises(ValueError, match="sideways"):
        ShapeStacking("sideways")
