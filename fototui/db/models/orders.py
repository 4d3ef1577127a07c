"""The tables: the shop's own, as its database has them, and the engine's beside them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import (
    InstrumentedAttribute,
    Mapped,
    declared_attr,
    mapped_column,
    relationship,
)
from ulid import ULID

from fototui.db.base import NOW, ZERO, Base
from fototui.db.models.columns import ChangeMarked, JobColumns
from fototui.db.types import status_enum
from fototui.domain.files import S3ObjectRefData
from fototui.domain.lanes import LANES
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    JobKind,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)

_ORDER_LANES = tuple(kind for kind, lane in LANES.items() if lane.table == "orders")


def active_predicate(kind: JobKind | VersionType, prefix: str = "") -> str:
    """The condition under which a row is a job of a kind that is not finished and not held.

    It is the condition of a partial index, and a query uses that index only if it states the very
    same condition with literal values.

    Args:
        kind: Which kind.
        prefix: Table alias with its dot, where the query needs one.

    Returns:
        SQL text, made of constants only.
    """
    return LANES[JobKind(kind)].active(prefix)


class Order(JobColumns, ChangeMarked, Base):
    """A customer's order, from Shopify ("#1270") or made by hand ("#M1000").

    It is a job of two lanes: `ingest` fetches its details, `download` its photos.
    """

    __tablename__ = "orders"

    id: Mapped[ULID] = mapped_column(primary_key=True, default=ULID)
    order_number: Mapped[str] = mapped_column(unique=True, index=True)
    shopify_id: Mapped[int | None] = mapped_column(BigInteger, unique=True, index=True)
    shopify_order_number: Mapped[str | None] = mapped_column(index=True)
    customer_email: Mapped[str | None]
    customer_name: Mapped[str | None]
    payment_status: Mapped[str | None]
    shipping_method: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]
    """When the shop cancelled it: nothing is asked for it unasked any more."""
    status: Mapped[OrderStatus] = mapped_column(
        status_enum(OrderStatus), default=OrderStatus.PENDING
    )
    created_at: Mapped[datetime] = mapped_column(default=NOW)
    updated_at: Mapped[datetime] = mapped_column(default=NOW, onupdate=NOW)
    shop_revision: Mapped[str | None]
    """Which state of the shop's order is here in whole; null where that is not certain."""
    # The table alone has its default, the transaction's number: else an UPDATE would be read back.
    taken_in: Mapped[int | None] = mapped_column(BigInteger)
    """Number of the transaction that took that in: what changed later is not the shop's."""
    sync_requested_at: Mapped[datetime | None]
    """Since when its details are to be fetched again, whatever its status."""
    urgent_at: Mapped[datetime | None]
    """Since when its jobs go before all others."""
    finished_at: Mapped[datetime | None]
    """When it was handed over: nothing more is to be done for it."""
    finished_by: Mapped[str | None]
    reopened_words: Mapped[Sentence | None]
    """Why it came back after it was finished, as a sentence that can be translated."""
    customer_asked_at: Mapped[datetime | None]
    """Since when it waits for its customer."""
    customer_asked_by: Mapped[str | None]
    customer_note: Mapped[str | None]
    """What it waits for; empty where nobody said; null where it does not wait."""

    line_items: Mapped[list[LineItem]] = relationship(
        back_populates="order", order_by="LineItem.position", lazy="raise"
    )

    # An UPDATE brings `updated_at` back with it; reading it afterwards would be another round trip.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - as SQLAlchemy declares it
    # The list of orders is read newest first, page by page; also of one status only.
    __table_args__ = (
        Index("ix_orders_newest", text("created_at DESC"), text("id DESC")),
        Index("ix_orders_number_upper", text("upper(order_number)")),
        Index("ix_orders_status", "status", text("created_at DESC"), text("id DESC")),
        *(
            Index(
                f"ix_orders_{kind}",
                text("(urgent_at IS NULL)"),
                "queued_at",
                "id",
                postgresql_where=text(active_predicate(kind)),
            )
            for kind in _ORDER_LANES
        ),
        *(
            Index(
                f"ix_orders_{kind}_taken_over",
                "id",
                postgresql_where=text(f"{active_predicate(kind)} AND takeovers > 0"),
            )
            for kind in _ORDER_LANES
        ),
        Index("ix_orders_claimed", "claimed_by", postgresql_where=text("claimed_by IS NOT NULL")),
        Index("ix_orders_held", "id", postgresql_where=text("held_at IS NOT NULL")),
        # What is not done is the working day; its cost does not grow with what was done.
        Index(
            "ix_orders_working",
            text("created_at DESC"),
            text("id DESC"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(
            "ix_orders_finished",
            text("finished_at DESC"),
            text("id DESC"),
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
    )


class LineItem(ChangeMarked, Base):
    """One colouring book of an order."""

    __tablename__ = "line_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[ULID] = mapped_column(ForeignKey("orders.id"), index=True)
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

    __table_args__ = (UniqueConstraint("order_id", "position", name="uq_line_item_order_position"),)


class Image(ChangeMarked, Base):
    """One photo of a colouring book, and the versions chosen for it.

    `coloring_chosen_at` and `svg_chosen_at` tell when an operator chose; a choice made by a job's
    completion leaves them alone, so that a later completion knows whether it may choose again.
    """

    __tablename__ = "images"

    id: Mapped[int] = mapped_column(primary_key=True)
    line_item_id: Mapped[int] = mapped_column(ForeignKey("line_items.id"), index=True)
    position: Mapped[int]
    original_url: Mapped[str | None]
    file_ref: Mapped[S3ObjectRefData | None]
    uploaded_at: Mapped[datetime | None] = mapped_column(index=True)
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    """Why its photo could not be fetched, for an operator, in English."""
    error_words: Mapped[Sentence | None]
    """The same as a sentence that can be translated."""
    selected_coloring_id: Mapped[int | None] = mapped_column(
        ForeignKey("coloring_versions.id", use_alter=True, name="fk_images_selected_coloring_id")
    )
    selected_svg_id: Mapped[int | None] = mapped_column(
        ForeignKey("svg_versions.id", use_alter=True, name="fk_images_selected_svg_id")
    )
    coloring_chosen_at: Mapped[datetime | None] = mapped_column(index=True)
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

    __table_args__ = (
        UniqueConstraint("line_item_id", "position", name="uq_image_line_item_position"),
    )

    def chosen_id(self, kind: VersionType) -> int | None:
        """The chosen version of a kind."""
        chosen: int | None = getattr(self, CHOICE[kind][0].key)
        return chosen

    def chosen_at(self, kind: VersionType) -> datetime | None:
        """When an operator chose it; None where its completion did."""
        at: datetime | None = getattr(self, CHOICE[kind][1].key)
        return at

    def choose(self, kind: VersionType, version_id: int | None, at: datetime | None) -> None:
        """Write down a choice; `at` is None where no operator made it."""
        chosen, chosen_at = CHOICE[kind]
        setattr(self, chosen.key, version_id)
        setattr(self, chosen_at.key, at)


class BaseVersion(JobColumns, ChangeMarked, Base):
    """What colourings and SVGs share: a job on its way to a file."""

    __abstract__ = True
    version_type: ClassVar[VersionType]

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-10)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), index=True, sort_order=-9)
    version: Mapped[int] = mapped_column(sort_order=-8)
    file_ref: Mapped[S3ObjectRefData | None]
    created_at: Mapped[datetime] = mapped_column(default=NOW)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    submissions: Mapped[int] = mapped_column(server_default=ZERO, default=0)
    """Calls begun to the outside service, over all attempts and retries."""
    resubmissions: Mapped[int] = mapped_column(server_default=ZERO, default=0)
    """Calls begun although an earlier one was paid for or may have been, since it was asked for."""
    storage_away_since: Mapped[datetime | None]
    """Since when storage has not taken or given its file, while it waits for that."""

    # Triggers write these three while a row is unfinished, whoever queues it (see the migration).
    order_id: Mapped[ULID | None] = mapped_column(deferred=True)
    """Its image's order."""
    urgent: Mapped[bool] = mapped_column(server_default=text("false"), deferred=True)
    """Its order goes before others."""
    turn: Mapped[int] = mapped_column(BigInteger, server_default=ZERO, deferred=True)
    """Its place among the jobs of its order, counted on from the head of the queue when it was
    asked for: of two orders that wait, one job each has the same turn."""

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[object, ...]:
        name = cls.__tablename__
        active = active_predicate(cls.version_type)
        return (
            UniqueConstraint(
                "image_id", "version", name=f"uq_{name.removesuffix('s')}_image_version"
            ),
            # These read only unfinished rows: their cost does not grow with the number of finished
            # ones. The first is for lists, the second for claims, the third to take a turn.
            Index(f"ix_{name}_active", "queued_at", "id", postgresql_where=text(active)),
            Index(
                f"ix_{name}_turn",
                text("urgent DESC"),
                "turn",
                "queued_at",
                "id",
                postgresql_where=text(active),
            ),
            Index(f"ix_{name}_order", "order_id", "turn", postgresql_where=text(active)),
            # Jobs that outlived an engine are few, and looked for all the time.
            Index(
                f"ix_{name}_taken_over",
                "id",
                postgresql_where=text(f"{active} AND takeovers > 0"),
            ),
            # What is running now: for limits over all engines, and to give claims back.
            Index(
                f"ix_{name}_claimed",
                "claimed_by",
                postgresql_where=text("claimed_by IS NOT NULL"),
            ),
            Index(f"ix_{name}_held", "id", postgresql_where=text("held_at IS NOT NULL")),
            # What ended in the last hour.
            Index(
                f"ix_{name}_completed",
                "completed_at",
                postgresql_where=text("completed_at IS NOT NULL"),
            ),
        )


