"""How what is learned of a paid call is written: with the move that learns of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict, Unpack

from sqlalchemy import CTE, ColumnElement, Select, cast, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import Insert, insert

from fototui.db.base import Base
from fototui.db.models.costs import PaidCall
from fototui.db.models.orders import VERSION_MODEL
from fototui.domain.costs import Call, CallOutcome, call_id
from fototui.domain.errors import OutsideError, PermanentError, TransientError
from fototui.domain.lanes import LANES
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    JobKind,
    RunPodJobStatus,
    SvgProcessingStatus,
    VersionType,
)
from fototui.engine.jobs.job import Move, VersionJob
from fototui.engine.jobs.table import named

_MADE = (ColoringProcessingStatus.COMPLETED, SvgProcessingStatus.COMPLETED)
_CALLS = Base.metadata.tables[PaidCall.__tablename__]
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
    is_begun = number != job.submissions
    is_over = bool(move.ends and number)
    if not (is_begun or is_over):
        return list(told.values())
    begun = Call(id=call_id(job.kind, job.row_id, number))
    if is_begun:
        told.setdefault(begun.id, begun)
    if is_over:
        ended = dataclasses.replace(begun, wasted=move.status not in _MADE)
        told[begun.id] = told.get(begun.id, begun).and_then(ended)
    return list(told.values())


def written(version_type: VersionType, calls: Sequence[bool], only_if: CTE | None = None) -> Insert:
    """A statement that writes what is known of calls; writing it twice is harmless.

    Args:
        version_type: What they were made for.
        calls: For each call, whether it has ended.
        only_if: They are written only if this has a row.
    """
    rows = [_row(version_type, number, only_if, ended=ended) for number, ended in enumerate(calls)]
    columns = [column.name for column in rows[0].selected_columns]
    # The table and not the model, of which a session would make one row for each set of values.
    begun = insert(_CALLS).from_select(columns, rows[0] if len(rows) == 1 else union_all(*rows))
    known, news = _CALLS.c, begun.excluded
    learned: dict[str, ColumnElement[object]] = {
        name: func.coalesce(news[name], known[name]) for name in _LEARNED
    }
    learned["ended_at"] = func.coalesce(known.ended_at, news.ended_at)
    return begun.on_conflict_do_update(index_elements=[known.id], set_=learned)


def call_values(job: VersionJob, calls: Sequence[Call]) -> dict[str, object]:
    """What that statement is run with.

    Args:
        job: The version that they were made for.
        calls: The calls, each once.
    """
    options = None if job.options is None else dataclasses.asdict(job.options)
    values: dict[str, object] = {
        "of_version": job.row_id,
        "of_order": job.order_id,
        "with_options": options,
    }
    for number, call in enumerate(calls):
        for name in ("id", *_LEARNED):
            values[f"call{number}_{name}"] = getattr(call, name)
    return values


def _row(
    version_type: VersionType, number: int, only_if: CTE | None, *, ended: bool
) -> Select[*tuple[object, ...]]:
    kind = JobKind.of(version_type)
    table, versions = _CALLS.c, VERSION_MODEL[version_type].__table__.c
    requested_by = select(versions.requested_by).where(
        versions.id == named("of_version", versions.id)
    )
    told = {name: f"call{number}_{name}" for name in ("id", *_LEARNED)}
    told.update(version_id="of_version", order_id="of_order", options="with_options")
    row = select(
        *(
            cast(named(value, table[name]), table[name].type).label(name)
            for name, value in told.items()
        ),
        cast(literal(str(kind)), table.kind.type).label("kind"),
        cast(literal(LANES[kind].service), table.service.type).label("service"),
        requested_by.scalar_subquery().label("requested_by"),
        func.now().label("began_at"),
        cast(func.now() if ended else null(), table.ended_at.type).label("ended_at"),
    )
    return row if only_if is None else row.select_from(only_if)
