"""What all jobs have in common that stand on rows of their own, and make a file each."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Mapping
from typing import TypedDict

from sqlalchemy import (
    CTE,
    Insert,
    Row,
    RowMapping,
    Select,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from ulid import ULID

from fototui.db.base import Base
from fototui.db.events.session import TrackedAsyncSession
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
from fototui.engine.jobs.job import FileJob, FileJobT, JobStatus, Move
from fototui.engine.jobs.table import JobTable
from fototui.services.operations.activity import ActivityAction


def is_completed(move: Move) -> bool:
    """Whether a job has made its file with a move."""
    return move.status == "completed"


def ending(move: Move) -> Mapping[str, object]:
    """The columns that a move writes when it ends a job.

    A completed one has no reason, whatever it had to wait for on its way.

    Args:
        move: The move.
    """
    columns: dict[str, object] = {}
    if move.ends:
        columns = {"claimed_by": None, "completed_at": func.now()}
    if is_completed(move):
        waited = dict.fromkeys(("error", "error_code", "error_words", "storage_away_since"))
        columns.update(waited)
    return columns


def logged_failure(
    moved: CTE, job: FileJob, move: Move, actor: str, *, image_id: int | None = None
) -> Insert:
    """The line of the activity log that a failure writes, where its move was written.

    Args:
        moved: The move's statement.
        job: The job.
        move: Its move.
        actor: Who the log names.
        image_id: The image that it is of.
    """
    entry = {
        Activity.operator: actor,
        Activity.action: str(ActivityAction.FAILED),
        Activity.order_id: ULID.from_str(job.order_id),
        Activity.image_id: image_id,
        Activity.version_type: str(job.kind),
        Activity.version_id: job.row_id,
        Activity.detail: move.fields.get("error"),
        Activity.detail_words: move.fields.get("error_words"),
    }
    values = [literal(value, column.type) for column, value in entry.items()]
    return insert(Activity).from_select(list(entry), select(*values).select_from(moved))


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
            "order_id": str(ULID.from_uuid(row["order_id"])),
            "order_number": row["order_number"],
            "line_item_id": row["line_item_id"],
            "file": read_file(row["file"]),
        }

    def transition(self, job: FileJobT, move: Move, *, actor: str) -> Select[*tuple[object, ...]]:
        """One statement that writes a move; see `JobTable`."""
        rows = Base.metadata.tables[self.name]
        moved = (
            update(rows)
            .where(
                rows.c.id == job.row_id,
                rows.c.claim_token == job.claim_token,
                # The target stands for a repetition of this very write.
                or_(rows.c.status == job.status, rows.c.status == move.status),
            )
            .values({**ending(move), **move.values})
            .returning(rows.c.id)
            .cte("moved")
        )
        statement: Select[*tuple[object, ...]] = select(moved.c.id)
        if move.status.meta.is_retryable:
            statement = statement.add_cte(logged_failure(moved, job, move, actor).cte("logged"))
        return statement

    def report(
        self,
        session: TrackedAsyncSession,
        job: FileJobT,
        move: Move,
        written: Row[*tuple[object, ...]],
    ) -> None:
        """Tell the session what was changed; see `JobTable`."""
        session.track_changes(OrderUpdateEvent, ListUpdateEvent)
        if move.status != job.status:
            status = {"status": str(move.status)}
            session.report(
                Change(self._lane.model, job.row_id, Operation.UPDATE, status),
                ChangeContext(order_id=job.order_id),
            )
