"""What the keys of the list do to one order, or to many of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, translate
from fototui.screens import addresses
from fototui.screens.base import FototuiScreen
from fototui.screens.dialogs import confirm
from fototui.screens.orders import bulk, next_step
from fototui.screens.orders.asking import turn_waiting
from fototui.screens.orders.urgency import turn_urgency
from fototui.services.views.orders import OrderRow
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.messages import OpenOrder, ShowSection
from fototui.widgets.tables.order_table import OrderTable

if TYPE_CHECKING:
    from fototui.services.ingest.imports import ImportReport

_RECENT = 100
"""So many of the shop's newest orders are asked for; older ones come by the engine's own import."""
_FAILURES_TOLD = 3


class OrdersCommands(FototuiScreen, inherit_bindings=False):
    """The commands of the list of orders.

    Args:
        context: The parts of the app.

    Attributes:
        table: The list; its cursor and marks tell what is meant.
    """

    table: OrderTable

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._progress = ""
        self._is_fetching = False

    @abstractmethod
    def _show_counts(self) -> None:
        """Show how many there are of what, and the progress."""

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does: to the order under the cursor, or to the marked ones."""
        backend = self.context.backend
        return {
            "orders.open": Command(self._open, self._why_no_order),
            "orders.copy": Command(self._copy, self._why_no_order),
            "orders.ask_customer": Command(self._ask_customer, self._why_no_order),
            "orders.copy_email": Command(
                lambda: self.notify(addresses.copy_email(self.app, self._email)),
                lambda: self._why_no_row() or addresses.why_no_email(self._email),
            ),
            "orders.attach": Command(self._attach_photo, self._why_no_row),
            "orders.shop_page": Command(self._open_shop_page, self._why_no_shop_page),
            "orders.copy_shop_page": Command(self._copy_shop_page, self._why_no_shop_page),
            "orders.next_step": Command(
                self._take_on,
                lambda: self._why_no_order() or next_step.why_not(self._target_rows),
                label=lambda: next_step.label(self._target_rows),
                tooltip=lambda: next_step.tooltip(self._target_rows),
            ),
            "orders.review": Command(self._review),
            "orders.mark": Command(self._mark, self._why_no_order),
            "orders.mark_range": Command(self._mark_range, self._why_no_range),
            "orders.mark_all": Command(self._mark_all, self._why_no_order),
            "orders.generate_coloring": Command(
                lambda: self._do_to_orders(bulk.colorings(backend)), self._why_no_order
            ),
            "orders.generate_svg": Command(
                lambda: self._do_to_orders(bulk.svgs(backend)), self._why_no_order
            ),
            "orders.retry": Command(
                lambda: self._do_to_orders(bulk.retries(backend)), self._why_no_order
            ),
            "orders.urgent": Command(self._turn_urgency, self._why_no_order),
            "orders.fetch": Command(self._fetch, self._why_no_fetch),
        }

    # --- one order ---------------------------------------------------------------------------

    def _why_no_order(self) -> str | None:
        if self.table.cursor is None and not self.table.marked:
            return _("There is no order here.")
        return None

    def _why_no_fetch(self) -> str | None:
        if self.table.marked:
            return None
        if not self.context.backend.has_shop:
            return _(
                "Shopify is not connected here: set SHOPIFY_STORE_URL and SHOPIFY_ACCESS_TOKEN."
            )
        return _("Orders are being fetched already.") if self._is_fetching else None

    def _open(self) -> None:
        if self.table.cursor is not None:
            self.app.post_message(OpenOrder(self.table.cursor))

    async def on_order_table_opened(self) -> None:
        """A double click opens too."""
        await self.action_act("orders.open")

    def _review(self) -> None:
        """Review all that waits, beginning with the marked orders, or the one under the cursor."""
        begin = tuple(row.id for row in self._target_rows if row.waiting)
        self.app.post_message(ShowSection(Scope.REVIEW, begin))

    def _copy(self) -> None:
        """Copy the number to the clipboard of the operator's terminal."""
        row = self.context.store.orders.get(self.table.cursor or "")
        if row is not None:
            self.app.copy_to_clipboard(clean_line(row.number))
            self.notify(_("Copied {number}.").format(number=row.number))

    def _why_no_row(self) -> str | None:
        is_there = self.table.cursor in self.context.store.orders
        return None if is_there else _("There is no order here.")

    @property
    def _email(self) -> str | None:
        row = self.context.store.orders.get(self.table.cursor or "")
        return None if row is None else row.customer_email

    def _attach_photo(self) -> None:
        """Attach a photo to the order under the cursor."""
        order_id = self.table.cursor or ""

        async def work() -> str | None:
            # Loaded when it is needed first, as each screen is.
            from fototui.screens.order import attaching

            detail = await self.context.store.open(order_id)
            try:
                return await attaching.attach(self.app, self.context, attaching.target_of(detail))
            finally:
                self.context.store.close(order_id)

        self.perform(work, lambda words: words)

    def _why_no_shop_page(self) -> str | None:
        row = self.context.store.orders.get(self.table.cursor or "")
        if row is None:
            return _("There is no order here.")
        return addresses.why_no_shop_page(self.context, row.shopify_id)

    @property
    def _shop_page(self) -> str:
        row = self.context.store.orders.get(self.table.cursor or "")
        return "" if row is None else addresses.shop_page(self.context, row.shopify_id) or ""

    def _open_shop_page(self) -> None:
        page = self._shop_page
        self.perform(lambda: addresses.browse(self.app, page), lambda words: words)

    def _copy_shop_page(self) -> None:
        self.notify(addresses.copy(self.app, self._shop_page))

    # --- many orders -------------------------------------------------------------------------

    def _mark(self) -> None:
        """Mark, and go on."""
        self.table.toggle_mark()
        self._show_counts()

    def _mark_range(self) -> None:
        """Mark all from the last mark to here."""
        self.table.mark_range()
        self._show_counts()

    def _why_no_range(self) -> str | None:
        if self.table.can_mark_range:
            return None
        return self._why_no_order() or _("Mark the first order with space, then go to the last.")

    def _mark_all(self) -> None:
        """Mark all that are shown, or none."""
        self.table.toggle_all_marks()
        self._show_counts()

    def _fetch(self) -> None:
        """Import the shop's newest orders; where some are marked, have those fetched again."""
        if self.table.marked:
            self._do_to_orders(bulk.fetches(self.context.backend))
            return
        self._is_fetching = True
        self.notify(_("Fetching orders…"))
        self.perform(self._import, _import_in_words)

    async def _import(self) -> ImportReport:
        self._progress = _("Fetching orders…")
        self._show_counts()
        backend = self.context.backend
        try:
            async with backend.transaction(backend.imports) as service:
                report = await service.import_recent(limit=_RECENT)
        finally:
            self._is_fetching = False
            self._tell("", 0, 0)
        return report

    @property
    def _targets(self) -> list[str]:
        """ULIDs of the marked orders, or of the one under the cursor."""
        chosen = self.table.marked or {self.table.cursor or ""}
        return [order_id for order_id in self.context.store.listing if order_id in chosen]

    @property
    def _target_rows(self) -> list[OrderRow]:
        """The marked orders, or the one under the cursor; not in their order."""
        orders = self.context.store.orders
        chosen = self.table.marked or {self.table.cursor or ""}
        return [row for order_id in chosen if (row := orders.get(order_id)) is not None]

    def _take_on(self) -> None:
        targets = self._targets
        rows = [self.context.store.orders[order_id] for order_id in targets]

        async def work() -> str | None:
            words = await next_step.take_on(self.app, self.context, rows, self._tell)
            if words is not None or self.table.marked:
                self.table.unmark(targets)
                self._show_counts()
            return words

        self.perform(work, lambda words: words)

    def _ask_customer(self) -> None:
        targets = self._targets
        orders = [self.context.store.orders[order_id] for order_id in targets]

        async def work() -> str | None:
            words = await turn_waiting(self.app, self.context.backend, orders)
            if words is not None:
                self.table.unmark(targets)
                self._show_counts()
            return words

        self.perform(work, lambda words: words)

    def _turn_urgency(self) -> None:
        targets = self._targets
        orders = [self.context.store.orders[order_id] for order_id in targets]

        async def work() -> str:
            words = await turn_urgency(self.context.backend, orders)
            self.table.unmark(targets)
            self._show_counts()
            return words

        self.perform(work, lambda words: words)

    def _do_to_orders(self, command: bulk.Command) -> None:
        orders = self.context.store.orders
        targets = self._targets
        images = sum(command.images(orders[order_id]) for order_id in targets)

        async def work() -> str | None:
            if images > self.context.settings.ask_above and not await confirm(
                self.app,
                _("{command}: start up to {images} photos in {orders} orders?").format(
                    command=command.name, images=images, orders=len(targets)
                ),
                yes=_("Start"),
            ):
                return None
            try:
                outcome = await bulk.for_orders(
                    [orders[order_id] for order_id in targets],
                    command.act,
                    lambda done: self._tell(command.name, done, len(targets)),
                )
            finally:
                self._tell("", 0, 0)
            self.table.unmark(targets)
            self._show_counts()
            return outcome.in_words(self.context, names_orders=len(targets) > 1)

        self.perform(work, lambda words: words)

    def _tell(self, name: str, done: int, of: int) -> None:
        self._progress = f"{name} {done}/{of}" if of > 1 else ""
        self._show_counts()


def _import_in_words(report: ImportReport) -> str:
    new, updated, failed = map(len, (report.imported, report.updated, report.failed))
    parts = []
    if new:
        parts.append(ngettext("{count} new", "{count} new", new).format(count=new))
    if updated:
        parts.append(ngettext("{count} updated", "{count} updated", updated).format(count=updated))
    if failed:
        parts.append(ngettext("{count} failed", "{count} failed", failed).format(count=failed))
    words = ", ".join(parts) + "." if parts else _("Shopify has nothing new.")
    for failure in report.failed[:_FAILURES_TOLD]:
        words += f"\n{clean_line(failure.number)} {clean_line(translate(failure.reason))}"
    return words if failed <= _FAILURES_TOLD else f"{words} …"
