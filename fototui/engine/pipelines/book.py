"""How a book is made: chosen SVGs → typesetting → storage."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError
from sqlalchemy import RowMapping

from fototui.books.request import BookRequest, TypesetBook
from fototui.books.typesetter import Typesetter
from fototui.db.models.books import Book
from fototui.domain.books import BookOptions
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus as S
from fototui.domain.statuses import JobKind
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step, load, store
from fototui.engine.jobs.job import FileJob, JobStatus, Moment, Reason
from fototui.engine.jobs.own_rows import FileJobs, read_file
from fototui.engine.pipelines.opening import OpenLane, Parts, PipelineEntry
from fototui.storage.base import Storage
from fototui.storage.keys import book_key

_PDF = "application/pdf"


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


class BookJobs(FileJobs[BookJob]):
    """The books, and what their claims read."""

    kind = JobKind.BOOK
    is_forgettable = "v.status = 'queued'"
    own_columns = (
        "v.title, v.dedication, v.layout, v.options, l.position, "
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
            **self.fields(row),
            defect=defect,
            position=row["position"],
            svgs=tuple(map(read_file, row["svgs"] or ())),
            title=row["title"],
            dedication=row["dedication"],
            layout=row["layout"],
            options=options,
        )


class BookMaker(Protocol):
    """Typesets books, in a process of its own: what a stranger's SVG breaks is not the engine."""

    async def typeset(self, request: BookRequest) -> TypesetBook:
        """Make a book; raises a `PermanentError` that says why it cannot be made of this."""


class BookPipeline:
    """The steps of a book.

    Typesetting costs time alone, and the same request gives the same file. So what is lost is made
    again, as often as it takes.

    Args:
        typesetter: Makes the files.
        storage: Where they are kept, and the SVGs.
    """

    jobs = BookJobs()
    retry_from: Mapping[JobStatus, JobStatus] = {}
    doubtful: Collection[JobStatus] = ()

    def __init__(self, typesetter: BookMaker, storage: Storage) -> None:
        self._typesetter = typesetter
        self._storage = storage
        self.steps: Mapping[JobStatus, Step[BookJob]] = {
            S.QUEUED: self._start,
            S.PROCESSING: self._typeset,
            S.STORAGE_UPLOAD: self._upload,
        }

    async def fail(self, work: Work[BookJob], why: Reason) -> None:
        """Write that the job failed."""
        await work.end(S.ERROR, **why)

    async def _start(self, work: Work[BookJob]) -> None:
        await work.move(S.PROCESSING, started_at=Moment.NOW)

    async def _typeset(self, work: Work[BookJob]) -> None:
        job = work.job
        assert job.options is not None
        pages = [
            await load(self._storage, svg, missing=_no_svg(page))
            for page, svg in enumerate(job.svgs, start=1)
        ]
        request = BookRequest(
            order_number=job.order_number,
            title=job.title,
            dedication=job.dedication,
            layout=job.layout,
            pages=tuple(pages),
            options=job.options,
        )
        book = await self._typesetter.typeset(request)
        work.keep(book.pdf)
        findings = [finding.model_dump(mode="json") for finding in book.findings]
        await work.move(
            S.STORAGE_UPLOAD,
            {Book.pages: book.pages, Book.findings: findings},
            storage_away_since=None,
        )

    async def _upload(self, work: Work[BookJob]) -> None:
        # Without a result, an earlier run may have stored it and died before it could say so.
        stored = await store(work, self._storage, content_type=_PDF)
        if stored is None:
            await work.move(S.PROCESSING)
        else:
            await work.end(S.COMPLETED, file_ref=stored)


def _no_svg(page: int) -> Sentence:
    return Sentence.make(
        "The SVG of picture {page} has no file any more. Choose another one, then make the book.",
        page=page,
    )


async def _open(parts: Parts, stack: AsyncExitStack) -> OpenLane:
    typesetter = await stack.enter_async_context(Typesetter(parts.settings.book_template))
    return OpenLane(BookPipeline(typesetter, parts.storage))


ENTRY = PipelineEntry(JobKind.BOOK, _open)
