"""Home: the list of orders, always true, with what may be done to many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Input

from fototui.domain.errors import FototuiError
from fototui.i18n import _, ngettext, translate
from fototui.live.order_list import Sort, Tab
from fototui.live.state import Changed
from fototui.screens.orders.commands import OrdersCommands
from fototui.screens.orders.older import OlderOrders
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.messages import LeaveAsked, OrdersCounted
from fototui.ui.workers import begin
from fototui.widgets.key_bar import KeyBar
from fototui.widgets.order_filter import OrderFilter, OrderTabs
from fototui.widgets.order_pane import OrderPane
from fototui.widgets.tables.order_columns import Paint
from fototui.widgets.tables.order_table import OrderTable

_PANE_FROM = 120
_BROAD_PANE_FROM = 150
_CURSOR_RESTS = 0.15
_VIEWERS_EVERY = 1.0


class OrdersScreen(OrdersCommands, inherit_bindings=False):
    """The orders screen.

    Args:
        context: The parts of the app.
    """

    scope = Scope.ORDERS
    # Not inherited, because a screen's own tab would move the focus rather than change the state.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,super+c", "screen.copy_text", show=False)
    ]
    AUTO_FOCUS = "OrderTable"
    DEFAULT_CSS = """
    OrdersScreen OrderPane { display: none; }
    OrdersScreen.-wide OrderPane { display: block; }
    """

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.list = context.order_list
        self._pane_timer: Timer | None = None
        self._pane_wanted: str | None = None
        self._pane_order: str | None = None
        self._viewers: list[str] = []
        self._older = OlderOrders(self, context.store, self._show_list)

    def heading(self) -> str:
        """Orders."""
        return _("Orders")

    def compose_body(self) -> ComposeResult:
        """Filter above, table below, the pane at the right where there is room."""
        context = self.context
        ascii_signs = context.settings.ascii_badges
        self.filter = OrderFilter(search=self.list.search, orders=self.list)
        self.table = OrderTable(
            lambda: context.store.orders, zone=context.timezone, ascii_signs=ascii_signs
        )
        paint = Paint(context.timezone, ascii_signs)
        self.pane = OrderPane(paint, context.settings.now, context.pictures)
        yield Horizontal(Vertical(self.filter, self.table), self.pane)

    def on_mount(self) -> None:
        """Show what the store holds already."""
        self.context.store.keep(lambda: {self.table.cursor or "", *self.table.marked})
        self._take_orders()
        self.set_interval(_VIEWERS_EVERY, self._watch_viewers)

    @property
    def is_filling(self) -> bool:
        """No order is in the list yet, and some may come: the store has them a frame earlier."""
        store = self.context.store
        has_none = store.is_complete and not store.orders
        return not (self.list.count(Tab.ALL) or has_none) and store.health.database_ok

    # --- what changes come in ----------------------------------------------------------------

    def on_store_changed(self, changed: Changed) -> None:
        """Paint what changed; derive the list anew only where it may be another."""
        if not self.is_mounted:
            return
        store = self.context.store
        if changed.rows:
            self.table.update_rows(changed.rows)
        if changed.listing:
            self._take_orders()
        elif changed.rows:
            if self.list.update(store.orders, changed.rows):
                self._show_list()
            else:
                self._show_counts()
        if changed.health:
            self.table.show_when_empty(self._words_when_empty())
        if self._pane_order in changed.details | changed.rows:
            # The list is drawn first: what the pane tells takes longer to lay out.
            self.call_after_refresh(self._show_detail)

    def language_changed(self) -> None:
        """Say everything in the new language; cursor and marks stay."""
        self.filter.translate()
        self.pane.translate()
        self.table.repaint()
        self._show_list()
        self._show_detail()
        for bar in self.query("StatusBar, KeyBar"):
            bar.refresh()

    def _take_orders(self) -> None:
        store = self.context.store
        self.list.take(store.orders, store.listing, store.older)
        self.table.marked &= store.orders.keys()
        self._show_list()

    def _show_list(self) -> None:
        was_empty = self.table.cursor is None
        self.table.show_when_empty(self._words_when_empty())
        self.table.show_sorting(self.list.sort, descending=self._is_descending)
        self._older.look_for(self.list.asked)
        further = self._older.words(self.list.sort) if self.list.goes_on else ""
        self.table.show(self.list.shown, further)
        self._show_counts()
        if was_empty is not (self.table.cursor is None):
            self.refresh_bindings()

    def _show_counts(self) -> None:
        self.filter.tabs.show(self._note())
        self._refresh_keys()
        waiting, failed = self.list.count(Tab.TO_REVIEW), self.list.count(Tab.ERROR)
        self.app.post_message(OrdersCounted(to_review=waiting, failed=failed))

    def _refresh_keys(self) -> None:
        """The next step of another order, or of more of them, may be another one."""
        self.query(KeyBar).refresh()

    def _note(self) -> str:
        if self._progress:
            return self._progress
        if marked := len(self.table.marked):
            return ngettext("{count} marked", "{count} marked", marked).format(count=marked)
        found = len(self.list.shown)
        if self.list.search and self._older.is_looking:
            return _("{count} found …").format(count=found)
        if self.list.search and self._older.has_more:
            return _("{count} found, and more").format(count=found)
        if self.list.search:
            return ngettext("{count} found", "{count} found", found).format(count=found)
        if self.list.goes_on:
            return _("{count} of {all}").format(count=found, all=self.list.count(self.list.tab))
        return ""

    def _words_when_empty(self) -> str:
        if elsewhere := self.list.found_elsewhere:
            return _("Nothing under {tab}; {count} under {all} – enter").format(
                tab=translate(self.list.tab.label), count=elsewhere, all=translate(Tab.ALL.label)
            )
        if self.list.search and self._older.is_looking:
            return _("Looking among older orders…")
        if self.list.goes_on:
            return self._older.words(Sort.CREATED)
        if self.list.search:
            return _("Nothing matches “{search}”. Press esc to clear the search.").format(
                search=self.list.search
            )
        if self.list.count(Tab.ALL):
            return _("No orders are here.")
        health = self.context.store.health
        if not health.database_ok and health.database_reason is not None:
            return translate(health.database_reason)
        if not self.context.store.is_complete:
            return _("Loading orders…")
        return _("No orders yet. `fototui orders add photo.jpg` makes one.")

    @property
    def _is_descending(self) -> bool:
        return self.list.reverse is not (self.list.sort is Sort.CREATED)

    # --- filter, tabs, sorting ---------------------------------------------------------------

    def on_order_filter_searched(self, event: OrderFilter.Searched) -> None:
        """Filter as the operator types."""
        if event.text == self.list.search:
            return
        self.list.search_for(event.text)
        self.context.preferences.search = event.text
        self.filter.tell()
        self._show_list()

    def on_order_filter_left(self) -> None:
        """Go to what was found, also where it is under another tab."""
        self.set_focus(self.table)
        if self.list.found_elsewhere:
            self._show_tab(Tab.ALL)

    def on_order_tabs_chosen(self, event: OrderTabs.Chosen) -> None:
        """Show another tab."""
        self._show_tab(event.tab)

    def on_order_table_sort_asked(self, event: OrderTable.SortAsked) -> None:
        """Sort by the column; once more turns it around."""
        self._sort_by_name(event.sort)

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does to what is shown; the rest is in `OrdersCommands`."""
        return {
            **super().declare_commands(),
            "orders.open": Command(
                self._open_or_look_elsewhere,
                lambda: None if self.list.found_elsewhere else self._why_no_order(),
            ),
            "orders.search": Command(self._search),
            "orders.clear": Command(self._clear),
            "orders.leave": Command(lambda: self.app.post_message(LeaveAsked())),
            "orders.next_tab": Command(lambda: self._turn_tab(1)),
            "orders.previous_tab": Command(lambda: self._turn_tab(-1)),
            "orders.sort": Command(lambda: self._sort_by(self.list.sort.next, reverse=False)),
            "orders.reverse": Command(
                lambda: self._sort_by(self.list.sort, reverse=not self.list.reverse)
            ),
        }

    def further_commands(self) -> Iterable[tuple[str, Callable[[], object]]]:
        """Sort by a column that is named; by the present one, the other way round."""
        for sort in Sort:
            words = _("Sort by: {column}").format(column=translate(sort.label))
            yield words, partial(self._sort_by_name, sort)

    def _sort_by_name(self, sort: Sort) -> None:
        self._sort_by(sort, reverse=sort is self.list.sort and not self.list.reverse)

    def _search(self) -> None:
        """Type into the field."""
        # At once, and not with the next message: keys that follow belong to the field.
        self.set_focus(self.filter.field)

    def _open_or_look_elsewhere(self) -> None:
        if self.list.found_elsewhere:
            self._show_tab(Tab.ALL)
        else:
            self._open()

    def _clear(self) -> None:
        """Leave the field, then clear it, then unmark, then show all."""
        if isinstance(self.focused, Input):
            self.set_focus(self.table)
        elif self.filter.field.value:
            self.filter.field.value = ""
        elif self.table.marked:
            self.table.unmark(set(self.table.marked))
            self._show_counts()
        elif self.list.tab not in {Tab.WORKING, Tab.ALL}:
            self._show_tab(Tab.ALL)

    def _turn_tab(self, step: int) -> None:
        tabs = self.list.tabs
        self._show_tab(tabs[(tabs.index(self.list.tab) + step) % len(tabs)])

    def _show_tab(self, tab: Tab) -> None:
        self.list.show_tab(tab)
        self.context.preferences.tab = tab.value
        self._show_list()

    def _sort_by(self, sort: Sort, *, reverse: bool) -> None:
        self.list.sort_by(sort, reverse=reverse)
        self.context.preferences.sort = sort.value
        self.context.preferences.reverse = reverse
        self._show_list()
        if not self.table.has_column_of(sort):
            self.notify(_("Sorted by: {column}").format(column=translate(sort.label)))

    # --- the side pane -----------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        """Show the pane where there is room for it."""
        width = event.size.width
        self.table.has_pane = width >= _PANE_FROM
        self.set_class(self.table.has_pane, "-wide")
        self.pane.set_class(width >= _BROAD_PANE_FROM, "-broad")
        self._await_rest()

    def on_order_table_scrolled(self) -> None:
        """Let the store know which orders matter first."""
        self.context.store.look_at(self.table.in_sight)
        # Sorted by anything else, older orders come to stand anywhere, and not below these.
        if self.list.goes_on and (not self.list.shown or self.list.sort is Sort.CREATED):
            is_near_top, is_near_end = self.table.is_near_top, self.table.is_near_end
            if is_near_top if self.list.reverse else is_near_end:
                self._older.read_on()

    def on_order_table_ended(self) -> None:
        """Go on into older orders, however they are sorted."""
        if self.list.goes_on:
            self._older.read_on()

    def on_order_table_moved(self) -> None:
        """Say what the keys do to this order; let the pane follow once the cursor rests."""
        self._refresh_keys()
        self._await_rest()

    def on_screen_resume(self) -> None:
        """The cursor may have moved while another screen was above."""
        self._await_rest()

    def on_unmount(self) -> None:
        """Keep no order true for a pane that is gone."""
        self._close_detail()

    def _await_rest(self) -> None:
        if self._pane_timer is not None:
            self._pane_timer.stop()
        self._pane_timer = self.set_timer(_CURSOR_RESTS, self._follow)

    def _follow(self) -> None:
        wanted = self.table.cursor if self.has_class("-wide") else None
        if wanted != self._pane_wanted and self.is_current:
            self._pane_wanted = wanted
            begin(self, partial(self._open_detail, wanted), group="pane", exclusive=True)

    async def _open_detail(self, order_id: str | None) -> None:
        self._close_detail()
        if order_id is None:
            self.pane.show_words("")
            return
        try:
            await self.context.store.open(order_id)
        except FototuiError as error:
            self._pane_wanted = None  # it is tried again when the cursor moves
            self.pane.show_words(translate(error))
        else:
            self._pane_order = order_id
            self._show_detail()

    def _close_detail(self) -> None:
        if self._pane_order is not None:
            self.context.store.close(self._pane_order)
            self._pane_order = None

    def _show_detail(self) -> None:
        order_id = self._pane_order
        detail = None if order_id is None else self.context.store.detail(order_id)
        if detail is not None:
            self._viewers = self.context.viewers(detail.id)
            row = self.context.store.orders.get(detail.id)
            stage = None if row is None else row.stage
            self.pane.show(detail, self._viewers, stage=stage)

    def _watch_viewers(self) -> None:
        order_id = self._pane_order
        if order_id is not None and self.context.viewers(order_id) != self._viewers:
            self._show_detail()
