"""A claimed job, and where its next step leads."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus, VersionType
from fototui.storage.keys import OrderStoragePaths

JobStatus = ColoringProcessingStatus | SvgProcessingStatus


@dataclass(frozen=True, slots=True)
class Job:
    """One version that this engine has claimed, with all that its steps need to know.

    Args:
        kind: Colouring or SVG.
        version_id: The version's row.
        version: Its number within the image.
        claim_token: What every write has to show.
        status: The status in which the row stands.
        options: What was asked for.
        source: The file it is made from: the photo, or the colouring.
        defect: Why the row cannot be worked on at all; options and source are None then.
        outside_id: RunPod's job id, once there is one.
        retries: Times it was put back after a transient failure.
        takeovers: Times it was taken from a dead engine.
        submissions: Calls begun to the outside service.
        resubmissions: Of these, calls begun although an earlier one may have been accepted.
        credits_charged: What earlier calls for it cost, in Vectorizer.ai's credits.
        order_id: ULID of its order.
        order_number: The order's number, for logs.
        line_item_id: Its line item.
        image_id: Its image.
        position: The image's position.
        resumed: No step has been run since the claim: what an earlier run left is unknown.
    """

    kind: VersionType
    version_id: int
    version: int
    claim_token: uuid.UUID
    status: JobStatus
    options: ColoringOptions | SvgOptions | None
    source: S3ObjectRefData | None
    defect: str | None
    outside_id: str | None
    retries: int
    takeovers: int
    submissions: int
    resubmissions: int
    credits_charged: float
    order_id: str
    order_number: str
    line_item_id: int
    image_id: int
    position: int
    resumed: bool = True

    @property
    def key(self) -> str:
        """Storage key of the file that the job makes."""
        paths = OrderStoragePaths(self.order_id, self.line_item_id, self.position)
        if self.kind is VersionType.COLORING:
            return paths.coloring(self.version)
        return paths.svg(self.version)

    def after(self, move: Move) -> Self:
        """The job as it stands once a move is written."""
        known = {
            name: value
            for name, value in move.fields.items()
            if name in ("submissions", "resubmissions", "credits_charged")
        }
        if "runpod_job_id" in move.fields:
            known["outside_id"] = move.fields["runpod_job_id"]
        # mypy cannot know the type of each field in a mapping of several.
        return replace(self, status=move.status, resumed=False, **known)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Move:
    """Where a step leads: the next status, and columns that are written along with it.

    Args:
        status: The next status.
        fields: Column name → value or SQL expression.
    """

    status: JobStatus
    fields: Mapping[str, object] = field(default_factory=dict)
