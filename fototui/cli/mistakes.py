"""What is told of a command that was typed wrongly, in the language of the settings.

The library's sentences are known by their form; in English they stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from typer.exceptions import TyperException

from fototui.cli.spoken import Look, words

_VALUE = r"Invalid value for '(?P<given>.*?)': "
FORMS = {
    r"No such command '(?P<given>.*?)'\.": "There is no command {given}.",
    r"No such command '(?P<given>.*?)'\. Did you mean (?P<like>.*)\?": (
        "There is no command {given}. Did you mean {like}?"
    ),
    r"No such option: (?P<given>\S+)": "There is no option {given}.",
    r"No such option: (?P<given>\S+) \(Possible options: (?P<like>.*)\)": (
        "There is no option {given}. Did you mean {like}?"
    ),
    r"Missing argument '(?P<given>.*?)'\.": "The argument “{given}” is missing.",
    r"Missing option '(?P<given>.*?)'\.": "The option {given} is missing.",
    r"Option '(?P<given>.*?)' requires an argument\.": "The option {given} needs a value.",
    r"Option '(?P<given>.*?)' does not take a value\.": "The option {given} takes no value.",
    r"Got unexpected extra argument\(s\) \((?P<given>.*)\)": "This is too much: {given}",
    _VALUE + r"Input should be a valid (?:integer|number).*": "{given} must be a number.",
    _VALUE + r"Input should be greater than or equal to (?P<limit>.*)": (
        "{given} must be at least {limit}."
    ),
    _VALUE + r"Input should be less than or equal to (?P<limit>.*)": (
        "{given} must be at most {limit}."
    ),
    _VALUE + r"Value error, '(?P<value>.*?)' is not one of (?P<like>.*)\.": (
        "{given} cannot be “{value}”; it may be: {like}."
    ),
    _VALUE + r"Value error, '(?P<value>.*?)' does not match the formats .*": (
        "{given} must be a day, such as 2026-11-01."
    ),
}
"""The library's sentences, and what is said in their place."""

_NAMES_ARGUMENTS = ("Missing argument", _VALUE)

HINT = "Try “{command} --help”."
ERROR = "error: {words}"


@contextmanager
def told_in_language() -> Iterator[None]:
    """Tell what was typed wrongly, and how it is typed.

    Raises:
        typer.Exit: It was told.
    """
    try:
        yield
    except TyperException as error:
        look = words()
        told = look and _in_words(error.format_message(), look)
        if not look or not told:
            raise
        if (context := getattr(error, "ctx", None)) is not None:
            hint = look(HINT).format(command=context.command_path)
            typer.echo(f"{context.get_usage()}\n{hint}\n", err=True)
        typer.echo(look(ERROR).format(words=told), err=True)
        raise typer.Exit(error.exit_code) from None


def _in_words(message: str, look: Look) -> str | None:
    for form, text in FORMS.items():
        if found := re.fullmatch(form, message):
            values = found.groupdict()
            if form.startswith(_NAMES_ARGUMENTS):
                values["given"] = look(values["given"])  # a word; an option is typed as it is
            return look(text).format(**values)
    return None
