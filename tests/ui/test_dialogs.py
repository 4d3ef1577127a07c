"""Dialogs fit even the smallest terminal."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from textual.screen import ModalScreen

from fototui.i18n import LANGUAGES
from fototui.screens.dialogs import AskText, Confirm, LeaveDialog
from fototui.screens.options import ColoringDialog, SvgDialog
from fototui.screens.orders.screen import OrdersScreen
from tests.cases import case
from tests.ui.conftest import OpenApp
from tests.waiting import until_shown

LONG = "v2 has been sent already and may be charged. " * 3


SIZES = ((60, 20), (80, 24), (200, 60))


def _dialogs() -> Mapping[str, ModalScreen[Any]]:
    return {
        "confirm": Confirm(LONG, yes="Cancel the version"),
        "ask": AskText(LONG, value="/home/jana/obrazky/objednavka-1270-foto-1.png"),
        "leave": LeaveDialog(3),
    }


async def test_they_fit(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        for size in SIZES:
            await pilot.resize_terminal(*size)
            for _language in LANGUAGES:
                app.next_language()
                for name, dialog in _dialogs().items():
                    with case(name, size, app.preferences.language):
                        await app.push_screen(dialog)
                        await pilot.pause()
                        assert app.screen is dialog
                        assert app.size == size
                        _is_on_the_screen(dialog, size)
                        await app.pop_screen()
                for options in (ColoringDialog(), SvgDialog()):
                    with case(type(options).__name__, size, app.preferences.language):
                        await app.push_screen(options)
                        await until_shown(pilot, partial(_fits, options))
                        await app.pop_screen()


def _is_on_the_screen(dialog: ModalScreen[Any], size: tuple[int, int]) -> None:
    assert dialog.query("*")
    for widget in dialog.query("*"):
        region = widget.region
        assert region.width > 0, widget
        assert region.x >= 0, widget
        assert region.right <= size[0], widget
        assert region.bottom <= size[1], widget


def _fits(dialog: ModalScreen[Any]) -> bool:
    """Nothing reaches out of the dialog's box at its sides, where a scrollbar may stand."""
    (box,) = dialog.children
    inside = box.scrollable_content_region
    regions = [widget.region for widget in box.query("*")]
    return bool(regions) and all(
        region.x >= inside.x and 0 < region.right <= inside.right for region in regions
    )
