"""The review's side towards the queue: claims orders, keeps them, and gives them back."""

from __future__ import annotations

import asyncio
import uuid
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from textual.timer import Timer

from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import VersionType
from fototui.i18n import _, translate
from fototui.live.state import Changed
from fototui.log import get_logger
from fototui.screens.base import FototuiScreen
from fototui.services.backend import ReadOnlyError
from fototui.services.review.queue import ALL, ReviewFilter, ReviewItem
from fototui.services.review.service import ReviewService
from fototui.ui.context import AppContext
from fototui.ui.judged import Judgement, Picture
from fototui.ui.workers import begin
from fototui.widgets.review_summary import Left

log = get_logger(__name__)

_RENEW_SECONDS = 20.0  # a third of a claim
_RETRY_SECONDS = 5.0
_RELEASE_SECONDS = 3.0
_AHEAD = 2


class ClaimingScreen(FototuiScreen):
    """Has one picture after the other to be judged, of orders that are claimed meanwhile.

    Claims name the terminal: who leaves the review and comes back goes on where they were.

    Args:
        context: The parts of the app.
        order_ids: Orders whose pictures come before those of others.
    """

    def __init__(self, context: AppContext, order_ids: Sequence[str] = ()) -> None:
        super().__init__(context)
        self._order_ids = order_ids
        self._item: ReviewItem | None = None
        """The picture as it was first shown: what the operator judges."""
        self._now: ReviewItem | None = None
        """The same as it stands by now."""
        self._within = ALL
        self._left = Left()
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

    @property
    def is_filling(self) -> bool:
        """The queue has not answered yet, and nothing is known that is against it."""
        return not (self._is_asked or self._is_refused or self._warning)

    # --- coming and going ----------------------------------------------------------------------

    def on_mount(self) -> None:
        """Take the first picture."""
        self._show()
        self.set_interval(_RENEW_SECONDS, self._beat)
        self._run(self._take_first)

    async def _take_first(self) -> None:
        """Take the first picture; where it is of another order than was asked for, say why."""
        await self._advance()
        item, orders = self._item, self.context.store.orders
        if item is None or not self._order_ids or item.order_id in self._order_ids:
            return
        if any(orders[order_id].waiting for order_id in self._order_ids if order_id in orders):
            self.notify(
                _("Somebody else is judging that order; this is another one."), severity="warning"
            )

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
                await self._count_choice(self._item)
                await self._advance()
            else:
                await self._look()

    async def _count_choice(self, item: ReviewItem) -> None:
        """Keep in mind that it was approved, where the comparison is where that was done."""
        async with self.context.backend.autocommit(ReviewService) as service:
            now = await service.look(item)
        if now is not None and now.image.chosen_at(item.kind) != item.image.chosen_at(item.kind):
            self.context.judged.add((item.image.id, item.kind), item.order_id, Judgement.APPROVED)

    def on_store_changed(self, changed: Changed) -> None:
        """See what became of the picture; where there was none, whether there is one now."""
        if self._is_busy or self._is_refused:
            return
        if self._item is None:
            if changed.rows or changed.listing:
                self._run(self._advance)
        elif self._item.order_id in changed.rows | changed.details:
            self._run(self._look, busy=False)

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
            left = await service.count(self._within)
        if now is not None and item is self._item:
            self._now = replace(now, left=left)
            if now.selected_id != item.selected_id:
                self._warn(_("Another version was chosen meanwhile."))
            self._show()

    async def _advance(self) -> None:
        """Take the next picture, and have those after it loaded."""
        self._item = None
        self.refresh_bindings()
        async with self.context.backend.autocommit(ReviewService) as service:
            item = await service.next(self._terminal_id, first=self._order_ids, within=self._within)
            if item is None:
                wanted = await service.count(self._within)
                self._left = Left(wanted, await service.count() - wanted)
        self._take(item)

    def _take(self, item: ReviewItem | None) -> None:
        """Have a picture judged, or say that there is none."""
        self._warning = ""
        self._item = self._now = item
        self._is_asked = True
        self._begin(item)
        self._show()
        self._run(self._load_ahead, busy=False)

    @abstractmethod
    def _begin(self, item: ReviewItem | None) -> None:
        """Another picture is judged from now on, or none."""

    @abstractmethod
    def _show(self) -> None:
        """Show how things stand."""

    @abstractmethod
    def _warn(self, words: str) -> None:
        """Show a line of warning; an empty one takes it away."""

    @abstractmethod
    def _check_ahead(self, svgs: Sequence[S3ObjectRefData]) -> None:
        """SVGs will be judged next."""

    def show_again(self, picture: Picture) -> None:
        """Show a picture that waits again, whatever is shown now.

        Args:
            picture: The picture.
        """
        image_id, kind = picture

        async def take() -> None:
            async with self.context.backend.autocommit(ReviewService) as service:
                item = await service.next(
                    self._terminal_id, within=ReviewFilter(kind=kind, image_id=image_id)
                )
                if item is not None:
                    item = replace(item, left=await service.count(self._within))
            if item is not None:
                self._take(item)

        self._run(take)

    async def _load_ahead(self) -> None:
        async with self.context.backend.autocommit(ReviewService) as service:
            ahead = await service.peek(
                self._terminal_id, _AHEAD + 1, first=self._order_ids, within=self._within
            )
        files = [file for preview in ahead for file in (preview.version, preview.original)]
        self.context.pictures.prefetch([file for file in files if file is not None])
        svgs = [preview.version for preview in ahead if preview.kind is VersionType.SVG]
        self._check_ahead([file for file in svgs if file is not None])

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
        begin(self, run, group="review")

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
