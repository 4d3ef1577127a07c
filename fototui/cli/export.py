"""`fototui export`: finished orders as folders of files for a print shop."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fototui.cli.output import print_json
from fototui.cli.runner import run, say, settings_for_command
from fototui.domain.errors import InvalidInputError
from fototui.domain.stages import Stage
from fototui.i18n import _, ngettext, translate
from fototui.runtime.compose import open_runtime
from fototui.services.books.export import ExportReport, ExportService
from fototui.services.orders.by_stage import StageService
from fototui.services.views import as_json

_ALL = 1_000_000


def export(
    folder: Annotated[Path, typer.Option("--to", help="Folder for the files.")],
    numbers: Annotated[
        list[str] | None, typer.Argument(help="The orders' numbers, such as #1270.")
    ] = None,
    stage: Annotated[
        Stage | None,
        typer.Option(
            help='All orders that want this next, such as "to hand over".', metavar="STAGE"
        ),
    ] = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Hand over the orders once their files are written.")
    ] = False,
    as_json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Save the books of orders, with their pictures and a manifest, for a print shop.

    Each order is a folder with its books, and the chosen SVGs and colourings. manifest.csv and
    manifest.json tell of all files. It may be made again: what is there already stays. An order
    without a true book of each line item is left out; the exit code is 1 then.
    """
    if bool(numbers) == (stage is not None):
        raise InvalidInputError("Name orders, or give --stage; not both.")
    settings = settings_for_command()

    async def work() -> ExportReport:
        async with open_runtime(settings) as runtime, runtime.database.session() as session:
            operator = settings.operator
            wanted = numbers or []
            if stage is not None:
                stages = StageService(session, operator=operator)
                wanted = [row.id for row in (await stages.list_orders(stage, limit=_ALL)).orders]
            exports = ExportService(session, operator=operator, storage=runtime.storage)
            return await exports.export(wanted, folder, finish=finish)

    report = run(work())
    if as_json_:
        print_json(as_json({"folder": str(folder), **asdict(report)}))
    for order in report.exported:
        files = ngettext(
            "{number}: {count} file, {new} of them new.",
            "{number}: {count} files, {new} of them new.",
            len(order.files),
        )
        say(files.format(number=order.number, count=len(order.files), new=order.written))
        for left_over in order.left_over:
            words = _("{number}: {file} no longer belongs to it; remove the file.")
            say(words.format(number=order.number, file=left_over))
    for refused in report.refused:
        say(f"{refused.number}: {translate(refused.reason)}")
    for number in report.finished:
        say(_("Order {number} is done.").format(number=number))
    for sentence in report.passed_over:
        say(translate(sentence))
    if not report.exported and not report.refused:
        say(_("There are no such orders."))
    if report.refused or report.passed_over:
        sys.exit(1)
