"""`fototui orders finish|reopen`: the end of orders, and their coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fototui.cli.output import print_json
from fototui.cli.runner import run_service, say, settings_for_command
from fototui.cli.shop import moment
from fototui.domain.errors import InvalidInputError
from fototui.i18n import _, ngettext

if TYPE_CHECKING:
    from fototui.services.orders.finishing import FinishReport

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def finish(
    numbers: Annotated[
        list[str] | None, typer.Argument(help="The orders' numbers, such as #1270.")
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(help="All orders placed before then, such as 2026-11-01."),
    ] = None,
    as_json_: Json = False,
) -> None:
    """Say that orders were handed over: nothing more is to be done for them.

    The shop's own status stays as it is. A new photo brings an order back.
    """
    from fototui.services.orders.finishing import FinishService

    settings = settings_for_command()
    if before is None:
        named = _require(numbers)
        report = run_service(settings, FinishService, lambda service: service.finish(named))
    elif numbers:
        raise InvalidInputError("Name orders, or give --before with a date; not both.")
    else:
        end = moment(before, settings)
        report = run_service(settings, FinishService, lambda service: service.finish_before(end))
    if as_json_:
        _print(report)
    elif before is None:
        for number in report.changed:
            say(_("Order {number} is done.").format(number=number))
    for number in report.unchanged:
        say(_("Order {number} was done already.").format(number=number))
    if before is not None:
        count = len(report.changed)
        words = ngettext("{count} order is done now.", "{count} orders are done now.", count)
        say(words.format(count=count))


def reopen(
    numbers: Annotated[list[str], typer.Argument(help="The orders' numbers, such as #1270.")],
    as_json_: Json = False,
) -> None:
    """Let orders that are done be worked on again."""
    from fototui.services.orders.finishing import FinishService

    settings = settings_for_command()
    report = run_service(settings, FinishService, lambda service: service.reopen(numbers))
    if as_json_:
        _print(report)
    else:
        for number in report.changed:
            say(_("Order {number} is open again.").format(number=number))
    for number in report.unchanged:
        say(_("Order {number} was not done.").format(number=number))


def _require(numbers: list[str] | None) -> list[str]:
    if not numbers:
        raise InvalidInputError("Name the orders, or give --before with a date.")
    return numbers


def _print(report: FinishReport) -> None:
    from fototui.services.views import as_json

    print_json(as_json({"changed": report.changed, "unchanged": report.unchanged}))
