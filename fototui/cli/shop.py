"""`fototui orders import|sync|retry|urgent`: what has to do with the shop that orders come from."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from fototui.cli.output import print_json
from fototui.cli.runner import run, run_service, say, settings_for_command

if TYPE_CHECKING:
    from fototui.config.settings import Settings
    from fototui.services.ingest.imports import ImportReport, ImportService

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Number = Annotated[str, typer.Argument(help="The order's number, such as #1270.")]


def import_orders(
    limit: Annotated[int, typer.Option(help="Most orders, the newest first.", min=1)] = 250,
    since: Annotated[
        str | None,
        typer.Option(help="Only orders that changed since then, such as 2026-11-01."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take in the shop's recent orders; their photos are fetched by an engine."""
    settings = settings_for_command()
    start = None if since is None else moment(since, settings)
    report = _ask_shop(settings, lambda s: s.import_recent(limit=limit, since=start))
    _tell(report, as_json=as_json)


def sync(number: Number, as_json: Json = False) -> None:
    """Fetch one order again from the shop."""
    report = _ask_shop(settings_for_command(), lambda s: s.sync(number))
    _tell(report, as_json=as_json)


def retry(number: Number) -> None:
    """Have an order that failed go on; only what is missing is fetched."""
    from fototui.services.ingest.imports import SyncService

    settings = settings_for_command()

    status = run_service(settings, SyncService, lambda service: service.retry(number))
    say(f"The order is in status {status} now; an engine goes on with it.")


def urgent(
    numbers: Annotated[list[str], typer.Argument(help="The orders' numbers, such as #1270.")],
    off: Annotated[bool, typer.Option("--off", help="Let them take turns again.")] = False,
) -> None:
    """Put orders first: their jobs are done before others', also those asked for later."""
    from fototui.services.urgency import UrgencyService

    settings = settings_for_command()
    report = run_service(
        settings, UrgencyService, lambda service: service.set_urgent(numbers, urgent=not off)
    )
    for number in report.changed:
        say(
            f"Order {number} takes turns with others again." if off else f"Order {number} is first."
        )
    for number in report.unchanged:
        say(f"Order {number} was not first." if off else f"Order {number} was first already.")


def waits(
    numbers: Annotated[list[str], typer.Argument(help="The orders' numbers, such as #1270.")],
    note: Annotated[str, typer.Option(help="What they wait for.")] = "",
    off: Annotated[bool, typer.Option("--off", help="They wait no more.")] = False,
) -> None:
    """Mark orders as waiting for their customers, with a note; it stops nothing by itself."""
    from fototui.services.asking import AskingService
    from fototui.services.orders.marking import MarkReport

    settings = settings_for_command()

    async def work(service: AskingService) -> MarkReport:
        return await (service.answered(numbers) if off else service.ask(numbers, note))

    report = run_service(settings, AskingService, work)
    for number in report.changed:
        say(f"Order {number} {'no longer waits' if off else 'waits'} for the customer.")
    for number in report.unchanged:
        say(f"Order {number} {'did not wait' if off else 'waited already'}.")


def _ask_shop(
    settings: Settings, ask: Callable[[ImportService], Awaitable[ImportReport]]
) -> ImportReport:
    from fototui.runtime.compose import open_runtime
    from fototui.services.ingest.imports import ImportService

    async def work() -> ImportReport:
        async with open_runtime(settings) as runtime, runtime.database.session() as session:
            shop = runtime.shopify
            return await ask(ImportService(session, operator=settings.operator, shop=shop))

    return run(work())


def _tell(report: ImportReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    for failure in report.failed:
        say(f"{failure.number or 'The import'}: {failure.reason}")
    say(
        f"{len(report.imported)} imported, {len(report.updated)} updated, "
        f"{len(report.skipped)} skipped, {len(report.failed)} failed."
    )
    if report.failed:
        sys.exit(1)


def moment(text: str, settings: Settings) -> datetime:
    """A moment that an operator wrote down.

    Args:
        text: A date, with or without a time; of the settings' time zone where it names none.
        settings: The settings.

    Raises:
        InvalidInputError: It is no date.
    """
    from fototui.domain.errors import InvalidInputError

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            "{text} is not a date; write it like 2026-11-01.", text=text
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=settings.timezone)
