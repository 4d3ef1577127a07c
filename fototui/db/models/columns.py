"""Columns that several tables have."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column
from ulid import ULID

from fototui.db.base import NOW, ZERO, Base
from fototui.domain.files import S3ObjectRefData
from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.sentences import Sentence


class ChangeMarked:
    """A row that tells by which transaction it was last changed; a trigger keeps it."""

    changed_in: Mapped[int] = mapped_column(
        BigInteger, server_default=ZERO, index=True, deferred=True, sort_order=99
    )
    """Number of the transaction (PostgreSQL's `pg_current_xact_id()`); never read by the ORM."""


class JobColumns:
    """The engine's own bookkeeping on a row that is a job.

    A row is claimed while `claimed_by` is set; whoever writes must show the `claim_token` of that
    claim.
    """

    requested_by: Mapped[str | None]
    queued_at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    """When it was last asked for: at its creation or by a retry; claims go by it."""
    held_at: Mapped[datetime | None] = mapped_column(sort_order=98)
    """An old job that an adopted shop brought along: it waits until an operator says yes."""
    not_before: Mapped[datetime | None]
    """Rescheduled after a transient failure: not to be claimed earlier."""
    claimed_by: Mapped[uuid.UUID | None]
    claim_token: Mapped[uuid.UUID | None]
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=ZERO, default=0)
    """Claims since it was asked for."""
    retries: Mapped[int] = mapped_column(server_default=ZERO, default=0)
    """Times it was rescheduled after a transient failure."""
    takeovers: Mapped[int] = mapped_column(server_default=ZERO, default=0)
    """Times it was taken from an engine that died."""
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    """Why it failed, or why it waits, for an operator, in English."""
    error_words: Mapped[Sentence | None]
    """The same as a sentence that can be translated."""


class FileRow(JobColumns, ChangeMarked, Base):
    """A job that makes a file of a line item: what the tables of all such lanes have.

    Beside these each has a `status`, and what its own steps need.
    """

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-10)
    line_item_id: Mapped[int] = mapped_column(
        ForeignKey("line_items.id", ondelete="CASCADE"), sort_order=-9
    )
    version: Mapped[int] = mapped_column(sort_order=-8)
    status: Mapped[ProcessingStatusEnum]
    order_id: Mapped[ULID] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    file_ref: Mapped[S3ObjectRefData | None]
    created_at: Mapped[datetime] = mapped_column(default=NOW)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    storage_away_since: Mapped[datetime | None]
    """Since when storage has not taken or given its files, while it waits for that."""
    urgent: Mapped[bool] = mapped_column(server_default=text("false"), deferred=True)
    """Its order goes before others; triggers keep it while the row is unfinished."""
