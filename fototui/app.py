"""The operator's terminal: screens over the live store, commands through the backend."""

from __future__ import annotations

import asyncio
import base64
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

import structlog
from textual.binding import BindingsMap
from textual.css.query import NoMatches

from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean, clean_line
from fototui.i18n import LANGUAGES, _, language, set_language, translate
from fototui.live.state import Changed
from fototui.live.store import LiveStore
from fototui.pictures.loader import PictureLoader
from fototui.screens.base import FototuiScreen
from fototui.screens.dialogs import Confirm
from fototui.screens.help import HelpScreen
from fototui.screens.leave import LeaveDialog, Leaving
from fototui.screens.navigation import NavigatingApp
from fototui.screens.palette import ActionProvider
from fototui.services.backend import Backend, ReadOnlyError
from fototui.services.versions.undo import TakenBack
from fototui.ui.actions import ACTIONS, Scope, bindings
from fototui.ui.last_choice import Choice
from fototui.ui.preferences import Preferences
from fototui.ui.theme import THEMES

if TYPE_CHECKING:
    from fototui.ui.presence import Presence

T = TypeVar("T")
log = structlog.get_logger(__name__)

# More of them than this in one run, and the app cannot be worked with.
_MOST_FAULTS = 50

Severity = Literal["information", "warning", "error"]


def _now() -> datetime:
    return datetime.now(UTC)


def _words_of_undo(done: TakenBack) -> str:
    if done.waits:
        return _("The choice is undone. The picture is back in the review.")
    return _("The choice is undone.")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """How the app behaves.

    Args:
        timezone: In which times are shown.
        keys: Other keys for actions, by action id.
        ask_above: Generating for more images than this asks first.
        ascii_badges: For fonts without the usual signs.
        bell: The terminal's bell rings when something fails.
        title: The terminal's title counts what waits.
        now: The clock that screens go by.
    """

    timezone: tzinfo
    keys: Mapping[str, str] = field(default_factory=dict)
    ask_above: int = 20
    ascii_badges: bool = False
    bell: bool = False
    title: bool = False
    now: Callable[[], datetime] = _now


