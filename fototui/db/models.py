"""The tables: the shop's own, as its database has them, and the engine's beside them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, relationship
from ulid import ULID

from fototui.db.types import (
    COLORING_STATUS_PG_ENUM,
    ORDER_STATUS_PG_ENUM,
    SVG_STATUS_PG_ENUM,
    S3ObjectRef,
    ULIDType,
)
from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import (
    ColoringOptions,
    GroupBy,
    ShapeStacking,
    SvgOptions,
)
from fototui.domain.statuses import (
    PROCESSING_STATUS,
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)

_NOW = func.now()
_ZERO = text("0")


class Base(DeclarativeBase):
    """Base of all models."""

    metadata = MetaData(
        # PostgreSQL's own default names, which the shop's existing constraints have.
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    # Any: SQLAlchemy's own declaration of the attribute.
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        str: Text(),
        ULID: ULIDType(),
        S3ObjectRefData: S3ObjectRef(),
        float: Float(),
    }


class Order(Base):
    """A customer's order, from Shopify ("#1270") or made by hand ("#M1000")."""

    __tablename__ = "orders"

    id: Mapped[ULID] = mapped_column(primary_key=True, default=ULID)
    order_number: Mapped[str] = mapped_column(unique=True)
    shopify_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    shopify_order_number: Mapped[str | None] = mapped_column(index=True)
    customer_email: Mapped[str | None]
    customer_name: Mapped[str | None]
    payment_status: Mapped[str | None]
    shipping_method: Mapped[str | None]
    status: Mapped[OrderStatus] = mapped_column(ORDER_STATUS_PG_ENUM, default=OrderStatus.PENDING)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=_NOW, onupdate=_NOW)

    line_items: Mapped[list[LineItem]] = relationship(
        back_populates="order", order_by="LineItem.position", lazy="raise"
    )

    # An UPDATE brings `updated_at` back with it; reading it afterwards would be another round trip.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - as SQLAlchemy declares it
    # The list of orders is read newest first, page by page; also of one status only.
    __table_args__ = (
        Index("ix_orders_newest", text("created_at DESC"), text("id DESC")),
        Index("ix_orders_status", "status", text("created_at DESC"), text("id DESC")),
    )


class LineItem(Base):
    """One colouring book of an order."""

    __tablename__ = "line_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[ULID] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]
    shopify_line_item_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    title: Mapped[str]
    quantity: Mapped[int] = mapped_column(default=1)
    dedication: Mapped[str | None]
    layout: Mapped[str | None]

    order: Mapped[Order] = relationship(back_populates="line_items", lazy="raise")
    images: Mapped[list[Image]] = relationship(
        back_populates="line_item", order_by="Image.position", lazy="raise"
    )

    __table_args__ = (UniqueConstraint("order_id", "position"),)


class Image(Base):
    """One photo of a colouring book, and the versions chosen for it.

    `coloring_chosen_at` and `svg_chosen_at` tell when an operator chose; a choice made by a job's
    completion leaves them alone, so that a later completion knows whether it may choose again.
    """

    __tablename__ = "images"

    id: Mapped[int] = mapped_column(primary_key=True)
    line_item_id: Mapped[int] = mapped_column(ForeignKey("line_items.id"))
    position: Mapped[int]
    original_url: Mapped[str | None]
    file_ref: Mapped[S3ObjectRefData | None]
    uploaded_at: Mapped[datetime | None]
    selected_coloring_id: Mapped[int | None] = mapped_column(
        ForeignKey("coloring_versions.id", use_alter=True)
    )
    selected_svg_id: Mapped[int | None] = mapped_column(
        ForeignKey("svg_versions.id", use_alter=True)
    )
    coloring_chosen_at: Mapped[datetime | None]
    svg_chosen_at: Mapped[datetime | None]

    line_item: Mapped[LineItem] = relationship(back_populates="images", lazy="raise")
    coloring_versions: Mapped[list[ColoringVersion]] = relationship(
        back_populates="image",
        order_by="ColoringVersion.version",
        foreign_keys="ColoringVersion.image_id",
        lazy="raise",
    )
    svg_versions: Mapped[list[SvgVersion]] = relationship(
        back_populates="image",
        order_by="SvgVersion.version",
        foreign_keys="SvgVersion.image_id",
        lazy="raise",
    )

    __table_args__ = (UniqueConstraint("line_item_id", "position"),)


