"""What jobs and the activity log are searched by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from fototui.domain.lanes import LANES
from fototui.domain.search import Field, Search, Test, choice, days, meanings, part_of, read_search
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.services.operations.activity import ActivityAction
from fototui.services.views.operations import ActivityEntry, JobView

JOB_HELP = Sentence.make(
    "is:running, waiting, failed · kind:colouring, svg, book, photos … · by:jana · before:1.11."
)
"""What may be typed to find jobs, in a line."""

ACTIVITY_HELP = Sentence.make(
    "is:chosen, failed, requested, retried, cancelled … · by:jana · before:2026-11-01 · after:1.11."
)
"""What may be typed to find entries of the log, in a line."""

_BY = Sentence.make("by: takes a part of an operator's name")


def _of_kind(kind: JobKind) -> Test[JobView]:
    return lambda job: job.kind is kind


def _is_running(job: JobView) -> bool:
    return job.engine_id is not None


def _is_waiting(job: JobView) -> bool:
    return job.engine_id is None and not job.status.meta.is_final


def _has_failed(job: JobView) -> bool:
    return job.status.meta.is_final


_JOB_STATES = meanings(
    (("running", "bezi"), _is_running),
    (("waiting", "waits", "ceka"), _is_waiting),
    (("failed", "error", "chyba"), _has_failed),
)
_KINDS = meanings(*(((str(lane.word), *lane.also), _of_kind(lane.kind)) for lane in LANES.values()))


def _did(*actions: ActivityAction) -> Test[ActivityEntry]:
    return lambda entry: entry.action in actions


_A = ActivityAction
_ACTIONS = meanings(
    (("chosen", "chose", "approved", "vybrano", "schvaleno"), _did(_A.SELECTED)),
    (("undone", "vraceno"), _did(_A.TAKEN_BACK)),
    (("failed", "error", "chyba"), _did(_A.FAILED)),
    (("requested", "zadano"), _did(_A.REQUESTED)),
    (("retried", "znovu"), _did(_A.RETRIED)),
    (("cancelled", "canceled", "zruseno"), _did(_A.CANCELLED)),
    (("imported", "nacteno"), _did(_A.ORDER_CREATED, _A.IMPORTED, _A.UPDATED)),
    (("photos", "fotky"), _did(_A.DOWNLOADED, _A.PHOTO_ATTACHED)),
    (("noted", "odlozeno"), _did(_A.NOTED)),
    (("handed-over", "predano"), _did(_A.FINISHED)),
    (("reopened", "otevreno"), _did(_A.REOPENED)),
    (
        ("paused", "pozastaveno"),
        _did(_A.LANE_PAUSED, _A.LANE_RESUMED, _A.ENGINE_PAUSED, _A.ENGINE_RESUMED),
    ),
)


def job_search(zone: tzinfo, now: Callable[[], datetime]) -> Callable[[str], Search[JobView]]:
    """What reads a search for jobs.

    Args:
        zone: Where days begin.
        now: The clock.
    """

    def read(text: str) -> Search[JobView]:
        today = now().astimezone(zone).date()
        kinds = Sentence.joined([lane.word for lane in LANES.values()], by=", ")
        fields: Sequence[Field[JobView]] = (
            choice(("is", "je"), Sentence.make("is: takes running, waiting, failed"), _JOB_STATES),
            choice(
                ("kind", "druh"),
                Sentence.make("kind: takes {kinds}", kinds=kinds),
                _KINDS,
            ),
            part_of(("by", "kdo"), _BY, lambda job: job.engine_operator),
            *days(lambda job: job.queued_at, zone=zone, today=today),
        )
        return read_search(text, fields, takes=JOB_HELP)

    return read


def activity_search(
    zone: tzinfo, now: Callable[[], datetime]
) -> Callable[[str], Search[ActivityEntry]]:
    """What reads a search for entries of the log.

    Args:
        zone: Where days begin.
        now: The clock.
    """

    def read(text: str) -> Search[ActivityEntry]:
        today = now().astimezone(zone).date()
        fields: Sequence[Field[ActivityEntry]] = (
            choice(
                ("is", "je"),
                Sentence.make(
                    "is: takes chosen, undone, failed, requested, retried, cancelled, imported, "
                    "photos, noted, handed-over, reopened, paused"
                ),
                _ACTIONS,
            ),
            part_of(("by", "kdo"), _BY, lambda entry: entry.operator),
            *days(lambda entry: entry.at, zone=zone, today=today),
        )
        return read_search(text, fields, takes=ACTIVITY_HELP)

    return read
