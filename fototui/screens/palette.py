"""The palette: every action that exists here, found by its words."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from fototui.i18n import _
from fototui.screens.base import FototuiScreen
from fototui.ui.actions import Action, Scope, in_scope


class ActionProvider(Provider):
    """Offers the registry's actions to Textual's palette."""

    def _actions(self) -> list[Action]:
        here = self.screen.scope if isinstance(self.screen, FototuiScreen) else None
        return [*(in_scope(here) if here else ()), *in_scope(Scope.EVERYWHERE)]

    def _words(self, action: Action) -> tuple[str, str]:
        if isinstance(self.screen, FototuiScreen):
            return self.screen.label_of(action.id), self.screen.tooltip_of(action.id)
        return _(action.label), _(action.tooltip)

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for action in self._actions():
            label, tooltip = self._words(action)
            yield DiscoveryHit(label, partial(self._run, action), help=tooltip)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for action in self._actions():
            words = " – ".join(self._words(action))
            if (score := matcher.match(words)) > 0:
                yield Hit(score, matcher.highlight(words), partial(self._run, action))

    async def _run(self, action: Action) -> None:
        target = self.app if action.scope is Scope.EVERYWHERE else self.screen
        await target.run_action(f"act('{action.id}')")
