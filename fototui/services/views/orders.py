"""What services tell of orders, with all that is in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from ulid import ULID

from fototui.domain.badges import Badge
from fototui.domain.costs import Costs
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.stages import BookState, OrderStage, stage_of
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)
from fototui.services.views.books import BookView
from fototui.services.views.versions import VersionView


@dataclass(frozen=True, slots=True)
class ImageBadges:
    """How far one image is: of each kind the chosen version, else the latest.

    Args:
        image_id: The image.
        coloring_id: The colouring version that is told of.
        coloring: Its status; None where there is no version yet.
        svg_id: The SVG version that is told of.
        svg: Its status.
        is_wanted: Its line item is still in the order.
        has_photo: Its photo is in storage.
        has_svg: An SVG was made of that very colouring, or is being made.
        is_svg_chosen: An SVG of the chosen colouring is chosen, by whomever.
        is_coloring_approved: The colouring was chosen by an operator.
        is_svg_approved: The SVG was chosen by an operator.
        is_svg_out_of_date: The SVG was made of a colouring that is not the chosen one.
    """

    image_id: int
    coloring_id: int | None
    coloring: ColoringProcessingStatus | None
    svg_id: int | None
    svg: SvgProcessingStatus | None
    is_wanted: bool = True
    has_photo: bool = True
    has_svg: bool = False
    is_svg_chosen: bool = False
    is_coloring_approved: bool = False
    is_svg_approved: bool = False
    is_svg_out_of_date: bool = False

    def version_id(self, kind: VersionType) -> int | None:
        """The version of a kind that is told of."""
        return {VersionType.COLORING: self.coloring_id, VersionType.SVG: self.svg_id}[kind]

    def status(self, kind: VersionType) -> ColoringProcessingStatus | SvgProcessingStatus | None:
        """Its status."""
        return {VersionType.COLORING: self.coloring, VersionType.SVG: self.svg}[kind]

    def badge(self, kind: VersionType) -> Badge:
        """Its sign."""
        if kind is VersionType.COLORING:
            return Badge.judged(
                self.coloring, is_approved=self.is_coloring_approved, is_out_of_date=False
            )
        return Badge.judged(
            self.svg, is_approved=self.is_svg_approved, is_out_of_date=self.is_svg_out_of_date
        )


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One line of the list of orders.

    Args:
        id: ULID.
        number: "#1270" or "#M1000".
        created_at: When it was placed.
        customer_name: Who placed it.
        customer_email: Their address.
        items: Number of its line items.
        payment_status: As Shopify calls it.
        status: Its own status.
        images: One entry per image, in the order of the books and their pages.
        waiting: Pictures of it that wait in the review.
        search: What a search looks through, `folded`: number, name, e-mail, dedications.
        error: Why it failed itself, or why its details or photos wait.
        urgent: Its jobs go before others'.
        shopify_id: Shopify's id; None for a manual order.
        running: Its versions that wait or are being made, whatever the badges show.
        books: The newest book of each line item that has photos and is still in the order.
        lacks_photos: It should have photos, and the shop names none.
        cancelled_at: When the shop cancelled it.
        finished_at: When it was handed over.
        book_ids: The books that `books` tells of; 0 where there is none.
        customer_note: What it waits for from its customer; None where it does not.
    """

    id: str
    number: str
    created_at: datetime
    customer_name: str | None
    customer_email: str | None
    items: int
    payment_status: str | None
    status: OrderStatus
    images: tuple[ImageBadges, ...]
    waiting: int
    search: str
    error: Sentence | None = None
    urgent: bool = False
    shopify_id: int | None = None
    running: int = 0
    books: tuple[BookState, ...] = ()
    lacks_photos: bool = False
    cancelled_at: datetime | None = None
    finished_at: datetime | None = None
    book_ids: tuple[int, ...] = ()
    customer_note: str | None = None

    @property
    def stage(self) -> OrderStage:
        """What it wants next."""
        return stage_of(self)