class BaseVersion(Base):
    """What colourings and SVGs share: a job on its way to a file.

    The second half of the columns is the engine's own bookkeeping. A row is claimed while
    `claimed_by` is set; whoever writes must show the `claim_token` of that claim.
    """

    __abstract__ = True
    version_type: ClassVar[VersionType]

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-10)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), sort_order=-9)
    version: Mapped[int] = mapped_column(sort_order=-8)
    file_ref: Mapped[S3ObjectRefData | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    requested_by: Mapped[str | None]
    queued_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    """When it was last asked for: at its creation or by a retry; claims go by it."""
    not_before: Mapped[datetime | None]
    """Put back after a transient failure: not to be claimed earlier."""
    claimed_by: Mapped[uuid.UUID | None]
    claim_token: Mapped[uuid.UUID | None]
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=_ZERO, default=0)
    """Claims since it was asked for."""
    retries: Mapped[int] = mapped_column(server_default=_ZERO, default=0)
    """Times it was put back after a transient failure."""
    takeovers: Mapped[int] = mapped_column(server_default=_ZERO, default=0)
    """Times it was taken from an engine that died."""
    submissions: Mapped[int] = mapped_column(server_default=_ZERO, default=0)
    """Calls begun to the outside service, over all attempts."""
    resubmissions: Mapped[int] = mapped_column(server_default=_ZERO, default=0)
    """Of these, calls begun although an earlier one may have been accepted and paid for."""
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    """Why it failed, or why it waits, for an operator."""

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[object, ...]:
        name = cls.__tablename__
        return (
            UniqueConstraint("image_id", "version"),
            # Claims read only unfinished rows, oldest first: their cost does not grow with the
            # number of finished ones.
            Index(
                f"ix_{name}_active",
                "queued_at",
                "id",
                postgresql_where=text(active_predicate(cls.version_type)),
            ),
            # What is running now: for limits over all engines, and to give claims back.
            Index(
                f"ix_{name}_claimed",
                "claimed_by",
                postgresql_where=text("claimed_by IS NOT NULL"),
            ),
        )


def active_predicate(kind: VersionType, prefix: str = "") -> str:
    """The condition under which a version is in the partial index of active rows.

    A query uses that index only if it states the very same condition with literal values.

    Args:
        kind: Which table.
        prefix: Table alias with its dot, where the query needs one.

    Returns:
        SQL text, made of constants only.
    """
    values = ", ".join(f"'{state}'" for state in PROCESSING_STATUS[kind] if state.meta.is_final)
    return f"{prefix}status NOT IN ({values})"


class ColoringVersion(BaseVersion):
    """Line art made from the photo by RunPod."""

    __tablename__ = "coloring_versions"
    version_type = VersionType.COLORING

    status: Mapped[ColoringProcessingStatus] = mapped_column(
        COLORING_STATUS_PG_ENUM, default=ColoringProcessingStatus.QUEUED
    )
    megapixels: Mapped[float] = mapped_column(server_default=text("1.0"), default=1.0)
    steps: Mapped[int] = mapped_column(server_default=text("4"), default=4)
    runpod_job_id: Mapped[str | None] = mapped_column(String(100))
    cancel_job_id: Mapped[str | None] = mapped_column(String(100))
    """A RunPod job that was cancelled here and that RunPod has still to be told about."""

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[object, ...]:
        untold = Index(
            "ix_coloring_versions_cancel", "id", postgresql_where=text("cancel_job_id IS NOT NULL")
        )
        return (*super().__table_args__, untold)

    image: Mapped[Image] = relationship(
        back_populates="coloring_versions",
        foreign_keys="ColoringVersion.image_id",
        lazy="raise",
    )

    @property
    def options(self) -> ColoringOptions:
        """The options it is made with."""
        return ColoringOptions(megapixels=self.megapixels, steps=self.steps)


class SvgVersion(BaseVersion):
    """A vector made from one colouring by Vectorizer.ai."""

    __tablename__ = "svg_versions"
    version_type = VersionType.SVG

    status: Mapped[SvgProcessingStatus] = mapped_column(
        SVG_STATUS_PG_ENUM, default=SvgProcessingStatus.QUEUED
    )
    coloring_version_id: Mapped[int] = mapped_column(ForeignKey("coloring_versions.id"), index=True)
    shape_stacking: Mapped[str] = mapped_column(
        server_default=text("'stacked'"), default=ShapeStacking.STACKED
    )
    group_by: Mapped[str] = mapped_column(server_default=text("'color'"), default=GroupBy.COLOR)
    vectorizer_job_id: Mapped[str | None] = mapped_column(String(100))
    credits_charged: Mapped[float] = mapped_column(server_default=_ZERO, default=0.0)
    """Credits that Vectorizer.ai charged, over all calls for this version."""

    image: Mapped[Image] = relationship(
        back_populates="svg_versions", foreign_keys="SvgVersion.image_id", lazy="raise"
    )
    coloring_version: Mapped[ColoringVersion] = relationship(lazy="raise")

    @property
    def options(self) -> SvgOptions:
        """The options it is made with."""
        return SvgOptions(
            shape_stacking=ShapeStacking(self.shape_stacking), group_by=GroupBy(self.group_by)
        )


class ManualOrderSequence(Base):
    """The next number of a manual order: one row, taken under its lock."""

    __tablename__ = "manual_order_sequence"

    id: Mapped[int] = mapped_column(primary_key=True)
    next_value: Mapped[int]


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
    started_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_seen_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    retired_at: Mapped[datetime | None]

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


class Activity(Base):
    """Who did what when."""

    __tablename__ = "activity"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=_NOW)
    operator: Mapped[str]
    action: Mapped[str]
    order_id: Mapped[ULID | None]
    image_id: Mapped[int | None]
    version_type: Mapped[str | None]
    version_id: Mapped[int | None]
    detail: Mapped[str | None]

    __table_args__ = (
        Index("ix_activity_order", "order_id", "id"),
        Index("ix_activity_operator", "operator", "id"),
    )


Version = ColoringVersion | SvgVersion

VERSION_MODEL: dict[VersionType, type[ColoringVersion] | type[SvgVersion]] = {
    VersionType.COLORING: ColoringVersion,
    VersionType.SVG: SvgVersion,
}
