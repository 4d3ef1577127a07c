"""The table of what waits for an operator's judgement."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fototui.db.base import Base
from fototui.db.models.columns import ChangeMarked

FINISHED = "finished"
"""The decision on pictures that waited when their order was handed over; nobody judged them."""


class Review(ChangeMarked, Base):
    """Whether an image's versions of one kind wait for an operator's judgement.

    It waits while it has no decision. Triggers make the row and keep it true, whoever writes
    versions and choices (see the migration).
    """

    __tablename__ = "reviews"

    image_id: Mapped[int] = mapped_column(
        ForeignKey("images.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(primary_key=True)
    waiting_since: Mapped[datetime]
    decision: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None]
    skipped: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    """When each operator put it off; gone when it is decided."""
    claimed_by: Mapped[str | None]
    terminal_id: Mapped[uuid.UUID | None]
    """The terminal that judges its order, or that did when it was decided."""
    claimed_until: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_reviews_waiting",
            "waiting_since",
            "image_id",
            "kind",
            postgresql_where=text("decision IS NULL"),
        ),
    )
