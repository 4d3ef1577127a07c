"""What `--help` says, for the catalogues: `babel.cfg` names it for the module of the commands."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer.core import TyperGroup

from fototui.cli import app
from fototui.cli.commands import COMMANDS
from fototui.cli.mistakes import FORMS, HINT
from fototui.cli.spoken import LIBRARY, TYPES, texts

Found = tuple[int, str, str, list[str]]


def extract(*_told: object, **_options: object) -> Iterator[Found]:
    """Give each text in the form that Babel wants."""
    for text in sorted({text for text in _texts() if text}):
        yield 0, "_", text, []


def _texts() -> Iterator[str]:
    yield from (HINT, *FORMS.values())
    yield from LIBRARY
    yield from TYPES.values()
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    yield from texts(root)
    for name, command in COMMANDS.items():
        yield command.help
        yield from texts(command.load(name))
