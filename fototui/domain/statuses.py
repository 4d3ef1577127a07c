"""The product's statuses: their database strings, flags, Czech labels and colours.

Values, labels and colours are a contract with the shop's existing database and its operators.
"""

from enum import StrEnum
from typing import Self

from fototui.domain.flags import Colour, Flags, ProcessingStatusEnum, Status
from fototui.domain.text import czech

_AWAITING = Flags.RECOVERABLE | Flags.AWAITING_EXTERNAL

# The states that both pipelines share.
_PENDING = Status("pending", Flags.STARTABLE, "Čeká na odeslání", Colour.GREY)
_QUEUED = Status("queued", Flags.STARTABLE | Flags.RECOVERABLE, "Čeká ve frontě", Colour.BLUE)
_PROCESSING = Status("processing", Flags.RECOVERABLE, "Zpracovává se", Colour.BLUE)
_STORAGE_UPLOAD = Status("storage_upload", Flags.RECOVERABLE, "Nahrávání na S3", Colour.BLUE)
_COMPLETED = Status("completed", Flags.FINAL, "Dokončeno", Colour.GREEN)
_ERROR = Status("error", Flags.FINAL | Flags.RETRYABLE, "Chyba", Colour.RED)


class ColoringProcessingStatus(ProcessingStatusEnum):
    """The way of a colouring: photo → RunPod → storage."""

    PENDING = _PENDING
    QUEUED = _QUEUED
    PROCESSING = _PROCESSING
    RUNPOD_SUBMITTING = Status(
        "runpod_submitting", Flags.RECOVERABLE, "Runpod: odesílání", Colour.BLUE
    )
    RUNPOD_SUBMITTED = Status("runpod_submitted", _AWAITING, "Runpod: přijato", Colour.BLUE)
    RUNPOD_QUEUED = Status("runpod_queued", _AWAITING, "Runpod: ve frontě", Colour.YELLOW)
    RUNPOD_PROCESSING = Status("runpod_processing", _AWAITING, "Runpod: zpracování", Colour.YELLOW)
    RUNPOD_COMPLETED = Status(
        "runpod_completed", Flags.RECOVERABLE, "Runpod: dokončeno", Colour.GREEN
    )
    STORAGE_UPLOAD = _STORAGE_UPLOAD
    COMPLETED = _COMPLETED
    ERROR = _ERROR
    RUNPOD_CANCELLED = Status(
        "runpod_cancelled", Flags.FINAL | Flags.RETRYABLE, "Zrušeno", Colour.ORANGE
    )


class SvgProcessingStatus(ProcessingStatusEnum):
    """The way of an SVG: colouring → Vectorizer.ai → storage."""

    PENDING = _PENDING
    QUEUED = _QUEUED
    PROCESSING = _PROCESSING
    VECTORIZER_PROCESSING = Status(
        "vectorizer_processing", _AWAITING, "Vectorizer: zpracování", Colour.YELLOW
    )
    VECTORIZER_COMPLETED = Status(
        "vectorizer_completed", Flags.RECOVERABLE, "Vectorizer: dokončeno", Colour.GREEN
    )
    STORAGE_UPLOAD = _STORAGE_UPLOAD
    COMPLETED = _COMPLETED
    ERROR = _ERROR


class BookProcessingStatus(ProcessingStatusEnum):
    """The way of a book: chosen SVGs → typesetting → storage."""

    QUEUED = _QUEUED
    PROCESSING = Status("processing", Flags.RECOVERABLE, "Sází se", Colour.BLUE)
    STORAGE_UPLOAD = _STORAGE_UPLOAD
    COMPLETED = _COMPLETED
    ERROR = _ERROR


class OrderStatus(ProcessingStatusEnum):
    """The way of an order: known → details from Shopify → photos → the operator."""

    PENDING = Status("pending", Flags.STARTABLE, "Čeká na zpracování", Colour.GREY)
    PROCESSING = Status("processing", Flags.RECOVERABLE, "Zpracování…", Colour.YELLOW)
    DOWNLOADING = Status("downloading", Flags.RECOVERABLE, "Stahování…", Colour.BLUE)
    READY_FOR_REVIEW = Status("ready_for_review", Flags.FINAL, "Ke kontrole", Colour.GREEN)
    ERROR = _ERROR


NO_PHOTOS = "no_photos"
"""The code of an order that should have photos and has none."""


class PaymentStatus(StrEnum):
    """Shopify's `displayFinancialStatus`; a value not listed here is shown as it is."""

    display: str
    colour: Colour

    def __new__(cls, value: str, label: str, colour: Colour) -> Self:
        """Make the member; it is the plain string."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.display = label
        member.colour = colour
        return member

    PENDING = "PENDING", czech("Čeká na platbu"), Colour.YELLOW
    AUTHORIZED = "AUTHORIZED", czech("Autorizováno"), Colour.BLUE
    PARTIALLY_PAID = "PARTIALLY_PAID", czech("Částečně zaplaceno"), Colour.ORANGE
    PAID = "PAID", czech("Zaplaceno"), Colour.GREY
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED", czech("Částečně vráceno"), Colour.PURPLE
    REFUNDED = "REFUNDED", czech("Vráceno"), Colour.GREY
    VOIDED = "VOIDED", czech("Zrušeno"), Colour.RED
    EXPIRED = "EXPIRED", czech("Vypršelo"), Colour.GREY


class VersionType(StrEnum):
    """The two kinds of versions an image has."""

    COLORING = "coloring"
    SVG = "svg"


class JobKind(StrEnum):
    """The kinds of jobs, which are also the names of the engine's lanes.

    A colouring or SVG job is a version, a book is one of a line item's. An order has two jobs, one
    after the other: its details are fetched from the shop, then its photos are downloaded.
    """

    COLORING = "coloring"
    SVG = "svg"
    BOOK = "book"
    INGEST = "ingest"
    DOWNLOAD = "download"

    @classmethod
    def of(cls, version_type: VersionType) -> Self:
        """The kind of job that makes a version."""
        return cls(version_type.value)


class RunPodJobStatus(StrEnum):
    """States of a RunPod serverless v2 job, as its `/status` answers them."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    RUNNING = "RUNNING"  # seen beside IN_PROGRESS, with the same meaning
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def is_final(self) -> bool:
        """RunPod will do nothing more with the job."""
        return self in _RUNPOD_FINAL


_RUNPOD_FINAL = frozenset(
    {
        RunPodJobStatus.COMPLETED,
        RunPodJobStatus.FAILED,
        RunPodJobStatus.CANCELLED,
        RunPodJobStatus.TIMED_OUT,
    }
)

PROCESSING_STATUS: dict[VersionType, type[ColoringProcessingStatus] | type[SvgProcessingStatus]] = {
    VersionType.COLORING: ColoringProcessingStatus,
    VersionType.SVG: SvgProcessingStatus,
}
"""Which statuses a kind of version takes."""

MADE_FROM = {VersionType.SVG: VersionType.COLORING}
"""Of which other kind's chosen version a version is made; the others are made from the photo."""

CANCELLED = "cancelled"
"""Error code of a version or book that an operator cancelled."""

__all__ = [
    "CANCELLED",
    "MADE_FROM",
    "PROCESSING_STATUS",
    "BookProcessingStatus",
    "ColoringProcessingStatus",
    "JobKind",
    "OrderStatus",
    "PaymentStatus",
    "RunPodJobStatus",
    "SvgProcessingStatus",
    "VersionType",
]
