"""How what is learned of a paid call is written: with the move that learns of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict, Unpack

from sqlalchemy import CTE, ColumnElement, Select, cast, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import Insert, insert
from ulid import ULID

from fototui.db.models.costs import PaidCall
from fototui.db.models.orders import VERSION_MODEL
from fototui.domain.costs import Call, CallOutcome, call_id
from fototui.domain.errors import OutsideError, PermanentError, TransientError
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    JobKind,
    RunPodJobStatus,
    SvgProcessingStatus,
)
from fototui.engine.jobs.job import Move, VersionJob

_SERVICES = {JobKind.COLORING: "RunPod", JobKind.SVG: "Vectorizer.ai"}
_MADE = (ColoringProcessingStatus.COMPLETED, SvgProcessingStatus.COMPLETED)
_LEARNED = tuple(each.name for each in dataclasses.fields(Call) if each.name != "id")
OUTCOMES = {
    RunPodJobStatus.COMPLETED: CallOutcome.COMPLETED,
    RunPodJobStatus.FAILED: CallOutcome.FAILED,
    RunPodJobStatus.CANCELLED: CallOutcome.CANCELLED,
    RunPodJobStatus.TIMED_OUT: CallOutcome.TIMED_OUT,
}
"""What became of a call, by the last status of its RunPod job."""


class Learned(TypedDict, total=False):
    """What may be known of a call (`Call`)."""

    outside_id: str
    outcome: CallOutcome
    execution_ms: int | None
    delay_ms: int | None
    credits: Decimal | None
    wasted: bool


def latest(job: VersionJob, **learned: Unpack[Learned]) -> Call:
    """The call that was begun last for a version.

    Args:
        job: The version.
        **learned: What is known of the call.
    """
    return Call(id=call_id(job.kind, job.row_id, job.submissions), **learned)


def unanswered(job: VersionJob) -> Call:
    """The last call, of which nothing was heard: it may be paid for in vain.

    Args:
        job: The version.
    """
    return latest(job, outcome=CallOutcome.UNANSWERED, wasted=True)


def failed(job: VersionJob, error: OutsideError) -> Call:
    """The last call, which failed.

    Args:
        job: The version.
        error: How.
    """
    if isinstance(error, TransientError) and error.ambiguous:
        return unanswered(job)
    if isinstance(error, PermanentError):
        return latest(job, outcome=CallOutcome.FAILED, wasted=True)
    return latest(job, outcome=CallOutcome.REFUSED)


def told_by(job: VersionJob, move: Move) -> list[Call]:
    """All that a move tells of calls, each call once.

    A call is begun with the move that counts it. A version that ends says whether its last call was
    made in vain.

    Args:
        job: The job as it stands.
        move: Where it goes.
    """
    told = {call.id: call for call in move.calls}
    number = move.fields.get("submissions", job.submissions)
    begun = Call(id=call_id(job.kind, job.row_id, number))
    if number != job.submissions:
        told.setdefault(begun.id, begun)
    if move.ends and number:
        ended = dataclasses.replace(begun, wasted=move.status not in _MADE)
        told[begun.id] = told.get(begun.id, begun).and_then(ended)
    return list(told.values())


def written(job: VersionJob, calls: Sequence[Call], only_if: CTE | None = None) -> Insert:
    """A statement that writes what is known of calls; writing it twice is harmless.

    Args:
        job: The version that they were made for.
        calls: The calls, each once.
        only_if: They are written only if this has a row.
    """
    rows = [_row(job, call, only_if) for call in calls]
    columns = [column.name for column in rows[0].selected_columns]
    begun = insert(PaidCall).from_select(columns, rows[0] if len(rows) == 1 else union_all(*rows))
    known, news = PaidCall.__table__.c, begun.excluded
    learned: dict[str, ColumnElement[object]] = {
        name: func.coalesce(news[name], known[name]) for name in _LEARNED
    }
    learned["ended_at"] = func.coalesce(known.ended_at, news.ended_at)
    return begun.on_conflict_do_update(index_elements=[PaidCall.id], set_=learned)


def _row(job: VersionJob, call: Call, only_if: CTE | None) -> Select[*tuple[object, ...]]:
    model = VERSION_MODEL[job.version_type]
    requested_by = select(model.requested_by).where(model.id == job.row_id).scalar_subquery()
    options = None if job.options is None else dataclasses.asdict(job.options)
    told = {name: getattr(call, name) for name in _LEARNED}
    values = {
        "id": call.id,
        "kind": str(job.kind),
        "version_id": job.row_id,
        "order_id": ULID.from_str(job.order_id),
        "service": _SERVICES[job.kind],
        "options": options,
        **told,
    }
    table = PaidCall.__table__.c
    columns: list[ColumnElement[object]] = [
        cast(literal(value, table[name].type), table[name].type).label(name)
        for name, value in values.items()
    ]
    ended = null() if call.outcome is None else func.now()
    row = select(
        *columns,
        requested_by.label("requested_by"),
        func.now().label("began_at"),
        cast(ended, table.ended_at.type).label("ended_at"),
    )
    return row if only_if is None else row.select_from(only_if)
