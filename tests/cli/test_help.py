"""Help speaks the language of the settings, and so does what is told of a wrong command."""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from docs.reference.commands import commands
from fototui.cli import app, spoken
from fototui.cli.commands import COMMANDS
from fototui.cli.mistakes import FORMS
from fototui.config.language import language_of_settings

CZECH = Path(spoken.__file__).parents[1] / "i18n" / "cs.mo"


@pytest.fixture(autouse=True)
def _nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("FOTOTUI_CONFIG", "UI_LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


def told(arguments: str, code: int = 0) -> str:
    """What a command prints, each word after one space."""
    result = CliRunner().invoke(app, arguments.split(), env={"COLUMNS": "100"})
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def _all() -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    for name, command in commands():
        yield name.removeprefix("fototui").strip(), command
    for name, listed in COMMANDS.items():
        if isinstance(listed.load(name), TyperGroup):
            yield name, TyperGroup(name=name, help=listed.help)


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in _all()])
def test_all_of_it_is_czech(
    name: str, command: TyperCommand | TyperGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UI_LANGUAGE", "cs")
    shown = told(f"{name} --help")
    with CZECH.open("rb") as file:
        czech = gettext.GNUTranslations(file)
    assert shown.startswith(f"Použití: {' '.join(['fototui', name]).strip()} [VOLBY]")
    for text in filter(None, spoken.texts(command)):
        assert " ".join(czech.gettext(text).split()) in shown
    own = (*spoken.LIBRARY, *(each for each in spoken.TYPES if each.startswith("<")))
    assert not [word for word in own if f"{word} " in shown]


def test_english_is_as_the_library_has_it() -> None:
    shown = told("orders photo --help")
    assert shown.startswith("Usage: fototui orders photo [OPTIONS] {number} {file}")
    assert "number <str> The order's number, such as #1270 or M1000. [required]" in shown


def test_what_the_library_says_of_values_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UI_LANGUAGE", "cs")
    shown = told("orders list --help")
    assert "--limit <číslo> Nejvýš tolik objednávek. [výchozí: 50; 1<=x<=1000]" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("orders lst", "Příkaz lst neexistuje. Nemysleli jste 'list'?"),
        ("nothing", "Příkaz nothing neexistuje."),
        ("--xx", "Volba --xx neexistuje."),
        ("orders list --lmit 3", "Volba --lmit neexistuje. Nemysleli jste --limit?"),
        ("orders show", "Chybí argument „číslo“."),
        ("export", "Chybí volba --to."),
        ("orders list --limit", "Volba --limit potřebuje hodnotu."),
        ("orders list --json=3", "Volba --json nemá hodnotu."),
        ("orders list a b", "Tohle je navíc: a b"),
        ("orders list --limit x", "Hodnota --limit musí být číslo."),
        ("orders list --limit 0", "Hodnota --limit musí být aspoň 1."),
        ("orders list --limit 5000", "Hodnota --limit smí být nejvýš 1000."),
        ("costs --by x", "Hodnota --by nemůže být „x“; může to být: 'day', 'month'"),
        ("costs --since x", "Hodnota --since musí být den, třeba 2026-11-01."),
    ],
)
def test_what_is_typed_wrongly(arguments: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    library = told(arguments, 2)
    assert "Error: " in library
    monkeypatch.setenv("UI_LANGUAGE", "cs")
    shown = told(arguments, 2)
    assert ("Použití: fototui " in shown) is ("Zkuste „fototui" in shown) is ("Usage: " in library)
    assert f"chyba: {words}" in shown


def test_no_form_is_tried_in_vain() -> None:
    cases = next(
        mark.args[1]
        for mark in test_what_is_typed_wrongly.pytestmark  # type: ignore[attr-defined]  # pytest's own
    )
    assert len(cases) == len(FORMS)


@pytest.mark.parametrize(
    ("where", "written"),
    [
        (".env", "UI_LANGUAGE='cs'\n"),
        (".env", "# of this shop\nexport ui_language = cs\n"),
        ("fototui/config.toml", 'ui_language = "cs"\n'),
        ("fototui/config.toml", '[ui]\nlanguage = "cs"\n'),
    ],
)
def test_where_the_language_comes_from(tmp_path: Path, where: str, written: str) -> None:
    assert language_of_settings() == "en"
    file = tmp_path / where
    file.parent.mkdir(exist_ok=True)
    file.write_text(written, "utf-8")
    assert language_of_settings() == "cs"


def test_which_of_them_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "cs_CZ.UTF-8")
    assert language_of_settings() == "cs"
    (tmp_path / "mine.toml").write_text('ui_language = "en"\n', "utf-8")
    monkeypatch.setenv("FOTOTUI_CONFIG", str(tmp_path / "mine.toml"))
    assert language_of_settings() == "en"
    (tmp_path / ".env").write_text("UI_LANGUAGE=cs\n", "utf-8")
    assert language_of_settings() == "cs"
    monkeypatch.setenv("ui_language", "en")
    assert language_of_settings() == "en"
    # What is wrong is told by those who read all settings; help is shown nonetheless.
    monkeypatch.setenv("ui_language", "de")
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    (tmp_path / "mine.toml").write_text("ui_language = ", "utf-8")
    assert language_of_settings() == "cs"


def test_settings_and_help_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fototui.config.settings import load_settings

    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/shop")
    (tmp_path / ".env").write_text("UI_LANGUAGE=cs\n", "utf-8")
    assert load_settings().ui_language == language_of_settings() == "cs"
