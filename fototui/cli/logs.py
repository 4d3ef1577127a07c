"""`fototui logs`: what the app wrote down while it had the terminal."""

import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from fototui.cli.runner import settings_for_command
from fototui.domain.errors import NotFoundError
from fototui.domain.statuses import JobKind
from fototui.domain.text import clean_line

_FIRST = ("timestamp", "level", "event")


def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="The last so many.")] = 100,
    order: Annotated[str | None, typer.Option(help="Only of this order, by its number.")] = None,
    lane: Annotated[JobKind | None, typer.Option(help="Only of this lane's jobs.")] = None,
    version: Annotated[int | None, typer.Option(help="Only of this version, by its id.")] = None,
    only_path: Annotated[bool, typer.Option("--path", help="Tell only where the file is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as they are.")] = False,
) -> None:
    """Print the last lines of the app's log; commands and servers log to their own terminal.

    The app's list of jobs offers the very command for a job's lines.
    """
    settings_for_command()
    path = platformdirs.user_log_path("fototui") / "fototui.log"
    if only_path:
        typer.echo(str(path))
        return
    job = {
        "order": None if order is None else order.removeprefix("#"),
        "lane": None if lane is None else str(lane),
        "version": None if version is None else str(version),
    }
    asked = {name: value for name, value in job.items() if value is not None}
    for line in _last(path, lines, asked):
        typer.echo(line if as_json else _told(line))


def _last(path: Path, count: int, asked: Mapping[str, str]) -> deque[str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            found = (line.rstrip("\n") for line in file if not asked or _is_of(line, asked))
            return deque(found, maxlen=count)
    except OSError as error:
        raise NotFoundError(
            "There is no log at {path} ({reason}); the app writes one when it is opened.",
            path=str(path),
            reason=str(error.strerror),
        ) from error


def _is_of(line: str, asked: Mapping[str, str]) -> bool:
    """Whether a line is about a job."""
    if not all(value in line for value in asked.values()):
        return False  # most lines are told apart by that, and need not be read
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and all(
        str(entry.get(name, "")).removeprefix("#") == value for name, value in asked.items()
    )


def _told(line: str) -> str:
    """A line as people read it; one that is of another form as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return clean_line(line, limit=2000)
    if not isinstance(entry, dict):
        return clean_line(line, limit=2000)
    first = [str(entry.pop(name, "")) for name in _FIRST]
    rest = [f"{name}={value}" for name, value in entry.items()]
    return clean_line(" ".join(part for part in (*first, *rest) if part), limit=2000)
