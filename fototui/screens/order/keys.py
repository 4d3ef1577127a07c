"""What the order screen's keys do to what is looked at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partialmethod

from fototui.domain.statuses import OrderStatus, VersionType
from fototui.i18n import _
from fototui.screens.base import FototuiScreen
from fototui.screens.choosing import choose
from fototui.screens.options import ask_options
from fototui.screens.order import commands, files
from fototui.screens.order.availability import is_retryable
from fototui.screens.order.selection import Selection
from fototui.services.ingest.imports import SyncService
from fototui.services.views.orders import VersionView


class OrderKeys(FototuiScreen):
    """The commands of the order screen.

    Args:
        order_id: ULID.
    """

    def __init__(self, order_id: str) -> None:
        super().__init__()
        self.order_id = order_id
        self._selection = Selection()
        self._chosen_here: set[int | None] = set()

    @abstractmethod
    def _repaint(self) -> None:
        """Show what is known now."""

    def _generate(self, kind: VersionType, *, with_options: bool) -> None:
        image = self._selection.image
        if image is None:
            return
        before = self._selection.version.options if self._selection.version is not None else None

        async def work() -> VersionView | None:
            options = await ask_options(self.app, kind, before) if with_options else None
            if with_options and options is None:
                return None
            view = await commands.create(self.fototui.backend, kind, image.id, options)
            return await self._followed(view)

        self.perform(work, _about(_("v{n} is requested.")))

    do_generate_coloring = partialmethod(_generate, VersionType.COLORING, with_options=False)
    do_generate_coloring_options = partialmethod(_generate, VersionType.COLORING, with_options=True)
    do_generate_svg = partialmethod(_generate, VersionType.SVG, with_options=False)
    do_generate_svg_options = partialmethod(_generate, VersionType.SVG, with_options=True)

    def _generate_all(self, kind: VersionType) -> None:
        order_id = self.order_id

        async def work() -> str:
            reports = await commands.create_all(self.fototui.backend, kind, order_id)
            for report in reports:
                if report.version is not None:
                    self._selection.follow(report.version)
            await self.fototui.store.refresh(order_id)
            self._repaint()
            return commands.in_words(reports)

        self.perform(work, lambda words: words)

    do_generate_coloring_all = partialmethod(_generate_all, VersionType.COLORING)
    do_generate_svg_all = partialmethod(_generate_all, VersionType.SVG)

    async def _followed(self, view: VersionView) -> VersionView:
        self._selection.follow(view)
        await self.fototui.store.refresh(self.order_id)
        self._repaint()
        return view

    def do_retry(self) -> None:
        """Try this version again; of an order that failed, what was missing."""
        version, order = self._selection.version, self._selection.detail
        if order is not None and order.status is OrderStatus.ERROR and not is_retryable(version):
            self.perform(lambda: self._retry_order(order.id), lambda words: words)
        elif version is not None:

            async def work() -> VersionView:
                return await self._followed(await commands.retry(self.fototui.backend, version))

            self.perform(work, _about(_("v{n} is being retried.")))

    async def _retry_order(self, order_id: str) -> str:
        words = await commands.retry_order(self.fototui.backend, order_id)
        await self.fototui.store.refresh(order_id)
        self._repaint()
        return words

    def do_fetch(self) -> None:
        """Have the order fetched from Shopify again."""
        order_id = self.order_id

        async def work() -> str:
            async with self.fototui.backend.transaction(SyncService) as orders:
                await orders.request(order_id)
            await self.fototui.store.refresh(order_id)
            return _("The order will be fetched from Shopify again.")

        self.perform(work, lambda words: words)

    def do_retry_all(self) -> None:
        """Try again all that failed in this order, the order itself included."""
        order_id, order = self.order_id, self._selection.detail
        has_failed = order is not None and order.status is OrderStatus.ERROR

        async def work() -> str:
            if has_failed:
                self.fototui.toast(await self._retry_order(order_id))
            reports = await commands.retry_failed(self.fototui.backend, order_id)
            if has_failed and not any(report.version for report in reports):
                return ""
            await self.fototui.store.refresh(order_id)
            self._repaint()
            return commands.in_words([report for report in reports if report.version])

        self.perform(work, lambda words: words)

    def do_cancel(self) -> None:
        """Stop this version; asks where it may be paid already."""
        if (version := self._selection.version) is None:
            return

        async def work() -> VersionView | None:
            question = _("v{n} has been sent already and may be charged. Cancel it?").format(
                n=version.version
            )
            if version.submissions and not await self.fototui.ask(
                question, yes=_("Cancel the version")
            ):
                return None
            return await self._followed(await commands.cancel(self.fototui.backend, version))

        self.perform(work, _about(_("v{n} is cancelled.")))

    def do_choose(self) -> None:
        """Choose this version, over what this screen showed as the chosen one."""
        version, image, order = (
            self._selection.version,
            self._selection.image,
            self._selection.detail,
        )
        if version is None or image is None or order is None:
            return
        expected = image.chosen_id(version.kind)

        async def work() -> VersionView | None:
            is_chosen = False
            self._chosen_here.add(version.id)
            try:
                done = await choose(self.fototui, order.id, version, expected=expected)
                is_chosen = done.is_chosen
            finally:
                if not is_chosen:
                    self._chosen_here.discard(version.id)
            await self.fototui.store.refresh(order.id)
            self._repaint()
            return version if is_chosen else None

        self.perform(work, _about(_("v{n} is chosen.")))

    def do_browse(self) -> None:
        """Open the picture in the browser."""
        if (file := self._selection.file) is not None:
            self.perform(lambda: files.browse(self.fototui, file), lambda words: words)

    def do_copy(self) -> None:
        """Copy the picture's address."""
        if (file := self._selection.file) is not None:
            self.perform(lambda: files.copy_address(self.fototui, file), lambda words: words)

    def do_save(self) -> None:
        """Save the picture as a file."""
        file, detail = self._selection.file, self._selection.detail
        if file is not None and detail is not None:
            name = f"{detail.number} {self._selection.caption}"
            self.perform(lambda: files.save(self.fototui, file, name=name), lambda words: words)


def _about(words: str) -> Callable[[VersionView | None], str | None]:
    """A toast about a version; none where the operator thought better of it."""
    return lambda view: None if view is None else words.format(n=view.version)
