"""`fototui engine`: run jobs without a screen."""

from typing import Annotated

import typer

from fototui.cli.runner import (
    run,
    say,
    settings_for_command,
    settle_memory,
    stop_signals,
    until_stopped,
)
from fototui.config.settings import Settings, load_settings
from fototui.domain.errors import InvalidInputError
from fototui.domain.statuses import JobKind
from fototui.i18n import _
from fototui.net.systemd import notify, watchdog
from fototui.runtime.compose import open_engine, open_runtime


def read_lanes(text: str | None) -> frozenset[JobKind] | None:
    """Read the option `--lanes`.

    Args:
        text: Names with commas between; None where the option is not given.

    Returns:
        The lanes; None where the option is not given.

    Raises:
        InvalidInputError: There is no such lane.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    known = [str(kind) for kind in JobKind]
    if unknown := [name for name in names if name not in known]:
        raise InvalidInputError(
            "There is no lane {unknown}; choose from {known}.",
            unknown=repr(", ".join(unknown)),
            known=", ".join(known),
        )
    return frozenset(JobKind(name) for name in names)


def engine(
    lanes: Annotated[
        str | None, typer.Option(help="Kinds of jobs, such as coloring,svg; all by default.")
    ] = None,
    concurrency: Annotated[
        str | None, typer.Option(help="Jobs at once, such as coloring=3,svg=5.")
    ] = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="Stop when nothing is left to do.")
    ] = False,
    grace: Annotated[
        float, typer.Option(help="Seconds that jobs under way get when it stops.", min=0)
    ] = 5.0,
) -> None:
    """Run jobs until stopped; several engines on one database share the work."""
    settings = settings_for_command(serves=True)
    if concurrency is not None:
        settings = load_settings(engine_concurrency=concurrency)
    run(_work(settings, read_lanes(lanes), drain=drain, grace=grace))


async def _work(
    settings: Settings, lanes: frozenset[JobKind] | None, *, drain: bool, grace: float
) -> None:
    with stop_signals() as stop:
        async with (
            watchdog(),
            open_runtime(settings) as runtime,
            open_engine(runtime, lanes=lanes, grace=grace) as engine,
        ):
            notify("READY=1")
            settle_memory()
            if not drain:
                await until_stopped(stop, engine.wait)
                notify("STOPPING=1")
                return
            paused: list[JobKind] = []

            async def drained() -> None:
                paused.extend(await engine.drain())

            await until_stopped(stop, engine.wait, drained)
            for lane in paused:
                words = _(
                    "The lane {lane} is paused, and jobs wait in it. "
                    "See why: fototui lanes list. Then: fototui lanes resume {lane}"
                )
                say(words.format(lane=lane))
