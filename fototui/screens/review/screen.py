"""Review: every picture that waits for a decision, one at a time, one key each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from textual.app import ComposeResult
from textual.content import Content

from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import VersionType
from fototui.i18n import _, translate
from fototui.pictures.viewport import Viewport
from fototui.screens.choosing import choose
from fototui.screens.review.claiming import ClaimingScreen
from fototui.screens.review.ending import ending, next_step_of
from fototui.screens.review.judging import ask_again, set_aside, skip
from fototui.services.review.queue import ReviewFilter, ReviewItem
from fototui.services.review.service import PictureDecidedError, PictureTakenError, ReviewService
from fototui.services.views.versions import VersionView
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.judged import Judgement
from fototui.ui.messages import CompareVersions
from fototui.ui.zooming import zooming
from fototui.widgets.review_panel import ReviewPanel


class ReviewScreen(ClaimingScreen):
    """One picture beside its original.

    Args:
        context: The parts of the app.
        order_ids: Orders whose pictures come before those of others.
    """

    scope = Scope.REVIEW

    def __init__(self, context: AppContext, order_ids: Sequence[str] = ()) -> None:
        super().__init__(context, order_ids)
        self._version_id: int | None = None
        self._viewport = Viewport()

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

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self._show()
        self.query("StatusBar, KeyBar").refresh()

    # --- what is shown -------------------------------------------------------------------------

    def _version(self) -> VersionView | None:
        views = () if self._now is None else self._now.versions
        return next((view for view in views if view.id == self._version_id), None)

    def _begin(self, item: ReviewItem | None) -> None:
        self._viewport = Viewport()
        if item is not None:
            self._version_id = item.versions[-1].id if item.versions else None

    def _check_ahead(self, svgs: Sequence[S3ObjectRefData]) -> None:
        if self._is_there:
            self._panel.check_ahead(svgs)

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
            self._panel.show(self._now, self._version(), self._within, self._viewport)
        elif self._is_refused:
            words = _("This terminal is read-only: review pictures at another one.")
            self._panel.say(Content(words))
        elif self._is_asked:
            self._panel.say(ending(self, self._left))
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
            "review.switch_kind": Command(self._switch_kind, self._why_busy),
            "review.by_order": Command(self._turn_order, self._why_no_order),
            "review.next_step": next_step_of(self),
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

    def _why_busy(self) -> str | None:
        return _("One moment.") if self._is_busy else None

    def _why_no_order(self) -> str | None:
        return self._why_busy() if self._within.order_id else self._why_not_judge()

    def _switch_kind(self) -> None:
        kinds = [None, *VersionType]
        kind = kinds[(kinds.index(self._within.kind) + 1) % len(kinds)]
        self._look_within(replace(self._within, kind=kind))

    def _turn_order(self) -> None:
        is_all = self._within.order_id is None
        order_id = self._item.order_id if is_all and self._item is not None else None
        self._look_within(replace(self._within, order_id=order_id))

    def _look_within(self, within: ReviewFilter) -> None:
        self._within = within
        self._run(self._advance)

    def _why_not_judge(self) -> str | None:
        return self._why_no_picture() or self._why_busy()

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
        self.context.judged.add((item.image.id, item.kind), item.order_id, Judgement.APPROVED)
        self.perform(lambda: self.context.store.refresh(item.order_id))
        return True

    async def _again(self, item: ReviewItem) -> bool:
        return await ask_again(self, item, self._version())
