"""Who did what when: the activity log, live, and of one order or operator where asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, who
from fototui.live.refresher import Refresher
from fototui.live.state import Changed
from fototui.screens.base import FototuiScreen
from fototui.services.operations.activity import ActivityService
from fototui.services.operations.search import ACTIVITY_HELP, activity_search
from fototui.services.views.operations import ActivityEntry
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.messages import OpenOrder
from fototui.ui.workers import begin
from fototui.widgets.badges import MUTED
from fototui.widgets.search_line import SearchLine
from fototui.widgets.tables.activity_rows import activity_columns, activity_row, detail
from fototui.widgets.tables.simple_table import SimpleTable

PAGE = 100
_MOST_PAGES = 5
_ENOUGH = 50
"""With fewer entries that a search finds, older ones are read."""
_SPACING_SECONDS = 2.0
_EVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are shown.

    Args:
        order_id: Only of this order (ULID).
        order_number: Its number.
        operator: Only of this operator.
    """

    order_id: str | None = None
    order_number: str | None = None
    operator: str | None = None


class ActivityScreen(FototuiScreen):
    """The log, newest first.

    What is new is read when the live store tells of changes, at most every two seconds; and now and
    then by itself, for what no event tells of. Older pages are read as the cursor comes near them.

    Args:
        context: The parts of the app.
    """

    scope = Scope.ACTIVITY
    AUTO_FOCUS = "#log"
    DEFAULT_CSS = """
    ActivityScreen #filter {
        height: 1; padding: 0 2; background: $background;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    ActivityScreen #whole { height: 2; padding: 0 2; border-top: none; }
    """

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._filter = Filter()
        self._entries: dict[int, ActivityEntry] = {}
        self._is_read = False
        self._has_gaps = False
        self._is_complete = False
        self._is_reading_older = False
        read = activity_search(context.timezone, context.settings.now)
        self.search = SearchLine(read, ACTIVITY_HELP)
        self.refresher = Refresher(
            self._read_new,
            on_failure=self._say_filter,
            is_wanted=lambda: self.is_current,
            every=_EVERY_SECONDS,
            spacing=_SPACING_SECONDS,
        )

    def heading(self) -> str:
        """What the status bar calls this screen."""
        return _("History")

    def compose_body(self) -> ComposeResult:
        """The filter, the log, and the whole of the entry under the cursor."""
        yield self.search
        yield Static(id="filter", markup=False)
        yield SimpleTable("log", ascii_signs=self.context.settings.ascii_badges)
        yield Static(id="whole", markup=False)

    def on_mount(self) -> None:
        """Begin to read."""
        self._label()
        begin(self, self.refresher.run, name="activity")

    def on_screen_resume(self) -> None:
        """It is looked at again."""
        self.refresher.wake()

    @property
    def is_filling(self) -> bool:
        """No entry is read yet, nor is it known that none can be."""
        return not self._is_read and self.refresher.failure is None

    def on_store_changed(self, changed: Changed) -> None:
        """Something happened: the log will tell of it."""
        if changed.rows or changed.listing or changed.details or changed.engines:
            self.refresher.wake()

    def language_changed(self) -> None:
        """Say everything in the new language; the cursor stays."""
        self._label()
        for bar in self.query("StatusBar, KeyBar"):
            bar.refresh()

    # --- reading -------------------------------------------------------------------------------

    async def _page(self, wanted: Filter, before: int | None) -> tuple[ActivityEntry, ...]:
        async with self.context.backend.autocommit(ActivityService) as activity:
            return await activity.list_entries(
                order_ref=wanted.order_id, operator=wanted.operator, before=before, limit=PAGE
            )

    async def _read_new(self) -> None:
        """Read from the top down to what is known; what is too far away is left and read anew."""
        wanted = self._filter
        newest_known = None if self._has_gaps else max(self._entries, default=None)
        found: dict[int, ActivityEntry] = {}
        before: int | None = None
        meets = is_end = False
        for _number in range(_MOST_PAGES if newest_known is not None else 1):
            page = await self._page(wanted, before)
            found |= {entry.id: entry for entry in page}
            is_end = len(page) < PAGE
            meets = newest_known is not None and any(e.id <= newest_known for e in page)
            if is_end or meets:
                break
            before = page[-1].id
        if wanted != self._filter:
            self.refresher.wake()
            return
        # Entries are written by transactions that end in any order: a later look may find one
        # between those that are known.
        self._entries = found | self._entries if meets else found
        self._is_complete = is_end or (meets and self._is_complete)
        self._is_read, self._has_gaps = True, False
        self.refresher.failure = None
        self._show()

    async def _read_older(self) -> None:
        wanted = self._filter
        try:
            page = await self._page(wanted, min(self._entries))
        finally:
            self._is_reading_older = False
        if wanted == self._filter and not self._has_gaps:
            self._entries |= {entry.id: entry for entry in page}
            self._is_complete = len(page) < PAGE
            self._show()

    def on_simple_table_near_end(self) -> None:
        """Bring older entries before they are needed."""
        if self._why_no_more() is None:
            self._more()

    # --- what is shown -------------------------------------------------------------------------

    @property
    def _log(self) -> SimpleTable:
        return self.query_one("#log", SimpleTable)

    @property
    def _entry(self) -> ActivityEntry | None:
        key = self._log.cursor
        return None if key is None else self._entries.get(int(key))

    def _label(self) -> None:
        self._log.set_columns(*activity_columns())
        self._show()

    def _show(self) -> None:
        if not self.query("#log"):
            return  # it was left while entries were read
        zone, now = self.context.timezone, self.context.settings.now()
        entries = sorted(self._entries.values(), key=lambda entry: entry.id, reverse=True)
        self._log.show_when_empty(self._words_when_empty())
        rows = [(entry, activity_row(entry, zone, now)) for entry in entries]
        asked = self.search.asked
        found = [row for entry, row in rows if asked.finds(entry, row.search)]
        self._log.show(found)
        self._say_filter()
        self._follow_cursor()
        since, oldest = asked.since, entries[-1].at if entries else None
        is_past = since is not None and oldest is not None and oldest < since
        if asked and len(found) < _ENOUGH and not is_past and self._why_no_more() is None:
            self._more()

    def _words_when_empty(self) -> str:
        if not self._is_read:
            return ""
        if self.search.asked:
            if not self._is_complete:
                return _("Searching in older entries…")
            return _("Nothing matches; esc clears the search.")
        return _("Nothing has been done yet. What operators and engines do will appear here.")

    def on_search_line_searched(self) -> None:
        """Filter as the operator types."""
        self._show()

    def on_search_line_left(self) -> None:
        """Go to what was found."""
        self.set_focus(self._log)

    def _say_filter(self) -> None:
        parts = []
        if self._filter.order_id is not None:
            parts.append(
                _("only order {number}").format(number=clean_line(self._filter.order_number or "?"))
            )
        if self._filter.operator is not None:
            parts.append(
                _("only {operator}").format(operator=clean_line(who(self._filter.operator)))
            )
        words = Content.styled(" · ".join(parts), "bold $accent")
        if not parts:
            words = Content.styled(_("All orders, all operators"), MUTED)
        count = len(self._entries)
        if not self._is_read:
            self.query_one("#filter", Static).update(Content.styled(_("Loading…"), MUTED))
            return
        shown = ngettext("{count} entry", "{count} entries", count)
        if not self._is_complete:
            shown = ngettext(
                "{count} entry, older ones follow", "{count} entries, older ones follow", count
            )
        words += Content.styled(f"  {shown.format(count=count)}", MUTED)
        if self.refresher.failure is not None and self.refresher.read_at is not None:
            time = self.refresher.read_at.astimezone(self.context.timezone).strftime("%H:%M:%S")
            words += Content.styled("  " + _("as of {time}").format(time=time), "$warning")
        self.query_one("#filter", Static).update(words)

    def _follow_cursor(self) -> None:
        """Tell the whole detail of the entry under the cursor."""
        entry = self._entry
        self.query_one("#whole", Static).update(detail(entry) if entry else Content())
        self.refresh_bindings()

    def on_simple_table_moved(self) -> None:
        """Another entry is under the cursor."""
        self._follow_cursor()

    def on_simple_table_opened(self) -> None:
        """A double click does what enter does."""
        self.call_later(self.action_act, "activity.open")

    # --- keys ----------------------------------------------------------------------------------

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does with the entry under the cursor."""
        return {
            "activity.back": Command(lambda: self.search.close() or self.dismiss()),
            "activity.search": Command(self.search.open),
            "activity.open": Command(self._open, self._why_no_order),
            "activity.by_order": Command(self._by_order, self._why_not_by_order),
            "activity.by_operator": Command(self._by_operator, self._why_not_by_operator),
            "activity.more": Command(self._more, self._why_no_more),
        }

    def _why_no_order(self) -> str | None:
        entry = self._entry if self.is_mounted else None
        if not self.is_mounted or (entry is not None and entry.order_id is not None):
            return None
        return _("This entry is not about an order.")

    def _why_not_by_order(self) -> str | None:
        return self._why_no_order() if self._filter.order_id is None else None

    def _why_not_by_operator(self) -> str | None:
        is_possible = self._filter.operator is not None or not self.is_mounted
        if is_possible or self._entry is not None:
            return None
        return _("No entry is selected to take the operator from.")

    def _why_no_more(self) -> str | None:
        if self._is_complete:
            return _("There are no older entries.")
        if not self._entries or self._has_gaps:
            return _("The newest entries are still being read.")
        return None

    def _open(self) -> None:
        if (entry := self._entry) is not None and entry.order_id is not None:
            self.app.post_message(OpenOrder(entry.order_id))

    def _by_order(self) -> None:
        """Show only the order under the cursor, or all again."""
        entry, present = self._entry, self._filter
        if present.order_id is not None:
            self._filter_by(Filter(operator=present.operator))
        elif entry is not None:
            self._filter_by(Filter(entry.order_id, entry.order_number, present.operator))

    def _by_operator(self) -> None:
        """Show only the operator under the cursor, or all again."""
        entry, present = self._entry, self._filter
        if present.operator is not None:
            self._filter_by(Filter(present.order_id, present.order_number))
        elif entry is not None:
            self._filter_by(Filter(present.order_id, present.order_number, entry.operator))

    def _filter_by(self, wanted: Filter) -> None:
        """Show at once what is known of it, until the rest is read."""
        self._filter = wanted
        self._is_complete, self._has_gaps = False, True
        self._entries = {
            entry.id: entry
            for entry in self._entries.values()
            if wanted.order_id in (None, entry.order_id)
            and wanted.operator in (None, entry.operator)
        }
        self._show()
        self.perform(self._read_new)

    def _more(self) -> None:
        """Show older entries."""
        if not self._is_reading_older:
            self._is_reading_older = True
            self.perform(self._read_older)
