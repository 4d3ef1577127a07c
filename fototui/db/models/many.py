"""Tables that triggers keep, so that having many orders costs nobody anything."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column
from ulid import ULID

from fototui.db.base import Base


class OrderCount(Base):
    """How many orders there are: the sum of its rows."""

    __tablename__ = "order_counts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    orders: Mapped[int] = mapped_column(BigInteger)


class OrderText(Base):
    """What a search looks through of an order."""

    __tablename__ = "order_texts"

    order_id: Mapped[ULID] = mapped_column(
        ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True
    )
    created_at: Mapped[datetime]
    """The order's own: the newest are found first."""
    told: Mapped[str]
    """Number, name, e-mail address, note and dedications, without case and accents."""

    __table_args__ = (
        Index("ix_order_texts_newest", text("created_at DESC"), text("order_id DESC")),
        Index("ix_order_texts_grams", text("fototui_grams(told)"), postgresql_using="gin"),
    )
