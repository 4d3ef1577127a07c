"""Writes the README's table of keys from the app's own table: `make keys`."""

from __future__ import annotations

import re
from pathlib import Path

from fototui.ui.actions import Action, Scope, in_scope

README = Path(__file__).parent.parent / "README.md"
_MARKED = re.compile(r"(?<=<!-- keys -->\n).*?(?=<!-- /keys -->)", re.DOTALL)
_PLACES = {
    Scope.EVERYWHERE: "everywhere",
    Scope.ORDERS: "list of orders",
    Scope.ORDER: "order",
    Scope.PICTURE: "picture",
    Scope.COMPARE: "comparison",
    Scope.REVIEW: "review",
    Scope.ENGINES: "engines",
    Scope.ACTIVITY: "activity",
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


def table() -> str:
    """All actions with their default keys, as Markdown."""
    lines = ["| where | key | does | id |", "|---|---|---|---|"]
    for scope in Scope:
        actions = [a for a in in_scope(scope) if not re.fullmatch(r"order\.version_[2-9]", a.id)]
        for number, action in enumerate(actions):
            lines.append(f"| {'' if number else _PLACES[scope]} | {_row(action)} |")
    return "\n".join(lines) + "\n"


def _row(action: Action) -> str:
    if action.id == "order.version_1":
        return f"`1` … `9` | {action.tooltip} | `order.version_1` …"
    keys = " ".join(f"`{_NAMES.get(key, key)}`" for key in action.keys.split(","))
    return f"{keys} | {action.tooltip} | `{action.id}`"


def with_table(readme: str) -> str:
    """The README with the table as it is now."""
    found, count = _MARKED.subn(lambda _: table(), readme)
    if count != 1:
        raise ValueError("README.md must have one pair of <!-- keys --> and <!-- /keys -->.")
    return found


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8")
