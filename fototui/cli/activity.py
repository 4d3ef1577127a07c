"""`fototui activity`: who did what when."""

from typing import Annotated

import typer

from fototui.cli.output import local_time, print_json, print_table
from fototui.cli.runner import run_service, settings_for_command
from fototui.i18n import _, who
from fototui.services.operations.activity import ActivityService
from fototui.services.views.operations import ActivityEntry
from fototui.widgets.activity_words import action_words, detail_words


def activity(
    order: Annotated[
        str | None, typer.Option(help="Only of this order, by its number or id.")
    ] = None,
    operator: Annotated[
        str | None, typer.Option("--by", help="Only what this operator did, or this engine.")
    ] = None,
    before: Annotated[
        int | None, typer.Option(min=1, help="Only what is older than the entry with this id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most entries.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell who did what when, newest first."""
    settings = settings_for_command()
    entries = run_service(
        settings,
        ActivityService,
        lambda service: service.list_entries(
            order_ref=order, operator=operator, before=before, limit=limit
        ),
    )
    if as_json:
        print_json(entries)
        return
    print_table(
        (_("Time"), _("Operator"), _("Action"), _("Order"), _("Photo"), _("Detail")),
        [
            (
                local_time(entry.at, settings.timezone),
                who(entry.operator),
                action_words(entry.action),
                entry.order_number,
                _image(entry),
                detail_words(entry),
            )
            for entry in entries
        ],
    )


def _image(entry: ActivityEntry) -> str | None:
    if entry.image_position is None:
        return None
    return f"{entry.item_position}/{entry.image_position}"
