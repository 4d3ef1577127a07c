"""Lanes, engines and jobs as rows of tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from rich.cells import cell_len
from textual.content import Content

from fototui.domain.lanes import LANES
from fototui.domain.statuses import JobKind
from fototui.domain.text import clean_line
from fototui.i18n import _, short_time, translate
from fototui.services.views.operations import EngineView, JobView, LaneView
from fototui.widgets.badges import MUTED, badge_in_words
from fototui.widgets.tables.simple_table import Column, TableRow
from fototui.widgets.version_words import kind_word

SILENT_SECONDS = 8.0
"""A living engine writes its heartbeat several times within that; a longer silence is told."""

_BAR = 8
# From so many minutes on hours are told.
_HOURS_FROM = 90


@dataclass(frozen=True, slots=True)
class Looks:
    """How rows are drawn.

    Args:
        zone: In which times are shown.
        ascii_signs: Use the signs that every font has.
        now: The clock.
    """

    zone: tzinfo
    ascii_signs: bool
    now: Callable[[], datetime]

    def sign(self, sign: str, plain: str) -> str:
        """One of two signs, as the font allows."""
        return plain if self.ascii_signs else sign

    def moment(self, at: datetime) -> str:
        """A moment in few words: the time of day for today, else with the date."""
        local = at.astimezone(self.zone)
        if local.date() == self.now().astimezone(self.zone).date():
            return local.strftime("%H:%M")
        return short_time(at, self.zone)


def lane_word(lane: str) -> str:
    """A lane's name in full; one that is not known here as it is.

    Args:
        lane: As engines call it.
    """
    if lane not in set(JobKind):
        return clean_line(lane)
    return translate(LANES[JobKind(lane)].lane_name)


def duration(seconds: float) -> str:
    """A span of time as a clock shows it: "0:05", "12:30", "1:02:03"."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


# --- lanes -----------------------------------------------------------------------------------


def lane_columns() -> tuple[Column, ...]:
    """The columns of the table of lanes."""
    return (
        Column(_("Lane"), max(cell_len(lane_word(lane)) for lane in LANES)),
        Column(_("Running"), 7, right=True),
        Column(_("Waiting"), 7, right=True),
        Column("", _BAR, from_width=100),
        Column(_("Ready in"), 9, right=True, from_width=78),
        Column(_("Limit"), 6, right=True, from_width=66),
        Column(_("State"), None),
    )


def lane_row(
    lane: LaneView, looks: Looks, *, most: int = 0, ready_in: float | None = None
) -> TableRow:
    """A lane; a paused one is red and says who paused it, since when and why.

    Args:
        lane: The lane.
        looks: How it is drawn.
        most: Unfinished jobs of the fullest lane, which its bar is drawn beside.
        ready_in: How long it takes until what waits is done, in seconds, as far as one knows.
    """
    paused = lane.paused_at is not None
    limit = looks.sign("–", "-") if lane.account_limit is None else str(lane.account_limit)
    return TableRow(
        str(lane.lane),
        (
            Content.styled(lane_word(lane.lane), "bold $error" if paused else "bold"),
            _number(lane.running),
            _number(lane.waiting),
            _bar(lane, most, looks),
            Content("" if ready_in is None or paused else _about(ready_in)),
            Content.styled(limit, MUTED),
            lane_state(lane, looks),
        ),
    )


