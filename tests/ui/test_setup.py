"""The first run: the wizard writes a private file with what was checked."""

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from fototui.i18n import set_language
from fototui.screens.setup import Checked, ConnectScreen, SetupApp

URL = "postgresql://jana:tajné@db.example.com/shop"


class Checker:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer = Checked(ok=True, words="database: answers")
        self.asked: list[Mapping[str, str]] = []

    async def __call__(self, values: Mapping[str, str]) -> Checked:
        self.asked.append(values)
        return self.answer


@pytest.fixture(autouse=True)
def english() -> None:
    set_language("en")


@pytest.mark.parametrize(("key", "way"), [("d", "demo"), ("q", "leave"), ("escape", "leave")])
async def test_the_ways_out(tmp_path: Path, key: str, way: str) -> None:
    app = SetupApp(tmp_path / "config.toml", Checker())
    async with app.run_test() as pilot:
        await pilot.press(key)
        await pilot.pause()
    assert app.return_value == way
    assert not (tmp_path / "config.toml").exists()


async def _connect(app: SetupApp, pilot: Pilot[str], **values: str) -> None:
    await pilot.press("c")
    await pilot.pause()
    for name, value in values.items():
        app.screen.query_one(f"#{name}", Input).value = value


async def test_what_was_checked_is_written_privately(tmp_path: Path) -> None:
    path, checker = tmp_path / "new" / "config.toml", Checker()
    app = SetupApp(path, checker)
    async with app.run_test(size=(100, 50)) as pilot:
        await _connect(app, pilot, database_url=URL, storage_path='/srv/"files"')
        await pilot.press("ctrl+s")
        await pilot.pause(0.2)
    assert app.return_value == "connect"
    assert checker.asked == [{"database_url": URL, "storage_path": '/srv/"files"'}]
    assert tomllib.loads(path.read_text()) == checker.asked[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_does_not_work_is_said_and_not_written(tmp_path: Path) -> None:
    path, checker = tmp_path / "config.toml", Checker()
    checker.answer = Checked(ok=False, words="database: does not answer [/foo]")
    app = SetupApp(path, checker)
    async with app.run_test(size=(100, 50)) as pilot:
        await _connect(app, pilot, database_url=URL)
        await pilot.press("ctrl+t")
        await pilot.pause(0.2)
        assert "[/foo]" in str(app.screen.query_one("#found", Static).render())
        await pilot.press("ctrl+s")
        await pilot.pause(0.2)
        assert isinstance(app.screen, ConnectScreen)
    assert not path.exists()


async def test_one_may_go_back(tmp_path: Path) -> None:
    app = SetupApp(tmp_path / "config.toml", Checker())
    async with app.run_test(size=(100, 50)) as pilot:
        await _connect(app, pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, ConnectScreen)


async def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")
    app = SetupApp(path, Checker())
    async with app.run_test(size=(100, 50)) as pilot:
        await _connect(app, pilot, database_url=URL)
        await pilot.press("ctrl+s")
        await pilot.pause(0.2)
        assert "there already" in str(app.screen.query_one("#found", Static).render())
    assert path.read_text() == "# mine\n"
