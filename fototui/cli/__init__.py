"""The command line: stdout is data, stderr is narration, exit codes are an interface.

Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 130 interrupted.
"""

import errno
import gc
import io
import os
import sys
from typing import Annotated

import typer

import fototui
from fototui.cli import options
from fototui.cli.commands import Commands
from fototui.runtime.options import TerminalOptions

app = typer.Typer(
    name="fototui",
    cls=Commands,
    help="Orders, jobs and pictures of a photo colouring-book shop.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    # Frames and colours would take longer than all the rest.
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)


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
    lang: options.Lang = None,
    theme: options.Theme = None,
    pictures: options.Pictures = None,
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
    context.obj = TerminalOptions(
        engine=not no_engine, read_only=read_only, language=lang, theme=theme, pictures=pictures
    )
    if context.invoked_subcommand is None:
        from fototui.cli.terminal import open_terminal

        open_terminal(context.obj)


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def _open_closed_streams() -> None:
    """Have nothing stand where the caller closed a stream (`2>&-`).

    A socket could get its number, and be written to by whatever speaks to standard error.
    """
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        if getattr(sys, name) is None:
            # The lowest number that is free is the stream's own.
            nowhere = os.open(os.devnull, os.O_RDWR)
            stream = open(nowhere, mode, closefd=nowhere > number)  # noqa: SIM115 - stays open
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _bear_every_letter() -> None:
    """Let a terminal that knows no Czech letters show their codes, and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Throw away what could not be written; Python would try again at its end, and complain."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    # Imports make what stays until the end, and the collector would go through it again and again
    # while it grows; it starts with the work (runner.run).
    gc.disable()
    _open_closed_streams()
    _bear_every_letter()
    try:
        app()
    except (KeyboardInterrupt, EOFError):
        sys.exit(130)
    except OSError as error:
        if error.errno not in _NO_ROOM or error.filename is not None:
            raise
        _forget_output()
        from fototui.i18n import _, speak_at_least

        speak_at_least()
        words = _("The output cannot be written: {reason}.").format(reason=error.strerror)
        typer.echo(_("error: {words}").format(words=words), err=True)
        sys.exit(1)
    except Exception as error:
        from fototui.domain.errors import ConfigurationError, FototuiError, InvalidInputError

        if not isinstance(error, FototuiError):
            raise
        from fototui.i18n import _, speak_at_least, translate

        speak_at_least()  # it may have failed before the settings were read
        typer.echo(_("error: {words}").format(words=translate(error)), err=True)
        sys.exit(2 if isinstance(error, ConfigurationError | InvalidInputError) else 1)
