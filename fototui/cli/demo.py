"""`fototui demo`: the whole product on this machine, with no account."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fototui.cli import options
from fototui.cli.extra import explaining_extra
from fototui.cli.output import print_json
from fototui.cli.runner import listen_on, run, say, stop_signals
from fototui.config.language import language_of_settings
from fototui.i18n import _, set_language
from fototui.log import configure_logging
from fototui.runtime.drawable import require_terminal
from fototui.runtime.options import TerminalOptions

_IN_APP, _ELSEWHERE = 8, 4
"""Orders from the beginning: in the app one for each stage."""


def demo(
    context: typer.Context,
    headless: Annotated[
        bool, typer.Option("--headless", help="Run the main job, report, and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON, as the last line.")
    ] = False,
    orders: Annotated[
        int | None,
        typer.Option(
            help="How many orders there shall be; 8 in the app, 4 elsewhere.",
            min=1,
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Keep all state here; a second run goes on from it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Makes the orders and chances repeatable.")] = 1,
    fast: Annotated[bool, typer.Option("--fast", help="Jobs take no time in the app.")] = False,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="With --headless: keep all running behind the HTTP server."),
    ] = False,
    port: Annotated[int, typer.Option(help="TCP port of --serve; 0 takes a free one.")] = 0,
    lang: options.Lang = None,
    theme: options.Theme = None,
    pictures: options.Pictures = None,
    log_level: Annotated[str, typer.Option(help="Least level of log lines.")] = "WARNING",
) -> None:
    """Start everything on this machine: on a terminal the app opens, else the main job runs."""
    before: TerminalOptions = context.obj
    if not (headless or as_json or serve) and sys.stdout.isatty():
        wanted = replace(
            before,
            language=lang or before.language,
            theme=theme or before.theme,
            pictures=pictures or before.pictures,
        )
        show_demo(wanted, orders=orders or _IN_APP, folder=folder, seed=seed, fast=fast)
        return
    set_language(lang or before.language or language_of_settings())
    configure_logging(log_level)
    if serve:
        run(_serve(folder, port=port, orders=orders or _ELSEWHERE, seed=seed))
        return
    with explaining_extra():
        from fototui.demo.headless import HeadlessDemo
    report = run(HeadlessDemo(orders=orders or _ELSEWHERE, seed=seed, say=say).run(folder))
    if as_json:
        print_json(report)
    if not report.is_complete:
        say(_("Not everything was completed."))
        sys.exit(1)


async def _serve(folder: Path | None, *, port: int, orders: int, seed: int) -> None:
    with explaining_extra():
        from fototui.demo.headless import LATENCY
        from fototui.demo.served import served_demo
    sock = listen_on("127.0.0.1", port)
    with stop_signals() as stop:
        async with served_demo(
            folder, sock=sock, orders=orders, seed=seed, latency=LATENCY, say=say
        ) as where:
            print_json(where)
            sys.stdout.flush()
            await stop.wait()


def show_demo(
    wanted: TerminalOptions,
    *,
    orders: int = _IN_APP,
    folder: Path | None = None,
    seed: int = 1,
    fast: bool = False,
) -> None:
    """Open the app on a demo shop.

    Args:
        wanted: How the app is started.
        orders: How many orders there are from the beginning.
        folder: Keeps all state; None for a folder that is removed at the end.
        seed: Makes it repeatable.
        fast: Jobs take no time.

    Raises:
        ConfigurationError: The demo's parts are not installed, or there is no terminal.
    """
    require_terminal()
    from fototui.config.settings import Settings
    from fototui.runtime.terminal import find_renderer, logging_to_file, show_app, speak

    with explaining_extra():
        from fototui.demo.interactive import show
    speak(Settings(), wanted)
    renderer = find_renderer(Settings(), wanted)

    with logging_to_file(Settings()) as no_log:

        async def app(settings: Settings, own: Path) -> None:
            await show_app(settings, wanted, renderer, say=say, notice=no_log, folder=own)

        run(show(folder, orders=orders, seed=seed, fast=fast, say=say, app=app))
