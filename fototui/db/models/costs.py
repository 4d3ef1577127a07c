"""The table of calls that outside services charge for."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from ulid import ULID

from fototui.db.base import NOW, Base


class PaidCall(Base):
    """One call to RunPod or Vectorizer.ai.

    It is written when it is begun, and what becomes of it is written by whoever learns of that: its
    name is made of its version and its number, so a call is one row, however often it is told of.
    There are no references: what was paid stays known when an order goes.
    """

    __tablename__ = "calls"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """The lane."""
    version_id: Mapped[int]
    order_id: Mapped[ULID]
    requested_by: Mapped[str | None]
    service: Mapped[str]
    outside_id: Mapped[str | None]
    """The service's name for it, or for its result."""
    options: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    """What the version was to be made with."""
    began_at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    """Also the moment whose day and month it counts to."""
    ended_at: Mapped[datetime | None]
    execution_ms: Mapped[int | None]
    """How long RunPod worked on it; this is what RunPod charges for."""
    delay_ms: Mapped[int | None]
    credits: Mapped[Decimal | None]
    """What Vectorizer.ai charged."""
    outcome: Mapped[str | None]
    """What became of it (`CallOutcome`); none while it is under way."""
    wasted: Mapped[bool | None]
    """Whether no version came of it; none while that is not known."""

    __table_args__ = (
        Index("ix_calls_began_at", "began_at"),
        Index("ix_calls_order", "order_id"),
        Index("ix_calls_outside", "outside_id", postgresql_where=text("outside_id IS NOT NULL")),
    )
