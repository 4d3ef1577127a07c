"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fototui.config.file import write_atomically, write_private
from fototui.domain.errors import ConfigurationError
from fototui.ui.preferences import Preferences, load_preferences, save_preferences


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for data in (b"long" * 1000, b"short"):
        assert write_atomically(path, data)
        assert path.read_bytes() == data
    assert (list(tmp_path.iterdir()), mode(path)) == ([path], 0o644)
    assert write_atomically(path, b"", private=True)
    assert (list(tmp_path.iterdir()), mode(path)) == ([path], 0o600)


def test_a_file_that_is_there_can_be_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert write_atomically(path, b"one", overwrite=False)
    assert not write_atomically(path, b"other", overwrite=False)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"one", [path])


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(path, b"x")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "a", b"x")


def test_the_settings_file_is_private_and_written_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    write_private(path, "a = 1\n")
    assert (path.read_text(), mode(path), mode(path.parent)) == ("a = 1\n", 0o600, 0o700)
    with pytest.raises(ConfigurationError, match="is there already"):
        write_private(path, "a = 2\n")
    with pytest.raises(ConfigurationError, match="cannot be written: File exists"):
        write_private(path / "config.toml", "")
    assert path.read_text() == "a = 1\n"


def test_preferences_that_cannot_be_kept_leave_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    save_preferences(Preferences(search="eva"), path)
    assert load_preferences(path).search == "eva"
    path.unlink()
    path.mkdir()
    save_preferences(Preferences(), path)
    assert list(tmp_path.iterdir()) == [path]