def _bar(lane: LaneView, most: int, looks: Looks) -> Content:
    """What runs and what waits, as long as it is much; at least a cell for any."""
    scale = min(1.0, _BAR / max(1, most))
    running = -(-lane.running * scale // 1)
    waiting = min(-(-lane.waiting * scale // 1), _BAR - running)
    return Content.assemble(
        (looks.sign("█", "#") * int(running), "$accent"),
        (looks.sign("░", ".") * int(waiting), MUTED),
    )


def _about(seconds: float) -> str:
    """A span of time that nobody knows exactly."""
    minutes = max(1, round(seconds / 60))
    if minutes < _HOURS_FROM:
        return _("{minutes} min").format(minutes=minutes)
    return _("{hours} h").format(hours=round(minutes / 60))


def lane_state(lane: LaneView, looks: Looks) -> Content:
    """Whether a lane is open, and else who paused it, since when and why."""
    if lane.paused_at is None:
        return Content.styled(looks.sign("● ", "O ") + _("open"), MUTED)
    reason = "" if lane.paused_reason is None else clean_line(translate(lane.paused_reason))
    return _paused(lane.paused_at, lane.paused_by, f": {reason}" if reason else "", looks)


def _paused(at: datetime, by: str | None, reason: str, looks: Looks) -> Content:
    words = _("paused by {operator} since {time}").format(
        operator=clean_line(by or "?"), time=looks.moment(at)
    )
    return Content.styled(looks.sign("‖ ", "= ") + words + reason, "bold $error")


# --- engines ---------------------------------------------------------------------------------


def engine_columns() -> tuple[Column, ...]:
    """The columns of the table of engines."""
    return (
        Column(_("Operator"), 12),
        Column(_("Host"), 14),
        Column(_("PID"), 7, right=True, from_width=74),
        Column(_("Lanes"), 15, from_width=96),
        Column(_("Running"), 7, right=True),
        Column(_("Seen"), 9, right=True),
        Column(_("Started"), 13, from_width=130),
        Column(_("Version"), 10, from_width=150),
        Column(_("State"), None),
    )


def engine_row(engine: EngineView, looks: Looks) -> TableRow:
    """An engine; a paused one says so, and a silent one too."""
    running = sum(engine.running.values())
    silent = engine.silent_seconds > SILENT_SECONDS
    lanes = (
        _("all") if set(engine.lanes) >= set(JobKind) else ", ".join(map(lane_word, engine.lanes))
    )
    seen = _("{seconds} s ago").format(seconds=round(engine.silent_seconds))
    return TableRow(
        str(engine.id),
        (
            Content.styled(clean_line(engine.operator), "bold"),
            Content(clean_line(engine.host)),
            Content(str(engine.pid)),
            Content(lanes),
            Content(f"{running}/{engine.capacity}"),
            Content.styled(seen, "$warning" if silent else ""),
            Content(short_time(engine.started_at, looks.zone)),
            Content(clean_line(engine.version)),
            engine_state(engine, looks),
        ),
    )


def engine_state(engine: EngineView, looks: Looks) -> Content:
    """Whether an engine works, and else who paused it, or that it is silent."""
    if engine.paused_at is not None:
        return _paused(engine.paused_at, engine.paused_by, "", looks)
    if engine.silent_seconds > SILENT_SECONDS:
        return Content.styled(looks.sign("◌ ", "? ") + _("silent"), "$warning")
    if not any(engine.running.values()):
        return Content.styled(looks.sign("○ ", "- ") + _("idle"), MUTED)
    return Content.styled(looks.sign("● ", "O ") + _("working"), "$primary")


# --- jobs ------------------------------------------------------------------------------------


def job_columns() -> tuple[Column, ...]:
    """The columns of the table of jobs."""
    return (
        Column(_("Order"), 7),
        Column(_("Photo"), 5, right=True),
        Column(_("Kind"), 10, from_width=64),
        Column(_("No."), 4, right=True, from_width=96),
        Column(_("Status"), 24),
        Column(_("Takes"), 7, right=True),
        Column(_("Tries"), 5, right=True, from_width=68),
        Column(_("Engine"), 18, from_width=130),
        Column(_("Why"), None, from_width=100),
    )


def job_row(job: JobView, looks: Looks) -> TableRow:
    """A job; one that failed tells why, one that waits what it waits for."""
    held_by = "" if job.engine_id is None else str(job.engine_id)[:8]
    elapsed = "" if job.elapsed_seconds is None else duration(job.elapsed_seconds)
    return TableRow(
        job.key,
        (
            Content.styled(clean_line(job.order_number), "bold"),
            Content("" if job.image_id is None else f"{job.item_position}/{job.image_position}"),
            Content(kind_word(job.kind)),
            Content("" if job.version is None else f"v{job.version}"),
            badge_in_words(job.status, looks.ascii_signs),
            Content(elapsed),
            _number(job.attempts),
            Content.assemble(
                (held_by, MUTED),
                f" {clean_line(job.engine_operator)}" if job.engine_operator else "",
            ),
            why(job, looks),
        ),
    )


def why(job: JobView, looks: Looks) -> Content:
    """Why a job failed and when, or why it waits and until when; empty where all goes well."""
    words = "" if job.error is None else clean_line(translate(job.error))
    if job.status.meta.is_final:
        if job.completed_at is None:
            return Content.styled(words, "$error")
        time = job.completed_at.astimezone(looks.zone).strftime("%H:%M")
        return Content.assemble((f"{time} ", MUTED), (words, "$error"))
    if job.not_before is not None and job.not_before > looks.now():
        time = job.not_before.astimezone(looks.zone).strftime("%H:%M:%S")
        again = _("again at {time}").format(time=time)
        words = f"{again}: {words}" if words else again
    return Content.styled(words, "$warning")


def _number(count: int) -> Content:
    return Content.styled(str(count), "" if count else MUTED)
