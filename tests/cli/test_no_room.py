"""What is only convenient, or missing, does not end a program, or says so when it starts."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fototui.config.settings import Settings
from fototui.log import get_logger
from fototui.runtime.terminal import logging_to_file
from fototui.ui.preferences import Preferences, save_preferences
from tests.cli.conftest import Command


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def _a_file(folder: Path) -> None:
    folder.write_text("")


def _a_broken_link(folder: Path) -> None:
    folder.symlink_to("/proc/nowhere")


def _full(folder: Path) -> None:
    log = folder / "fototui" / "log"
    log.mkdir(parents=True)
    (log / "fototui.log").symlink_to("/dev/full")


@pytest.mark.parametrize("spoil", [_a_file, _a_broken_link, _full])
def test_a_log_that_cannot_be_written_is_said_and_no_more(
    spoil: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    state = tmp_path / "state"
    assert callable(spoil)
    spoil(state)
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    with logging_to_file(Settings()) as no_log:
        assert "There is no log" in str(no_log)
        get_logger("fototui").warning("a line")
    assert capfd.readouterr() == ("", "")


def test_a_disk_that_fills_up_later_is_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with logging_to_file(Settings()) as no_log:
        assert no_log is None
        [handler] = [each for each in logging.getLogger().handlers if each.name == "fototui"]
        assert isinstance(handler, logging.StreamHandler)
        full, before = open("/dev/full", "w"), handler.stream  # noqa: SIM115 - closed below
        handler.stream = full
        get_logger("fototui").warning("a line")
        handler.stream = before
        with pytest.raises(OSError, match="No space left"):
            full.close()
    assert capfd.readouterr() == ("", "")


def test_preferences_that_find_no_room_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", no_room)
    save_preferences(Preferences(), tmp_path / "preferences.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", ["vtracer", "cv2", "numpy", "python_multipart"])
def test_the_sandbox_without_its_parts_does_not_start(
    bare: Command, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setitem(sys.modules, part, None)
    result = bare("sandbox", "--port", "0")
    assert result.code != 0
    assert part in result.err
    assert "fototui[demo]" in result.err
