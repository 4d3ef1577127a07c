"""The command line: stdout is data, stderr is narration, exit codes are an interface.

Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 130 interrupted.
"""

import sys
from enum import StrEnum
from typing import Annotated

import typer

import fototui
from fototui.cli import (
    books,
    configuration,
    costs,
    database,
    demo,
    doctor,
    engine,
    hub,
    lanes,
    orders,
    sandbox,
    serve,
    token,
    versions,
)
from fototui.cli.runner import say
from fototui.cli.terminal import open_terminal
from fototui.domain.errors import ConfigurationError, FototuiError, InvalidInputError
from fototui.runtime.terminal import TerminalOptions

app = typer.Typer(
    name="fototui",
    help="Orders, jobs and pictures of a photo colouring-book shop.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(orders.app, name="orders")
app.add_typer(versions.coloring, name="coloring")
app.add_typer(versions.svg, name="svg")
app.add_typer(versions.versions, name="versions")
app.add_typer(books.app, name="books")
app.add_typer(lanes.app, name="lanes")
app.add_typer(database.app, name="db")
app.add_typer(configuration.app, name="config")
app.add_typer(token.app, name="token")
app.command("costs")(costs.costs)
app.command("engine")(engine.engine)
app.command("serve")(serve.serve)
app.command("hub")(hub.hub)
app.command("sandbox")(sandbox.sandbox)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


class Language(StrEnum):
    """Languages of the screens."""

    CS = "cs"
    EN = "en"


class PicturesChoice(StrEnum):
    """How pictures may be drawn."""

    AUTO = "auto"
    KITTY = "kitty"
    TGP = "tgp"  # its old name
    SIXEL = "sixel"
    OCTANT = "octant"
    SEXTANT = "sextant"
    QUADRANT = "quadrant"
    HALFCELL = "halfcell"
    OFF = "off"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fototui {fototui.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    no_engine: Annotated[
        bool, typer.Option("--no-engine", help="Run no jobs in this terminal.")
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Look only; nothing can be changed.")
    ] = False,
    lang: Annotated[Language | None, typer.Option(help="Language of the screens.")] = None,
    theme: Annotated[str | None, typer.Option(help="Name of a theme.")] = None,
    pictures: Annotated[PicturesChoice | None, typer.Option(help="How pictures are drawn.")] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Orders, jobs and pictures of a photo colouring-book shop.

    Without a command this opens the terminal app.
    """
    options = TerminalOptions(
        engine=not no_engine, read_only=read_only, language=lang, theme=theme, pictures=pictures
    )
    if context.invoked_subcommand is None:
        open_terminal(options)
    # `demo` opens the app too.
    context.obj = options


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    try:
        app()
    except (ConfigurationError, InvalidInputError) as error:
        say(f"error: {error}")
        sys.exit(2)
    except FototuiError as error:
        say(f"error: {error}")
        sys.exit(1)
    except (KeyboardInterrupt, EOFError):
        sys.exit(130)
