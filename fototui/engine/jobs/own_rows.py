"""What the moves of all jobs have in common that stand on rows of their own."""

from collections.abc import Mapping

from sqlalchemy import CTE, Insert, func, insert, literal, select
from ulid import ULID

from fototui.db.models.operations import Activity
from fototui.domain.files import S3ObjectRefData
from fototui.engine.jobs.job import FileJob, Move
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
