"""`fototui logs`: what the app wrote down while it had the terminal."""

import json
from collections import deque
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from fototui.cli.runner import settings_for_command
from fototui.domain.errors import NotFoundError
from fototui.domain.text import clean_line

_FIRST = ("timestamp", "level", "event")


def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="The last so many.")] = 100,
    only_path: Annotated[bool, typer.Option("--path", help="Tell only where the file is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as they are.")] = False,
) -> None:
    """Print the last lines of the app's log; commands and servers log to their own terminal."""
    settings_for_command()
    path = platformdirs.user_log_path("fototui") / "fototui.log"
    if only_path:
        typer.echo(str(path))
        return
    for line in _last(path, lines):
        typer.echo(line if as_json else _told(line))


def _last(path: Path, count: int) -> deque[str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return deque((line.rstrip("\n") for line in file), maxlen=count)
    except OSError as error:
        raise NotFoundError(
            "There is no log at {path} ({reason}); the app writes one when it is opened.",
            path=str(path),
            reason=str(error.strerror),
        ) from error


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
