"""`fototui serve`: the HTTP server and an engine, without a screen."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from fototui.cli.engine import read_lanes
from fototui.cli.runner import (
    listen_on,
    run,
    say,
    settings_for_command,
    settle_memory,
    stop_signals,
    until_stopped,
)
from fototui.config.settings import Settings, load_settings
from fototui.domain.errors import FototuiError
from fototui.domain.statuses import JobKind
from fototui.i18n import _
from fototui.log import configure_logging, get_logger
from fototui.net.systemd import notify, watchdog

log = get_logger(__name__)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8000,
    lanes: Annotated[
        str | None, typer.Option(help="Kinds of jobs, such as coloring,svg; all by default.")
    ] = None,
    concurrency: Annotated[
        str | None, typer.Option(help="Jobs at once, such as coloring=3,svg=5.")
    ] = None,
    grace: Annotated[
        float, typer.Option(help="Seconds that jobs under way get when it stops.", min=0)
    ] = 5.0,
) -> None:
    """Take webhooks and API calls, import orders and run jobs, until stopped.

    SIGHUP reads the configuration again; address, port and options stay. On a terminal that was
    closed it ends.
    """
    settings_for_command(serves=True)  # tells what is wrong before the port is taken
    wanted = read_lanes(lanes)
    run(_serve(listen_on(host, port), wanted, concurrency, grace))


def _load(concurrency: str | None) -> Settings:
    settings = (
        load_settings() if concurrency is None else load_settings(engine_concurrency=concurrency)
    )
    configure_logging(settings.log_level)
    return settings


async def _serve(
    sock: socket.socket, lanes: frozenset[JobKind] | None, concurrency: str | None, grace: float
) -> None:
    # Only this command needs a web framework.
    from fototui.server.reload import Server, open_server

    async def reload(server: Server) -> None:
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            await server.open(_load(concurrency))
            log.info("the configuration was read again")
        except FototuiError as error:
            log.warning("the new settings are not used; those before stay", reason=str(error))
        notify("READY=1")

    terminals = _terminals()
    with stop_signals() as stop, _hang_up() as hung_up:
        async with (
            watchdog(),
            open_server(_load(concurrency), sock=sock, lanes=lanes, grace=grace) as server,
        ):
            say(_("The server listens on {url}").format(url=server.url))
            notify("READY=1")
            settle_memory()
            while not stop.is_set():
                await until_stopped(stop, hung_up.wait, server.wait)
                if hung_up.is_set() and not stop.is_set():
                    hung_up.clear()
                    if terminals and not _terminals():
                        log.warning("the terminal is gone; the server ends")
                        break
                    await reload(server)
            notify("STOPPING=1")


def _terminals() -> list[int]:
    """The standard streams that are a terminal; one that is gone is none any more."""
    return [number for number in range(3) if os.isatty(number)]


@contextmanager
def _hang_up() -> Iterator[asyncio.Event]:
    """Turn SIGHUP into an event."""
    loop, hung_up = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    try:
        yield hung_up
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
