"""What is known of a job, as rows of two columns: what it is, and what is so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from textual.content import Content

from fototui.domain.costs import CallOutcome, Prices
from fototui.domain.text import clean_line
from fototui.i18n import N_, _, full_time, ngettext, translate, who
from fototui.services.operations.job_details import CallView, JobDetails
from fototui.widgets.badges import MUTED, badge_in_words
from fototui.widgets.tables.job_rows import Looks, duration, lane_word, why
from fototui.widgets.version_words import kind_word, options_words

Fact = tuple[str, Content]

_WORTH_TELLING_MS = 1000

_OUTCOMES: dict[str, str] = {
    CallOutcome.COMPLETED: N_("it succeeded"),
    CallOutcome.FAILED: N_("it failed"),
    CallOutcome.CANCELLED: N_("it was cancelled"),
    CallOutcome.TIMED_OUT: N_("it took too long"),
    CallOutcome.UNUSABLE: N_("the result cannot be used"),
    CallOutcome.LOST: N_("the result was lost"),
    CallOutcome.UNANSWERED: N_("no answer came"),
    CallOutcome.REFUSED: N_("it was refused"),
}


def job_title(details: JobDetails) -> str:
    """What job it is: the order, the kind, the version, the photo."""
    job = details.job
    parts = [clean_line(job.order_number), kind_word(job.kind)]
    if job.version is not None:
        parts[-1] += f" v{job.version}"
    if job.image_position is not None:
        parts.append(
            _("book {book}, photo {photo}").format(book=job.item_position, photo=job.image_position)
        )
    elif job.item_position is not None:
        parts.append(_("book {book}").format(book=job.item_position))
    return " · ".join(parts)


def job_facts(
    details: JobDetails, looks: Looks, prices: Prices, *, held_up: str | None
) -> Iterator[Fact]:
    """Every fact that there is, in the order in which one asks.

    Args:
        details: The job.
        looks: How times and signs are drawn.
        prices: What outside services charge.
        held_up: Why no engine takes jobs of this kind, translated; None where one does.
    """
    job = details.job
    yield _("Status"), badge_in_words(job.status, looks.ascii_signs)
    if reason := why(job, looks):
        yield _("Why"), reason
    yield _("Lane"), Content(lane_word(job.kind))
    if details.options is not None:
        yield _("Options"), Content(options_words(details.options))
    yield from _times(details, looks, held_up)
    yield _("Tries"), _tries(details)
    if details.submissions is not None:
        yield _("Submissions"), _submissions(details)
    yield _("Engine"), _engine(details)
    for call in details.calls:
        yield clean_line(call.service), _call(call, looks, prices)
    yield _("Log"), _log(details)


def _times(details: JobDetails, looks: Looks, held_up: str | None) -> Iterator[Fact]:
    job = details.job
    by = "" if details.requested_by is None else clean_line(who(details.requested_by), limit=40)
    asked = _("{time}, by {operator}") if by else "{time}"
    yield _("Asked for"), Content(asked.format(time=_time(job.queued_at, looks), operator=by))
    if details.created_at < job.queued_at and job.row_id is not None:
        yield _("The first time"), Content(_time(details.created_at, looks))
    begun = details.started_at
    if begun is not None and begun >= job.queued_at:
        waited = duration((begun - job.queued_at).total_seconds())
        words = _("{time}, after {duration} of waiting")
        yield _("Begun"), Content(words.format(time=_time(begun, looks), duration=waited))
    elif begun is not None:
        yield _("Begun"), Content(_time(begun, looks))
    if details.claimed_at is not None:
        yield _("Taken up"), Content(_time(details.claimed_at, looks))
    if job.completed_at is not None:
        yield _("Ended"), Content(_time(job.completed_at, looks))
    elif details.job.engine_id is None:
        waits = duration((looks.now() - job.queued_at).total_seconds())
        yield _("Waits"), Content("; ".join([waits, *([held_up] if held_up else [])]))
    if job.elapsed_seconds is not None:
        yield _("Takes"), Content(duration(job.elapsed_seconds))


def _time(at: datetime, looks: Looks) -> str:
    """The time of day for today, else with the date."""
    local = at.astimezone(looks.zone)
    is_today = local.date() == looks.now().astimezone(looks.zone).date()
    return f"{local:%H:%M:%S}" if is_today else full_time(at, looks.zone)


def _tries(details: JobDetails) -> Content:
    parts = [str(details.job.attempts)]
    if details.retries:
        parts.append(
            ngettext(
                "put back {count} time after a failure that may pass",
                "put back {count} times after failures that may pass",
                details.retries,
            ).format(count=details.retries)
        )
    if details.takeovers:
        parts.append(
            ngettext(
                "taken {count} time from an engine that had died",
                "taken {count} times from engines that had died",
                details.takeovers,
            ).format(count=details.takeovers)
        )
    return Content(", ".join(parts))


def _submissions(details: JobDetails) -> Content:
    shown = Content(str(details.submissions))
    if not details.resubmissions:
        return shown
    twice = ngettext(
        "{count} may have been paid twice",
        "{count} may have been paid twice",
        details.resubmissions,
    ).format(count=details.resubmissions)
    return shown + Content.styled(f", {twice}", "$warning")


def _engine(details: JobDetails) -> Content:
    job = details.job
    if job.engine_id is None:
        return Content.styled(_("none has it now"), MUTED)
    words = _("{operator} on {host}, process {pid}").format(
        operator=clean_line(job.engine_operator or "?"),
        host=clean_line(details.engine_host or "?"),
        pid=details.engine_pid,
    )
    return Content.assemble(words, (f"  {str(job.engine_id)[:8]}", MUTED))


def _call(call: CallView, looks: Looks, prices: Prices) -> Content:
    outcome = _("it is under way") if call.ended_at is None else _("its end is not known")
    if known := _OUTCOMES.get(call.outcome or ""):
        outcome = _(known)
    parts = [_time(call.began_at, looks), outcome]
    if call.spent.execution_ms or call.spent.credits:
        parts.append(translate(prices.told(call.spent)))
    if call.delay_ms is not None and call.delay_ms >= _WORTH_TELLING_MS:
        waited = duration(call.delay_ms / 1000)
        parts.append(_("after {duration} of waiting there").format(duration=waited))
    name = "" if call.outside_id is None else f"{clean_line(call.outside_id, limit=100)}\n"
    return Content.assemble((name, "bold"), (", ".join(parts), MUTED if name else ""))


def _log(details: JobDetails) -> Content:
    command = Content.styled(details.log_command, "bold")
    if details.engine_host is None:
        return command
    return command + Content.styled(
        "\n" + _("on {host}").format(host=clean_line(details.engine_host)), MUTED
    )
