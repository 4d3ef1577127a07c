"""What services tell of versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fototui.db.models.orders import ColoringVersion, SvgVersion
from fototui.domain.errors import InvalidInputError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    SvgProcessingStatus,
    VersionType,
)
from fototui.services.views import stored


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
        note: What an operator who asks for it should know.
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
    note: Sentence | None = None

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
