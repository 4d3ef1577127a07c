"""Entries of the activity log as rows of a table."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from textual.content import Content

from fototui.domain.text import clean_line
from fototui.i18n import N_, _, short_time, translate, who
from fototui.services.operations.activity import ActivityAction
from fototui.services.views.operations import ActivityEntry
from fototui.widgets.badges import MUTED
from fototui.widgets.tables.job_rows import kind_word
from fototui.widgets.tables.simple_table import Column, TableRow

_WORDS = {
    ActivityAction.ORDER_CREATED: (N_("order created"), "$primary"),
    ActivityAction.IMPORTED: (N_("imported"), "$primary"),
    ActivityAction.UPDATED: (N_("updated"), ""),
    ActivityAction.DOWNLOADED: (N_("photos downloaded"), ""),
    ActivityAction.PHOTO_ATTACHED: (N_("photo attached"), ""),
    ActivityAction.REQUESTED: (N_("requested"), ""),
    ActivityAction.RETRIED: (N_("retried"), "$warning"),
    ActivityAction.SELECTED: (N_("chose"), "$success"),
    ActivityAction.TAKEN_BACK: (N_("undid a choice"), "$warning"),
    ActivityAction.CANCELLED: (N_("cancelled"), "$accent"),
    ActivityAction.PUT_FIRST: (N_("put first"), "$warning"),
    ActivityAction.PUT_BACK: (N_("no longer first"), ""),
    ActivityAction.FINISHED: (N_("handed over"), ""),
    ActivityAction.REOPENED: (N_("reopened"), "$warning"),
    ActivityAction.CUSTOMER_ASKED: (N_("asked the customer"), "$warning"),
    ActivityAction.CUSTOMER_ANSWERED: (N_("customer answered"), ""),
    ActivityAction.NOTED: (N_("set aside"), "$secondary"),
    ActivityAction.FAILED: (N_("failed"), "$error"),
    ActivityAction.LANE_PAUSED: (N_("paused a lane"), "$error"),
    ActivityAction.LANE_RESUMED: (N_("resumed a lane"), ""),
    ActivityAction.ENGINE_PAUSED: (N_("paused an engine"), "$error"),
    ActivityAction.ENGINE_RESUMED: (N_("resumed an engine"), ""),
}

# As services name a version: kind and number.
_VERSION = re.compile(r"\w+ (v\d+)")

# Of these the detail is a reason, which does not name the kind.
_OF_A_KIND = {
    ActivityAction.FAILED,
    ActivityAction.NOTED,
    ActivityAction.LANE_PAUSED,
    ActivityAction.LANE_RESUMED,
}


def action_words(action: str) -> tuple[str, str]:
    """An action in words, and the style to show it in; one that is not known here as it is.

    Args:
        action: An `ActivityAction`, or what another program wrote.
    """
    try:
        words, style = _WORDS[ActivityAction(action)]
    except (KeyError, ValueError):
        return clean_line(action), ""
    return _(words), style


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
    words, style = action_words(entry.action)
    image = ""
    if entry.image_position is not None:
        image = f"{entry.item_position}/{entry.image_position}"
    return TableRow(
        str(entry.id),
        (
            Content.styled(moment(entry.at, zone, now), MUTED),
            Content.styled(clean_line(who(entry.operator)), "bold"),
            Content.styled(words, style),
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
    words = "" if entry.detail is None else clean_line(translate(entry.detail), limit=2000)
    if entry.version_type and (version := _VERSION.fullmatch(words)):
        words = f"{kind_word(entry.version_type)} {version[1]}"
    if entry.action in _OF_A_KIND and entry.version_type:
        kind = kind_word(entry.version_type)
        words = f"{kind}: {words}" if words else kind
    return Content.styled(words, "$error" if entry.action == ActivityAction.FAILED else "")
