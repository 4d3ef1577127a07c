"""What services give to their readers: values read once, detached from any session.

`as_json` turns any of them into plain JSON data: times in ISO 8601, statuses and ids as text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pydantic_core import to_jsonable_python

from fototui.db.models.orders import ColoringVersion, SvgVersion
from fototui.domain.errors import InvalidInputError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.sentences import IN_ENGLISH, Sentence
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)


def as_json(view: object) -> object:
    """Turn views into JSON data.

    Args:
        view: A view, or a list or dictionary of views.

    Returns:
        Dictionaries, lists, texts, numbers; sentences in English.
    """
    return to_jsonable_python(view, context=IN_ENGLISH)


def stored(text: str | None, words: Sentence | None) -> Sentence | None:
    """Read a sentence that is stored twice: in English, and so that it can be translated.

    Args:
        text: The English column, which decides: an older program writes it alone.
        words: The other one.

    Returns:
        The sentence; None where there is none.
    """
    if text is None:
        return None
    return words if words is not None and str(words) == text else Sentence.plain(text)


@dataclass(frozen=True, slots=True)
class ImageBadges:
    """How far one image is: of each kind the chosen version, else the latest.

    Args:
        image_id: The image.
        coloring_id: The colouring version that is told of.
        coloring: Its status; None where there is no version yet.
        svg_id: The SVG version that is told of.
        svg: Its status.
    """

    image_id: int
    coloring_id: int | None
    coloring: ColoringProcessingStatus | None
    svg_id: int | None
    svg: SvgProcessingStatus | None

    def version_id(self, kind: VersionType) -> int | None:
        """The version of a kind that is told of."""
        return {VersionType.COLORING: self.coloring_id, VersionType.SVG: self.svg_id}[kind]

    def status(self, kind: VersionType) -> ColoringProcessingStatus | SvgProcessingStatus | None:
        """Its status."""
        return {VersionType.COLORING: self.coloring, VersionType.SVG: self.svg}[kind]


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


@dataclass(frozen=True, slots=True)
class OrderCursor:
    """Where a page of the list ends.

    Args:
        created_at: Of the page's last order.
        id: Its ULID.
    """

    created_at: datetime
    id: str


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
class VersionView:
    """One version.

    Args:
        id: Its row.
        kind: Colouring or SVG.
        image_id: Its image.
        version: Its number within image and kind.
        status: Where it stands.
        options: What it is made with; None where an older program wrote what we do not know.
        selected: It is the image's chosen one.
        file: Its file, once there is one.
        coloring_version_id: The colouring an SVG is made from.
        requested_by: Who asked for it.
        created_at: When it was first asked for.
        queued_at: When it was last asked for.
        started_at: When work on it began.
        completed_at: When it ended, one way or other.
        not_before: It waits until then after a failure that may pass.
        elapsed_seconds: How long work on it took, or takes so far.
        error: Why it failed, or why it waits.
        error_code: The same for programs.
        attempts: Times it was taken up since it was last asked for.
        submissions: Calls to the outside service, over all attempts.
        resubmissions: Of these, calls that may have been paid twice.
        credits_charged: What Vectorizer.ai charged; None for a colouring.
    """

    id: int
    kind: VersionType
    image_id: int
    version: int
    status: ColoringProcessingStatus | SvgProcessingStatus
    options: ColoringOptions | SvgOptions | None
    selected: bool
    file: S3ObjectRefData | None
    coloring_version_id: int | None
    requested_by: str | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    not_before: datetime | None
    elapsed_seconds: float | None
    error: Sentence | None
    error_code: str | None
    attempts: int
    submissions: int
    resubmissions: int
    credits_charged: float | None

    @classmethod
    def of(
        cls, version: ColoringVersion | SvgVersion, *, selected_id: int | None, now: datetime
    ) -> VersionView:
        """View a row.

        Args:
            version: The row, with nothing expired.
            selected_id: The image's chosen version of this kind.
            now: The database's time.
        """
        end = version.completed_at or now
        started = version.started_at
        svg = version if isinstance(version, SvgVersion) else None
        return cls(
            id=version.id,
            kind=version.version_type,
            image_id=version.image_id,
            version=version.version,
            status=version.status,
            options=_options(version),
            selected=version.id == selected_id,
            file=version.file_ref,
            coloring_version_id=None if svg is None else svg.coloring_version_id,
            requested_by=version.requested_by,
            created_at=version.created_at,
            queued_at=version.queued_at,
            started_at=started,
            completed_at=version.completed_at,
            not_before=version.not_before,
            elapsed_seconds=None if started is None else max(0.0, (end - started).total_seconds()),
            error=stored(version.error, version.error_words),
            error_code=version.error_code,
            attempts=version.attempts,
            submissions=version.submissions,
            resubmissions=version.resubmissions,
            credits_charged=None if svg is None else svg.credits_charged,
        )


def _options(version: ColoringVersion | SvgVersion) -> ColoringOptions | SvgOptions | None:
    try:
        return version.options
    except (InvalidInputError, ValueError):  # one such row must not hide its whole order
        return None


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

    @property
    def images(self) -> tuple[ImageView, ...]:
        """All images, in the order of the books and their pages."""
        return tuple(image for item in self.line_items for image in item.images)


@dataclass(frozen=True, slots=True)
class StartReport:
    """What became of one image when versions were asked for many at once.

    Args:
        image_id: The image.
        position: Its page in the book.
        version: The version that was started; None where none was.
        skipped: Why none was started, for an operator.
    """

    image_id: int
    position: int
    version: VersionView | None = None
    skipped: Sentence | None = None
