"""Every theme can be read, and states are told apart without colour and in plain letters too."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color

from fototui.db.database import Database
from fototui.domain.badges import Badge
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.screens.orders.screen import OrdersScreen
from fototui.storage.directory import DirectoryStorage
from fototui.ui.theme import THEMES
from fototui.widgets.badges import sign
from tests.ui.scenes import begin
from tests.ui.shop import shop_app
from tests.waiting import until_shown

_READABLE = 4.5
"""Contrast that WCAG 2 asks of text (AA)."""
_OWN = [theme for theme in THEMES if not theme.background.startswith("ansi")]  # type: ignore[union-attr]  # all have one


def _luminance(colour: Color) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_orders_open_in_every_theme(
    theme: str, shop: Database, files: DirectoryStorage, tmp_path: Path
) -> None:
    app = shop_app(shop, files, tmp_path, theme=theme)
    async with app.run_test(size=(120, 36)) as pilot:
        await begin(app, pilot)
        assert app.theme == theme
        assert "Jana Nováková" in app.export_screenshot().replace("\xa0", " ").replace(
            "&#160;", " "
        )


@pytest.mark.parametrize("theme", _OWN, ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", ["background", "surface", "panel"])
@pytest.mark.parametrize(
    "ink", ["foreground", "primary", "secondary", "accent", "success", "warning", "error"]
)
def test_text_stands_out(theme: object, ground: str, ink: str) -> None:
    front, back = Color.parse(getattr(theme, ink)), Color.parse(getattr(theme, ground))
    lighter, darker = sorted((_luminance(front), _luminance(back)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= _READABLE


@pytest.mark.parametrize("is_ascii", [False, True])
def test_states_differ_by_sign_alone(is_ascii: bool) -> None:
    statuses = (
        None,
        Coloring.QUEUED,
        Coloring.RUNPOD_PROCESSING,
        Coloring.COMPLETED,
        Coloring.ERROR,
        Coloring.RUNPOD_CANCELLED,
    )
    signs = [sign(Badge.of(status), ascii=is_ascii)[0] for status in statuses]
    assert len(set(signs)) == len(statuses)
    assert all(sign.isascii() for sign in signs) is is_ascii


async def test_states_are_told_without_colour(
    shop: Database, files: DirectoryStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = shop_app(shop, files, tmp_path, ascii_badges=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await begin(app, pilot)
        home = app.screen
        assert isinstance(home, OrdersScreen)
        await until_shown(pilot, lambda: home.table.size.height > 10)
        lines = [home.table.render_line(y) for y in range(10)]
        (line,) = [line for line in lines if "#1270" in line.text]
        assert "Oox-O." in line.text
        shown = lines
        for each in app.get_line_filters():
            shown = [strip.apply_filter(each, Color(0, 0, 0)) for strip in shown]
        colours = [
            colour.triplet
            for strip in shown
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None and colour.triplet is not None
        ]
        assert all(red == green == blue for red, green, blue in colours)
