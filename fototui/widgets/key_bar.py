"""The footer: keys that apply here, those that cannot be used now dimmed."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click
from textual.widget import Widget
from textual.widgets import Input

from fototui.ui.actions import ACTIONS, Action
from fototui.widgets.badges import MUTED


class KeyBar(Widget):
    """One line of keys and words; a click does the same as the key.

    Args:
        reason_against: Tells why an action cannot be done now; None where it can.
        label_of: Tells what an action is called now; translated.
    """

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $panel; color: $foreground; }
    """

    def __init__(
        self, reason_against: Callable[[str], str | None], label_of: Callable[[str], str]
    ) -> None:
        super().__init__()
        self._reason_against = reason_against
        self._label_of = label_of
        self._spans: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follow the bindings: they change with the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.refresh())

    def render(self) -> Content:
        """Lay the keys out, as many as fit."""
        parts: list[Content] = []
        self._spans = []
        column = 0
        for key, action in self._fitting():
            label = self._label_of(action.id)
            text = f" {key} {label} "
            dim = self._reason_against(action.id) is not None
            parts.append(
                Content.assemble(
                    (f" {key} ", MUTED if dim else "bold $accent"),
                    (f"{label} ", MUTED if dim else ""),
                )
            )
            self._spans.append((column, column + cell_len(text), action.id))
            column += cell_len(text)
        return Content("").join(parts)

    def _fitting(self) -> list[tuple[str, Action]]:
        """Keys and actions that there is room for, each action with the first of its keys.

        The way out, what the screen is for, and help, which tells the rest, stay in any case.
        """
        told: dict[str, tuple[str, Action]] = {}
        for active in self.screen.active_bindings.values():
            action = ACTIONS.get(active.binding.id or "")
            key = self.app.get_key_display(active.binding)
            if action is not None and self._is_told(key, action):
                told.setdefault(action.id, (key, action))
        keys = list(told.values())
        widths = {a.id: cell_len(f" {key} {self._label_of(a.id)} ") for key, a in keys}
        room = self.size.width - sum(widths.values())
        for key, action in reversed(keys.copy()):
            if room < 0 and not action.stays:
                keys.remove((key, action))
                room += widths[action.id]
        return keys

    def _is_told(self, key: str, action: Action) -> bool:
        """Whether a key stands here; who types has to know the way out, and types the letters."""
        if action.where_possible and self._reason_against(action.id) is not None:
            return False
        if not isinstance(self.screen.focused, Input):
            return action.show
        is_typed = len(key) == 1 and key.isascii()
        return key == "esc" or (action.show and not is_typed)

    async def on_click(self, event: Click) -> None:
        """Do what the words under the mouse say."""
        for start, end, action_id in self._spans:
            if start <= event.x < end:
                target = self.app if action_id.startswith("everywhere.") else self.screen
                await target.run_action(f"act('{action_id}')")
