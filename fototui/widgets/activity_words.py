"""What the activity log says, for its screen and its command."""

import re

from fototui.domain.text import clean_line
from fototui.i18n import N_, _, translate
from fototui.services.operations.activity import ActivityAction
from fototui.services.views.operations import ActivityEntry
from fototui.widgets.version_words import kind_word

_WORDS = {
    ActivityAction.ORDER_CREATED: N_("order created"),
    ActivityAction.IMPORTED: N_("imported"),
    ActivityAction.UPDATED: N_("updated"),
    ActivityAction.DOWNLOADED: N_("photos downloaded"),
    ActivityAction.PHOTO_ATTACHED: N_("photo attached"),
    ActivityAction.REQUESTED: N_("requested"),
    ActivityAction.RETRIED: N_("retried"),
    ActivityAction.SELECTED: N_("chose"),
    ActivityAction.TAKEN_BACK: N_("undid a choice"),
    ActivityAction.CANCELLED: N_("cancelled"),
    ActivityAction.PUT_FIRST: N_("put first"),
    ActivityAction.PUT_BACK: N_("no longer first"),
    ActivityAction.FINISHED: N_("handed over"),
    ActivityAction.REOPENED: N_("reopened"),
    ActivityAction.CUSTOMER_ASKED: N_("asked the customer"),
    ActivityAction.CUSTOMER_ANSWERED: N_("customer answered"),
    ActivityAction.NOTED: N_("set aside"),
    ActivityAction.FAILED: N_("failed"),
    ActivityAction.LANE_PAUSED: N_("paused a lane"),
    ActivityAction.LANE_RESUMED: N_("resumed a lane"),
    ActivityAction.ENGINE_PAUSED: N_("paused an engine"),
    ActivityAction.ENGINE_RESUMED: N_("resumed an engine"),
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


def action_words(action: str) -> str:
    """An action in words; one that is not known here as it is.

    Args:
        action: An `ActivityAction`, or what another program wrote.
    """
    try:
        return _(_WORDS[ActivityAction(action)])
    except (KeyError, ValueError):
        return clean_line(action)


def detail_words(entry: ActivityEntry) -> str:
    """What an entry says beyond who did what to which photo."""
    words = "" if entry.detail is None else clean_line(translate(entry.detail), limit=2000)
    if entry.version_type and (version := _VERSION.fullmatch(words)):
        return f"{kind_word(entry.version_type)} {version[1]}"
    if entry.action in _OF_A_KIND and entry.version_type:
        kind = kind_word(entry.version_type)
        return f"{kind}: {words}" if words else kind
    return words
