"""What an operator can do to a job on a row of its own, whatever its kind."""

from collections.abc import Mapping
from typing import Protocol

from fototui.domain.statuses import JobKind
from fototui.services.access import ServiceType
from fototui.services.books.service import BookService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService


class JobSteering(Protocol):
    """The service of a kind of job."""

    async def retry(self, row_id: int, /) -> object:
        """Have a failed or cancelled job done again, or one go on that is held."""

    async def cancel(self, row_id: int, /) -> object:
        """Stop a job; the engine that works on it loses its claim."""


STEERING: Mapping[JobKind, ServiceType[JobSteering]] = {
    JobKind.COLORING: ColoringService,
    JobKind.SVG: VectorizerService,
    JobKind.BOOK: BookService,
}
"""For each lane whose jobs are rows of their own its service; another one is a line here."""
