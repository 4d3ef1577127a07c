"""A claimed job, and where its next step leads."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Self, TypeAlias, TypedDict, TypeVar

from sqlalchemy.orm import InstrumentedAttribute

from fototui.domain.costs import Call
from fototui.domain.files import S3ObjectRefData
from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind, OrderStatus, VersionType
from fototui.storage.keys import OrderStoragePaths

JobStatus: TypeAlias = ProcessingStatusEnum
"""Where a job stands; each lane has statuses of its own."""


class JobLabels(TypedDict, total=False):
    """What log lines name a job by."""

    order: str
    image: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row that this engine has claimed.

    Args:
        kind: What is to be done with it.
        row_id: The row's primary key.
        claim_token: What every write has to show.
        status: The status in which the row stands.
        waited: Seconds for which it had been waiting when it was claimed.
        retries: Times it was rescheduled after a transient failure.
        takeovers: Times it was taken from a dead engine.
        defect: Why the row cannot be worked on at all.
        order_id: ULID of its order.
        order_number: The order's number, for logs.
    """

    kind: JobKind
    row_id: int | uuid.UUID
    claim_token: uuid.UUID
    status: JobStatus
    waited: float
    retries: int
    takeovers: int
    defect: Sentence | None = None
    order_id: str
    order_number: str

    @property
    def labels(self) -> JobLabels:
        """What log lines name it by."""
        return {"order": self.order_number}

    def after(self, move: Move) -> Self:
        """The job as it stands once a move is written."""
        own = self.__dataclass_fields__
        known = {name: value for name, value in move.fields.items() if name in own}
        # mypy cannot know the type of each field in a mapping of several.
        return replace(self, status=move.status, **known)  # type: ignore[arg-type]


JobT = TypeVar("JobT", bound=Job)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileJob(Job):
    """A job that makes one file.

    Args:
        version: Its number among those made of the same image or line item.
        file: The file it has already; None where it is still to be made.
        storage_away: Seconds for which storage had been away when it was claimed; None where it
            does not wait for that.
        line_item_id: Its line item.
    """

    row_id: int
    version: int
    file: S3ObjectRefData | None
    storage_away: float | None
    line_item_id: int

    @property
    @abstractmethod
    def key(self) -> str:
        """Storage key of the file that the job makes."""


FileJobT = TypeVar("FileJobT", bound=FileJob)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionJob(FileJob):
    """A version to be made, with all that its steps need to know.

    Args:
        options: What was asked for; None where the row is defective.
        source: The file it is made from: the photo, or the colouring.
        runpod_job_id: RunPod's job id, once there is one.
        vectorizer_job_id: Vectorizer.ai's token of the result, once there is one.
        submissions: Calls begun to the outside service.
        resubmissions: Calls begun although an earlier one was paid for, or may have been, since an
            operator asked for it.
        credits_charged: What earlier calls for it cost, in Vectorizer.ai's credits.
        image_id: Its image.
        position: The image's position.
    """

    options: ColoringOptions | SvgOptions | None
    source: S3ObjectRefData | None
    runpod_job_id: str | None
    vectorizer_job_id: str | None
    submissions: int
    resubmissions: int
    credits_charged: float
    image_id: int
    position: int

    @property
    def version_type(self) -> VersionType:
        """Colouring or SVG."""
        return VersionType(self.kind.value)

    @property
    def key(self) -> str:
        """Storage key of the file that the job makes."""
        paths = OrderStoragePaths(self.order_id, self.line_item_id, self.position)
        key = {VersionType.COLORING: paths.coloring, VersionType.SVG: paths.svg}
        return key[self.version_type](self.version)

    @property
    def labels(self) -> JobLabels:
        """What log lines name it by."""
        return {"order": self.order_number, "image": self.image_id, "version": self.row_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderJob(Job):
    """An order whose details or photos are to be fetched.

    Args:
        shopify_id: Shopify's number of it; None for one that is not Shopify's.
        sync_requested_at: The request that this job answers; None where its status asks for it.
    """

    row_id: uuid.UUID
    status: OrderStatus
    shopify_id: int | None
    sync_requested_at: datetime | None


class Moment(Enum):
    """A time by the database's clock, which tells it when the move is written."""

    NOW = "now"
    LATER = "later"
    """When the move's `seconds` have passed."""


class Reason(TypedDict, total=False):
    """The columns that tell why a job failed or waits."""

    error_code: str
    error: str
    error_words: Sentence


class Columns(Reason, total=False):
    """The columns that a move may write: one that is not here is a slip of the pen.

    What only one lane's table has, and no later step needs to know, is written as `Move.own`.
    """

    claimed_by: None
    claim_token: None
    not_before: Moment
    started_at: Moment
    storage_away_since: Moment | None
    retries: int
    submissions: int
    resubmissions: int
    runpod_job_id: str | None
    vectorizer_job_id: str | None
    credits_charged: float
    file_ref: S3ObjectRefData | None


# Any: columns are of several types, and only their names are of interest here.
OwnColumn: TypeAlias = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Move:
    """Where a step leads: the next status, and columns that are written along with it.

    Args:
        status: The next status.
        fields: Columns, with their values or SQL expressions.
        ends: The job is over with it, and the claim given up.
        own: Columns that only this lane's table has.
        calls: What was learned of paid calls, to be written along.
        seconds: How far off `Moment.LATER` is.
    """

    status: JobStatus
    fields: Columns = field(default_factory=Columns)
    ends: bool = False
    own: Mapping[OwnColumn, object] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    seconds: float = 0.0

    @property
    def columns(self) -> Mapping[str, object]:
        """All columns that it writes beside the status, with their values."""
        if not self.own:
            return self.fields
        return {**self.fields, **{column.key: value for column, value in self.own.items()}}
