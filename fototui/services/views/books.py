"""What services tell of books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from fototui.db.models.books import Book
from fototui.domain.books import BookOptions, Finding
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus
from fototui.services.views import stored


@dataclass(frozen=True, slots=True)
class BookView:
    """One book.

    Args:
        id: Its row.
        order_id: ULID of its order.
        line_item_id: The line item that it was made of.
        position: That line item's place in the order, from 1.
        version: Its number within the line item.
        status: Where it stands.
        current: It is the newest of its line item, has not failed, and shows what is chosen and
            told today.
        title: The title that it was made with.
        dedication: The dedication that it was made with.
        layout: The layout that it was made with.
        svg_ids: The SVGs on its pages.
        options: How it is typeset; None where another program wrote what we do not know.
        pages: Pages of the file, once there is one.
        findings: What preflight found; None before it has run.
        file: Its file, once there is one.
        requested_by: Who asked for it.
        created_at: When it was first asked for.
        queued_at: When it was last asked for.
        started_at: When work on it began.
        completed_at: When it ended, one way or other.
        not_before: It waits until then after a failure that may pass.
        elapsed_seconds: How long work on it took, or takes so far.
        error: Why it failed, or why it waits.
        error_code: The same for programs.
        attempts: Times it was taken up since it was last asked for.
    """

    id: int
    order_id: str
    line_item_id: int
    position: int
    version: int
    status: BookProcessingStatus
    current: bool
    title: str
    dedication: str | None
    layout: str | None
    svg_ids: tuple[int, ...]
    options: BookOptions | None
    pages: int | None
    findings: tuple[Finding, ...] | None
    file: S3ObjectRefData | None
    requested_by: str | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    not_before: datetime | None
    elapsed_seconds: float | None
    error: Sentence | None
    error_code: str | None
    attempts: int

    @classmethod
    def of(cls, book: Book, *, position: int, current: bool, now: datetime) -> BookView:
        """View a row.

        Args:
            book: The row, with nothing expired.
            position: Its line item's place in the order.
            current: Whether it is the line item's true book.
            now: The database's time.
        """
        end, started = book.completed_at or now, book.started_at
        return cls(
            id=book.id,
            order_id=str(book.order_id),
            line_item_id=book.line_item_id,
            position=position,
            version=book.version,
            status=book.status,
            current=current,
            title=book.title,
            dedication=book.dedication,
            layout=book.layout,
            svg_ids=tuple(book.svg_ids),
            options=read_options(book),
            pages=book.pages,
            findings=_findings(book),
            file=book.file_ref,
            requested_by=book.requested_by,
            created_at=book.created_at,
            queued_at=book.queued_at,
            started_at=started,
            completed_at=book.completed_at,
            not_before=book.not_before,
            elapsed_seconds=None if started is None else max(0.0, (end - started).total_seconds()),
            error=stored(book.error, book.error_words),
            error_code=book.error_code,
            attempts=book.attempts,
        )


def read_options(book: Book) -> BookOptions | None:
    """How a book is typeset; None where another program wrote what we do not know."""
    try:
        return BookOptions.model_validate(book.options)
    except ValidationError:  # one such row must not hide its whole order
        return None


def _findings(book: Book) -> tuple[Finding, ...] | None:
    if book.findings is None:
        return None
    found = []
    for each in book.findings:
        try:
            found.append(Finding.model_validate(each))
        except ValidationError:  # of a kind that a newer program knows
            continue
    return tuple(found)


@dataclass(frozen=True, slots=True)
class BookReport:
    """What became of one line item when books were asked for.

    Args:
        line_item_id: The line item.
        position: Its place in the order, from 1.
        book: The book that was started; None where none was.
        skipped: Why none was started, for an operator.
    """

    line_item_id: int
    position: int
    book: BookView | None = None
    skipped: Sentence | None = None
