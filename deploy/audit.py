"""Looks the pinned packages up among known vulnerabilities: `python audit.py [--warn] UV LOCK`.

By itself it fails where one is known, and where it cannot be told whether one is. With --warn, as a
part of `make check`, it tells the same and lets the check pass: a change must not fail because of
the day on which it is made, or because a service is out of reach.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = "pip-audit>=2.9,<3"
_SECONDS = 300
_SECONDS_OF_A_CHECK = 30


class CannotTellError(Exception):
    """Nobody answered; says why."""


@dataclass(frozen=True)
class Found:
    """What was found.

    Args:
        vulnerabilities: A line for each.
        asked: How many packages the service knows.
        unknown: How many it does not.
    """

    vulnerabilities: tuple[str, ...]
    asked: int
    unknown: int


def look_up(uv: str, lock: Path, seconds: float) -> Found:
    """Ask the service.

    Args:
        uv: The program uv.
        lock: The lock file.
        seconds: Longest time.

    Raises:
        CannotTellError: It did not answer, or knows none of the packages.
    """
    command = [uv, "tool", "run", "--quiet", _PROGRAM, "--requirement", str(lock)]
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    # A group of its own, so that all of it ends: uv starts the program as a child.
    with subprocess.Popen(  # noqa: S603  # the Makefile names it
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            answer, complaint = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise CannotTellError(f"no answer within {seconds:.0f} s") from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    try:
        return read(answer)
    except ValueError as error:
        last = complaint.strip().splitlines()[-1:] or ["it said nothing"]
        raise CannotTellError(last[0][:300]) from error


def read(answer: str) -> Found:
    """Read what the program answers as JSON.

    Args:
        answer: Its output.

    Raises:
        ValueError: It is not of its form.
        CannotTellError: No package is known to the service.
    """
    match json.loads(answer):
        case {"dependencies": [*packages]}:
            asked = [package for package in packages if "vulns" in package]
        case _:
            raise ValueError("not an answer of pip-audit")
    if not asked:
        raise CannotTellError("the package index in use knows nothing of vulnerabilities")
    lines = tuple(line for package in asked for line in _lines(package))
    return Found(lines, len(asked), len(packages) - len(asked))


def _lines(package: dict[str, object]) -> Iterator[str]:
    match package:
        case {"name": name, "version": version, "vulns": [*vulnerabilities]}:
            for vulnerability in vulnerabilities:
                yield f"{name} {version}: {_described(vulnerability)}"
        case _:
            raise ValueError("not an answer of pip-audit")


def _described(vulnerability: object) -> str:
    match vulnerability:
        case {"id": identifier, "fix_versions": [*versions]}:
            return f"{identifier}, mended in {', '.join(map(str, versions)) or 'no version yet'}"
        case _:
            raise ValueError("not an answer of pip-audit")


def main(arguments: Sequence[str]) -> int:
    """Look them up, and tell.

    Args:
        arguments: Those of the command line.

    Returns:
        How the process ends.
    """
    warns = "--warn" in arguments
    uv, lock = (argument for argument in arguments if argument != "--warn")
    try:
        found = look_up(uv, Path(lock), _SECONDS_OF_A_CHECK if warns else _SECONDS)
    except CannotTellError as why:
        print(f"Known vulnerabilities were not looked up: {why}.", file=sys.stderr)
        return 0 if warns else 2
    for line in found.vulnerabilities:
        print(f"Known vulnerability: {line}", file=sys.stderr)
    if found.vulnerabilities:
        print("Raise what can be raised with `make lock`.", file=sys.stderr)
    elif not warns:
        print(f"None known in {found.asked} packages; {found.unknown} are not known there.")
    return 1 if found.vulnerabilities and not warns else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
