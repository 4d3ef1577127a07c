"""Keys one after another: none acts on what is not on the screen yet.

Textual hands a key to what has the focus when it comes in. Of keys that come in one breath all go
to the screen that the first of them leaves, and act on the next one before anything is shown there.
Here a key waits until the one before has been dealt with, and until the screen shows what it is
about.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol, runtime_checkable

from textual.app import App
from textual.dom import DOMNode
from textual.events import Event, Key, Paste

from fototui.ui.actions import ACTIONS

_LOOK_AGAIN = 0.02  # seconds
_LONGEST = 2.0
"""So long a key waits for a screen that is being filled; then it goes there and is refused."""
_LOST_AFTER = 1.0
"""A key that was given to what is taken down meanwhile is not waited for any longer."""


@runtime_checkable
class Fills(Protocol):
    """A screen that has to fetch what its keys are about."""

    @property
    def is_filling(self) -> bool:
        """What they are about is not there yet."""
        ...


class InTurnApp(App[None]):
    """An app whose keys are dealt with one by one."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Key | Paste] = deque()
        self._turn = 0
        self._is_busy = False
        self._waits_since: float | None = None
        self._will_look = False
        self._lost: asyncio.TimerHandle | None = None

    async def on_event(self, event: Event) -> None:
        """Let keys wait for their turn."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        is_held = self._waits_since is not None and self.screen.is_mounted
        if is_held and isinstance(event, Key) and self._leads_away(event):
            # What was typed before was about a screen that nobody has seen, and that is left now.
            self._typed.clear()
            self._waits_since = None
        self._typed.append(event)
        await self._deal_with_next()

    async def _deal_with_next(self) -> None:
        if self._is_busy or not self._typed:
            return
        if self._has_to_wait(self._typed[0]):
            if self._waits_since is None:
                self._waits_since = asyncio.get_running_loop().time()
            if not self._will_look:
                self._will_look = True
                self.set_timer(_LOOK_AGAIN, self._look_again)
            return
        self._waits_since = None
        self._is_busy = True
        self._turn += 1
        event, given_to = self._typed.popleft(), self.focused or self.screen
        self._lost = asyncio.get_running_loop().call_later(
            _LOST_AFTER, self.call_later, self._done_with, self._turn
        )
        await super().on_event(event)
        self._follow(given_to, self._turn, 2)

    async def _look_again(self) -> None:
        self._will_look = False
        await self._deal_with_next()

    def _follow(self, node: DOMNode | None, turn: int, rounds: int) -> None:
        """Go the key's way, from what had the focus up to the app: it has been dealt with before.

        The second time is for what it made screens post to the app.
        """
        if node is not None and node is not self:
            if not node.call_later(self._follow, node.parent, turn, rounds):
                self._follow(node.parent, turn, rounds)  # it is being taken down
        elif rounds:
            self.call_later(self._follow, self.screen, turn, rounds - 1)
        else:
            self.call_later(self._done_with, turn)

    async def _done_with(self, turn: int) -> None:
        if turn == self._turn and self._is_busy:
            self._is_busy = False
            if self._lost is not None:
                self._lost.cancel()
            await self._deal_with_next()

    # --- what keys have to wait for --------------------------------------------------------------

    def _has_to_wait(self, event: Key | Paste) -> bool:
        screen = self.screen
        if not screen.is_mounted:
            return True
        if not isinstance(screen, Fills) or not screen.is_filling:
            return False
        if isinstance(event, Key) and self._leads_away(event):
            return False
        since = self._waits_since
        return since is None or asyncio.get_running_loop().time() - since < _LONGEST

    def _leads_away(self, key: Key) -> bool:
        """Whether a key is of use whatever the screen shows."""
        active = self.screen.active_bindings.get(key.key)
        action = None if active is None else ACTIONS.get(active.binding.id or "")
        return action is not None and action.leads_away
