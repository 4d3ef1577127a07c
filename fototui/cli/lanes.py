"""`fototui lanes`: what waits and runs, and whether it may."""

from functools import partial
from typing import Annotated

import typer

from fototui.cli.output import local_time, print_json, print_table
from fototui.cli.runner import run_service, say, settings_for_command
from fototui.domain.statuses import JobKind
from fototui.i18n import _, translate
from fototui.services.operations.lanes import LaneService
from fototui.services.views import as_json
from fototui.services.views.operations import EngineView, LaneView, told_held

app = typer.Typer(help="See what waits and runs; pause and resume.", no_args_is_help=True)

LaneArgument = Annotated[JobKind, typer.Argument(help="Which lane.")]


@app.command("list")
def list_lanes(
    as_json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the lanes and the living engines."""
    settings = settings_for_command()

    async def work(service: LaneService) -> tuple[tuple[LaneView, ...], tuple[EngineView, ...]]:
        return await service.list_lanes(), await service.list_engines()

    lanes, engines = run_service(settings, LaneService, work)
    if as_json_:
        print_json(as_json({"lanes": lanes, "engines": engines}))
        return
    print_table(
        (_("Lane"), _("Waiting"), _("Running"), _("Limit"), _("State"), _("Reason")),
        [
            (
                lane.lane,
                lane.waiting,
                lane.running,
                lane.account_limit,
                _("open") if lane.paused_at is None else _paused(lane.paused_by),
                lane.paused_reason,
            )
            for lane in lanes
        ],
    )
    if held := told_held(lanes):
        say(translate(held))
    typer.echo()
    print_table(
        (
            _("Engine"),
            _("Operator"),
            _("Host"),
            _("Process"),
            _("Lanes"),
            _("Running"),
            _("State"),
            _("Since"),
        ),
        [
            (
                str(engine.id)[:8],
                engine.operator,
                engine.host,
                engine.pid,
                " ".join(engine.lanes),
                f"{sum(engine.running.values())}/{engine.capacity}",
                _engine_state(engine),
                local_time(engine.started_at, settings.timezone),
            )
            for engine in engines
        ],
    )


@app.command()
def pause(
    lane: LaneArgument,
    reason: Annotated[str, typer.Option(help="Why, for the other operators.")] = "",
) -> None:
    """Let no engine take up jobs of a lane; what runs goes on."""
    settings = settings_for_command()
    changed = run_service(settings, LaneService, lambda service: service.pause(lane, reason=reason))
    words = _("The lane {lane} is paused.") if changed else ""
    say((words or _("The lane {lane} was paused already.")).format(lane=lane))


@app.command()
def resume(lane: LaneArgument) -> None:
    """Let engines take up jobs of a lane again."""
    settings = settings_for_command()
    changed = run_service(settings, LaneService, lambda service: service.resume(lane))
    words = _("The lane {lane} is open again.") if changed else ""
    say((words or _("The lane {lane} was not paused.")).format(lane=lane))


@app.command()
def release(
    lane: Annotated[JobKind | None, typer.Argument(help="Which lane; all where not given.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell how many, and what they may cost.")
    ] = False,
) -> None:
    """Start the old jobs that were there when a shop's database was upgraded.

    They are held until then, because each may cost money.
    """
    settings = settings_for_command()
    if dry_run:
        held = told_held(run_service(settings, LaneService, lambda service: service.list_lanes()))
        say(translate(held) if held else _("No old jobs are held."))
        return
    for each in JobKind if lane is None else (lane,):
        count = run_service(settings, LaneService, partial(_release, each))
        say(_("{lane}: {count} released.").format(lane=each, count=count))


async def _release(lane: JobKind, service: LaneService) -> int:
    return await service.release_held(lane)


def _engine_state(engine: EngineView) -> str:
    if engine.paused_at is not None:
        return _paused(engine.paused_by)
    return _("working") if any(engine.running.values()) else _("idle")


def _paused(by: str | None) -> str:
    return _("paused by {operator}").format(operator=by or "?")