class ColoringVersion(BaseVersion):
    """Line art made from the photo by RunPod."""

    __tablename__ = "coloring_versions"
    version_type = VersionType.COLORING

    status: Mapped[ColoringProcessingStatus] = mapped_column(
        status_enum(ColoringProcessingStatus), default=ColoringProcessingStatus.QUEUED
    )
    megapixels: Mapped[float] = mapped_column(default=1.0)
    steps: Mapped[int] = mapped_column(default=4)
    runpod_job_id: Mapped[str | None] = mapped_column(String(100))
    cancel_job_id: Mapped[str | None] = mapped_column(String(100))
    """As `OutsideCancel`, but one only: written by engines of an older version, and told."""

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
        status_enum(SvgProcessingStatus), default=SvgProcessingStatus.QUEUED
    )
    coloring_version_id: Mapped[int] = mapped_column(ForeignKey("coloring_versions.id"), index=True)
    shape_stacking: Mapped[str] = mapped_column(default=ShapeStacking.STACKED)
    group_by: Mapped[str] = mapped_column(default=GroupBy.COLOR)
    vectorizer_job_id: Mapped[str | None] = mapped_column(String(100))
    credits_charged: Mapped[float] = mapped_column(server_default=ZERO, default=0.0)
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


VERSION_MODEL: dict[VersionType, type[ColoringVersion] | type[SvgVersion]] = {
    VersionType.COLORING: ColoringVersion,
    VersionType.SVG: SvgVersion,
}

CHOICE: dict[
    VersionType,
    tuple[InstrumentedAttribute[int | None], InstrumentedAttribute[datetime | None]],
] = {
    VersionType.COLORING: (Image.selected_coloring_id, Image.coloring_chosen_at),
    VersionType.SVG: (Image.selected_svg_id, Image.svg_chosen_at),
}
"""For each kind the column of the chosen version, and that of when an operator chose it."""
