"""The keys, from the app's own table of actions."""

from __future__ import annotations

import re

from docs.reference.markdown import code, table
from fototui.ui.actions import Action, Scope, in_scope

# The others are called as they are.
_PLACES = {
    Scope.ORDERS: "list of orders",
    Scope.SHEET: "overview",
    Scope.COMPARE: "comparison",
}
_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "full_stop": ".",
    "exclamation_mark": "!",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "escape": "esc",
}


def page() -> str:
    """All actions with their default keys."""
    rows = []
    for scope in Scope:
        # One row tells of the nine keys that jump to a version.
        actions = [a for a in in_scope(scope) if not re.fullmatch(r"order\.version_[2-9]", a.id)]
        rows += [
            (_PLACES.get(scope, scope.value) if n == 0 else "", *_row(a))
            for n, a in enumerate(actions)
        ]
    return table(("where", "key", "does", "id"), rows)


def _row(action: Action) -> tuple[str, str, str]:
    if action.id == "order.version_1":
        return "`1` … `9`", action.tooltip, "`order.version_1` …"
    keys = " ".join(code(_NAMES.get(key, key)) for key in action.keys.split(","))
    return keys, action.tooltip, code(action.id)
