"""Dialogs fit even the smallest terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.screen import ModalScreen

from fototui.screens.dialogs import AskText, Confirm, LeaveDialog
from fototui.screens.orders.screen import OrdersScreen
from tests.ui.conftest import OpenApp
from tests.waiting import until_shown

LONG = "v2 has been sent already and may be charged. " * 3


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 60)])
@pytest.mark.parametrize("language", ["cs", "en"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Confirm(LONG, yes="Cancel the version"),
        lambda: AskText(LONG, value="/home/jana/obrazky/objednavka-1270-foto-1.png"),
        lambda: LeaveDialog(3),
    ],
    ids=["confirm", "ask", "leave"],
)
async def test_it_fits(
    open_app: OpenApp, make: Callable[[], ModalScreen[object]], size: tuple[int, int], language: str
) -> None:
    async with open_app(OrdersScreen, size=size, language=language) as (app, pilot):
        app.push_screen(make())
        await until_shown(
            pilot, lambda: isinstance(app.screen, ModalScreen) and app.screen.query("*")
        )
        await pilot.pause()
        for widget in app.screen.query("*"):
            region = widget.region
            assert region.width > 0, widget
            assert region.x >= 0, widget
            assert region.right <= size[0], widget
            assert region.bottom <= size[1], widget
