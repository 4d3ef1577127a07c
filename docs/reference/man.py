"""The man page, from the commands: `make man` writes `docs/fototui.1`, which the wheel installs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from typer.core import TyperCommand, TyperGroup

from docs.reference.commands import commands, options

PAGE = Path(__file__).parents[1] / "fototui.1"

_HEAD = r""".\" Made by `make man` from the commands. Do not change it by hand.
.TH FOTOTUI 1 "" fototui "User commands"
.SH NAME
fototui \- orders, jobs and pictures of a photo colouring\-book shop
.SH SYNOPSIS
.B fototui
.RI [ OPTIONS ]
.RI [ COMMAND
.RI [ ARGUMENTS ]]
"""
_TAIL = r""".SH EXIT STATUS
.TP
.B 0
It was done.
.TP
.B 1
It failed; standard error tells why and what to do.
.TP
.B 2
It was called wrongly, or a setting is wrong.
.TP
.B 130
It was interrupted.
.SH ENVIRONMENT
Every setting may be given as a variable, in .env or in the settings file;
.B fototui config show
lists them with where each comes from.
.TP
.B FOTOTUI_CONFIG
Another settings file.
.TP
.B NO_COLOR
No colours.
.SH FILES
.TP
.I ~/.config/fototui/config.toml
The settings;
.B fototui config init
writes one with every setting and its meaning.
.TP
.I ~/.local/state/fototui/log/fototui.log
What the app wrote down;
.B fototui logs
prints it.
"""


def page() -> str:
    """The page, in roff."""
    (_name, root), *others = commands()
    parts = [_HEAD, ".SH DESCRIPTION\n", _prose(root.help or ""), ".SH OPTIONS\n"]
    parts += _options("fototui", root)
    parts.append(".SH COMMANDS\n")
    for name, command in others:
        parts.append(f".SS {_text(name)}\n{_prose(command.help or '')}")
        parts += _options(name, command)
    return "".join([*parts, _TAIL])


def _options(name: str, command: TyperCommand | TyperGroup) -> Iterator[str]:
    for what, does in options(name, command):
        yield f".TP\n.B {_text(what)}\n{_line(does)}"


def _prose(help_text: str) -> str:
    """Paragraphs; what stands behind a form feed is not for reading."""
    paragraphs = help_text.split("\f")[0].split("\n\n")
    return ".PP\n".join(_line(" ".join(each.split())) for each in paragraphs if each.strip())


def _line(text: str) -> str:
    return f"{_text(text)}\n" if text else ""


def _text(text: str) -> str:
    """Text that roff takes for nothing else."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
