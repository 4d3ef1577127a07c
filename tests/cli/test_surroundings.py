"""Where the program may find itself: it works there, or says in a sentence why not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("fototui")
# Not readable, not writable, and nothing can be made in it, by root neither.
NOWHERE = "/proc/nowhere"


def _environment(tmp_path: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("PATH",) if key in os.environ}
    given = {**kept, "HOME": str(tmp_path), "COLUMNS": "100", "OPERATOR": "Žofie", **changes}
    return {key: value for key, value in given.items() if value is not None}


def _shell(
    line: str, tmp_path: Path, changes: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in which `fototui` is the program."""
    return subprocess.run(
        ["/bin/bash", "-c", f'fototui() {{ "{PROGRAM}" "$@"; }}; {line}'],
        env=_environment(tmp_path, changes or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )


def _on_terminal(
    arguments: Sequence[str], tmp_path: Path, changes: Mapping[str, str | None]
) -> tuple[int, str]:
    """Run the program on a terminal of its own, until it ends by itself."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, *arguments],
        env=_environment(tmp_path, changes),
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=tmp_path,
    ) as process:
        os.close(its)
        shown = b""
        while True:
            try:
                shown += (chunk := os.read(ours, 65536))
            except OSError:  # how Linux says that the last one has closed it
                break
            if not chunk:
                break
        code = process.wait(timeout=120)
    os.close(ours)
    return code, shown.decode()


COMMANDS = ["--version", "config show"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_under_the_output_is_said(command: str, tmp_path: Path) -> None:
    done = _shell(f"fototui {command} > /dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "error: The output cannot be written: No space left on device.\n"
    )


@pytest.mark.parametrize(("command", "end"), zip(COMMANDS, (">&-", ">&- 2>&- <&-"), strict=True))
def test_closed_streams_are_no_matter(command: str, end: str, tmp_path: Path) -> None:
    done = _shell(f"fototui {command} {end}", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


# What a command refuses itself, by the one that imports least.
@pytest.mark.parametrize("command", ["", "config init"])
def test_closed_streams_change_nothing_about_a_refusal(command: str, tmp_path: Path) -> None:
    changes = {"XDG_CONFIG_HOME": NOWHERE}
    refused = _shell(f"fototui {command}", tmp_path, changes)
    for end in ("<&-", ">&-", "2>&-"):
        done = _shell(f"fototui {command} {end}", tmp_path, changes)
        assert done.returncode == refused.returncode == 2
        assert done.stderr == (b"" if end == "2>&-" else refused.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_seen_enough_is_no_error(command: str, tmp_path: Path) -> None:
    done = _shell(f"fototui {command} | true", tmp_path)
    assert done.stderr == b""


@pytest.mark.parametrize(
    "language",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LANG": "xx_YY.NONE", "LC_ALL": None},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=["C", "bare C", "no such one", "ASCII", "Latin-1"],
)
def test_names_are_shown_in_any_encoding(
    language: Mapping[str, str | None], tmp_path: Path
) -> None:
    done = _shell("fototui config show", tmp_path, language)
    assert (done.returncode, done.stderr) == (0, b"")
    name = next(line.split()[1] for line in done.stdout.split(b"\n") if b"OPERATOR" in line)
    # A bare C locale hands over bytes that are no letters, which are left out.
    assert name in ("Žofie".encode(), rb"\u017dofie", b"ofie")


@pytest.mark.parametrize("home", [NOWHERE, None, "/dev/null"])
def test_a_home_in_which_nothing_can_be_written(home: str | None, tmp_path: Path) -> None:
    changes = {"HOME": home, "XDG_CONFIG_HOME": NOWHERE, "XDG_STATE_HOME": NOWHERE}
    done = _shell("fototui config show", tmp_path, changes)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_folder_of_settings_that_cannot_be_made(tmp_path: Path) -> None:
    done = _shell("fototui config init", tmp_path, {"XDG_CONFIG_HOME": NOWHERE})
    assert done.returncode == 2
    assert done.stderr.decode().startswith("error: /proc/nowhere/fototui/config.toml cannot be")
    assert done.stderr.count(b"\n") == 1


def test_a_folder_that_was_removed_under_the_shell(tmp_path: Path) -> None:
    done = _shell("mkdir gone; cd gone; rmdir ../gone; fototui config show", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [([], "dumb"), ([], "unknown"), ([], ""), ([], None), (["demo"], "dumb"), (["demo"], None)],
)
def test_a_terminal_that_knows_no_cursor_gets_a_sentence(
    arguments: Sequence[str], kind: str | None, tmp_path: Path
) -> None:
    code, shown = _on_terminal(arguments, tmp_path, {"TERM": kind})
    assert code == 2
    assert "cannot show the app" in shown
    assert "\x1b" not in shown
