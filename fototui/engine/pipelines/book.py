"""How a book is made: chosen SVGs → typesetting → storage."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from typing import Protocol

from sqlalchemy import func

from fototui.books.request import BookRequest, TypesetBook
from fototui.books.typesetter import Typesetter
from fototui.db.models.books import Book
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus as S
from fototui.domain.statuses import JobKind
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step, load, store
from fototui.engine.jobs.books import BOOKS, BookJob
from fototui.engine.jobs.job import JobStatus, Reason
from fototui.engine.pipelines.opening import OpenLane, Parts, PipelineEntry
from fototui.storage.base import Storage

_PDF = "application/pdf"


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

    jobs = BOOKS
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
        await work.move(S.PROCESSING, started_at=func.now())

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
