"""Textual's bindings, made from the table of actions."""

from textual.binding import Binding

from fototui.ui.actions import Scope, in_scope


def bindings(scope: Scope) -> list[Binding]:
    """Textual's bindings for a screen, or for the app itself.

    Args:
        scope: The screen's scope.

    Returns:
        Bindings with stable ids, by which the configuration remaps them.
    """
    return [
        Binding(
            action.keys,
            f"act('{action.id}')",
            action.label,
            show=action.show,
            id=action.id,
            tooltip=action.tooltip,
            # An input field takes letters for itself; keys that it has no use for stay ours.
            priority=action.keys.startswith("ctrl+q"),
        )
        for action in in_scope(scope)
    ]
