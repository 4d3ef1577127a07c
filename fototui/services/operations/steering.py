"""What an operator can do to a job on a row of its own, whatever its kind."""

from collections.abc import Mapping
from typing import Protocol

from fototui.db.models.columns import FileRow
from fototui.domain.lanes import file_lanes
from fototui.domain.statuses import JobKind
from fototui.services.access import ServiceType
from fototui.services.books.service import BookService
from fototui.services.operations.file_jobs import FileJobService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService


class JobSteering(Protocol):
    """The service of a kind of job."""

    async def retry(self, row_id: int, /) -> object:
        """Have a failed or cancelled job done again, or one go on that is held."""

    async def cancel(self, row_id: int, /) -> object:
        """Stop a job; the engine that works on it loses its claim."""


_MODELS = {model.__tablename__: model for model in FileRow.__subclasses__()}

STEERING: Mapping[JobKind, ServiceType[JobSteering]] = {
    **{lane.kind: FileJobService.of(_MODELS[lane.table]) for lane in file_lanes()},
    JobKind.COLORING: ColoringService,
    JobKind.SVG: VectorizerService,
    JobKind.BOOK: BookService,
}
"""The service of each lane whose jobs are rows of their own; one that can do more is told here."""
