"""How a command runs, and how it speaks. What it runs on is imported when it runs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from fototui.config.settings import Settings
    from fototui.services.access import ServiceType

S = TypeVar("S")
T = TypeVar("T")


def say(line: str) -> None:
    """Tell the person at the terminal something that is not the command's result."""
    typer.echo(line, err=True)


def confirmed(question: str) -> bool:
    """Ask the person at the terminal, who answers in either language; only a yes is one.

    Args:
        question: What is to be done.
    """
    from fototui.i18n import _

    answers = _("[y/N]")
    typer.echo(f"{question} {answers} ", err=True, nl=False)
    return input().strip().lower() in {"y", "yes", "a", "ano"}


def settings_for_command(*, log_level: str | None = None, serves: bool = False) -> Settings:
    """Read the settings and set up logging.

    Args:
        log_level: Least level of log lines; where not given, the one that somebody chose.
        serves: The command goes on until it is stopped, and what it logs is what one has of it.
            Any other says itself what it did.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    from fototui.config.settings import load_settings
    from fototui.i18n import preferred_language, set_language
    from fototui.log import configure_logging

    settings = load_settings()
    set_language(settings.ui_language or preferred_language())
    is_chosen = serves or "log_level" in settings.model_fields_set
    configure_logging(log_level or (settings.log_level if is_chosen else "WARNING"))
    return settings


def listen_on(host: str, port: int) -> socket.socket:
    """Take a port for a server.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.

    Raises:
        ConfigurationError: It is taken, or not ours to take.
    """
    from fototui.domain.errors import ConfigurationError
    from fototui.net.asgi import bind

    try:
        return bind(host, port)
    except OSError as error:
        raise ConfigurationError(
            "Port {port} on {host} cannot be listened on: {reason}. Choose another --port.",
            port=port,
            host=host,
            reason=str(error.strerror),
        ) from error


def run_service(
    settings: Settings, service: ServiceType[S], work: Callable[[S], Awaitable[T]]
) -> T:
    """Run a command's work by a service, on a session of its own.

    Args:
        settings: The settings.
        service: The service's class.
        work: The work.

    Returns:
        Its result.
    """

    from fototui.runtime.compose import open_runtime

    async def main() -> T:
        async with open_runtime(settings) as runtime, runtime.database.session() as session:
            return await work(service(session, operator=settings.operator))

    return run(main())


def run(work: Coroutine[object, object, T]) -> T:
    """Run a command's work; SIGINT, SIGTERM and SIGHUP cancel it, and it ends cleanly.

    Under `nohup` it goes on when its terminal is closed.

    Args:
        work: The work.

    Returns:
        Its result.

    Raises:
        KeyboardInterrupt: It was interrupted.
    """
    gc.freeze()  # what was imported stays until the end
    gc.enable()
    # A script's background job is born deaf to SIGINT, by which the others below work.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        # SIGHUP is a terminal that was closed, or an SSH connection that broke; `nohup` ignores it.
        is_deaf = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        for name in (signal.SIGTERM, *([] if is_deaf else [signal.SIGHUP])):
            loop.add_signal_handler(name, _interrupt, loop, name)
        return runner.run(work)


def _interrupt(loop: asyncio.AbstractEventLoop, name: signal.Signals) -> None:
    # A second one while it winds up ends the process at once.
    loop.remove_signal_handler(name)
    # The runner turns SIGINT into the cancellation of its main task, and that into an error.
    signal.raise_signal(signal.SIGINT)


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Turn SIGINT and SIGTERM into an event, for commands whose normal end they are.

    Yields:
        Set at the first signal. A second one interrupts as usual.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def on_signal() -> None:
        stop.set()
        for name in signals:
            loop.remove_signal_handler(name)

    for name in signals:
        loop.add_signal_handler(name, on_signal)
    try:
        yield stop
    finally:
        for name in signals:
            loop.remove_signal_handler(name)


def settle_memory() -> None:
    """Spare the garbage collector what is there once a program works, and stays to its end.

    It would go through all modules and tables again and again: a tenth of what an engine takes for
    a job, and a pause of tens of milliseconds for whoever waits just then.
    """
    gc.freeze()


async def until_stopped(stop: asyncio.Event, *others: Callable[[], Awaitable[object]]) -> None:
    """Wait for a stop signal, or for the first of some other things to end.

    Args:
        stop: The signal.
        others: What else may end the wait; an error of theirs is raised.
    """
    tasks = [asyncio.ensure_future(stop.wait()), *(asyncio.ensure_future(o()) for o in others)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
