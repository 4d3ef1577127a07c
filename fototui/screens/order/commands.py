"""What each key of the order screen does, through the services."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial

from fototui.domain.stages import BookState, Step
from fototui.domain.statuses import JobKind, OrderStatus, VersionType
from fototui.i18n import _, translate
from fototui.screens import addresses
from fototui.screens.base import FototuiScreen
from fototui.screens.book import BookScreen
from fototui.screens.choosing import choose
from fototui.screens.dialogs import confirm
from fototui.screens.options import ask_options
from fototui.screens.order import attaching, files
from fototui.screens.order import availability as can
from fototui.screens.order.selection import Selection
from fototui.screens.orders import next_step
from fototui.screens.orders.asking import turn_waiting
from fototui.screens.orders.bulk import Outcome
from fototui.screens.orders.urgency import turn_urgency
from fototui.services.ingest.imports import SyncService
from fototui.services.versions.kinds import version_service
from fototui.services.versions.messages import name_of
from fototui.services.views.orders import OrderRow
from fototui.services.views.versions import VersionView
from fototui.ui import prospects
from fototui.ui.commands import Command
from fototui.ui.context import AppContext


class OrderCommands(FototuiScreen):
    """The commands that change the order, or take its files elsewhere.

    Args:
        context: The parts of the app.
        order_id: ULID.

    Attributes:
        selection: What is looked at.
    """

    order_id: str

    def __init__(self, context: AppContext, order_id: str) -> None:
        super().__init__(context)
        self.order_id = order_id
        self.selection = Selection()
        self._chosen_here: set[int | None] = set()

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does."""
        view = self.selection

        def unless(reason: Callable[[Selection], str | None]) -> Callable[[], str | None]:
            return partial(reason, view)

        commands = {
            "order.next_step": Command(
                self._take_on,
                lambda: can.without_order(view) or next_step.why_not(self._rows),
                label=lambda: next_step.label(self._rows),
                tooltip=lambda: next_step.tooltip(self._rows),
            ),
            "order.shop_page": Command(self._open_shop_page, self._why_no_shop_page),
            "order.ask_customer": Command(self._ask_customer, unless(can.without_order)),
            "order.copy_email": Command(
                lambda: self.notify(addresses.copy_email(self.app, self._email)),
                lambda: can.without_order(view) or addresses.why_no_email(self._email),
            ),
            "order.copy_shop_page": Command(self._copy_shop_page, self._why_no_shop_page),
            "order.generate_books": Command(
                self._make_books, lambda: can.against_books(view, next(iter(self._rows), None))
            ),
            "order.book": Command(self._show_book, unless(can.without_book)),
            "order.choose": Command(self._choose, unless(can.against_choosing)),
            "order.retry": Command(self._retry, unless(can.against_retrying)),
            "order.retry_all": Command(self._retry_all, unless(can.against_retrying_all)),
            "order.cancel": Command(self._cancel, unless(can.against_cancelling)),
            "order.urgent": Command(self._turn_urgency, unless(can.without_order)),
            "order.fetch": Command(self._fetch, unless(can.against_fetching)),
            "order.attach": Command(self._attach_photo, unless(can.against_attaching)),
            "order.browse": Command(self._browse, unless(can.without_file)),
            "order.copy": Command(self._copy, unless(can.without_file)),
            "order.save": Command(self._save, unless(can.without_file)),
        }
        against = {VersionType.COLORING: can.against_coloring, VersionType.SVG: can.against_svg}
        for kind in VersionType:
            name = f"order.generate_{kind}"
            reason = unless(against[kind])
            generate, ask = partial(self._generate, kind), partial(self._ask_and_generate, kind)
            commands[name] = Command(generate, reason)
            commands[f"{name}_options"] = Command(ask, reason)
            commands[f"{name}_all"] = Command(
                partial(self._generate_all, kind), unless(can.without_images)
            )
        return commands

    @abstractmethod
    def show_all(self) -> None:
        """Show what is known now."""

    def _follow(self, view: VersionView) -> VersionView:
        self.selection.follow(view)
        self.show_all()
        return view

    # --- making versions -----------------------------------------------------------------------

    def _generate(self, kind: VersionType) -> None:
        if (image := self.selection.image) is None:
            return

        async def work() -> VersionView:
            async with self.context.backend.transaction(version_service(kind)) as service:
                view = await service.create_with(image.id, None)
            return self._follow(view)

        self.perform(work, self._requested)

    def _ask_and_generate(self, kind: VersionType) -> None:
        image, version = self.selection.image, self.selection.version
        if image is None:
            return

        async def work() -> VersionView | None:
            before = None if version is None else version.options
            if (
                options := await ask_options(self.app, self.context, kind, image.id, before)
            ) is None:
                return None
            async with self.context.backend.transaction(version_service(kind)) as service:
                view = await service.create_with(image.id, options)
            return self._follow(view)

        self.perform(work, self._requested)

    def _generate_all(self, kind: VersionType) -> None:
        order_id = self.order_id

        async def work() -> str:
            async with self.context.backend.transaction(version_service(kind)) as service:
                reports = await service.create_for_order(order_id)
            for report in reports:
                if report.version is not None:
                    self.selection.follow(report.version)
            self.show_all()
            return self._outcome(Outcome.of(kind, self._number, reports))

        self.perform(work, _as_it_is)

    @property
    def _number(self) -> str:
        detail = self.selection.detail
        return "" if detail is None else detail.number

    def _outcome(self, outcome: Outcome) -> str:
        return outcome.in_words(self.context, names_orders=False)

    def _requested(self, view: VersionView | None) -> str | None:
        """What is told of a version that was asked for; nothing where one thought better of it."""
        if view is None:
            return None
        words = _("{version} is requested.").format(version=_name(view))
        if view.note is not None:
            words = f"{words} {translate(view.note)}"
        return prospects.asked_for(self.context, words, JobKind(view.kind))

    def _make_books(self) -> None:
        order_id = self.order_id

        async def work() -> str:
            outcome = await next_step.make_books(self.context, order_id, self._number)
            await self.context.store.refresh(order_id)
            self.show_all()
            return self._outcome(outcome)

        self.perform(work, _as_it_is)

    def _show_book(self) -> None:
        if (view := self.selection.book) is not None:
            self.app.push_screen(BookScreen(self.context, view))

    # --- what failed, or is not wanted ---------------------------------------------------------

    def _retry(self) -> None:
        """Try this version again; of an order that failed, what was missing."""
        version, order_id = self.selection.version, self.order_id
        if can.has_failed(self.selection) and not can.is_retryable(version):
            self.perform(lambda: self._retry_order(order_id), _as_it_is)
        elif version is not None:

            async def work() -> VersionView:
                versions = version_service(version.kind)
                async with self.context.backend.transaction(versions) as service:
                    view = await service.retry(version.id)
                return self._follow(view)

            self.perform(work, self._retried)

    def _retried(self, view: VersionView) -> str:
        words = _("{version} is asked for once more.").format(version=_name(view))
        return prospects.asked_for(self.context, words, JobKind(view.kind))

    async def _retry_order(self, order_id: str) -> str:
        async with self.context.backend.transaction(SyncService) as orders:
            status = await orders.retry(order_id)
        self.show_all()
        if status is OrderStatus.DOWNLOADING:
            words = _("The missing photos are downloaded again.")
            return prospects.asked_for(self.context, words, JobKind.DOWNLOAD)
        if status is OrderStatus.PENDING:
            return self._to_be_fetched()
        return _("Nothing is missing; the order can be worked on.")

    def _retry_all(self) -> None:
        """Try again all that failed in this order, the order itself included."""
        order_id, has_failed = self.order_id, can.has_failed(self.selection)

        async def work() -> str:
            if has_failed:
                self.notify(await self._retry_order(order_id))
            outcome = Outcome()
            for kind in VersionType:
                async with self.context.backend.transaction(version_service(kind)) as service:
                    reports = await service.retry_failed(order_id)
                started = [report for report in reports if report.version is not None]
                outcome.add(Outcome.of(kind, self._number, started))
            if any(BookState.ERROR in row.books for row in self._rows):
                books = await next_step.make_books(self.context, order_id, self._number)
                outcome.add(books.without_skipped())
            self.show_all()
            return "" if has_failed and not outcome.started else self._outcome(outcome)

        self.perform(work, _as_it_is)

    def _cancel(self) -> None:
        """Stop this version; asks where it may be paid already."""
        if (version := self.selection.version) is None:
            return

        async def work() -> VersionView | None:
            question = _("v{n} has been sent already and may be charged. Cancel it?").format(
                n=version.version
            )
            if version.submissions and not await confirm(
                self.app, question, yes=_("Cancel the version")
            ):
                return None
            versions = version_service(version.kind)
            async with self.context.backend.transaction(versions) as service:
                view = await service.cancel(version.id)
            return self._follow(view)

        self.perform(work, _about(_("{version} is cancelled.")))

    # --- choosing ------------------------------------------------------------------------------

    def _choose(self) -> None:
        """Choose this version, over what this screen showed as the chosen one."""
        version, image, order_id = self.selection.version, self.selection.image, self.order_id
        if version is None or image is None:
            return
        expected = image.chosen_id(version.kind)

        async def work() -> VersionView | None:
            is_chosen = False
            self._chosen_here.add(version.id)
            try:
                done = await choose(self.app, self.context, order_id, version, expected=expected)
                is_chosen = done.is_chosen
            finally:
                if not is_chosen:
                    self._chosen_here.discard(version.id)
            self.show_all()
            return version if is_chosen else None

        self.perform(work, _about(_("{version} is chosen.")))

    # --- the next step -------------------------------------------------------------------------

    @property
    def _rows(self) -> list[OrderRow]:
        row = self.context.store.orders.get(self.order_id)
        return [] if row is None else [row]

    def _take_on(self) -> None:
        rows = self._rows
        if rows and next_step.steps_of(rows) == {Step.REVIEW} and not rows[0].waiting:
            self.notify(_("Choose a version of each picture."))
            return

        async def work() -> str | None:
            words = await next_step.take_on(self.app, self.context, rows, lambda *_progress: None)
            self.show_all()
            return words

        self.perform(work, _as_it_is)

    # --- the order in the shop -----------------------------------------------------------------

    def _why_no_shop_page(self) -> str | None:
        if (detail := self.selection.detail) is None:
            return can.without_order(self.selection)
        return addresses.why_no_shop_page(self.context, detail.shopify_id)

    @property
    def _shop_page(self) -> str:
        detail = self.selection.detail
        return "" if detail is None else addresses.shop_page(self.context, detail.shopify_id) or ""

    def _open_shop_page(self) -> None:
        page = self._shop_page
        self.perform(lambda: addresses.browse(self.app, page), _as_it_is)

    def _copy_shop_page(self) -> None:
        self.notify(addresses.copy(self.app, self._shop_page))

    # --- the order and its files ---------------------------------------------------------------

    def _ask_customer(self) -> None:
        if (detail := self.selection.detail) is not None:
            backend = self.context.backend
            self.perform(lambda: turn_waiting(self.app, backend, [detail]), _as_it_is)

    def _turn_urgency(self) -> None:
        if (detail := self.selection.detail) is None:
            return

        async def work() -> str:
            words = await turn_urgency(self.context.backend, [detail])
            self.show_all()
            return words

        self.perform(work, _as_it_is)

    @property
    def _email(self) -> str | None:
        detail = self.selection.detail
        return None if detail is None else detail.customer_email

    def _attach_photo(self) -> None:
        if (where := attaching.target(self.selection)) is not None:
            self.perform(lambda: attaching.attach(self.app, self.context, where), _as_it_is)

    def _fetch(self) -> None:
        order_id = self.order_id

        async def work() -> str:
            async with self.context.backend.transaction(SyncService) as orders:
                await orders.request(order_id)
            await self.context.store.refresh(order_id)
            return self._to_be_fetched()

        self.perform(work, _as_it_is)

    def _to_be_fetched(self) -> str:
        words = _("The order will be fetched from Shopify again.")
        return prospects.asked_for(self.context, words, JobKind.INGEST)

    def _browse(self) -> None:
        if (file := self.selection.file) is not None:
            self.perform(lambda: files.browse(self.app, self.context, file), _as_it_is)

    def _copy(self) -> None:
        if (file := self.selection.file) is not None:
            self.perform(lambda: files.copy_address(self.app, self.context, file), _as_it_is)

    def _save(self) -> None:
        file, detail = self.selection.file, self.selection.detail
        if file is not None and detail is not None:
            name = f"{detail.number} {self.selection.caption}"
            self.perform(lambda: files.save(self.app, self.context, file, name=name), _as_it_is)


def _as_it_is(words: str | None) -> str | None:
    return words


def _name(view: VersionView) -> str:
    return translate(name_of(view.kind, view.version))


def _about(words: str) -> Callable[[VersionView | None], str | None]:
    """A message about a version; none where the operator thought better of it."""

    def tell(view: VersionView | None) -> str | None:
        return None if view is None else words.format(version=_name(view))

    return tell
