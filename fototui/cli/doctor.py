"""`fototui doctor`: is everything there that the settings name?"""

import sys
from typing import Annotated

import typer

from fototui.cli.configuration import say_where_to_begin
from fototui.cli.output import print_json, print_table
from fototui.cli.runner import run, settings_for_command
from fototui.runtime.checks import examine


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check each configured service and say what to do about those that do not work."""
    settings = settings_for_command(log_level="ERROR")
    findings = run(examine(settings))
    if as_json:
        print_json(findings)
    else:
        from fototui.i18n import _

        marks = {True: _("ok"), False: _("FAILS"), None: "-"}
        print_table(
            (_("Service"), _("State"), _("Detail")),
            [(each.title, marks[each.ok], each.detail) for each in findings],
        )
    is_empty = all(finding.ok is None for finding in findings)
    if is_empty:
        say_where_to_begin()
    if is_empty or any(finding.ok is False for finding in findings):
        sys.exit(1)
