"""`make audit` fails where it must; `make check` tells the same, and passes on any day."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import audit

_HOLE = {"name": "a", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1", "2.0"]}]}
_WHOLE = {"name": "b", "version": "1.0", "vulns": []}
_UNKNOWN = {"name": "c", "skip_reason": "Dependency not found"}

_WORDS = "Known vulnerability: a 1.0: CVE-1, mended in 1.1, 2.0"


def _run(tmp_path: Path, says: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The command, beside a program that answers so in place of uv."""
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    command = [sys.executable, audit.__file__, *options, str(program), "requirements.lock"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _answering(*packages: object) -> str:
    return f"echo '{json.dumps({'dependencies': packages})}'"


@pytest.mark.parametrize(
    ("says", "told", "code"),
    [
        (_answering(_WHOLE, _UNKNOWN), "None known in 1 packages; 1 are not known there.", 0),
        (_answering(_HOLE, _WHOLE) + "; exit 1", _WORDS, 1),
        (_answering(_UNKNOWN), "the package index in use knows nothing of vulnerabilities", 2),
        ("echo 'name does not resolve' >&2; exit 1", "looked up: name does not resolve.", 2),
        ("exit 3", "looked up: it said nothing.", 2),
        ("echo '[]'", "Known vulnerabilities were not looked up", 2),
    ],
)
def test_an_audit_fails_where_one_is_known_or_nobody_tells(
    tmp_path: Path, says: str, told: str, code: int
) -> None:
    done = _run(tmp_path, says)
    assert told in done.stdout + done.stderr
    assert done.returncode == code


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (_answering(_WHOLE, _UNKNOWN), ""),
        (_answering(_HOLE) + "; exit 1", _WORDS),
        (_answering(_UNKNOWN), "the package index in use knows nothing of vulnerabilities"),
        ("echo 'name does not resolve' >&2; exit 1", "looked up: name does not resolve."),
    ],
)
def test_a_check_tells_the_same_and_passes(tmp_path: Path, says: str, told: str) -> None:
    done = _run(tmp_path, says, "--warn")
    assert told in done.stderr
    assert bool(told) == bool(done.stderr)
    assert done.returncode == 0


def test_a_service_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    program = tmp_path / "uv"
    # As uv does, it starts the one that asks, which would keep the lines open.
    program.write_text(f"#!/bin/sh\nsleep 600 &\necho $! >{tmp_path}/pid\nwait\n")
    program.chmod(0o755)
    with pytest.raises(audit.CannotTellError, match="no answer within 1 s"):
        audit.look_up(str(program), Path("requirements.lock"), 1)
