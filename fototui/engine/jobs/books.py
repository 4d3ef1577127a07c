"""Books as jobs: how they are claimed, and how their steps are written."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Row, RowMapping, Select, or_, select, update
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.books import Book
from fototui.domain.books import BookOptions
from fototui.domain.events import (
    Change,
    ChangeContext,
    ListUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus, JobKind
from fototui.engine.jobs.job import FileJob, Move
from fototui.engine.jobs.own_rows import ending, logged_failure, read_file
from fototui.engine.jobs.table import JobTable
from fototui.storage.keys import book_key


@dataclass(frozen=True, slots=True, kw_only=True)
class BookJob(FileJob):
    """A line item to be typeset, with all that it is made of.

    Args:
        position: The line item's place in the order.
        svgs: The files of its pages, in their order; None where one is not there.
        title: The line item's title.
        dedication: What stands on the first page.
        layout: The shop's words for the layout.
        options: How it is typeset; None where the row is defective.
    """

    position: int
    svgs: tuple[S3ObjectRefData | None, ...]
    title: str
    dedication: str | None
    layout: str | None
    options: BookOptions | None

    @property
    def key(self) -> str:
        """Storage key of the file that the job makes."""
        return book_key(
            self.order_id,
            self.line_item_id,
            self.version,
            order_number=self.order_number,
            position=self.position,
        )


class BookJobs(JobTable[BookJob]):
    """The books; a transition that fails one carries along a line of the activity log."""

    kind = JobKind.BOOK
    name = Book.__tablename__
    sources = ", line_items l, orders o"
    joined = "AND l.id = v.line_item_id AND o.id = v.order_id"
    turns = "v.urgent DESC, v.queued_at, v.id"
    columns = (
        "v.version, v.file_ref AS file, v.title, v.dedication, v.layout, v.options, "
        "extract(epoch FROM now() - v.storage_away_since)::float8 AS storage_away, "
        "o.id AS order_id, o.order_number, l.id AS line_item_id, l.position, "
        "(SELECT jsonb_agg(s.file_ref ORDER BY page.place) "
        "FROM unnest(v.svg_ids) WITH ORDINALITY page(svg_id, place) "
        "LEFT JOIN svg_versions s ON s.id = page.svg_id) AS svgs"
    )

    def read(self, row: RowMapping) -> BookJob:
        """Make a job of a claimed row."""
        options: BookOptions | None = None
        defect: Sentence | None = None
        # A row that another program wrote badly must fail alone, not with all claimed beside it.
        try:
            options = BookOptions.model_validate(row["options"])
        except ValidationError:
            defect = Sentence.make("Its stored options cannot be read. Make a new book.")
        return BookJob(
            kind=self.kind,
            row_id=row["id"],
            version=row["version"],
            claim_token=row["claim_token"],
            status=BookProcessingStatus(row["status"]),
            waited=row["waited"],
            retries=row["retries"],
            takeovers=row["takeovers"],
            storage_away=row["storage_away"],
            defect=defect,
            order_id=str(ULID.from_uuid(row["order_id"])),
            order_number=row["order_number"],
            line_item_id=row["line_item_id"],
            position=row["position"],
            file=read_file(row["file"]),
            svgs=tuple(map(read_file, row["svgs"] or ())),
            title=row["title"],
            dedication=row["dedication"],
            layout=row["layout"],
            options=options,
        )

    def transition(self, job: BookJob, move: Move, *, actor: str) -> Select[*tuple[object, ...]]:
        """One statement that writes a move; see `JobTable`."""
        moved = (
            update(Book)
            .where(
                Book.id == job.row_id,
                Book.claim_token == job.claim_token,
                # The target stands for a repetition of this very write.
                or_(Book.status == job.status, Book.status == move.status),
            )
            .values({**ending(move), **move.values})
            .returning(Book.id)
            .cte("moved")
        )
        statement: Select[*tuple[object, ...]] = select(moved.c.id)
        if move.status.meta.is_retryable:
            statement = statement.add_cte(logged_failure(moved, job, move, actor).cte("logged"))
        return statement

    def report(
        self,
        session: TrackedAsyncSession,
        job: BookJob,
        move: Move,
        written: Row[*tuple[object, ...]],
    ) -> None:
        """Tell the session what was changed; see `JobTable`."""
        session.track_changes(OrderUpdateEvent, ListUpdateEvent)
        if move.status != job.status:
            status = {"status": str(move.status)}
            session.report(
                Change(Book.__name__, job.row_id, Operation.UPDATE, status),
                ChangeContext(order_id=job.order_id),
            )


BOOKS = BookJobs()
