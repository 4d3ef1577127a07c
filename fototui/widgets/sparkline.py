"""A row of numbers as one line of little bars."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from textual.content import Content

from fototui.widgets.badges import MUTED

BARS = "▁▂▃▄▅▆▇█"
ASCII_BARS = "_.:-=+*#"


def sparkline(
    values: Sequence[int],
    width: int,
    *,
    style: str,
    top: int | None = None,
    ascii_signs: bool = False,
) -> Content:
    """Draw numbers as bars; nothing is the lowest bar, dimmed, and one is higher than that.

    Args:
        values: The numbers, from left to right.
        width: Cells there are; where they are fewer than numbers, a bar is the highest of its own.
        style: How the bars look.
        top: The number that the highest bar stands for; the highest number where not given.
        ascii_signs: Use the signs that every font has.
    """
    bars = ASCII_BARS if ascii_signs else BARS
    columns = _gathered(values, width)
    top = max(1, top if top is not None else max(columns, default=1))
    parts = []
    for value in columns:
        if value <= 0:
            parts.append(Content.styled(bars[0], MUTED))
        else:
            height = 1 + round((len(bars) - 2) * min(value, top) / top)
            parts.append(Content.styled(bars[height], style))
    return Content("").join(parts).simplify()


def _gathered(values: Sequence[int], width: int) -> list[int]:
    if width <= 0 or not values:
        return []
    if width >= len(values):
        return list(values)
    # Cut at the same places for any values, so that two lines can be compared.
    edges = [place * len(values) // width for place in range(width + 1)]
    return [max(values[a:b]) for a, b in itertools.pairwise(edges)]
