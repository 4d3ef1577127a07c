"""Entries of the activity log as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from textual.content import Content

from fototui.domain.text import clean_line
from fototui.i18n import _, short_time, who
from fototui.services.operations.activity import ActivityAction
from fototui.services.views.operations import ActivityEntry
from fototui.widgets.activity_words import action_words, detail_words
from fototui.widgets.badges import MUTED
from fototui.widgets.tables.simple_table import Column, TableRow

_STYLES: Mapping[str, str] = {
    ActivityAction.ORDER_CREATED: "$primary",
    ActivityAction.IMPORTED: "$primary",
    ActivityAction.RETRIED: "$warning",
    ActivityAction.SELECTED: "$success",
    ActivityAction.TAKEN_BACK: "$warning",
    ActivityAction.CANCELLED: "$accent",
    ActivityAction.PUT_FIRST: "$warning",
    ActivityAction.REOPENED: "$warning",
    ActivityAction.CUSTOMER_ASKED: "$warning",
    ActivityAction.NOTED: "$secondary",
    ActivityAction.FAILED: "$error",
    ActivityAction.LANE_PAUSED: "$error",
    ActivityAction.ENGINE_PAUSED: "$error",
}


def activity_columns() -> tuple[Column, ...]:
    """The columns of the log."""
    return (
        Column(_("Time"), 12),
        Column(_("Operator"), 14),
        Column(_("Action"), 17),
        Column(_("Order"), 7),
        Column(_("Photo"), 5, right=True, from_width=90),
        Column(_("Detail"), None, from_width=64),
    )


def activity_row(entry: ActivityEntry, zone: tzinfo, now: datetime) -> TableRow:
    """An entry of the log.

    Args:
        entry: The entry.
        zone: In which its time is shown.
        now: The present moment.
    """
    image = ""
    if entry.image_position is not None:
        image = f"{entry.item_position}/{entry.image_position}"
    return TableRow(
        str(entry.id),
        (
            Content.styled(moment(entry.at, zone, now), MUTED),
            Content.styled(clean_line(who(entry.operator)), "bold"),
            Content.styled(action_words(entry.action), _STYLES.get(entry.action, "")),
            Content(clean_line(entry.order_number or "")),
            Content(image),
            detail(entry),
        ),
    )


def moment(at: datetime, zone: tzinfo, now: datetime) -> str:
    """When something was done: the time of day for today, the date too for other days."""
    local = at.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return local.strftime("%H:%M:%S")
    return short_time(at, zone)


def detail(entry: ActivityEntry) -> Content:
    """What the entry says beyond its columns, failures with their reasons."""
    style = "$error" if entry.action == ActivityAction.FAILED else ""
    return Content.styled(detail_words(entry), style)