class FototuiApp(NavigatingApp):
    """The app.

    Args:
        backend: The services.
        store: The live store; the app runs it.
        settings: How the app behaves.
        preferences: What is remembered; changed as the operator goes.
        home: Makes the first screen.
        pictures: Loads pictures; one with the defaults where not given.
        presence: Who else is here; the app tells it where this operator is.
        jobs_here: How many jobs run in this process; None where no engine runs.

    Attributes:
        leaving: What becomes of the jobs that run here, once the app has ended.
    """

    leaving: Leaving = Leaving.HAND_OVER

    TITLE = "fototui"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {lambda: ActionProvider}
    CSS = """
    #body { height: 1fr; }
    Toast { max-width: 70; }
    """

    def __init__(
        self,
        backend: Backend,
        store: LiveStore,
        settings: AppSettings,
        preferences: Preferences,
        *,
        home: Callable[[], FototuiScreen],
        pictures: PictureLoader | None = None,
        presence: Presence | None = None,
        jobs_here: Callable[[], int] | None = None,
    ) -> None:
        super().__init__()
        self.pictures = pictures or PictureLoader(backend.storage)
        self.backend = backend
        self.store = store
        self.settings = settings
        self.preferences = preferences
        self._home = home
        self._presence = presence
        self._jobs_here = jobs_here
        self._last_choice: Choice | None = None
        self._faults = 0
        self.terminal_id = uuid.uuid4()
        """This terminal, as claims on pictures name it."""
        self.notice: Sentence | None = None
        """What the operator is told when the app opens."""
        self._bindings = BindingsMap(bindings(Scope.EVERYWHERE))
        set_language(preferences.language or language())
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = (
            preferences.theme if preferences.theme in self.available_themes else THEMES[0].name
        )
        self.set_keymap(dict(settings.keys))

    @property
    def timezone(self) -> tzinfo:
        """In which times are shown."""
        return self.settings.timezone

    async def on_mount(self) -> None:
        """Show the first screen and begin to live."""
        self.store.listen(self._on_store_changed)
        await self.push_screen(self._home())
        ways: dict[str, Callable[[], None]] = {
            Scope.REVIEW: self.do_show_review,
            Scope.ENGINES: self.do_show_engines,
            Scope.ACTIVITY: self.do_show_activity,
        }
        if self.notice is not None:
            self.toast(translate(self.notice), severity="warning")
        last = ways.get(self.preferences.screen)
        if last is not None:
            last()
        self._keep_going(self.store.run, "live store")
        if self._presence is not None:
            self._keep_going(self._presence.run, "presence")
            self.set_interval(1, self._tell_where)

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
                    self.toast(words, severity="error")
                await asyncio.sleep(2)

        self.run_worker(run(), name=name)

    def _on_store_changed(self, changed: Changed) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, FototuiScreen) and screen.can_paint:
                screen.on_store_changed(changed)
                if changed.health or changed.engines:
                    for bar in screen.query("StatusBar"):
                        bar.refresh()

    # --- how commands are done ------------------------------------------------------------------

    async def action_act(self, action_id: str) -> None:
        """Do what a key asks for that works everywhere."""
        if ACTIONS[action_id].changes and self.backend.read_only:
            self.toast(_("This terminal is read-only."), severity="warning")
            return
        outcome = getattr(self, ACTIONS[action_id].handler)()
        if outcome is not None:
            await outcome

    def perform(
        self,
        work: Callable[[], Awaitable[T]],
        then: Callable[[T], str | None] | None = None,
        *,
        screen: FototuiScreen | None = None,
    ) -> None:
        """Do something that takes a while; its failure becomes a toast that says what to do.

        Args:
            work: The work.
            then: Told its result; what it returns is shown as a toast.
            screen: Where it was begun; what is to be painted there may be gone when it ends.
        """

        async def run() -> None:
            try:
                result = await work()
            except ReadOnlyError:
                self.toast(_("This terminal is read-only."), severity="warning")
            except FototuiError as error:
                self.toast(translate(error), severity="error")
            except NoMatches:
                if screen is None or screen.can_paint:
                    raise
            else:
                if then is not None and (words := then(result)):
                    self.toast(words)

        self.run_worker(run(), group="commands")

    def toast(self, words: str, *, severity: Severity = "information") -> None:
        """Tell the operator something in passing; never parsed as markup."""
        self.notify(clean(words, limit=500), severity=severity, markup=False)
        if severity == "error" and self.settings.bell:
            self.bell()

    async def ask(self, question: str, *, yes: str) -> bool:
        """Ask before something is lost or paid for; to be called in a worker."""
        answer: bool = await self.push_screen_wait(Confirm(question, yes=yes))
        return answer

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
        self.toast(_("Something failed unexpectedly; the log has the details."), severity="error")

    # --- what works everywhere -----------------------------------------------------------------

    def do_help(self) -> None:
        """Show the keys of this screen."""
        if isinstance(self.screen, FototuiScreen):
            self.push_screen(HelpScreen(self.screen))

    def do_palette(self) -> None:
        """Find any action by its name."""
        self.action_command_palette()

    def do_next_theme(self) -> None:
        """Switch to the next theme."""
        names = [theme.name for theme in THEMES]
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = self.preferences.theme = names[(place + 1) % len(names)]
        self.toast(_("Theme: {name}").format(name=self.theme))

    def do_next_language(self) -> None:
        """Switch between Czech and English."""
        place = LANGUAGES.index(language())
        self.preferences.language = LANGUAGES[(place + 1) % len(LANGUAGES)]
        set_language(self.preferences.language)
        for screen in self.screen_stack:
            if isinstance(screen, FototuiScreen):
                screen.language_changed()

    def do_undo_choice(self) -> None:
        """Take the last choice back, unless someone chose again meanwhile."""
        choice, self._last_choice = self._last_choice, None
        if choice is None:
            self.toast(_("There is no choice to undo."), severity="warning")
            return

        async def work() -> TakenBack:
            done = await choice.take_back(self.backend)
            await self.store.refresh(done.order_id)
            return done

        self.perform(work, _words_of_undo)

    def remember_choice(
        self, kind: VersionType, image_id: int, previous_id: int | None, new_id: int
    ) -> None:
        """Keep a choice in mind, so that it can be taken back."""
        self._last_choice = Choice(kind, image_id, previous_id, new_id)

    def do_quit(self) -> None:
        """Leave the app; jobs that run here are handed over or waited for."""
        if self._jobs_here is None or not self._jobs_here():
            self.exit()
            return
        self.push_screen(LeaveDialog(self._jobs_here()), self._leave)

    def _leave(self, answer: Leaving | None) -> None:
        if answer in (Leaving.HAND_OVER, Leaving.WAIT):
            self.leaving = answer
            self.exit()

    # --- who else is here ----------------------------------------------------------------------

    @property
    def others(self) -> list[str]:
        """Other operators who are in the app."""
        if self._presence is None:
            return []
        return sorted({other.operator for other in self._presence.others} - {self.backend.operator})

    def viewers(self, order_id: str) -> list[str]:
        """Other operators who have an order open."""
        return [] if self._presence is None else self._presence.viewers(order_id)

    def _tell_where(self) -> None:
        assert self._presence is not None
        screen = next(
            (s for s in reversed(self.screen_stack) if isinstance(s, FototuiScreen)), None
        )
        if screen is not None:
            self._presence.now_at(screen.scope, getattr(screen, "order_id", None))

    # --- the terminal --------------------------------------------------------------------------

    def tell_title(self, *, to_review: int, failed: int) -> None:
        """Let the terminal's title count what waits for the operator.

        Args:
            to_review: Orders to be judged.
            failed: Orders in which something failed.
        """
        title = _("fototui: {review} to review, {failed} failed").format(
            review=to_review, failed=failed
        )
        if self.settings.title and title != self.title and self._driver is not None:
            self.title = title
            self._driver.write(f"\x1b]2;{clean_line(title)}\x07")

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text by OSC 52, which works over SSH; wrapped once more for tmux."""
        super().copy_to_clipboard(text)
        if os.environ.get("TMUX") and self._driver is not None:
            payload = base64.b64encode(text.encode()).decode()
            self._driver.write(f"\x1bPtmux;\x1b\x1b]52;c;{payload}\a\x1b\\")
