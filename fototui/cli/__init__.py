"""The command line: stdout is data, stderr is narration, exit codes are an interface.

Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 130 interrupted.
"""

import sys
from typing import Annotated

import typer

import fototui
from fototui.cli import database, demo, doctor, engine, lanes, orders, servers, versions
from fototui.cli.running import say
from fototui.domain.errors import ConfigurationError, FototuiError, InvalidInputError

app = typer.Typer(
    name="fototui",
    help="Orders, jobs and pictures of a photo colouring-book shop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(orders.app, name="orders")
app.add_typer(versions.coloring, name="coloring")
app.add_typer(versions.svg, name="svg")
app.add_typer(versions.versions, name="versions")
app.add_typer(lanes.app, name="lanes")
app.add_typer(database.app, name="db")
app.command("engine")(engine.engine)
app.command("hub")(servers.hub)
app.command("sandbox")(servers.sandbox)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fototui {fototui.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


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