@dataclass(frozen=True, slots=True)
class OrderCursor:
    """Where a page of the list ends.

    Args:
        at: Of the page's last order, the time that it is read by.
        id: Its ULID.
    """

    at: datetime
    id: str

    @classmethod
    def at_moment(cls, moment: datetime) -> OrderCursor:
        """The end of a page of all orders from a moment on.

        Args:
            moment: The moment.
        """
        return cls(moment, str(ULID(bytes(16))))

    def is_after(self, row: OrderRow) -> bool:
        """Whether an order stands below it in the list.

        Args:
            row: The order.
        """
        return (row.created_at, row.id) < (self.at, self.id)


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of the list, newest first.

    Args:
        orders: Its lines.
        next: Ask with this for the page after it; None on the last page.
    """

    orders: tuple[OrderRow, ...]
    next: OrderCursor | None


@dataclass(frozen=True, slots=True)
class ImageView:
    """One photo and all that was made from it.

    Args:
        id: Its row.
        position: Its page in the book, from 1.
        original_url: Where the photo came from.
        file: The photo, once it is in storage.
        uploaded_at: When it came there.
        selected_coloring_id: The chosen colouring.
        selected_svg_id: The chosen SVG.
        coloring: All colourings, by number.
        svg: All SVGs, by number.
        error: Why the photo could not be fetched.
        coloring_chosen_at: When an operator chose the colouring; None where a job's end did.
        svg_chosen_at: When an operator chose the SVG.
        coloring_chosen_by: Who chose the colouring; None where nobody did, or nobody knows.
        svg_chosen_by: Who chose the SVG.
    """

    id: int
    position: int
    original_url: str | None
    file: S3ObjectRefData | None
    uploaded_at: datetime | None
    selected_coloring_id: int | None
    selected_svg_id: int | None
    coloring: tuple[VersionView, ...]
    svg: tuple[VersionView, ...]
    error: Sentence | None = None
    coloring_chosen_at: datetime | None = None
    svg_chosen_at: datetime | None = None
    coloring_chosen_by: str | None = None
    svg_chosen_by: str | None = None

    def versions(self, kind: VersionType) -> tuple[VersionView, ...]:
        """All versions of a kind, by number."""
        return {VersionType.COLORING: self.coloring, VersionType.SVG: self.svg}[kind]

    def chosen_id(self, kind: VersionType) -> int | None:
        """The chosen version of a kind."""
        return {
            VersionType.COLORING: self.selected_coloring_id,
            VersionType.SVG: self.selected_svg_id,
        }[kind]

    def told(self, kind: VersionType) -> VersionView | None:
        """The version that a badge tells of: the chosen one, else the latest."""
        versions = self.versions(kind)
        chosen = next((view for view in versions if view.id == self.chosen_id(kind)), None)
        return chosen or next(reversed(versions), None)

    def chosen_at(self, kind: VersionType) -> datetime | None:
        """When an operator chose the chosen version of a kind."""
        return {
            VersionType.COLORING: self.coloring_chosen_at,
            VersionType.SVG: self.svg_chosen_at,
        }[kind]

    def chosen_by(self, kind: VersionType) -> str | None:
        """Who chose the chosen version of a kind."""
        return {
            VersionType.COLORING: self.coloring_chosen_by,
            VersionType.SVG: self.svg_chosen_by,
        }[kind]

    def is_out_of_date(self, view: VersionView) -> bool:
        """Whether a version is an SVG of a colouring that is not the chosen one."""
        return (
            view.kind is VersionType.SVG
            and self.selected_coloring_id is not None
            and view.coloring_version_id != self.selected_coloring_id
        )

    def badge(self, view: VersionView | None) -> Badge:
        """The sign of one of its versions.

        Args:
            view: The version; None where there is none.
        """
        if view is None:
            return Badge.NONE
        return Badge.judged(
            view.status,
            is_approved=view.selected and self.chosen_at(view.kind) is not None,
            is_out_of_date=self.is_out_of_date(view),
        )

    def with_versions(self, kind: VersionType, versions: tuple[VersionView, ...]) -> ImageView:
        """The same with other versions of a kind."""
        if kind is VersionType.SVG:
            return replace(self, svg=versions)
        return replace(self, coloring=versions)


@dataclass(frozen=True, slots=True)
class LineItemView:
    """One colouring book.

    Args:
        id: Its row.
        position: Its place in the order, from 1.
        title: What it is called in the shop.
        quantity: Copies.
        dedication: Its dedication.
        layout: Its layout.
        images: Its photos, by position.
    """

    id: int
    position: int
    title: str
    quantity: int
    dedication: str | None
    layout: str | None
    images: tuple[ImageView, ...]


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """One order with everything in it.

    Args:
        id: ULID.
        number: "#1270" or "#M1000".
        shopify_id: Shopify's id; None for a manual order.
        customer_name: Who placed it.
        customer_email: Their address.
        payment_status: As Shopify calls it.
        shipping_method: How it is sent.
        status: Its own status.
        created_at: When it was placed.
        updated_at: When its own data last changed.
        line_items: Its books, by position.
        error: Why it failed itself, or why its details or photos wait.
        urgent: Its jobs go before others'.
        finished_at: When it was handed over.
        finished_by: By whom.
        reopened: Why it came back after it was handed over.
        customer_note: What it waits for from its customer; None where it does not.
        customer_asked_at: Since when.
        customer_asked_by: Who said so.
        costs: What outside services were paid for it.
        books: All its books, by line item and number; None where they were not asked for.
    """

    id: str
    number: str
    shopify_id: int | None
    customer_name: str | None
    customer_email: str | None
    payment_status: str | None
    shipping_method: str | None
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    line_items: tuple[LineItemView, ...]
    error: Sentence | None = None
    urgent: bool = False
    finished_at: datetime | None = None
    finished_by: str | None = None
    reopened: Sentence | None = None
    customer_note: str | None = None
    customer_asked_at: datetime | None = None
    customer_asked_by: str | None = None
    costs: Costs = field(default_factory=Costs)
    books: tuple[BookView, ...] | None = None

    @property
    def images(self) -> tuple[ImageView, ...]:
        """All images, in the order of the books and their pages."""
        return tuple(image for item in self.line_items for image in item.images)
