"""The tables about the work: who runs jobs, who looks on, who did what."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import BigInteger, Identity, Index, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from ulid import ULID

from fototui.db.base import NOW, Base
from fototui.domain.sentences import Sentence


class Engine(Base):
    """A running engine process; its row is its heartbeat.

    An engine is alive until `retired_at` is set: by itself when it stops, or by another engine that
    found it silent for longer than its lease. Being dead is thus a fact in one place, decided under
    the row's lock, and not an opinion of each reader.
    """

    __tablename__ = "engines"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    operator: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str]
    lanes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    capacity: Mapped[int]
    lease_seconds: Mapped[float]
    started_at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    last_seen_at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    retired_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    """Since when an operator has it take up nothing; what it runs goes on."""
    paused_by: Mapped[str | None]

    __table_args__ = (
        Index("ix_engines_alive", "last_seen_at", postgresql_where=text("retired_at IS NULL")),
    )


class Lane(Base):
    """One kind of job as the account sees it: its limit over all engines, and whether it runs."""

    __tablename__ = "lanes"

    name: Mapped[str] = mapped_column(primary_key=True)
    account_limit: Mapped[int | None]
    """Jobs at once over all engines; None where the account has no such limit."""
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[str | None]
    paused_reason: Mapped[str | None]
    paused_words: Mapped[Sentence | None]
    """The reason as a sentence that can be translated."""
    paused_until: Mapped[date | None]
    """The day on which the pause ends by itself, where it does."""
    budget_day: Mapped[date | None]
    """The last day on which the budget paused it; who resumes it then decides for that day."""


class OutsideCancel(Base):
    """A RunPod job that is not wanted any more, until RunPod was told so.

    A table of its own, because one version may leave several jobs behind.
    """

    __tablename__ = "outside_cancels"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    version_id: Mapped[int]
    """The colouring it was submitted for; while that waits for the job, nothing is cancelled."""
    runpod_job_id: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)


class Presence(Base):
    """An operator's open terminal; its row is its heartbeat, as an engine's is."""

    __tablename__ = "presence"

    terminal_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    operator: Mapped[str]
    host: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    seen_at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    screen: Mapped[str]
    order_id: Mapped[ULID | None]
    """The order it has open; no reference, for orders come and go without asking terminals."""


class Activity(Base):
    """Who did what when."""

    __tablename__ = "activity"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    operator: Mapped[str]
    action: Mapped[str]
    order_id: Mapped[ULID | None]
    image_id: Mapped[int | None]
    version_type: Mapped[str | None]
    version_id: Mapped[int | None]
    detail: Mapped[str | None]
    detail_words: Mapped[Sentence | None]
    """The detail as a sentence that can be translated."""

    __table_args__ = (
        Index("ix_activity_order", "order_id", "id"),
        Index("ix_activity_operator", "operator", "id"),
    )
