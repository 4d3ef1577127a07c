"""What is typed goes to the field that is on the screen and nowhere else, however fast it comes."""

import ast
from pathlib import Path

import pytest
from textual.app import App
from textual.events import Key
from textual.widgets import Input

import fototui
from fototui.screens.options import ColoringDialog
from fototui.screens.setup import SetupApp
from tests.ui.test_setup import Work
from tests.waiting import until

SOURCES = sorted(Path(fototui.__file__).parent.rglob("*.py"))


def test_nothing_takes_the_focus_later_than_it_is_told_to() -> None:
    # `Widget.focus` waits in the app's queue, behind keys that were pressed since: these go to one
    # field, and the next ones to another. `Screen.set_focus` and AUTO_FOCUS do it at once.
    late = {
        f"{path.name}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "focus"
    }
    assert not late


def _type_at_once(app: App[str] | App[None], *keys: str) -> None:
    """Hand over keys as a terminal does that has them all: none waits for the one before."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize(("there", "back"), [("tab", "shift+tab"), ("down", "up")])
async def test_keys_in_one_breath_reach_their_fields(tmp_path: Path, there: str, back: str) -> None:
    app = SetupApp(tmp_path / "config.toml", Work())
    async with app.run_test() as pilot:
        await pilot.press("c")
        await until(lambda: app.focused is not None and app.focused.id == "database_url")
        await pilot.press(*"db", "enter")
        await until(lambda: app.focused is not None and app.focused.id == "storage_path")
        _type_at_once(app, there, "b", "c", back, "a", there, there, "d")
        fields = app.screen.query(Input)
        await until(lambda: [field.value for field in fields][:3] == ["a", "bc", "d"])


async def test_options_in_one_breath() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        dialog = ColoringDialog()
        await app.push_screen(dialog)
        _type_at_once(app, "end", "5", "tab", "end", "7")
        await pilot.pause()
        megapixels, steps = (field.value for field in dialog.query(Input))
        assert megapixels.endswith("5")
        assert steps.endswith("7")
