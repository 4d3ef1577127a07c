"""What all screens share: the way from a key to a command, and from a change to the screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.await_remove import AwaitRemove
from textual.binding import BindingsMap
from textual.containers import Container
from textual.screen import Screen

from fototui.i18n import _
from fototui.live.state import Changed
from fototui.ui.actions import ACTIONS, Scope, bindings
from fototui.widgets.key_bar import KeyBar
from fototui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from fototui.app import FototuiApp

T = TypeVar("T")


class FototuiScreen(Screen[None]):
    """A screen with the status bar above, the keys below, and its own body between.

    A key's way: the binding calls `action_act` with the action's id; what cannot be done now says
    why (`unavailable`), everything else calls the screen's `do_…` method of that name.

    Attributes:
        scope: Which actions of the registry are this screen's.
    """

    scope: ClassVar[Scope]

    def __init__(self) -> None:
        super().__init__()
        # Ours first: Textual's own tab, which moves the focus, would win otherwise.
        self._bindings = BindingsMap.merge([BindingsMap(bindings(self.scope)), self._bindings])
        self._is_left = False

    @property
    def fototui(self) -> FototuiApp:
        """The app, by its own type."""
        return cast("FototuiApp", self.app)

    def heading(self) -> str:
        """What the status bar calls this screen; translated."""
        return ""

    def compose(self) -> ComposeResult:
        """Put the bars around the body."""
        yield StatusBar()
        yield Container(*self.compose_body(), id="body")
        yield KeyBar()

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

    # --- what changes come in ----------------------------------------------------------------

    def on_store_changed(self, changed: Changed) -> None:
        """One frame's worth of changes in the live store; called on the visible screens."""

    def language_changed(self) -> None:
        """Show everything in the new language."""
        self.refresh(recompose=True)

    # --- what goes out -----------------------------------------------------------------------

    def unavailable(self, action_id: str) -> str | None:
        """Why an action cannot be done now, as a translated sentence; None where it can."""
        return None

    def reason_against(self, action_id: str) -> str | None:
        """Like `unavailable`, with what holds on every screen."""
        if ACTIONS[action_id].changes and self.fototui.backend.read_only:
            return _("This terminal is read-only.")
        if ACTIONS[action_id].scope is Scope.EVERYWHERE:
            return None
        return self.unavailable(action_id)

    async def action_act(self, action_id: str) -> None:
        """Do what a key, the palette or the mouse asks for, or say why not."""
        if reason := self.reason_against(action_id):
            self.fototui.toast(reason, severity="warning")
            return
        outcome = getattr(self, ACTIONS[action_id].handler)()
        if outcome is not None:
            await outcome

    def perform(
        self, work: Callable[[], Awaitable[T]], then: Callable[[T], str | None] | None = None
    ) -> None:
        """Do something that takes a while, off the key's own way; failures become toasts.

        It is done to its end though the screen is left meanwhile; only what it then would have
        painted there is left out.

        Args:
            work: The work.
            then: Told its result, back on the screen; what it returns is shown as a toast.
        """
        self.fototui.perform(work, then, screen=self)
