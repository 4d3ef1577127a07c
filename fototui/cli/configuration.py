"""`fototui config`: where settings come from, and what they are."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, SecretStr

from fototui.cli.output import print_json, print_table
from fototui.cli.runner import run, say, settings_for_command
from fototui.config.file import write_private
from fototui.config.settings import Settings, load_settings
from fototui.config.sources import NESTED, config_file, places
from fototui.i18n import _, preferred_language, set_language, translate

app = typer.Typer(help="Where settings come from, and what they are.", no_args_is_help=True)

_KEPT_BACK = "(set)"


@app.command()
def path() -> None:
    """Print the path of the settings file."""
    typer.echo(str(config_file()))


@app.command()
def init() -> None:
    """Write a settings file to be filled in; one that is there is left alone."""
    from fototui.config.template import template

    write_private(config_file(), template())
    typer.echo(str(config_file()))
    say(_("Fill it in, then: fototui config check"))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there.")],
    for_operator: Annotated[
        bool,
        typer.Option("--for-operator", help="Only what another operator's terminal needs."),
    ] = False,
) -> None:
    """Write the settings in force into a file that another machine or operator can use."""
    from fototui.config.export import exported

    write_private(file, exported(load_settings(), for_operator=for_operator))
    typer.echo(str(file))
    words = _("It holds secrets: hand it over privately. There: FOTOTUI_CONFIG={file} fototui")
    say(words.format(file=file.name))


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the settings in force; of secrets only whether they are set."""
    settings = load_settings()
    set_language(settings.ui_language or preferred_language())
    values = {name: _shown(value) for name, value in settings}
    if as_json:
        print_json(values)
        return
    origins = _origins()
    print_table(
        (_("Setting"), _("Value"), _("From")),
        [
            (name.upper(), _as_typed(value), origins.get(name, _("default")))
            for name, value in values.items()
            if value is not None
        ],
    )


@app.command()
def check() -> None:
    """Check that the settings can be read, and each service that they name."""
    from fototui.runtime.checks import examine

    settings = settings_for_command(log_level="ERROR")
    findings = [finding for finding in run(examine(settings)) if finding.ok is not None]
    for finding in findings:
        state = _("ok") if finding.ok else _("FAILS")
        say(f"{translate(finding.title)}: {state}: {translate(finding.detail)}")
    if not findings:
        say_where_to_begin()
    if not findings or not all(finding.ok for finding in findings):
        sys.exit(1)


def say_where_to_begin() -> None:
    """Say what to do where nothing is configured."""
    words = (
        _("Nothing is configured in {file}. Fill it in, or start fototui and be asked.")
        if config_file().exists()
        else _(
            "Nothing is configured in {file}. fototui config init writes one; "
            "or start fototui and be asked."
        )
    )
    say(words.format(file=config_file()))


def _origins() -> dict[str, str]:
    """Where each setting comes from that is not left at its default; the weightiest place."""
    origins: dict[str, str] = {}
    for place in reversed(places(Settings)):
        for key in place.names:
            known = next((name for name in NESTED if key.startswith(f"{name}_")), key)
            origins[known] = translate(place.told)
    return origins


def _shown(value: object) -> object:
    match value:
        case SecretStr():
            return _KEPT_BACK
        case None | bool() | int() | float() | str():
            return value
        case Path():
            return str(value)
        case dict():
            return {str(key): _shown(part) for key, part in value.items()}
        case BaseModel():
            return {name: _shown(part) for name, part in value}
        case frozenset():
            return sorted(map(str, value))
        case _:
            return str(value)


def _as_typed(value: object) -> str:
    """A value as one writes it in the environment; "-" for none."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return ",".join(f"{key}={_as_typed(part)}" for key, part in value.items()) or "-"
        case list():
            return ",".join(map(_as_typed, value)) or "-"
        case _:
            return str(value)
