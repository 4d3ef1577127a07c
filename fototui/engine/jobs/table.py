"""Where the jobs of a kind stand in the database, for claims and transitions."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, Self

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Float,
    FromClause,
    RowMapping,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute
from ulid import ULID

from fototui.db.events.news import News
from fototui.db.group_commit import waits_little
from fototui.db.models.orders import active_predicate
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.job import JobStatus, JobT, Moment, Move


@lru_cache(maxsize=4096)
def ulid_of(order_id: uuid.UUID) -> str:
    """An order's ULID; its pictures are many, and each claim tells of it.

    Args:
        order_id: Its primary key, as the driver reads it.
    """
    return str(ULID.from_uuid(order_id))


class JobTable(ABC, Generic[JobT]):
    """The rows that are jobs of one kind.

    Attributes:
        kind: The kind, which is also the lane's name.
        name: The table.
        columns: What a claim returns beside the columns that all jobs have; the row is `v`.
        sources: Tables that a claim joins for it.
        joined: How it joins them.
        turns: The order in which rows are claimed, as their partial index has it.
        is_forgettable: The condition of a free row `v` whose claim may be lost when PostgreSQL
            crashes, and so is committed without waiting for the disk: the step that follows does
            nothing outside that matters before its first move. That move flushes the claim too; and
            if the claim was lost before, it finds no token of its own and is refused.
    """

    kind: JobKind
    name: str
    columns: str
    sources: str = ""
    joined: str = ""
    turns: str
    is_forgettable: str = "false"

    @property
    def active(self) -> str:
        """The condition of an unfinished row `v`, in the very words of its partial index."""
        return active_predicate(self.kind, "v.")

    @abstractmethod
    def read(self, row: RowMapping) -> JobT:
        """Make a job of a claimed row."""

    def shape(self, job: JobT, move: Move) -> Shape:
        """What a move's statement looks like, whatever its values.

        Args:
            job: The job as it stands.
            move: Where it goes.
        """
        del job
        return Shape.of(move)

    @abstractmethod
    def statement(self, shape: Shape) -> Select[*tuple[object, ...]]:
        """The statement that writes moves of a shape, each if its claim still holds.

        No row means that it does not. Its values are named as `values` names them.

        Args:
            shape: What the moves have in common.
        """

    def values(self, job: JobT, move: Move, *, actor: str) -> dict[str, object]:
        """What the statement of a move is run with.

        Args:
            job: The job as it stands.
            move: Where it goes.
            actor: Who the activity log names.
        """
        values: dict[str, object] = {
            "of_row": job.row_id,
            "of_order": job.order_id,
            "by_token": job.claim_token,
            "from_status": job.status,
            "to_status": move.status,
            "by_actor": actor,
            "in_seconds": move.seconds,
        }
        for name, value in move.columns.items():
            values[f"new_{name}"] = value
        return values

    def place(self, job: JobT) -> tuple[int, int]:
        """Where a job stands in the order in which every engine writes what it writes together.

        Args:
            job: The job.
        """
        return 0, job.row_id if isinstance(job.row_id, int) else job.row_id.int

    @abstractmethod
    def report(self, news: News, job: JobT, move: Move, written: Mapping[str, object]) -> None:
        """Tell what a move's statement changed, so that events are made of it.

        Args:
            news: Takes it.
            job: The job as it stood.
            move: Where it went.
            written: The statement's row.
        """


@dataclass(frozen=True, slots=True)
class Shape:
    """What moves have in common whose statements differ in values only.

    Args:
        status: The next status.
        ends: Whether the claim is given up.
        columns: Other columns that are written, and those times that the database's clock tells.
        calls: For each paid call of which it tells, whether that call has ended.
        answers_request: Whether it answers a request to look at the order again.
        together: Whether they are written in one transaction with others: then they wait for no
            row, so that several may hold some without waiting for each other in a circle.
    """

    status: JobStatus
    ends: bool
    columns: tuple[tuple[str, Moment | None], ...]
    calls: tuple[bool, ...] = ()
    answers_request: bool = False
    together: bool = False

    @classmethod
    def of(cls, move: Move, *, calls: tuple[bool, ...] = (), answers_request: bool = False) -> Self:
        """What a move's own statement looks like."""
        columns = move.columns.items()
        return cls(
            move.status,
            move.ends,
            tuple((name, value if isinstance(value, Moment) else None) for name, value in columns),
            calls,
            answers_request,
        )

    @property
    def is_completed(self) -> bool:
        """Whether a job has made its file."""
        return self.status == "completed"


_MOMENTS: Mapping[Moment, ColumnElement[datetime]] = {
    Moment.NOW: func.now(),
    Moment.LATER: func.now()
    + func.make_interval(0, 0, 0, 0, 0, 0, bindparam("in_seconds", type_=Float())),
}


def fenced_update(
    table: Table,
    shape: Shape,
    ending: Mapping[str, object],
    *first: ColumnElement[bool],
    name: str = "of_row",
) -> Update:
    """What writes moves of a shape to the job's row, while the job is this claim's.

    Args:
        table: The job's table.
        shape: The moves' shape.
        ending: The columns that are written beside those of the shape.
        first: Conditions that come before the row's own.
        name: The value that the primary key has.
    """
    return (
        update(table)
        .where(*first, _its_row(table, shape, name), _fence(table))
        .values({**ending, **_written_columns(table, shape)})
    )


def _its_row(table: Table, shape: Shape, name: str) -> ColumnElement[bool]:
    is_it = table.c.id == named(name, table.c.id)
    if not shape.together:
        return is_it
    row = table.alias("free_row")
    # What triggers wait for is no row of ours to pass over: others are not held up by it for long.
    free = select(row.c.id).where(row.c.id == named(name, row.c.id), waits_little().is_not(None))
    return table.c.id.in_(free.with_for_update(key_share=True, skip_locked=True))


def _fence(table: FromClause) -> ColumnElement[bool]:
    """The condition under which alone a move is written."""
    return and_(
        table.c.claim_token == bindparam("by_token"),
        # The target stands for a repetition of this very write.
        or_(
            table.c.status == bindparam("from_status"),
            table.c.status == bindparam("to_status"),
        ),
    )


def _written_columns(table: FromClause, shape: Shape) -> dict[str, ColumnElement[Any]]:
    columns: dict[str, ColumnElement[Any]] = {
        name: named(f"new_{name}", table.c[name]) if moment is None else _MOMENTS[moment]
        for name, moment in shape.columns
    }
    return {"status": named("to_status", table.c.status), **columns}


# Any: columns are of several types.
def named(name: str, column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> BindParameter[Any]:
    """A value by its name, of a column's type."""
    return bindparam(name, type_=column.type)
