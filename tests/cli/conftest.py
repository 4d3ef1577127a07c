"""The command line, run in this process as a shell would run it."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fototui import cli
from fototui.i18n import set_language
from fototui.storage.directory import DirectoryStorage
from tests.cli.export_shop import Shop


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    # Any: the shape of the JSON is what the tests look at.
    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture
def bare(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Run a command in an empty folder, with nothing configured but what is given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, **variables: str) -> Result:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["fototui", *arguments])
            for name, value in variables.items():
                patch.setenv(name, value)
            capsys.readouterr()
            set_language("en")  # a command before this one may have spoken another
            with pytest.raises(SystemExit) as ended:
                cli.main()
            out, err = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def fototui(bare: Command, database_url: str, tmp_path: Path) -> Command:
    """Run a command on a fresh database and an empty storage."""

    def run(*arguments: str, **variables: str) -> Result:
        configured = {
            "DATABASE_URL": database_url,
            "STORAGE_PATH": str(tmp_path / "files"),
            "OPERATOR": "jana",
        }
        return bare(*arguments, **{**configured, **variables})

    return run


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    return Shop(database_url, DirectoryStorage(tmp_path / "files"))
