"""What the API answers and takes, as its description tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from fototui.domain.books import MAX_BLEED, BookOptions, FindingKind
from fototui.domain.options import (
    MEGAPIXELS_RANGE,
    STEPS_RANGE,
    ColoringOptions,
    GroupBy,
    ShapeStacking,
    SvgOptions,
)
from fototui.domain.stages import Stage
from fototui.domain.statuses import (
    BookProcessingStatus,
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
)

# --- what is asked for -------------------------------------------------------------------------

Megapixels = Annotated[
    float, Field(ge=MEGAPIXELS_RANGE[0], le=MEGAPIXELS_RANGE[1], allow_inf_nan=False)
]
Steps = Annotated[int, Field(ge=STEPS_RANGE[0], le=STEPS_RANGE[1])]


class _Request(BaseModel):
    # A misspelt option would otherwise cost money without being heard.
    model_config = ConfigDict(extra="forbid")


class ColoringRequest(_Request):
    """Options of colourings; what is left out has the server's default."""

    megapixels: Megapixels | None = None
    steps: Steps | None = None

    def over(self, default: ColoringOptions) -> ColoringOptions:
        """The options asked for, on top of others."""
        return ColoringOptions(
            megapixels=default.megapixels if self.megapixels is None else self.megapixels,
            steps=default.steps if self.steps is None else self.steps,
        )


class SvgRequest(_Request):
    """Options of SVGs; what is left out has its default."""

    shape_stacking: ShapeStacking = ShapeStacking.STACKED
    group_by: GroupBy = GroupBy.COLOR

    def options(self) -> SvgOptions:
        """The options asked for."""
        return SvgOptions(shape_stacking=self.shape_stacking, group_by=self.group_by)


class BookRequest(_Request):
    """Which books, and how they are typeset; what is left out has the server's default."""

    positions: list[Annotated[int, Field(ge=1, le=2**31 - 1)]] | None = Field(
        default=None,
        max_length=1000,
        description="Only of the line items in these places, from 1; all where left out.",
    )
    bleed: Annotated[float, Field(ge=0, le=MAX_BLEED, allow_inf_nan=False)] | None = Field(
        default=None, description="Millimetres around each page that are cut off after printing."
    )
    crop_marks: bool | None = None
    blank_backs: bool | None = None
    page_numbers: bool | None = None

    @property
    def has_options(self) -> bool:
        """Whether it says how; then a true book of other options is made anew."""
        return bool(self._options)

    @property
    def _options(self) -> dict[str, object]:
        return self.model_dump(exclude={"positions"}, exclude_none=True)

    def over(self, default: BookOptions) -> BookOptions:
        """The options asked for, on top of others."""
        return BookOptions.model_validate(default.model_dump() | self._options)


class CustomerRequest(_Request):
    """What an order waits for."""

    note: str = Field(default="", max_length=300, description="What the customer is asked for.")


# --- images and versions -----------------------------------------------------------------------


class ColoringOptionsAnswer(BaseModel):
    """Options of a colouring."""

    model_config = ConfigDict(from_attributes=True)

    megapixels: float
    steps: int


class SvgOptionsAnswer(BaseModel):
    """Options of an SVG."""

    model_config = ConfigDict(from_attributes=True)

    shape_stacking: ShapeStacking
    group_by: GroupBy


class ColoringVersionAnswer(BaseModel):
    """One colouring of an image."""

    id: int
    version: int = Field(description="Its number within the image.")
    url: str | None = Field(description="Where its file is, once there is one.")
    status: ColoringProcessingStatus
    options: ColoringOptionsAnswer | None = Field(
        description="null where an older program wrote what is not known today."
    )
    created_at: datetime


class SvgVersionAnswer(BaseModel):
    """One SVG of an image."""

    id: int
    version: int = Field(description="Its number within the image.")
    url: str | None = Field(description="Where its file is, once there is one.")
    status: SvgProcessingStatus
    coloring_version_id: int = Field(description="The colouring that it is made from.")
    options: SvgOptionsAnswer | None = Field(
        description="null where an older program wrote what is not known today."
    )
    created_at: datetime


class SelectedVersions(BaseModel):
    """The versions chosen for an image."""

    coloring: int | None
    svg: int | None


class Versions(BaseModel):
    """All versions of an image, by number."""

    coloring: list[ColoringVersionAnswer]
    svg: list[SvgVersionAnswer]


class ImageAnswer(BaseModel):
    """One photo and all that was made from it."""

    id: int
    position: int = Field(description="Its page in the book, from 1.")
    url: str | None = Field(description="Where the photo is, once it is in storage.")
    downloaded_at: datetime | None
    selected_version_ids: SelectedVersions
    versions: Versions


# --- orders ------------------------------------------------------------------------------------


class OrderSummary(BaseModel):
    """One line of the list of orders."""

    id: str = Field(description="ULID.")
    order_number: str = Field(description='Such as "#1270" or "#M1000".')
    status: OrderStatus
    stage: Stage = Field(description="What it wants next.")
    stage_count: int = Field(
        description="Of how many pictures, jobs or books its stage speaks; 0 for the whole order."
    )
    customer_name: str | None
    customer_email: str | None
    payment_status: str | None = Field(description="As Shopify calls it.")
    customer_note: str | None = Field(
        description="What it waits for from its customer; null where it does not wait."
    )
    created_at: datetime
    line_items: int = Field(description="How many colouring books it has.")
    images: int = Field(description="How many photos it has.")


