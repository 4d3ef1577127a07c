"""`fototui orders import|sync|retry|urgent`: what has to do with the shop that orders come from."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from fototui.cli.output import in_words, print_json
from fototui.cli.runner import run, run_service, say, settings_for_command
from fototui.i18n import _, translate

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
    words = _("The order is in status {status} now; an engine goes on with it.")
    say(words.format(status=in_words(status)))


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
        words = _("Order {number} takes turns with others again.") if off else ""
        say((words or _("Order {number} is first.")).format(number=number))
    for number in report.unchanged:
        words = _("Order {number} was not first.") if off else ""
        say((words or _("Order {number} was first already.")).format(number=number))


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
        words = _("Order {number} no longer waits for the customer.") if off else ""
        say((words or _("Order {number} waits for the customer.")).format(number=number))
    for number in report.unchanged:
        words = _("Order {number} did not wait.") if off else ""
        say((words or _("Order {number} waited already.")).format(number=number))


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
        what = failure.number or _("The import")
        say(f"{what}: {translate(failure.reason)}")
    words = _("{imported} imported, {updated} updated, {skipped} skipped, {failed} failed.")
    say(
        words.format(
            imported=len(report.imported),
            updated=len(report.updated),
            skipped=len(report.skipped),
            failed=len(report.failed),
        )
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
