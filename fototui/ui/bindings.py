"""Textual's bindings, made from the table of actions."""

from typing import Final

from textual.binding import Binding

from fototui.ui.actions import Scope, in_scope

# Of forms. They have priority, since otherwise the field that is left handles them in its own time,
# and what is typed directly after them still goes to it.
BETWEEN_FIELDS: Final = (
    Binding("tab,down", "app.focus_next", show=False, priority=True),
    Binding("shift+tab,up", "app.focus_previous", show=False, priority=True),
)

# In every list, as in vi. Where g and G do something else, they go on doing that.
LIST_KEYS: Final = "j k ^d ^u"


def list_bindings(down: str, up: str, further: str, back: str) -> tuple[Binding, ...]:
    """The keys of vi for a list, beside the arrows.

    Args:
        down: The list's action for one line down.
        up: For one line up.
        further: For half a page down, or a page.
        back: For half a page up, or a page.
    """
    return (
        Binding("j", down, show=False),
        Binding("k", up, show=False),
        Binding("ctrl+d", further, show=False),
        Binding("ctrl+u", back, show=False),
    )


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
