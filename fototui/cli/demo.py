"""`fototui demo`: the whole product on this machine, with no account."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fototui.cli.output import print_json
from fototui.cli.running import run, say
from fototui.domain.errors import ConfigurationError
from fototui.log import configure_logging


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Run the main job, report, and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON, as the last line.")
    ] = False,
    orders: Annotated[int, typer.Option(help="How many orders there shall be.", min=1)] = 4,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Keep all state here; a second run goes on from it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Makes the orders and chances repeatable.")] = 1,
    log_level: Annotated[str, typer.Option(help="Least level of log lines.")] = "WARNING",
) -> None:
    """Start everything on this machine and make colouring pages out of sample photos."""
    try:
        from fototui.demo.shift import Shift
    except ImportError as error:
        raise ConfigurationError(
            f"The demo needs {error.name}, which is not installed. "
            "Install fototui with its demo parts: fototui[demo]"
        ) from error
    configure_logging(log_level)
    if not headless:
        say("There is no screen yet: this runs the headless form.")
    report = run(Shift(orders=orders, seed=seed, say=say).run(folder))
    if as_json:
        print_json(report)
    if not report.is_complete:
        say("Not everything was completed.")
        sys.exit(1)
