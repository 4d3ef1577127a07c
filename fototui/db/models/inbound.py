"""The tables about what comes in over HTTP: the shop's webhooks, and who may use the API."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from fototui.db.base import NOW, Base


class WebhookDelivery(Base):
    """A webhook that was taken in; its row keeps a second delivery of it from doing anything."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[str] = mapped_column(primary_key=True)
    """`X-Shopify-Webhook-Id`."""
    topic: Mapped[str]
    shopify_id: Mapped[int | None] = mapped_column(BigInteger)
    """The order it tells of; None for topics that are none of ours."""
    triggered_at: Mapped[datetime | None]
    received_at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    payload: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    """What it told of the order, until that is written to the order itself."""

    __table_args__ = (
        Index("ix_webhook_deliveries_received_at", "received_at"),
        Index("ix_webhook_deliveries_newest", "shopify_id", text("triggered_at DESC NULLS LAST")),
    )


class ApiToken(Base):
    """A key to the HTTP API; the key itself is told once and never kept."""

    __tablename__ = "api_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the key, in hexadecimal: the key is random, so nothing slower is needed."""
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, default=NOW)
    created_by: Mapped[str]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
