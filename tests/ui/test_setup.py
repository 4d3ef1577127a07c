"""The first run: step by step, each checked, and a private file in the end."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from fototui.domain.errors import ConfigurationError
from fototui.i18n import set_language
from fototui.screens.setup import Checked, Known, SetupApp
from fototui.screens.setup.screens import StepScreen, SummaryScreen, WelcomeScreen
from tests.waiting import until

URL = "postgresql://jana:tajné@db.example.com/shop"
WORKS = Checked(ok=True, words="answers")


class Work:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, **answers: Checked) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.saved: Mapping[str, str] | None = None
        self.refusal: ConfigurationError | None = None

    async def check(self, service: str, values: Mapping[str, str]) -> Checked:
        self.asked.append((service, dict(values)))
        return self.answers.get(service, WORKS)

    async def make_tables(self, values: Mapping[str, str]) -> None:
        self.answers["database"] = WORKS

    async def save(self, values: Mapping[str, str]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.saved = dict(values)


@pytest.fixture(autouse=True)
def english() -> None:
    set_language("en")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


async def _at_step(pilot: Pilot[str], name: str) -> None:
    """Wait for the step that asks for a setting."""
    await until(lambda: bool(pilot.app.screen.query(f"#{name}")))
    await until(lambda: pilot.app.focused is not None)


def _found(pilot: Pilot[str]) -> str:
    return str(pilot.app.screen.query_one("#found", Static).render())


async def _type(pilot: Pilot[str], words: str) -> None:
    field = pilot.app.focused
    assert isinstance(field, Input)
    field.value = words
    await pilot.press("enter")


@pytest.mark.parametrize(("key", "way"), [("d", "demo"), ("q", "leave"), ("escape", "leave")])
async def test_the_ways_out(path: Path, key: str, way: str) -> None:
    work = Work()
    app = SetupApp(path, work)
    async with app.run_test() as pilot:
        await pilot.press(key)
        await pilot.pause()
    assert app.return_value == way
    assert work.saved is None


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_by_enter_alone_from_step_to_step(path: Path, size: tuple[int, int]) -> None:
    work = Work()
    app = SetupApp(path, work)
    async with app.run_test(size=size) as pilot:
        await pilot.press("c")
        await _at_step(pilot, "database_url")
        await _type(pilot, URL)
        await _at_step(pilot, "storage_path")
        button = app.screen.query_one("#check", Button)
        assert button.region.bottom <= size[1], "the way on is on the screen"
        await _type(pilot, '/srv/"files"')
        assert app.focused is app.screen.query_one("#s3_bucket")
        await pilot.press("enter")  # nothing more: it is checked
        for name in ("runpod_api_key", "vectorizer_api_key", "shopify_store_url", "mercure_url"):
            await _at_step(pilot, name)
            await pilot.press("ctrl+n")
        await until(lambda: isinstance(app.screen, SummaryScreen))
        await pilot.pause()
        await pilot.press("enter")
        await until(lambda: app.return_value is not None)
    assert app.return_value == "connect"
    assert [service for service, _ in work.asked] == ["database", "storage"]
    assert work.saved == {"database_url": URL, "storage_path": '/srv/"files"'}


async def test_what_does_not_work_is_said_and_keeps_the_step(path: Path) -> None:
    work = Work(database=Checked(ok=False, words="does not answer [/foo]"))
    app = SetupApp(path, work)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c")
        await _at_step(pilot, "database_url")
        await _type(pilot, URL)
        await until(lambda: "[/foo]" in _found(pilot))
        assert app.screen.query_one("#tables", Button).disabled
        await pilot.press("ctrl+n")  # nothing works without it
        await until(lambda: "Nothing works" in _found(pilot))
        assert app.screen.query("#database_url")


async def test_an_empty_step_says_what_is_missing(path: Path) -> None:
    work = Work(database=Checked(ok=None, words="not configured"))
    app = SetupApp(path, work)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c")
        await _at_step(pilot, "database_url")
        await pilot.press("enter")
        await until(lambda: "Fill this in first." in _found(pilot))


async def test_tables_are_made_from_here(path: Path) -> None:
    work = Work(database=Checked(ok=False, words="no tables yet", needs_tables=True))
    app = SetupApp(path, work)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c")
        await _at_step(pilot, "database_url")
        await _type(pilot, URL)
        await until(lambda: app.focused is not None and app.focused.id == "tables")
        await pilot.press("enter")
        await _at_step(pilot, "storage_path")


async def test_what_is_set_already_is_shown_except_secrets(path: Path) -> None:
    known = Known({"storage_path": "/srv/files"}, frozenset({"runpod_api_key"}))
    app = SetupApp(path, Work(), known)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c")
        await _at_step(pilot, "database_url")
        await _type(pilot, URL)
        await _at_step(pilot, "storage_path")
        assert app.screen.query_one("#storage_path", Input).value == "/srv/files"
        await pilot.press("ctrl+t")
        await _at_step(pilot, "runpod_api_key")
        field = app.screen.query_one("#runpod_api_key", Input)
        assert (field.value, field.placeholder) == ("", "is set; empty keeps it")


async def test_one_may_go_back_and_finds_what_was_filled_in(path: Path) -> None:
    app = SetupApp(path, Work())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c")
        await _at_step(pilot, "database_url")
        await _type(pilot, URL)
        await _at_step(pilot, "storage_path")
        await pilot.press("escape")
        await _at_step(pilot, "database_url")
        assert app.screen.query_one("#database_url", Input).value == URL
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, WelcomeScreen))


async def test_a_file_that_cannot_be_written_is_said(path: Path) -> None:
    work = Work()
    work.refusal = ConfigurationError(
        "{path} cannot be written: {reason}.", path="x", reason="full"
    )
    app = SetupApp(path, work)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c")
        await _at_step(pilot, "database_url")
        for _ in range(6):
            here = app.screen
            assert isinstance(here, StepScreen)
            await pilot.press("ctrl+t")
            await until(lambda here=here: app.screen is not here)  # type: ignore[misc]  # a default in a lambda
            await pilot.pause()
        await pilot.press("ctrl+s")
        await until(lambda: "cannot be written" in _found(pilot))
