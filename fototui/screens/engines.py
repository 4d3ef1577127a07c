"""Lanes, engines and jobs: what runs where, what waits, what failed; paused, cancelled, retried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.events import DescendantFocus
from textual.widgets import Static

from fototui.domain.lanes import LANES
from fototui.i18n import _, ngettext, translate
from fototui.live.refresher import Refresher
from fototui.live.state import Changed
from fototui.screens.base import FototuiScreen
from fototui.screens.job import JobScreen
from fototui.screens.steering import cancel_job, retry_job, turn_engine, turn_lane
from fototui.services.costs.service import CostService
from fototui.services.operations.jobs import JobService
from fototui.services.operations.lanes import LaneService
from fototui.services.operations.search import JOB_HELP, job_search
from fototui.services.views.operations import EngineView, JobBoard, JobView, LaneView, told_held
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.messages import OpenOrder
from fototui.ui.workers import begin
from fototui.widgets.cost_line import CostLine
from fototui.widgets.search_line import SearchLine
from fototui.widgets.tables.job_rows import (
    Looks,
    engine_columns,
    engine_row,
    engine_state,
    job_columns,
    job_row,
    lane_columns,
    lane_row,
    lane_state,
    why,
)
from fototui.widgets.tables.simple_table import SimpleTable
from fototui.widgets.throughput import ThroughputChart

_REFRESH_SECONDS = 2.0


class EnginesScreen(FototuiScreen):
    """Three tables: lanes, engines, jobs; and how much got done in the last hour.

    Lanes and engines come from the live store. Jobs are read every two seconds while the screen is
    looked at, in five round trips.

    Args:
        context: The parts of the app.
    """

    scope = Scope.ENGINES
    AUTO_FOCUS = "#jobs"
    # Lanes and throughput stand side by side where there is room.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (160, "-wide")]  # noqa: RUF012 - Textual's own
    # Where there is little room, the jobs need it more than the chart.
    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-tall")]  # noqa: RUF012 - Textual's own
    DEFAULT_CSS = """
    EnginesScreen.-short ThroughputChart { display: none; }
    EnginesScreen.-short #why { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    EnginesScreen #top { height: auto; layout: vertical; }
    EnginesScreen.-wide #top { layout: horizontal; }
    EnginesScreen SimpleTable, EnginesScreen ThroughputChart {
        border-top: solid $panel; border-title-color: $text-muted; border-title-style: bold;
    }
    EnginesScreen SimpleTable:focus { border-top: solid $primary; border-title-color: $primary; }
    EnginesScreen #lanes { height: ALL_LANES; }
    EnginesScreen.-wide #top > * { width: 1fr; height: ALL_LANES; }
    EnginesScreen.-wide ThroughputChart { max-width: 84; }
    EnginesScreen #engines { height: auto; min-height: 3; max-height: 30%; }
    EnginesScreen #jobs { height: 1fr; }
    EnginesScreen #why { height: 2; padding: 0 2; }
    """.replace("ALL_LANES", str(2 + len(LANES)))  # with the border and the heads of the columns
    _TABLES: ClassVar = ("lanes", "engines", "jobs")

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._lanes: Sequence[LaneView] = ()
        self._engines: Sequence[EngineView] = ()
        self._board: JobBoard | None = None
        self._jobs: dict[str, JobView] = {}
        read = job_search(context.timezone, context.settings.now)
        self.search = SearchLine(read, JOB_HELP)
        self.refresher = Refresher(
            self._load,
            on_failure=self._title_jobs,
            is_wanted=lambda: self.is_current,
            every=_REFRESH_SECONDS,
            spacing=_REFRESH_SECONDS / 4,
        )

    def heading(self) -> str:
        """What the status bar calls this screen."""
        return _("Engines and jobs")

    def compose_body(self) -> ComposeResult:
        """The tables, from the few to the many."""
        plain = self.context.settings.ascii_badges
        yield Container(
            SimpleTable("lanes", ascii_signs=plain), ThroughputChart(ascii_signs=plain), id="top"
        )
        yield SimpleTable("engines", ascii_signs=plain)
        yield self.search
        yield SimpleTable("jobs", ascii_signs=plain)
        yield CostLine(self.context.settings.prices)
        yield Static(id="why", markup=False)

    def on_mount(self) -> None:
        """Show what the store knows, and begin to read the jobs."""
        settings = self.context.settings
        self._looks = Looks(settings.timezone, settings.ascii_badges, settings.now)
        self.context.store.watch_work(closely=True)
        self._take_from_store()
        self._label()
        begin(self, self.refresher.run, name="jobs")

    def on_screen_resume(self) -> None:
        """It is looked at again."""
        self._take_from_store()
        self.refresher.wake()

    def on_unmount(self) -> None:
        """It is left."""
        self.context.store.watch_work(closely=False)

    @property
    def is_filling(self) -> bool:
        """Neither the jobs are read, nor is it known that they cannot be."""
        knows_lanes = bool(self._lanes) or not self.context.store.health.database_ok
        return not knows_lanes or (self._board is None and self.refresher.failure is None)

    # --- what is shown -----------------------------------------------------------------------

    def on_store_changed(self, changed: Changed) -> None:
        """Lanes, engines or counts changed: so did the jobs."""
        if changed.engines:
            self._take_from_store()
            self.refresher.wake()

    def language_changed(self) -> None:
        """Say everything in the new language; the cursors stay."""
        self._label()
        for bar in self.query("StatusBar, KeyBar, ThroughputChart, CostLine"):
            bar.refresh()

    def _table(self, name: str) -> SimpleTable:
        return self.query_one(f"#{name}", SimpleTable)

    def _label(self) -> None:
        lanes, engines, jobs = map(self._table, self._TABLES)
        lanes.set_columns(*lane_columns())
        engines.set_columns(*engine_columns())
        jobs.set_columns(*job_columns())
        engines.show_when_empty(
            _("No engine is running. Start one with: fototui engine, or leave out --no-engine.")
        )
        self._say_empty()
        engines.border_title = _("Engines")
        self.query_one(ThroughputChart).border_title = _("Versions per minute, last hour")
        self._show_lanes_and_engines()
        self._show_jobs()

    def _say_empty(self) -> None:
        words = _("Nothing is waiting, nothing failed in the last hour. Orders: 1, then g or s.")
        if self.search.asked:
            words = _("Nothing matches; esc clears the search.")
        self._table("jobs").show_when_empty(words)

    def on_search_line_searched(self) -> None:
        """Filter as the operator types."""
        self._say_empty()
        self._show_jobs()

    def on_search_line_left(self) -> None:
        """Go to what was found."""
        self.set_focus(self._table("jobs"))

    def _take_from_store(self) -> None:
        self._lanes, self._engines = self.context.store.lanes, self.context.store.engines
        self._show_lanes_and_engines()

    def _show_lanes_and_engines(self) -> None:
        if self.can_paint:
            held = told_held(self._lanes)
            self._table("lanes").border_title = _("Lanes") if held is None else translate(held)
            self._show_lanes()
            self._table("engines").show(
                [engine_row(engine, self._looks) for engine in self._engines]
            )
            self._follow_cursor()

    def _show_lanes(self) -> None:
        most = max((lane.running + lane.waiting for lane in self._lanes), default=0)
        rows = []
        for lane in self._lanes:
            done = None if self._board is None else self._board.throughput
            ready_in = done.ready_in(lane.lane, lane.waiting) if done else None
            rows.append(lane_row(lane, self._looks, most=most, ready_in=ready_in))
        self._table("lanes").show(rows)

    async def _load(self) -> None:
        async with self.context.backend.autocommit(JobService) as jobs:
            self._board = await jobs.board()
            failed = await jobs.failed_since_midnight(self.context.settings.timezone)
        async with self.context.backend.autocommit(CostService) as costs:
            overview = await costs.overview(self.context.settings.timezone)
        self.refresher.failure = None
        self._show_jobs()
        for line in self.query(CostLine):
            line.show(overview, failed)

    def _show_jobs(self) -> None:
        if not self.query("#jobs"):
            return  # it was left while the jobs were read
        if self._board is not None:
            jobs = (*self._board.active, *self._board.failed)
            self._jobs = {job.key: job for job in jobs}
            rows = [(job, job_row(job, self._looks)) for job in jobs]
            asked = self.search.asked
            self._table("jobs").show([row for job, row in rows if asked.finds(job, row.search)])
            self.query_one(ThroughputChart).show(self._board.throughput)
            self._show_lanes()
        self._title_jobs()
        self._follow_cursor()

    def _title_jobs(self) -> None:
        """Say how many there are, and how old that is where it is old."""
        parts = [_("Jobs")]
        if self._board is not None:
            running = sum(job.engine_id is not None for job in self._board.active)
            waiting, failed = len(self._board.active) - running, len(self._board.failed)
            parts += [
                ngettext("{count} running", "{count} running", running).format(count=running),
                ngettext("{count} waiting", "{count} waiting", waiting).format(count=waiting),
                # Not what the chart counts: of these nobody has asked for anew.
                ngettext("{count} open failure", "{count} open failures", failed).format(
                    count=failed
                ),
            ]
        if self.refresher.failure is not None and self.refresher.read_at is not None:
            time = self.refresher.read_at.astimezone(self.context.timezone).strftime("%H:%M:%S")
            parts.append(_("as of {time}").format(time=time))
        self._table("jobs").border_title = " · ".join(parts)

    # --- what is under the cursor ------------------------------------------------------------

    def _cursor(self, name: str) -> str | None:
        """The key under the cursor of a table, if that table has the focus."""
        table = self._table(name)
        return table.cursor if table.has_focus else None

    @property
    def _lane(self) -> LaneView | None:
        key = self._cursor("lanes")
        return next((lane for lane in self._lanes if lane.lane == key), None)

    @property
    def _engine(self) -> EngineView | None:
        key = self._cursor("engines")
        return next((engine for engine in self._engines if str(engine.id) == key), None)

    @property
    def _job(self) -> JobView | None:
        return self._jobs.get(self._cursor("jobs") or "")

    def _follow_cursor(self) -> None:
        """Tell the whole of what a column may cut, and the keys that apply."""
        words = Content()
        if lane := self._lane:
            words = lane_state(lane, self._looks)
        elif engine := self._engine:
            words = engine_state(engine, self._looks)
        elif job := self._jobs.get(self._table("jobs").cursor or ""):
            words = why(job, self._looks)
        self.query_one("#why", Static).update(words)
        self.refresh_bindings()

    def on_simple_table_moved(self) -> None:
        """Another row is under the cursor."""
        self._follow_cursor()

    def on_descendant_focus(self, _event: DescendantFocus) -> None:
        """Another table has the cursor."""
        self._follow_cursor()

    def on_simple_table_opened(self) -> None:
        """A double click does what enter does."""
        self.call_later(self.action_act, "engines.details")

    # --- keys ----------------------------------------------------------------------------------

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does with what is under the cursor."""
        return {
            "engines.back": Command(lambda: self.search.close() or self.dismiss()),
            "engines.search": Command(self.search.open),
            "engines.switch": Command(self._switch),
            "engines.details": Command(self._details, self._why_no_job),
            "engines.open": Command(self._open, self._why_no_job),
            "engines.pause": Command(self._pause, self._why_no_pause),
            "engines.cancel": Command(self._cancel, self._why_no_cancel),
            "engines.retry": Command(self._retry, self._why_no_retry),
        }

    def _why_no_pause(self) -> str | None:
        if not self.is_mounted or self._lane is not None or self._engine is not None:
            return None
        return _("Go to a lane or an engine first, with tab.")

    def _why_no_job(self) -> str | None:
        if not self.is_mounted or self._job is not None:
            return None
        return _("Go to a job first, with tab.")

    def _why_no_cancel(self) -> str | None:
        job = self._job if self.is_mounted else None
        if job is None:
            return self._why_no_job()
        if job.status.meta.is_final:
            return _("This job has failed already; there is nothing left to cancel.")
        if job.row_id is None:
            return _("Fetching an order cannot be cancelled; pause its lane instead.")
        return None

    def _why_no_retry(self) -> str | None:
        job = self._job if self.is_mounted else None
        if job is None:
            return self._why_no_job()
        return None if job.status.meta.is_retryable else _("This job has not failed.")

    def _switch(self) -> None:
        names = self._TABLES
        focused = next((n for n in names if self._table(n).has_focus), names[-1])
        self.set_focus(self._table(names[(names.index(focused) + 1) % len(names)]))

    def _details(self) -> None:
        if job := self._job:
            self.app.push_screen(JobScreen(self.context, job))

    def _open(self) -> None:
        if job := self._job:
            self.app.post_message(OpenOrder(job.order_id))

    def _pause(self) -> None:
        if lane := self._lane:
            self.perform(lambda: turn_lane(self, lane), self._turned)
        elif engine := self._engine:
            self.perform(lambda: turn_engine(self, engine), self._turned)

    def _turned(self, words: str | None) -> str | None:
        """Show at once what one did oneself; the store's own look comes later."""
        if words is not None:
            self.context.store.refresh_work()
            self.perform(self._read_lanes_and_engines)
        return words

    async def _read_lanes_and_engines(self) -> None:
        async with self.context.backend.autocommit(LaneService) as lanes:
            self._lanes = await lanes.list_lanes()
            self._engines = await lanes.list_engines()
        self._show_lanes_and_engines()

    def _cancel(self) -> None:
        """Stop the job; ask first where that may lose what was paid for."""
        if job := self._job:
            self.perform(lambda: cancel_job(self, job), self._done_to_job)

    def _retry(self) -> None:
        if job := self._job:
            self.perform(lambda: retry_job(self, job), self._done_to_job)

    def _done_to_job(self, words: str | None) -> str | None:
        self.refresher.wake()
        return words
