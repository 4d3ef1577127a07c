"""The keys of vi move the cursor in every list of every screen, and take no key from a screen."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from textual.widget import Widget
from textual.widgets import OptionList

import fototui.widgets
from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.screens.base import FototuiScreen
from fototui.storage.directory import DirectoryStorage
from fototui.ui.actions import in_scope
from fototui.widgets.image_list import ImageList
from fototui.widgets.tables.cursor_table import CursorTable
from tests.cases import case
from tests.ui.conftest import AppPilot
from tests.ui.scenes import SCENES, begin
from tests.ui.shop import shop_app

VI = ("j", "k", "ctrl+d", "ctrl+u")
LISTS = {"orders": 1, "order": 1, "engines": 3, "activity": 1}


def _lists(of: type[Widget]) -> Iterator[type[Widget]]:
    for each in of.__subclasses__():
        if each.__module__.startswith("fototui"):
            yield each
        yield from _lists(each)


def test_every_list_that_can_have_the_focus_has_them() -> None:
    for module in pkgutil.walk_packages(fototui.widgets.__path__, "fototui.widgets."):
        importlib.import_module(module.name)
    found = [each for base in (CursorTable, OptionList) for each in _lists(base) if each.can_focus]
    assert ImageList in found
    for each in found:
        keys = {key for base in each.__mro__ for key in _keys_of(base)}
        assert set(VI) <= keys, each


def _keys_of(base: type) -> Sequence[str]:
    merged = getattr(base, "_merged_bindings", None)
    return [] if merged is None else list(merged.key_to_bindings)


def _place(shown: Widget) -> object:
    if isinstance(shown, CursorTable):
        return shown.place
    assert isinstance(shown, OptionList)
    return shown.highlighted


async def test_they_move_the_cursor_as_the_arrows_do(
    shop: Database, files: DirectoryStorage, tmp_path: Path
) -> None:
    app = shop_app(shop, files, tmp_path / "cache", language="en")
    async with app.run_test(size=(120, 36)) as pilot:
        await begin(app, pilot)
        for name, count in LISTS.items():
            with case(name):
                await SCENES[name].go(app, pilot)
                await _move_in_all_lists(app, pilot, count)
                while len(app.screen_stack) > 2:
                    await app.pop_screen()


async def _move_in_all_lists(app: FototuiApp, pilot: AppPilot, count: int) -> None:
    assert isinstance(app.screen, FototuiScreen)
    lists = [
        each
        for each in app.screen.query("*")
        if isinstance(each, (CursorTable, OptionList)) and each.can_focus
    ]
    assert len(lists) == count
    own = {key for action in in_scope(app.screen.scope) for key in action.keys.split(",")}
    for each in lists:
        assert not own & {*VI, *_letters(each)}, "a list takes a key from its screen"
        each.focus()
        await pilot.press("home", "down")
        second = _place(each)
        await pilot.press("up")
        first = _place(each)
        await pilot.press("j")
        assert _place(each) == second
        await pilot.press("k")
        assert _place(each) == first
        await pilot.press("end")
        last = _place(each)
        await pilot.press("home", "ctrl+d", "ctrl+u")
        assert _place(each) == first
        if "G" in _letters(each):
            await pilot.press("G")
            assert _place(each) == last
            await pilot.press("g")
            assert _place(each) == first


def _letters(shown: Widget) -> set[str]:
    return {key for key in _keys_of(type(shown)) if len(key) == 1}
