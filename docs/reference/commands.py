"""The commands with their arguments and options, as `--help` has them."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup

from docs.reference.markdown import code, table
from fototui.cli import app
from fototui.cli.commands import COMMANDS

Commands = Iterator[tuple[str, TyperCommand | TyperGroup]]


def commands() -> Commands:
    """Each command by its whole name, the program itself first."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    yield "fototui", root
    for name, command in sorted(COMMANDS.items()):
        yield from _below(command.load(name), f"fototui {name}")


def _below(command: TyperCommand | TyperGroup, name: str) -> Commands:
    if isinstance(command, TyperCommand):
        yield name, command
        return
    for part, below in sorted(command.commands.items()):
        if isinstance(below, TyperCommand | TyperGroup):
            yield from _below(below, f"{name} {part}")


def page() -> str:
    """All commands as Markdown."""
    return "\n".join(_described(name, command) for name, command in commands())


def options(name: str, command: TyperCommand | TyperGroup) -> list[tuple[str, str]]:
    """Arguments and options of a command, each with what it does."""
    context = typer.Context(command, info_name=name)
    found = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        words = getattr(parameter, "help", None)
        if record is None:  # an argument; an option always has one
            written = " ".join(parameter.get_usage_pieces(context))
            found.append((written, words or ""))
        else:
            found.append(record)
    return found


def _described(name: str, command: TyperCommand | TyperGroup) -> str:
    parts = [f"## `{name}`", _prose(command.help or "")]
    if rows := options(name, command):
        parts.append(table(("given", "does"), [(code(what), does) for what, does in rows]))
    return "\n\n".join(parts) + "\n"


def _prose(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if "\f" not in line)
