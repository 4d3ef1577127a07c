"""The palette: every action that exists here, found by its words, and orders by their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from fototui.domain.errors import FototuiError
from fototui.domain.text import clean_line
from fototui.i18n import _
from fototui.screens.base import FototuiScreen
from fototui.services.views.orders import OrderRow
from fototui.ui.actions import Action, Scope, in_scope
from fototui.ui.messages import OpenOrder
from fototui.widgets.badges import MUTED

_MOST_ORDERS = 5
_SIGNS = "# "


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
        keys = self._keys()
        for action in self._actions():
            label, tooltip = self._words(action)
            shown = _with_key(Content(label), keys.get(action.id))
            yield DiscoveryHit(shown, partial(self._run, action), text=label, help=tooltip)
        for words, run in self._further():
            yield DiscoveryHit(words, run)

    async def search(self, query: str) -> Hits:
        """Those that match; a number finds its order, or those that begin with it."""
        orders = {row.id: row for row in (*await self._older(query), *self._orders(query))}
        for row in orders.values():
            words = _("Open order {number}").format(number=clean_line(row.number))
            yield Hit(
                1.0, words, partial(self._open, row), help=clean_line(row.customer_name or "")
            )
        is_found = bool(orders)
        matcher, keys = self.matcher(query), self._keys()
        for action in self._actions():
            words = " – ".join(self._words(action))
            if (score := matcher.match(words)) > 0:
                is_found = True
                shown = _with_key(matcher.highlight(words), keys.get(action.id))
                yield Hit(score, shown, partial(self._run, action), text=words)
        for words, run in self._further():
            if (score := matcher.match(words)) > 0:
                is_found = True
                yield Hit(score, matcher.highlight(words), run)
        if not is_found:  # else Textual says it, and in English
            yield Hit(0.01, _("Nothing is called that."), _nothing)

    def _keys(self) -> dict[str, str]:
        """The first key of each action that can be pressed on the screen, by the action's id."""
        keys: dict[str, str] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.id is not None:
                shown = self.app.get_key_display(active.binding)
                keys.setdefault(active.binding.id, shown)
        return keys

    def _further(self) -> Iterable[tuple[str, Callable[[], object]]]:
        screen = self.screen
        return screen.further_commands() if isinstance(screen, FototuiScreen) else ()

    def _orders(self, query: str) -> list[OrderRow]:
        number = query.strip(_SIGNS).casefold()
        if not isinstance(self.screen, FototuiScreen) or not number.lstrip("m").isdigit():
            return []
        # A manual order is meant too where only its digits are typed.
        found = [
            row
            for row in self.screen.context.store.orders.values()
            if row.number.strip(_SIGNS).casefold().removeprefix("m").startswith(number.lstrip("m"))
        ]
        return sorted(found, key=lambda row: (len(row.number), row.number))[:_MOST_ORDERS]

    async def _older(self, query: str) -> list[OrderRow]:
        """An order that is not held, by its whole number."""
        number = query.strip(_SIGNS)
        screen = self.screen
        if not isinstance(screen, FototuiScreen) or not number.lstrip("mM").isdigit():
            return []
        if not screen.context.store.older.count:
            return []
        with suppress(FototuiError):  # the header says what is wrong
            for ref in dict.fromkeys((number, f"M{number.lstrip('mM')}")):
                if (row := await screen.context.store.named(ref)) is not None:
                    return [row]
        return []

    def _open(self, row: OrderRow) -> None:
        self.app.post_message(OpenOrder(row.id))

    async def _run(self, action: Action) -> None:
        target = self.app if action.scope is Scope.EVERYWHERE else self.screen
        await target.run_action(f"act('{action.id}')")


def _with_key(words: Content, key: str | None) -> Content:
    """A command, and the key that does the same."""
    return words if key is None else Content.assemble(words, (f"  {key}", MUTED))


def _nothing() -> None:
    """There is nothing to be done."""


def palette() -> CommandPalette:
    """The palette, in the present language."""
    return CommandPalette(placeholder=_("Search for actions and orders…"), id="--command-palette")
