"""What all jobs have in common that stand on rows of their own, and make a file each."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Mapping
from typing import TypedDict

from sqlalchemy import (
    CTE,
    Insert,
    RowMapping,
    Select,
    func,
    insert,
    literal,
    null,
    select,
)

from fototui.db.base import Base
from fototui.db.events.news import News
from fototui.db.models.operations import Activity
from fototui.domain.events import (
    Change,
    ChangeContext,
    ListUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from fototui.domain.files import S3ObjectRefData
from fototui.domain.lanes import LANES
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.job import FileJobT, JobStatus, Move
from fototui.engine.jobs.table import JobTable, Shape, fenced_update, named, ulid_of
from fototui.services.operations.activity import ActivityAction


def ending(shape: Shape) -> Mapping[str, object]:
    """The columns that a move writes when it ends a job.

    A completed one has no reason, whatever it had to wait for on its way.

    Args:
        shape: The move's shape.
    """
    columns: dict[str, object] = {}
    if shape.ends:
        columns = {"claimed_by": null(), "completed_at": func.now()}
    if shape.is_completed:
        for waited in ("error", "error_code", "error_words", "storage_away_since"):
            columns[waited] = null()
    return columns


def logged_failure(moved: CTE, kind: JobKind) -> Insert:
    """The line of the activity log that a failure writes, where its move was written.

    Args:
        moved: The move's statement.
        kind: The job's lane.
    """
    known = {Activity.action: str(ActivityAction.FAILED), Activity.version_type: str(kind)}
    told = {
        Activity.operator: "by_actor",
        Activity.order_id: "of_order",
        Activity.image_id: "of_image",
        Activity.version_id: "of_row",
        Activity.detail: "logged_error",
        Activity.detail_words: "logged_words",
    }
    values = [
        *(literal(value, column.type) for column, value in known.items()),
        *(named(name, column) for column, name in told.items()),
    ]
    return insert(Activity).from_select([*known, *told], select(*values).select_from(moved))


def logged_values(move: Move, image_id: int | None) -> dict[str, object]:
    """What the line of a failure is written with.

    Args:
        move: The move that fails a job.
        image_id: The image that it is of.
    """
    return {
        "of_image": image_id,
        "logged_error": move.fields.get("error"),
        "logged_words": move.fields.get("error_words"),
    }


def read_file(value: object) -> S3ObjectRefData | None:
    """The file that a row has; one that cannot be read is none, and is made anew."""
    try:
        return None if value is None else S3ObjectRefData.model_validate(value)
    except ValueError:
        return None


class FileFields(TypedDict):
    """What a `FileJob` takes of its row, whatever its lane."""

    kind: JobKind
    row_id: int
    version: int
    claim_token: uuid.UUID
    status: JobStatus
    waited: float
    retries: int
    takeovers: int
    storage_away: float | None
    order_id: str
    order_number: str
    line_item_id: int
    file: S3ObjectRefData | None


class FileJobs(JobTable[FileJobT]):
    """The jobs of a lane whose rows are `FileRow`s; all that is left to say is what a job reads.

    A transition that fails one carries along a line of the activity log.

    Attributes:
        kind: The lane, which has to be declared.
        own_columns: What a claim returns beside what all such jobs need; the row is `v`, its line
            item `l`, its order `o`.
    """

    kind: JobKind
    own_columns: str = ""
    sources = ", line_items l, orders o"
    joined = "AND l.id = v.line_item_id AND o.id = v.order_id"
    turns = "v.urgent DESC, v.queued_at, v.id"

    def __init__(self) -> None:
        self._lane = LANES[self.kind]
        self.name = self._lane.table
        shared = (
            "v.version, v.file_ref AS file, v.line_item_id, o.id AS order_id, o.order_number, "
            "extract(epoch FROM now() - v.storage_away_since)::float8 AS storage_away"
        )
        self.columns = ", ".join(filter(None, (shared, self.own_columns)))

    @abstractmethod
    def read(self, row: RowMapping) -> FileJobT:
        """Make a job of a claimed row: of its `fields`, and of what is the lane's own."""

    def fields(self, row: RowMapping) -> FileFields:
        """What every job of these lanes takes of its row."""
        return {
            "kind": self.kind,
            "row_id": row["id"],
            "version": row["version"],
            "claim_token": row["claim_token"],
            "status": self._lane.statuses(row["status"]),
            "waited": row["waited"],
            "retries": row["retries"],
            "takeovers": row["takeovers"],
            "storage_away": row["storage_away"],
            "order_id": ulid_of(row["order_id"]),
            "order_number": row["order_number"],
            "line_item_id": row["line_item_id"],
            "file": read_file(row["file"]),
        }

    def statement(self, shape: Shape) -> Select[*tuple[object, ...]]:
        """The statement that writes moves of a shape; see `JobTable`."""
        rows = Base.metadata.tables[self.name]
        moved = fenced_update(rows, shape, ending(shape)).returning(rows.c.id).cte("moved")
        statement: Select[*tuple[object, ...]] = select(moved.c.id)
        if shape.status.meta.is_retryable:
            statement = statement.add_cte(logged_failure(moved, self.kind).cte("logged"))
        return statement

    def values(self, job: FileJobT, move: Move, *, actor: str) -> dict[str, object]:
        """What that statement is run with; see `JobTable`."""
        return {**super().values(job, move, actor=actor), **logged_values(move, None)}

    def report(self, news: News, job: FileJobT, move: Move, written: Mapping[str, object]) -> None:
        """Tell what was changed; see `JobTable`."""
        news.track_changes(OrderUpdateEvent, ListUpdateEvent)
        if move.status != job.status:
            status = {"status": str(move.status)}
            news.report(
                Change(self._lane.model, job.row_id, Operation.UPDATE, status),
                ChangeContext(order_id=job.order_id),
            )
