"""What an operator can do with SVGs."""

from fototui.db.events.session import mercure_autotrack
from fototui.db.models.orders import ColoringVersion, SvgVersion
from fototui.domain.errors import ConflictError, InvalidInputError
from fototui.domain.events import ImageStatusEvent, ImageUpdateEvent
from fototui.domain.options import SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus, VersionType
from fototui.services.versions.image_state import ImageState
from fototui.services.versions.messages import name_of
from fototui.services.versions.service import VersionService
from fototui.services.views.versions import VersionView


@mercure_autotrack(ImageUpdateEvent, ImageStatusEvent)
class VectorizerService(VersionService[SvgVersion, SvgOptions]):
    """SVGs: vectors made from a colouring."""

    kind = VersionType.SVG
    model = SvgVersion
    default_options = SvgOptions()
    cancelled = SvgProcessingStatus.ERROR  # it has none of its own; the error code tells

    async def create(
        self,
        image_id: int,
        options: SvgOptions | None = None,
        *,
        coloring_version_id: int | None = None,
    ) -> VersionView:
        """Ask for a new SVG of one image.

        Args:
            image_id: The image.
            options: What to make it with; the defaults where not given.
            coloring_version_id: The colouring to make it from; where not given the chosen one, or
                the newest finished one where none is chosen.

        Returns:
            The version, queued.

        Raises:
            NotFoundError: There is no such image.
            InvalidInputError: The colouring named is none of the image's.
            ConflictError: No colouring is completed, or the same SVG is being made already.
            RecordLockedError: Someone else kept the image locked.
        """
        chosen = options or self.default_options
        return await self._create(
            image_id, lambda state: self._build_from(state, chosen, coloring_version_id)
        )

    def _versions(self, state: ImageState) -> list[SvgVersion]:
        return state.svg

    def _build(self, state: ImageState, options: SvgOptions) -> SvgVersion:
        return self._build_from(state, options, None)

    def _build_from(
        self, state: ImageState, options: SvgOptions, coloring_version_id: int | None
    ) -> SvgVersion:
        coloring = _find_coloring(state, coloring_version_id)
        if coloring.status != ColoringProcessingStatus.COMPLETED or coloring.file_ref is None:
            raise ConflictError(
                "{version} of {image} has no finished file; an SVG needs a completed colouring.",
                version=name_of(VersionType.COLORING, coloring.version),
                image=state.name,
            )
        return SvgVersion(
            image_id=state.image.id,
            coloring_version_id=coloring.id,
            status=SvgProcessingStatus.QUEUED,
            shape_stacking=options.shape_stacking,
            group_by=options.group_by,
        )

    def _makes_the_same(self, one: SvgVersion, other: SvgVersion) -> bool:
        return _recipe(one) == _recipe(other)

    def _note(self, state: ImageState, version: SvgVersion) -> Sentence | None:
        if state.image.chosen_id(VersionType.COLORING) is not None:
            return None
        numbers = {coloring.id: coloring.version for coloring in state.coloring}
        source = name_of(VersionType.COLORING, numbers[version.coloring_version_id])
        return Sentence.make("Made of {version}: none is chosen.", version=source)

    def _source(self, version: SvgVersion) -> int:
        return version.coloring_version_id

    def _set_queued(self, version: SvgVersion) -> None:
        version.status = SvgProcessingStatus.QUEUED


def _find_coloring(state: ImageState, wanted: int | None) -> ColoringVersion:
    wanted_id = state.image.chosen_id(VersionType.COLORING) if wanted is None else wanted
    if wanted_id is None:
        return _newest_coloring(state)
    for coloring in state.coloring:
        if coloring.id == wanted_id:
            return coloring
    raise InvalidInputError(
        "Colouring {id} is none of {image}; name one of its own colourings.",
        id=wanted_id,
        image=state.name,
    )


def _newest_coloring(state: ImageState) -> ColoringVersion:
    # As the shop's own program did.
    for coloring in reversed(state.coloring):
        if coloring.status == ColoringProcessingStatus.COMPLETED and coloring.file_ref is not None:
            return coloring
    raise ConflictError(
        "No colouring of {image} is completed; make one and choose it first.", image=state.name
    )


def _recipe(version: SvgVersion) -> tuple[int, str, str]:
    # An older program wrote "none" where it meant cutouts.
    stacking = "cutouts" if version.shape_stacking == "none" else version.shape_stacking
    return version.coloring_version_id, stacking, version.group_by
