"""What is offered beside a version: always the same again, and what differs from it."""

from __future__ import annotations

import pytest

from fototui.domain.options import (
    ColoringOptions,
    GroupBy,
    ShapeStacking,
    SvgOptions,
    presets_beside,
    svg_presets_beside,
)


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        ((1.0, 4), {"Another try": (1.0, 4), "Finer": (2.0, 8), "Fewer lines": (0.5, 4)}),
        ((8.0, 20), {"Another try": (8.0, 20), "Fewer lines": (4.0, 20)}),
        ((0.5, 12), {"Another try": (0.5, 12), "Finer": (1.0, 20)}),
    ],
)
def test_presets(before: tuple[float, int], offered: dict[str, tuple[float, int]]) -> None:
    found = presets_beside(ColoringOptions(*before))
    assert {str(each.label): each.options for each in found} == {
        label: ColoringOptions(*options) for label, options in offered.items()
    }


def test_options_of_other_times_are_brought_within_the_limits() -> None:
    (again, *_others) = presets_beside(ColoringOptions.stored(12.0, 40))
    assert again.options == ColoringOptions(8.0, 20)


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        (SvgOptions(), ["As before", "For cutting", "For drawing"]),
        (
            SvgOptions(ShapeStacking.CUTOUTS, GroupBy.NONE),
            ["As before", "For print", "For cutting", "For drawing"],
        ),
    ],
)
def test_presets_of_svgs(before: SvgOptions, offered: list[str]) -> None:
    found = svg_presets_beside(before)
    assert [str(each.label) for each in found] == offered
    assert found[0].options == before
    assert len({each.options for each in found}) == len(found)
