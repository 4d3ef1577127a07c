"""The operator's terminal: opens screens as they ask for it, and keeps a shift going."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import ClassVar

from textual.await_complete import AwaitComplete
from textual.binding import BindingsMap
from textual.command import CommandPalette
from textual.events import Resize

from fototui.domain.sentences import Sentence
from fototui.i18n import LANGUAGES, _, language, set_language, translate
from fototui.live.state import Changed
from fototui.live.store import LiveStore
from fototui.log import get_logger
from fototui.pictures.loader import PictureLoader
from fototui.pictures.preflight import Preflight
from fototui.screens import opening
from fototui.screens.base import FototuiScreen
from fototui.screens.dialogs import Confirm, LeaveDialog, Leaving
from fototui.screens.palette import ActionProvider, palette
from fototui.services.backend import Backend
from fototui.services.orders.search import read_order_search
from fototui.ui import messages
from fototui.ui.actions import Scope
from fototui.ui.bindings import bindings
from fototui.ui.commands import COMMANDS, Command, CommandTable, perform
from fototui.ui.context import AppContext, AppSettings
from fototui.ui.preferences import Preferences
from fototui.ui.presence import Presence
from fototui.ui.telling import TellingApp
from fototui.ui.terminal import TerminalApp
from fototui.ui.theme import THEMES
from fototui.ui.undo import HandingOver, Undoable, Undone, words_of
from fototui.ui.workers import begin

log = get_logger(__name__)

# More of them than this in one run, and the app cannot be worked with.
_MOST_FAULTS = 50
_LAST_SECONDS = 3.0
"""So long what was asked for may still take when the app is left."""


class FototuiApp(TerminalApp[None], TellingApp):
    """The app.

    Its screens are the list at the bottom, one section above it, orders above that.

    Args:
        backend: The services.
        store: The live store; the app runs it.
        settings: How the app behaves.
        preferences: What is remembered; changed as the operator goes.
        home: Makes the first screen.
        pictures: Loads pictures; one with the defaults where not given.
        preflight: Checks SVGs; one on the same storage where not given.
        presence: Who else is here; the app tells it where this operator is.
        jobs_here: How many jobs run in this process; None where no engine runs.
        engine_problem: Tells why no engine runs here; None where one does, or none is to.

    Attributes:
        leaving: What becomes of the jobs that run here, once the app has ended.
        context: What every screen is given.
    """

    leaving: Leaving = Leaving.HAND_OVER

    TITLE = "fototui"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {lambda: ActionProvider}
    CSS = "#body { height: 1fr; }"

    def __init__(
        self,
        backend: Backend,
        store: LiveStore,
        settings: AppSettings,
        preferences: Preferences,
        *,
        home: Callable[[AppContext], FototuiScreen],
        pictures: PictureLoader | None = None,
        preflight: Preflight | None = None,
        presence: Presence | None = None,
        jobs_here: Callable[[], int] | None = None,
        engine_problem: Callable[[], Sentence | None] = lambda: None,
    ) -> None:
        super().__init__()
        self.context = AppContext(
            backend,
            store,
            settings,
            preferences,
            pictures or PictureLoader(backend.storage),
            preflight or Preflight(backend.storage),
            preferences.order_list(
                lambda text: read_order_search(text, zone=settings.timezone, now=settings.now())
            ),
            presence,
            engine_problem=engine_problem,
        )
        self.store = store
        self.preferences = preferences
        self._home = home
        self._jobs_here = jobs_here
        self._faults = 0
        self._has_orders = False
        self.notice: Sentence | None = None
        """What the operator is told when the app opens."""
        self._bindings = BindingsMap(bindings(Scope.EVERYWHERE))
        self._command_table = CommandTable(
            Scope.EVERYWHERE, self._declare_commands(), read_only=backend.read_only
        )
        set_language(preferences.language or language())
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = (
            preferences.theme if preferences.theme in self.available_themes else THEMES[0].name
        )
        self.set_keymap(dict(settings.keys))

    async def on_mount(self) -> None:
        """Show the first screen and begin to live."""
        self.store.listen(self._on_store_changed)
        await self.push_screen(self._home(self.context))
        if self.notice is not None:
            self.notify(translate(self.notice), severity="warning")
        last = self.preferences.screen
        if last in opening.SECTIONS:
            self.show_section(Scope(last))
        self._keep_going(self.store.run, "live store")

    def _be_present(self) -> None:
        """Say that this operator is here, and see who else is: once there are orders to look at."""
        if self.context.presence is not None:
            self._keep_going(self.context.presence.run, "presence")
            self.set_interval(1, self._tell_where)

    def on_resize(self, event: Resize) -> None:
        """Have pictures made for a screen of this size."""
        self.context.pictures.fit_screen(event.size.width, event.size.height)

    def _keep_going(self, part: Callable[[], Awaitable[None]], name: str) -> None:
        """Run a part for as long as the app lives; a fault of ours must not end a shift."""

        async def run() -> None:
            while True:
                try:
                    await part()
                except Exception:  # whatever it is, it is logged and the part begins again
                    log.exception("a part of the app failed and is started again", part=name)
                    words = _(
                        "Something failed in the background and is being restarted. See the log."
                    )
                    self.notify(words, severity="error")
                await asyncio.sleep(2)

        begin(self, run, name=name)

    def _on_store_changed(self, changed: Changed) -> None:
        waiting = self.context.order_list.waiting
        screens = [s for s in self.screen_stack if isinstance(s, FototuiScreen) and s.can_paint]
        for screen in screens:
            screen.on_store_changed(changed)
        if changed.listing and not self._has_orders:
            self._has_orders = True
            self.call_after_refresh(self._be_present)  # the orders are drawn first
        # The list of orders, which is below every screen, has counted anew what is to be reviewed.
        if changed.health or changed.engines or waiting != self.context.order_list.waiting:
            for screen in screens:
                screen.refresh_bars()

    async def action_act(self, action_id: str) -> None:
        """Do what a key asks for that works everywhere, or say why not."""
        if reason := self._command_table.run(action_id):
            self.notify(reason, severity="warning")

    def action_command_palette(self) -> None:
        """Show the palette."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(palette())

    async def _shutdown(self) -> None:
        """End what is under way before the screens are taken down: it would paint on nothing."""
        self.workers.cancel_all()
        await super()._shutdown()

    def _handle_exception(self, error: Exception) -> None:
        """Keep a shift going when something of ours fails: it is logged, and the operator told.

        Tests see every failure; and a fault that comes again and again ends the app all the same.
        """
        log.error("unexpected failure", exc_info=error)
        self._faults += 1
        if self.is_headless or self._faults > _MOST_FAULTS:
            super()._handle_exception(error)
            return
        self.notify(_("Something failed unexpectedly; the log has the details."), severity="error")

    # --- from screen to screen -----------------------------------------------------------------

    def on_open_order(self, message: messages.OpenOrder) -> None:
        """Open an order above what is shown."""
        self.open_order(message.order_id)

    def open_order(self, order_id: str) -> None:
        """Open an order above what is shown."""
        self.push_screen(opening.order(self.context, order_id))

    def on_compare_versions(self, message: messages.CompareVersions) -> None:
        """Compare an image's original and versions."""
        self.push_screen(
            opening.compare(self.context, message.order_id, message.image_id, message.kind)
        )

    def on_show_section(self, message: messages.ShowSection) -> None:
        """Show another section."""
        self.show_section(message.section, message.order_ids)

    def show_section(self, section: Scope, order_ids: tuple[str, ...] = ()) -> None:
        """Go to the list, and show a section above it.

        Args:
            section: The scope of its screen; that of the list shows the list alone.
            order_ids: Orders whose pictures the review begins with.
        """
        while len(self.screen_stack) > 2:
            self.pop_screen()
        self.preferences.screen = section
        if section in opening.SECTIONS:
            self.push_screen(opening.section(section, self.context, order_ids))

    def pop_screen(self) -> AwaitComplete:
        """Show what is below; who went back to the list begins with it next time."""
        popped = super().pop_screen()
        if len(self.screen_stack) == 2:
            self.preferences.screen = Scope.ORDERS
        return popped

    # --- what works everywhere -----------------------------------------------------------------

    def _declare_commands(self) -> dict[str, Command]:
        return {
            "everywhere.help": Command(self._show_help),
            "everywhere.messages": Command(self._list_messages),
            "everywhere.palette": Command(self.action_command_palette),
            "everywhere.show_orders": Command(lambda: self.show_section(Scope.ORDERS)),
            "everywhere.show_review": Command(lambda: self.show_section(Scope.REVIEW)),
            "everywhere.show_engines": Command(lambda: self.show_section(Scope.ENGINES)),
            "everywhere.show_activity": Command(lambda: self.show_section(Scope.ACTIVITY)),
            "everywhere.next_theme": Command(self._next_theme),
            "everywhere.next_language": Command(self.next_language),
            "everywhere.undo_choice": Command(self.undo_choice, self._why_no_undo),
            "everywhere.undo_list": Command(self._list_undo, self._why_no_undo),
            "everywhere.how_to_leave": Command(self._say_how_to_leave),
            "everywhere.quit": Command(self._quit),
        }

    def _show_help(self) -> None:
        if isinstance(self.screen, FototuiScreen):
            self.push_screen(opening.help_of(self.screen))

    def _list_messages(self) -> None:
        if isinstance(self.screen, FototuiScreen):
            self.push_screen(opening.messages(self.context))
            self.context.messages.read()
            self.show_messages()

    def _next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = self.preferences.theme = names[(place + 1) % len(names)]
        self.notify(_("Theme: {name}").format(name=self.theme))

    def next_language(self) -> None:
        """Switch between Czech and English."""
        place = LANGUAGES.index(language())
        self.preferences.language = LANGUAGES[(place + 1) % len(LANGUAGES)]
        set_language(self.preferences.language)
        for screen in self.screen_stack:
            if isinstance(screen, FototuiScreen):
                screen.language_changed()
                screen.refresh_bars()

    def on_choice_made(self, message: messages.ChoiceMade) -> None:
        """Keep a choice in mind, so that it can be taken back."""
        self.context.undo.keep(message.choice)

    def on_orders_finished(self, message: messages.OrdersFinished) -> None:
        """Keep a handing over in mind, so that it can be taken back."""
        if message.report.changed:
            self.context.undo.keep(HandingOver(self.context.settings.now(), message.report))

    def _why_no_undo(self) -> str | None:
        return None if self.context.undo.entries else _("There is no choice to undo.")

    def undo_choice(self) -> None:
        """Take back what was done last, unless someone was there meanwhile."""
        self._undo(self.context.undo.last)

    def _list_undo(self) -> None:
        def take_back(which: Callable[[], Sequence[Undoable]] | None) -> None:
            if which is not None:
                self._undo(which)

        if isinstance(self.screen, FototuiScreen):
            self.push_screen(opening.undo(self.context), take_back)

    def _undo(self, which: Callable[[], Sequence[Undoable]]) -> None:
        async def work() -> str | None:
            undone, error = await self.context.undo.take_back(which, self.context.backend)
            words = self._undone(undone) if undone else None
            if error is None:
                return words or self._why_no_undo()
            if words:
                self.notify(words)
            raise error

        perform(self.app, work, lambda words: words)

    def _undone(self, undone: Sequence[Undone]) -> str:
        """Have a picture that waits again judged again, where the review is what is seen."""
        for done in undone:
            if done.picture is not None:
                self.context.judged.take_back(done.picture)
        from fototui.screens.review.screen import ReviewScreen

        last = undone[-1]
        if last.picture is not None and last.waits and isinstance(self.screen, ReviewScreen):
            self.screen.show_again(last.picture)
        return words_of(undone)

    def _say_how_to_leave(self) -> None:
        """Who presses ^C by habit must not lose what is being done, and wants to know the way."""
        keys = [
            self.get_key_display(active.binding)
            for active in self.screen.active_bindings.values()
            if active.binding.id == "everywhere.quit"
        ]
        if keys:
            self.notify(_("{key} leaves the app.").format(key=keys[0]))

    def on_leave_asked(self, _message: messages.LeaveAsked) -> None:
        """Ask before the app is left; where jobs run here, the question is what becomes of them."""
        if self._jobs_here is not None and self._jobs_here():
            self._quit()
            return

        async def ask() -> None:
            if await self.push_screen_wait(Confirm(_("Leave fototui?"), yes=_("Leave"))):
                self._end()

        begin(self, ask, group="leave", exclusive=True)

    def _quit(self) -> None:
        """Leave the app; jobs that run here are handed over or waited for."""
        if self._jobs_here is None or not self._jobs_here():
            self._end()
            return
        self.push_screen(LeaveDialog(self._jobs_here()), self._leave)

    def _leave(self, answer: Leaving | None) -> None:
        if answer in (Leaving.HAND_OVER, Leaving.WAIT):
            self.leaving = answer
            self._end()

    def _end(self) -> None:
        """End the app; what keys asked for is done first, unless it takes long, or asks itself."""

        async def end() -> None:
            if not self.screen.is_modal:
                asked_for = [each.wait() for each in self.workers if each.group == COMMANDS]
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_SECONDS):
                        await asyncio.gather(*asked_for, return_exceptions=True)
            self.exit()

        # Not in place of one before: who presses the key twice cuts nothing off.
        begin(self, end, group="end")

    def _tell_where(self) -> None:
        screens = (s for s in reversed(self.screen_stack) if isinstance(s, FototuiScreen))
        screen = next(screens, None)
        if screen is not None and self.context.presence is not None:
            self.context.presence.now_at(screen.scope, screen.order_id)

    def on_orders_counted(self, message: messages.OrdersCounted) -> None:
        """Let the terminal's title count what waits for the operator."""
        title = _("fototui: {review} to review, {failed} failed").format(
            review=message.to_review, failed=message.failed
        )
        if self.context.settings.title and title != self.title:
            self.title = title
            self.name_terminal(title)
