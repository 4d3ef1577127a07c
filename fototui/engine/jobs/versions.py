"""Versions as jobs: how they are claimed, and how their steps are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Table,
    literal,
    or_,
    select,
    update,
)

from fototui.db.base import Base
from fototui.db.events.news import News
from fototui.db.models.orders import CHOICE, VERSION_MODEL, Image
from fototui.domain.errors import FototuiError, InvalidInputError, PermanentError
from fototui.domain.events import (
    Change,
    ChangeContext,
    ImageStatusEvent,
    ImageUpdateEvent,
    Operation,
)
from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions
from fototui.domain.statuses import (
    PROCESSING_STATUS,
    JobKind,
    VersionType,
)
from fototui.engine.jobs.calls import call_values, told_by, written
from fototui.engine.jobs.job import Move, VersionJob
from fototui.engine.jobs.own_rows import ending, logged_failure, logged_values, read_file
from fototui.engine.jobs.table import JobTable, Shape, fenced_update, named, ulid_of

# What a kind's job needs beside the shared columns: its options, its outside id, its source file.
_OWN_COLUMNS = {
    VersionType.COLORING: "v.megapixels, v.steps, v.runpod_job_id, NULL AS vectorizer_job_id, "
    "0.0 AS credits_charged, i.file_ref AS source",
    VersionType.SVG: "v.shape_stacking, v.group_by, NULL AS runpod_job_id, v.vectorizer_job_id, "
    "v.credits_charged, "
    "(SELECT c.file_ref FROM coloring_versions c WHERE c.id = v.coloring_version_id) AS source",
}

_OUTSIDE_ID = {VersionType.COLORING: "runpod_job_id", VersionType.SVG: "vectorizer_job_id"}


class VersionJobs(JobTable[VersionJob]):
    """The versions of one kind.

    A transition that completes one carries along its choice, and one that fails a line of the
    activity log: they stand or fall with it.

    Args:
        version_type: The kind.
    """

    sources = ", images i, line_items l, orders o"
    joined = "AND i.id = v.image_id AND l.id = i.line_item_id AND o.id = l.order_id"

    turns = "v.urgent DESC, v.turn, v.queued_at, v.id"

    def __init__(self, version_type: VersionType) -> None:
        self.kind = JobKind.of(version_type)
        self.version_type = version_type
        self.name = VERSION_MODEL[version_type].__tablename__
        # Where there is an id, the first step fetches what was paid for, which may cost too.
        outside_id = _OUTSIDE_ID[version_type]
        self.is_forgettable = f"v.status IN ('pending', 'queued') AND v.{outside_id} IS NULL"
        self.columns = (
            "v.version, v.file_ref AS file, v.submissions, v.resubmissions, "
            "extract(epoch FROM now() - v.storage_away_since)::float8 AS storage_away, "
            "o.id AS order_id, o.order_number, "
            f"l.id AS line_item_id, i.id AS image_id, i.position, {_OWN_COLUMNS[version_type]}"
        )

    def read(self, row: RowMapping) -> VersionJob:
        """Make a job of a claimed row."""
        options: ColoringOptions | SvgOptions | None = None
        source: S3ObjectRefData | None = None
        defect: FototuiError | None = None
        # One row that an older program wrote badly must fail alone, not with all claimed beside it.
        try:
            options = _OPTIONS[self.version_type](row)
            if row["source"] is not None:
                source = S3ObjectRefData.model_validate(row["source"])
        except InvalidInputError as error:
            defect = error
        except ValueError:
            defect = PermanentError(
                "Its stored options or file reference cannot be read. Make a new version.",
                service="fototui",
            )
        return VersionJob(
            kind=self.kind,
            row_id=row["id"],
            version=row["version"],
            claim_token=row["claim_token"],
            status=PROCESSING_STATUS[self.version_type](row["status"]),
            waited=row["waited"],
            options=options,
            source=source,
            defect=None if defect is None else defect.sentence,
            file=read_file(row["file"]),
            runpod_job_id=row["runpod_job_id"],
            vectorizer_job_id=row["vectorizer_job_id"],
            retries=row["retries"],
            takeovers=row["takeovers"],
            submissions=row["submissions"],
            resubmissions=row["resubmissions"],
            credits_charged=float(row["credits_charged"]),
            storage_away=row["storage_away"],
            order_id=ulid_of(row["order_id"]),
            order_number=row["order_number"],
            line_item_id=row["line_item_id"],
            image_id=row["image_id"],
            position=row["position"],
        )

    def shape(self, job: VersionJob, move: Move) -> Shape:
        """What a move's statement looks like; see `JobTable`."""
        calls = tuple(call.outcome is not None for call in told_by(job, move))
        return Shape.of(move, calls=calls)

    def statement(self, shape: Shape) -> Select[*tuple[object, ...]]:
        """The statement that writes moves of a shape; see `JobTable`."""
        rows = Base.metadata.tables[self.name]
        write = fenced_update(rows, shape, ending(shape), *_image_first(rows, shape))
        moved = write.returning(rows.c.id, rows.c.image_id, rows.c.queued_at).cte("moved")
        if shape.is_completed:
            selected, chosen_at = CHOICE[self.version_type]
            chosen = (
                update(Image)
                .where(
                    Image.id == moved.c.image_id,
                    # An operator who chose while the job ran is not overruled.
                    or_(chosen_at.is_(None), chosen_at < moved.c.queued_at),
                )
                .values({selected: moved.c.id})
                .returning(Image.id)
                .cte("chosen")
            )
            chosen_id = select(chosen.c.id).scalar_subquery()
        else:
            chosen_id = select(literal(None)).scalar_subquery()
        statement = select(moved.c.id, chosen_id.label("chosen"))
        if shape.status.meta.is_retryable:
            statement = statement.add_cte(logged_failure(moved, self.kind).cte("logged"))
        if shape.calls:
            told = written(self.version_type, shape.calls, only_if=moved)
            statement = statement.add_cte(told.cte("calls_told"))
        return statement

    def values(self, job: VersionJob, move: Move, *, actor: str) -> dict[str, object]:
        """What that statement is run with; see `JobTable`."""
        values = super().values(job, move, actor=actor)
        values.update(logged_values(move, job.image_id))
        if calls := told_by(job, move):
            values.update(call_values(job, calls))
        return values

    def place(self, job: VersionJob) -> tuple[int, int]:
        """Where it stands among others; see `JobTable`. Images come before versions."""
        return job.image_id, job.row_id

    def report(
        self, news: News, job: VersionJob, move: Move, written: Mapping[str, object]
    ) -> None:
        """Tell what was changed; see `JobTable`."""
        news.track_changes(ImageStatusEvent, ImageUpdateEvent)
        context = ChangeContext(order_id=job.order_id, image_id=job.image_id)
        if move.status != job.status:
            model = VERSION_MODEL[self.version_type].__name__
            status = {"status": str(move.status)}
            news.report(Change(model, job.row_id, Operation.UPDATE, status), context)
        if written["chosen"] is not None:
            chosen = {CHOICE[self.version_type][0].key: job.row_id}
            news.report(Change("Image", job.image_id, Operation.UPDATE, chosen), context)


COLORINGS = VersionJobs(VersionType.COLORING)
SVGS = VersionJobs(VersionType.SVG)


_OPTIONS: dict[VersionType, Callable[[RowMapping], ColoringOptions | SvgOptions]] = {
    VersionType.COLORING: lambda row: ColoringOptions.stored(row["megapixels"], row["steps"]),
    VersionType.SVG: lambda row: SvgOptions(
        shape_stacking=ShapeStacking(row["shape_stacking"]), group_by=GroupBy(row["group_by"])
    ),
}


def _image_first(rows: Table, shape: Shape) -> list[ColumnElement[bool]]:
    # Services lock an image before its versions; in the other order both could wait for ever.
    # Each end changes the image's review, and who writes that has the image.
    if not (shape.is_completed or (shape.together and shape.ends)):
        return []
    is_it = Image.id == named("of_image", Image.id)
    locked = select(Image.id).where(is_it)
    locked = locked.with_for_update(key_share=True, skip_locked=shape.together)
    return [rows.c.image_id.in_(select(locked.cte("locked").c.id))]
