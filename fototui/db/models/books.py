"""The table of books: one row for each time that a line item was typeset."""

from __future__ import annotations

from sqlalchemy import Index, Integer, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fototui.db.models.columns import FileRow
from fototui.db.types import status_enum
from fototui.domain.lanes import LANES
from fototui.domain.statuses import BookProcessingStatus, JobKind

_ACTIVE = LANES[JobKind.BOOK].active()


class Book(FileRow):
    """One typesetting of a line item: a job on its way to a PDF.

    It keeps what it was made of. So it can be told whether it is still true to its line item.
    """

    __tablename__ = "books"

    status: Mapped[BookProcessingStatus] = mapped_column(
        status_enum(BookProcessingStatus), default=BookProcessingStatus.QUEUED
    )
    svg_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """The SVGs on its pages, in their order."""
    title: Mapped[str]
    dedication: Mapped[str | None]
    layout: Mapped[str | None]
    options: Mapped[dict[str, object]] = mapped_column(JSONB)
    """How it is to be typeset, as `BookOptions` writes it."""
    pages: Mapped[int | None]
    """Pages of the finished file."""
    findings: Mapped[list[dict[str, object]] | None] = mapped_column(JSONB(none_as_null=True))
    """What preflight found, as `Finding` writes it; None before it has run."""

    __table_args__ = (
        UniqueConstraint("line_item_id", "version", name="uq_book_line_item_version"),
        Index("ix_books_order", "order_id"),
        Index("ix_books_active", "queued_at", "id", postgresql_where=text(_ACTIVE)),
        Index(
            "ix_books_turn", text("urgent DESC"), "queued_at", "id", postgresql_where=text(_ACTIVE)
        ),
        Index("ix_books_taken_over", "id", postgresql_where=text(f"{_ACTIVE} AND takeovers > 0")),
        Index("ix_books_claimed", "claimed_by", postgresql_where=text("claimed_by IS NOT NULL")),
        Index("ix_books_held", "id", postgresql_where=text("held_at IS NOT NULL")),
        Index(
            "ix_books_completed", "completed_at", postgresql_where=text("completed_at IS NOT NULL")
        ),
    )
