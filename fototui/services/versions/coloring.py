"""What an operator can do with colourings."""

from fototui.db.events.session import mercure_autotrack
from fototui.db.models.operations import OutsideCancel
from fototui.db.models.orders import ColoringVersion
from fototui.domain.errors import ConflictError
from fototui.domain.events import ImageStatusEvent, ImageUpdateEvent
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import ColoringProcessingStatus, VersionType
from fototui.services.versions.image_state import ImageState
from fototui.services.versions.service import VersionService


@mercure_autotrack(ImageUpdateEvent, ImageStatusEvent)
class ColoringService(VersionService[ColoringVersion, ColoringOptions]):
    """Colourings: line art made from the photo."""

    kind = VersionType.COLORING
    model = ColoringVersion
    default_options = ColoringOptions()
    cancelled = ColoringProcessingStatus.RUNPOD_CANCELLED

    def _versions(self, state: ImageState) -> list[ColoringVersion]:
        return state.coloring

    def _build(self, state: ImageState, options: ColoringOptions) -> ColoringVersion:
        if state.image.file_ref is None:
            raise ConflictError(
                "The file of {image} is not in storage yet; wait for its download, or fetch the "
                "order again.",
                image=state.name,
            )
        return ColoringVersion(
            image_id=state.image.id,
            status=ColoringProcessingStatus.QUEUED,
            megapixels=options.megapixels,
            steps=options.steps,
        )

    def _makes_the_same(self, one: ColoringVersion, other: ColoringVersion) -> bool:
        return (one.megapixels, one.steps) == (other.megapixels, other.steps)

    def _source(self, version: ColoringVersion) -> int:
        return version.image_id

    def _set_queued(self, version: ColoringVersion) -> None:
        version.status = ColoringProcessingStatus.QUEUED

    def _end_outside(self, version: ColoringVersion) -> None:
        if version.runpod_job_id is not None:
            self.session.add(
                OutsideCancel(version_id=version.id, runpod_job_id=version.runpod_job_id)
            )