class OrderList(BaseModel):
    """A page of the list of orders, newest first."""

    orders: list[OrderSummary]
    total: int = Field(description="How many orders there are in all, of the stage asked for.")


class LineItemAnswer(BaseModel):
    """One colouring book of an order."""

    id: int
    position: int = Field(description="Its place in the order, from 1.")
    title: str
    quantity: int
    dedication: str | None
    layout: str | None
    images: list[ImageAnswer]


class SpentAnswer(BaseModel):
    """What calls to outside services took."""

    calls: int
    seconds: float = Field(description="RunPod's work.")
    credits: float = Field(description="Vectorizer.ai's.")
    cost: float | None = Field(description="null where no price is set.")


class CostsAnswer(BaseModel):
    """What was paid for an order, resubmissions and failures included."""

    total: SpentAnswer
    wasted: SpentAnswer = Field(description="Of it what no version came of.")
    currency: str | None = Field(description="What the costs are in; null where no price is set.")


class OrderAnswer(BaseModel):
    """One order with everything in it."""

    id: str = Field(description="ULID.")
    order_number: str = Field(description='Such as "#1270" or "#M1000".')
    shopify_id: int | None = Field(description="null for an order made by hand.")
    status: OrderStatus
    stage: Stage = Field(description="What it wants next.")
    stage_count: int = Field(
        description="Of how many pictures, jobs or books its stage speaks; 0 for the whole order."
    )
    finished_at: datetime | None = Field(description="When it was handed over.")
    finished_by: str | None = Field(description="By whom.")
    customer_note: str | None = Field(
        description="What it waits for from its customer; null where it does not wait."
    )
    customer_asked_at: datetime | None = Field(description="Since when it waits for that.")
    customer_asked_by: str | None = Field(description="Who said so.")
    customer_name: str | None
    customer_email: str | None
    payment_status: str | None = Field(description="As Shopify calls it.")
    shipping_method: str | None
    created_at: datetime
    updated_at: datetime
    costs: CostsAnswer
    line_items: list[LineItemAnswer]


# --- books -------------------------------------------------------------------------------------


class BookOptionsAnswer(BaseModel):
    """How a book is typeset."""

    model_config = ConfigDict(from_attributes=True)

    bleed: float
    crop_marks: bool
    blank_backs: bool
    page_numbers: bool


class FindingAnswer(BaseModel):
    """What to look at before a book is printed."""

    page: int | None = Field(description="Page of the file, from 1; null for the whole book.")
    kind: FindingKind
    message: str


class BookAnswer(BaseModel):
    """One book of a line item."""

    id: int
    line_item_id: int
    position: int = Field(description="The line item's place in the order, from 1.")
    version: int = Field(description="Its number within the line item.")
    url: str | None = Field(description="Where its PDF is, once there is one.")
    status: BookProcessingStatus
    current: bool = Field(
        description="It is the newest, has not failed, and shows what is chosen and told today."
    )
    pages: int | None = Field(description="Pages of the file, once there is one.")
    findings: list[FindingAnswer] | None = Field(description="null before it was looked at.")
    options: BookOptionsAnswer | None = Field(
        description="null where another program wrote what is not known here."
    )
    error: str | None = Field(description="Why it failed, or why it waits.")
    created_at: datetime
    completed_at: datetime | None


# --- what was begun ----------------------------------------------------------------------------

VersionT = TypeVar("VersionT", ColoringVersionAnswer, SvgVersionAnswer)


class Started(BaseModel, Generic[VersionT]):
    """What was begun for one image."""

    image_id: int
    version: VersionT
    note: str | None = Field(
        default=None, description="What is to be known of it, such as that no colouring is chosen."
    )


class Skipped(BaseModel):
    """Why nothing was begun for an image."""

    image_id: int
    reason: str


class GenerationReport(BaseModel, Generic[VersionT]):
    """What was begun for the images of an order, and what was not."""

    started: list[Started[VersionT]]
    skipped: list[Skipped]


class StartedBook(BaseModel):
    """The book that was begun for one line item."""

    line_item_id: int
    book: BookAnswer


class SkippedBook(BaseModel):
    """Why no book was begun for a line item."""

    line_item_id: int
    reason: str


class BookGenerationReport(BaseModel):
    """What was begun for the line items of an order, and what was not."""

    started: list[StartedBook]
    skipped: list[SkippedBook]


class SyncAnswer(BaseModel):
    """The order will be fetched from the shop again; its events tell when that is done."""

    requested: bool = True


class FailedImport(BaseModel):
    """An order that could not be imported."""

    order_number: str
    reason: str


class ImportAnswer(BaseModel):
    """What an import did, by order number."""

    imported: list[str]
    updated: list[str]
    skipped: list[str]
    failed: list[FailedImport]


# --- health and webhooks -----------------------------------------------------------------------


class Alive(BaseModel):
    """The process runs."""

    status: str = "ok"


class Readiness(BaseModel):
    """Whether the server can do its work."""

    ready: bool
    checks: dict[str, str] = Field(
        description='For each part "ok", or the code of what is wrong; the log tells more.'
    )


class WebhookAnswer(BaseModel):
    """What became of a webhook."""

    result: str = Field(description='"accepted", "duplicate" or "ignored".')
