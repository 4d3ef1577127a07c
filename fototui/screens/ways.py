"""The screens that one goes to by a digit, as the header of every screen names them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from textual.app import App
from textual.screen import Screen

from fototui.i18n import _
from fototui.ui import prospects
from fototui.ui.actions import ACTIONS, Scope
from fototui.ui.context import AppContext
from fototui.widgets.status_bar import Way

SECTIONS: Mapping[Scope, str] = MappingProxyType(
    {
        Scope.ORDERS: "everywhere.show_orders",
        Scope.REVIEW: "everywhere.show_review",
        Scope.ENGINES: "everywhere.show_engines",
        Scope.ACTIVITY: "everywhere.show_activity",
    }
)
"""Screens that do not stand above others, and the actions that go there."""


def ways(app: App[object], screen: Screen[None], context: AppContext) -> list[Way]:
    """Where one can go from a screen, with what waits there.

    Args:
        app: The app.
        screen: The screen.
        context: The parts of the app.
    """
    here = _section_of(app, screen)
    counts = {Scope.REVIEW: context.order_list.waiting}
    alarms = {Scope.ENGINES: prospects.alarm(context)}
    keys = _keys(app, screen)
    return [
        Way(
            action_id,
            keys.get(action_id, ""),
            _(ACTIONS[action_id].label),
            count=counts.get(scope, 0),
            alarm=alarms.get(scope, ""),
            is_here=scope is here,
        )
        for scope, action_id in SECTIONS.items()
    ]


def _section_of(app: App[object], screen: Screen[None]) -> Scope:
    """The section that a screen stands in, or above."""
    stack = list(app.screen_stack)
    below = stack[: stack.index(screen) + 1] if screen in stack else []
    for each in reversed(below):
        scope = getattr(each, "scope", None)
        if isinstance(scope, Scope) and scope in SECTIONS:
            return scope
    return Scope.ORDERS


def _keys(app: App[object], screen: Screen[None]) -> dict[str, str]:
    """The shortest key of each section here: where a digit means something else, another one."""
    keys: dict[str, str] = {}
    for active in screen.active_bindings.values():
        action_id = active.binding.id or ""
        if action_id in SECTIONS.values():
            key = app.get_key_display(active.binding)
            keys[action_id] = min(key, keys.get(action_id, key), key=len)
    return keys
