"""Review: every picture that waits for a decision, one at a time, one key each."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from textual.app import ComposeResult
from textual.content import Content
from textual.timer import Timer

from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.statuses import VersionType
from fototui.i18n import _, translate
from fototui.live.state import Changed
from fototui.log import get_logger
from fototui.pictures.viewport import Viewport
from fototui.screens.base import FototuiScreen
from fototui.screens.choosing import choose
from fototui.screens.judging import ask_again, set_aside, skip
from fototui.services.backend import ReadOnlyError
from fototui.services.review.queue import ReviewItem, ReviewProgress
from fototui.services.review.service import PictureDecidedError, PictureTakenError, ReviewService
from fototui.services.views.versions import VersionView
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.messages import CompareVersions
from fototui.ui.zooming import zooming
from fototui.widgets.review_panel import ReviewPanel, nothing_waits

log = get_logger(__name__)

_RENEW_SECONDS = 20.0  # a third of a claim
_RETRY_SECONDS = 5.0
_RELEASE_SECONDS = 3.0
_AHEAD = 2


class ReviewScreen(FototuiScreen):
    """One picture beside its original, claimed for this terminal while it is shown.

    Claims name the terminal: who leaves the review and comes back goes on where they were.

    Args:
        context: The parts of the app.
        order_ids: Orders whose pictures come before those of others.
    """

    scope = Scope.REVIEW

    def __init__(self, context: AppContext, order_ids: Sequence[str] = ()) -> None:
        super().__init__(context)
        self._order_ids = order_ids
        self._item: ReviewItem | None = None
        """The picture as it was first shown: what the operator judges."""
        self._now: ReviewItem | None = None
        """The same as it stands by now."""
        self._version_id: int | None = None
        self._viewport = Viewport()
        self._progress = ReviewProgress(0, 0)
        self._is_asked = False
        """The queue has answered, so what is shown is what there is."""
        self._warning = ""
        self._is_refused = False
        """This terminal may claim no picture."""
        self._is_busy = False
        self._is_comparing = False
        self._retry: Timer | None = None

    @property
    def _terminal_id(self) -> uuid.UUID:
        return self.context.terminal_id

    def heading(self) -> str:
        """Its name."""
        return _("Review")

    def compose_body(self) -> ComposeResult:
        """The panel."""
        yield ReviewPanel(
            self.context.pictures,
            self.context.preflight,
            zone=self.context.timezone,
            now=self.context.settings.now,
        )

    @property
    def is_filling(self) -> bool:
        """The queue has not answered yet, and nothing is known that is against it."""
        return not (self._is_asked or self._is_refused or self._warning)

    # --- coming and going ----------------------------------------------------------------------

    def on_mount(self) -> None:
        """Take the first picture."""
        self._show()
        self.set_interval(_RENEW_SECONDS, self._beat)
        self._run(self._advance)

    async def on_unmount(self) -> None:
        """Give the picture back, however the screen was left."""
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                async with self.context.backend.autocommit(ReviewService) as service:
                    await service.release(self._terminal_id)
        except ReadOnlyError:
            pass  # it could claim nothing
        except (FototuiError, TimeoutError):
            log.info("a claim on a picture was left to run out", exc_info=True)

    def on_screen_resume(self) -> None:
        """Go on after the comparison, where the picture may have been decided on."""
        if self._is_comparing:
            self._is_comparing = False
            self._run(self._after_comparing)

    async def _after_comparing(self) -> None:
        if self._item is not None:
            if not await self._renewed(self._item):
                await self._advance()
            else:
                await self._look()

    def on_store_changed(self, changed: Changed) -> None:
        """See what became of the picture; where there was none, whether there is one now."""
        if self._is_busy or self._is_refused:
            return
        if self._item is None:
            if changed.rows or changed.listing:
                self._run(self._advance)
        elif self._item.order_id in changed.rows | changed.details:
            self._run(self._look, busy=False)

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self._show()
        self.query("StatusBar, KeyBar").refresh()

    # --- claims --------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Keep the claim; where there is no picture, look for one."""
        if self._item is not None:
            self._run(self._keep, busy=False)
        elif not self._is_busy and not self._is_refused:
            self._run(self._advance)

    async def _keep(self) -> None:
        item = self._item
        if item is None:
            return
        is_ours = await self._renewed(item)
        if item is self._item and not self._is_busy:
            # The picture stays: it must not change under the finger that is about to judge it.
            self._warn(
                "" if is_ours else _("Someone else has this picture by now, or has decided on it.")
            )
            await self._look()

    async def _renewed(self, item: ReviewItem) -> bool:
        async with self.context.backend.autocommit(ReviewService) as service:
            return await service.renew(item)

    async def _look(self) -> None:
        """See the picture as it stands by now; what counts as seen stays as it was."""
        item = self._item
        if item is None:
            return
        async with self.context.backend.autocommit(ReviewService) as service:
            now = await service.look(item)
        if now is not None and item is self._item:
            self._now = now
            if now.selected_id != item.selected_id:
                self._warn(_("Another version was chosen meanwhile."))
            self._show()

    async def _advance(self) -> None:
        """Take the next picture, and have those after it loaded."""
        self._item = None
        self.refresh_bindings()
        async with self.context.backend.autocommit(ReviewService) as service:
            item = await service.next(self._terminal_id, first=self._order_ids)
            self._progress = (
                await service.progress(self._terminal_id) if item is None else item.progress
            )
        self._warning = ""
        self._item = self._now = item
        self._is_asked = True
        self._viewport = Viewport()
        if item is not None:
            self._version_id = item.versions[-1].id if item.versions else None
        self._show()
        self._run(self._load_ahead, busy=False)

    async def _load_ahead(self) -> None:
        async with self.context.backend.autocommit(ReviewService) as service:
            ahead = await service.peek(self._terminal_id, _AHEAD, first=self._order_ids)
        files = [file for preview in ahead for file in (preview.version, preview.original)]
        self.context.pictures.prefetch([file for file in files if file is not None])
        if self._is_there:
            svgs = [preview.version for preview in ahead if preview.kind is VersionType.SVG]
            self._panel.check_ahead([file for file in svgs if file is not None])

    def _run(self, work: Callable[[], Awaitable[None]], *, busy: bool = True) -> None:
        """Do something with the queue; an outage is told and tried again, for as long as it takes.

        Args:
            work: The work.
            busy: No key is to be answered meanwhile.
        """

        async def run() -> None:
            try:
                await work()
            except FototuiError as error:
                self._failed(error)
            finally:
                if busy:
                    self._is_busy = False
                    self.refresh_bindings()

        self._is_busy = self._is_busy or busy
        # The function and not its coroutine, which would never be awaited if cancelled before.
        self.run_worker(run, group="review")  # type: ignore[arg-type]  # a result nobody takes

    def _failed(self, error: FototuiError) -> None:
        if isinstance(error, ReadOnlyError):
            self._is_refused = True
            self._show()
            return
        if isinstance(error, ConfigurationError):
            self._warn(translate(error))  # once, and not as a message each time that it is tried
            return
        if error.code != "database_unavailable":
            self.notify(translate(error), severity="error")
            return
        self._warn(_("The database does not answer. The picture stays; trying again…"))
        if self._retry is not None:
            self._retry.stop()
        self._retry = self.set_timer(_RETRY_SECONDS, self._beat)

    # --- what is shown -------------------------------------------------------------------------

    def _version(self) -> VersionView | None:
        views = () if self._now is None else self._now.versions
        return next((view for view in views if view.id == self._version_id), None)

    def _warn(self, words: str) -> None:
        self._warning = words
        if self._is_there:
            self._panel.warn(words)

    @property
    def _is_there(self) -> bool:
        """Work on the queue may end when the screen was left already."""
        return any(panel.is_there for panel in self.query(ReviewPanel))

    def _show(self) -> None:
        if not self._is_there:
            return
        self._panel.warn(self._warning)
        if self._now is not None:
            self._panel.show(self._now, self._version(), self._progress, self._viewport)
        elif self._is_refused:
            words = _("This terminal is read-only: review pictures at another one.")
            self._panel.say(Content(words))
        elif self._is_asked:
            self._panel.say(nothing_waits(self._progress))
        self.refresh_bindings()

    @property
    def _panel(self) -> ReviewPanel:
        return self.query_one(ReviewPanel)

    # --- what keys do --------------------------------------------------------------------------

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does."""
        return {
            "review.back": Command(self.dismiss),
            "review.accept": Command(self._do_accept, self._why_not_accept),
            "review.again": Command(lambda: self._judge(self._again), self._why_not_judge),
            "review.skip": Command(lambda: self._judge(partial(skip, self)), self._why_not_judge),
            "review.note": Command(
                lambda: self._judge(partial(set_aside, self)), self._why_not_judge
            ),
            "review.previous_version": Command(lambda: self._turn(-1), self._why_not_turn),
            "review.next_version": Command(lambda: self._turn(1), self._why_not_turn),
            "review.compare": Command(self._compare, self._why_not_judge),
            "review.blink": Command(self._blink, self._why_no_picture),
            **zooming(self.scope, lambda: self._viewport, self._look_at),
        }

    def _look_at(self, viewport: Viewport) -> None:
        self._viewport = viewport
        self._show()

    def _blink(self) -> None:
        self._panel.blink()

    def _why_no_picture(self) -> str | None:
        if self._item is not None:
            return None
        if self._is_busy or self._warning:
            return _("The next picture is on its way.")
        return _("No picture is waiting for you.")

    def _why_not_judge(self) -> str | None:
        return self._why_no_picture() or (_("One moment.") if self._is_busy else None)

    def _why_not_accept(self) -> str | None:
        if self._item is not None and self._version() is None:
            return _("There is no finished version to choose yet.")
        return self._why_not_judge()

    def _why_not_turn(self) -> str | None:
        if self._item is not None and self._now and len(self._now.versions) == 1:
            return _("There is only one version.")
        return self._why_not_judge()

    def _turn(self, step: int) -> None:
        ids = [] if self._now is None else [view.id for view in self._now.versions]
        if self._version_id in ids:
            place = ids.index(self._version_id) + step
            self._version_id = ids[max(0, min(place, len(ids) - 1))]
            self._show()

    def _compare(self) -> None:
        if (item := self._item) is not None:
            self._is_comparing = True
            wanted = CompareVersions(item.order_id, item.image.id, item.kind)
            self.app.post_message(wanted)

    def _do_accept(self) -> None:
        """Choose the version and see the next picture."""
        version = self._version()
        if self._panel.is_loading:
            # A key that is held down must not accept what nobody has seen.
            self.notify(_("The picture is still being loaded."), severity="warning")
        elif self._panel.is_version_hidden:
            self.notify(_("Look at the version itself first."), severity="warning")
        elif version is not None:
            self._judge(lambda item: self._accept(item, version))

    def _judge(self, work: Callable[[ReviewItem], Awaitable[bool]]) -> None:
        """Do what was decided, then go on.

        Args:
            work: Does it; tells whether this picture is done with.
        """
        item = self._item
        if item is None:
            return

        async def run() -> None:
            try:
                is_done = await work(item)
            except (PictureTakenError, PictureDecidedError) as error:
                self.notify(translate(error), severity="warning")
                is_done = True
            if is_done:
                await self._advance()

        self._run(run)

    async def _accept(self, item: ReviewItem, version: VersionView) -> bool:
        async def first() -> None:
            async with self.context.backend.transaction(ReviewService) as service:
                await service.accept(item, version.id)

        done = await choose(
            self.app,
            self.context,
            item.order_id,
            version,
            expected=item.selected_id,
            first=first,
        )
        if not done.is_chosen:
            await self._look()
            # What is shown now counts as seen.
            self._item = self._now
            self._warn("")
            return isinstance(done.conflict, PictureDecidedError)
        self.perform(lambda: self.context.store.refresh(item.order_id))
        return True

    async def _again(self, item: ReviewItem) -> bool:
        return await ask_again(self, item, self._version())
