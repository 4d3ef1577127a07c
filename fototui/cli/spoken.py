"""Help in the language of the settings.

A command's own words are English, as those of the man page. They are looked up where they are
shown, in the compiled catalogue alone: what else speaks would take longer to start than the rest.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup

import fototui

Look = Callable[[str], str]

TYPES = {
    "<str>": "<text>",
    "<list[str]>": "<text>",
    "<int>": "<number>",
    "<int range>": "<number>",
    "<list[int]>": "<number>",
    "<float>": "<number>",
    "<float range>": "<number>",
    "<path>": "<path>",
    "<file>": "<file>",
    "<list[Path]>": "<path>",
    "<%Y-%m-%d>": "<day>",
}
"""What values are called, by the library's names for them."""

LIBRARY = (
    "Usage:",
    "[OPTIONS]",
    "COMMAND [ARGS]...",
    "Arguments",
    "Options",
    "Commands",
    "required",
    "default",
    "Show this message and exit.",
    "Install completion for the current shell.",
    "Show completion for the current shell, to copy it or customize the installation.",
)
"""What the library says by itself."""


def words() -> Look | None:
    """Looks a text up in the language of the settings; None where that is English."""
    from fototui.config.language import language_of_settings

    language = language_of_settings()
    try:
        return None if language == "en" else _catalogue(language).gettext
    except OSError:  # a checkout whose catalogues were not compiled yet
        return None


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    with (Path(fototui.__file__).parent / "i18n" / f"{language}.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def texts(command: TyperCommand | TyperGroup) -> Iterator[str]:
    """All that help says of a command and of those below it, as it is looked up."""
    yield from _paragraphs(command.help)
    for parameter in command.params:
        yield getattr(parameter, "help", None) or ""
        if isinstance(parameter, TyperArgument):
            yield parameter.display_name_raw
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            if isinstance(below, TyperCommand | TyperGroup):
                yield from texts(below)


def _paragraphs(text: str | None) -> list[str]:
    """A help text in the pieces that are looked up, each in one line."""
    parts = (text or "").partition("\f")[0].split("\n\n")
    return [" ".join(part.split()) for part in parts if part.strip()]


# The library's contexts and formatters are in a private module, and so are Any here.


def _write_usage(command: TyperCommand | TyperGroup, look: Look, ctx: Any, formatter: Any) -> None:
    pieces = [
        look(piece) if piece in LIBRARY else re.sub(r"\w+", lambda name: look(name[0]), piece)
        for piece in command.collect_usage_pieces(ctx)
    ]
    formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=f"{look('Usage:')} ")


def _write_help(command: TyperCommand | TyperGroup, look: Look, ctx: Any, formatter: Any) -> None:
    _write_usage(command, look, ctx, formatter)
    for paragraph in _paragraphs(command.help):
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(look(paragraph))
    rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], "Commands": []}
    for parameter in command.get_params(ctx):
        of = "Arguments" if isinstance(parameter, TyperArgument) else "Options"
        rows[of] += _record(parameter, look, ctx)
    if isinstance(command, TyperGroup):
        rows["Commands"] = [
            (name, look(_paragraphs(below.short_help or below.help)[0]))
            for name, below in command.commands.items()
        ]
    for title, found in rows.items():
        if found:
            with formatter.section(look(title)):
                formatter.write_dl(found)


def _record(parameter: Any, look: Look, ctx: Any) -> Iterator[tuple[str, str]]:
    """What is given, and what it does with what the library says of its value."""
    shown = copy(parameter)
    shown.help = ""
    if (record := shown.get_help_record(ctx)) is None:
        return
    given, of_value = record
    given = re.sub(r"<[^<>]+>", lambda name: look(TYPES.get(name[0], name[0])), given)
    if isinstance(parameter, TyperArgument):
        name = parameter.display_name_raw
        given = look(name) + given.removeprefix(name)
    for word in ("required", "default"):
        of_value = re.sub(rf"(?<=\W){word}(?=[\]:])", look(word), of_value)
    yield given, "  ".join(part for part in (look(parameter.help), of_value) if part)


class _Spoken:
    """Help in the language of the settings; in English as the library writes it."""

    def format_usage(self: Any, ctx: Any, formatter: Any) -> None:
        """Write how it is called."""
        if look := words():
            _write_usage(self, look, ctx, formatter)
        else:
            super().format_usage(ctx, formatter)  # type: ignore[misc]  # of what it stands before

    def format_help(self: Any, ctx: Any, formatter: Any) -> None:
        """Write all of it."""
        if look := words():
            _write_help(self, look, ctx, formatter)
        else:
            super().format_help(ctx, formatter)  # type: ignore[misc]  # of what it stands before


class SpokenCommand(_Spoken, TyperCommand):
    """A command whose help is in the language of the settings."""


class SpokenGroup(_Spoken, TyperGroup):
    """A group of commands whose help is in the language of the settings."""
