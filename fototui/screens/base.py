"""What all screens share: the way from a key to a command, and from a change to the screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cached_property
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.await_remove import AwaitRemove
from textual.binding import BindingsMap
from textual.containers import Container
from textual.screen import Screen

from fototui.i18n import _, translate
from fototui.live.state import Changed
from fototui.screens.ways import SECTIONS, ways
from fototui.ui import prospects
from fototui.ui.actions import ACTIONS, Scope
from fototui.ui.bindings import bindings
from fototui.ui.commands import Command, CommandTable, perform
from fototui.ui.context import AppContext
from fototui.widgets.key_bar import KeyBar
from fototui.widgets.message_line import MessageLine
from fototui.widgets.refusal_bar import RefusalBar
from fototui.widgets.status_bar import StatusBar, StatusLine

T = TypeVar("T")

_RETRIES = frozenset({"orders.retry", "order.retry", "review.again", "engines.retry"})


class FototuiScreen(Screen[None]):
    """A screen with the status bar above, messages and keys below, and its own body between.

    A key's way: the binding calls `action_act` with the action's id, and the screen's table
    (`declare_commands`) tells why it cannot be done now, or what does it.

    Args:
        context: The parts of the app.

    Attributes:
        scope: Which actions of the registry are this screen's.
        order_id: ULID of the order that it shows, for the other operators.
    """

    scope: ClassVar[Scope]
    order_id: str | None = None

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        # Ours first: Textual's own tab, which moves the focus, would win otherwise.
        self._bindings = BindingsMap.merge([BindingsMap(bindings(self.scope)), self._bindings])
        self._is_left = False

    def heading(self) -> str:
        """What the status bar calls this screen; translated."""
        return ""

    def compose(self) -> ComposeResult:
        """Put the bars around the body."""
        yield StatusBar(self._status)
        yield RefusalBar(self._refusal)
        yield Container(*self.compose_body(), id="body")
        yield MessageLine(self.context.messages, lambda: self.key_of("everywhere.messages"))
        yield KeyBar(self.reason_against, self.label_of)

    def compose_body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    @property
    def can_paint(self) -> bool:
        """Whether its widgets are there: not before it is mounted, and not while it is taken down.

        Widgets go before their screen does, and work that was begun on the screen may end later.
        """
        return self.is_mounted and not self._is_left and self.app.is_running

    def remove(self) -> AwaitRemove:
        """Take the screen down; what its workers still had to do ends before its widgets go."""
        self._is_left = True
        self.workers.cancel_node(self)
        return super().remove()

    def key_of(self, action_id: str) -> str:
        """The key of an action, as the footer shows it; empty where it has none here."""
        for active in self.active_bindings.values():
            if active.binding.id == action_id:
                return self.app.get_key_display(active.binding)
        return ""

    @property
    def is_filling(self) -> bool:
        """Whether what its keys are about is still being fetched, for the first time.

        Keys wait for it a moment; then they are told. Not where it cannot be fetched: that is said.
        """
        return False

    def _status(self) -> StatusLine:
        context = self.context
        lanes = context.store.lanes
        return StatusLine(
            ways=ways(self.app, self, context),
            heading="" if self.scope in SECTIONS else self.heading(),
            read_only=context.backend.read_only,
            health=context.store.health,
            others=context.others,
            trouble=prospects.trouble(context),
            engines=len(context.store.engines),
            running=sum(lane.running for lane in lanes),
            waiting=sum(lane.waiting for lane in lanes),
            plain=context.settings.ascii_badges,
            now=context.settings.now().astimezone(context.timezone),
        )

    def _refusal(self) -> str:
        """What to do about a database that refuses; translated, and empty where it does not."""
        store = self.context.store
        if not store.health.is_refused or store.health.database_reason is None:
            return ""
        words = _(
            "It is asked again every {seconds} s; r asks at once. "
            "After a change of the settings, start the app again."
        ).format(seconds=round(store.refused_seconds))
        return f"{translate(store.health.database_reason)} {words}"

    def refresh_bars(self) -> None:
        """Show in the bars how things stand now."""
        self.query("StatusBar, KeyBar").refresh()
        for bar in self.query(RefusalBar):
            bar.look()

    def further_commands(self) -> Iterable[tuple[str, Callable[[], object]]]:
        """What the palette offers beside the actions: in words, translated, and what does it."""
        return ()

    # --- what changes come in ----------------------------------------------------------------

    def on_store_changed(self, changed: Changed) -> None:
        """One frame's worth of changes in the live store; called on the visible screens."""

    def language_changed(self) -> None:
        """Show everything in the new language."""
        self.refresh(recompose=True)

    # --- what goes out -----------------------------------------------------------------------

    def declare_commands(self) -> Mapping[str, Command]:
        """Say of each action of this screen's scope what does it, and what may be against it."""
        raise NotImplementedError

    @cached_property
    def _command_table(self) -> CommandTable:
        read_only = self.context.backend.read_only
        return CommandTable(self.scope, self.declare_commands(), read_only=read_only)

    def reason_against(self, action_id: str) -> str | None:
        """Why an action cannot be done now, as a translated sentence; None where it can."""
        if self._asks_database(action_id):
            return None
        if self.is_filling and not ACTIONS[action_id].leads_away:
            return _("This is still being loaded.")
        return self._command_table.reason_against(action_id)

    def _asks_database(self, action_id: str) -> bool:
        """Whether a key that tries again tries the database, since it refuses all else."""
        return action_id in _RETRIES and self.context.store.health.is_refused

    def label_of(self, action_id: str) -> str:
        """What the footer calls an action now; translated."""
        if self._asks_database(action_id):
            return _("Retry")
        return self._command_table.label(action_id)

    def tooltip_of(self, action_id: str) -> str:
        """What the help says of an action now; translated."""
        return self._command_table.tooltip(action_id)

    async def action_act(self, action_id: str) -> None:
        """Do what a key, the palette or the mouse asks for, or say why not."""
        if self._asks_database(action_id):
            self.context.store.try_again()
            self.notify(_("The database is asked again."))
            return
        if reason := self.reason_against(action_id) or self._command_table.run(action_id):
            self.notify(reason, severity="warning")

    def perform(
        self, work: Callable[[], Awaitable[T]], then: Callable[[T], str | None] | None = None
    ) -> None:
        """Do something that takes a while, off the key's own way; failures are told.

        It is done to its end though the screen is left meanwhile; only what it then would have
        painted there is left out.

        Args:
            work: The work.
            then: Told its result, back on the screen; what it returns is told.
        """
        perform(self.app, work, then, can_paint=lambda: self.can_paint)
