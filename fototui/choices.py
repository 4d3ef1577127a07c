"""The last choice, which may be taken back."""

from dataclasses import dataclass

from fototui.desk import Desk
from fototui.domain.errors import InvalidInputError
from fototui.domain.statuses import VersionType
from fototui.i18n import N_
from fototui.services.coloring import ColoringService
from fototui.services.vectorizer import VectorizerService
from fototui.services.views import VersionView


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen in place of what.

    Args:
        kind: Colouring or SVG.
        image_id: The image.
        previous_id: What was chosen before; None where nothing was.
        new_id: What was chosen.
    """

    kind: VersionType
    image_id: int
    previous_id: int | None
    new_id: int

    async def take_back(self, desk: Desk) -> VersionView:
        """Choose what was chosen before.

        Args:
            desk: The services.

        Returns:
            The version that is chosen again.

        Raises:
            ConflictError: Someone chose again meanwhile.
        """
        if self.previous_id is None:
            raise InvalidInputError(N_("Nothing was chosen before; choose another version."))
        previous = self.previous_id
        if self.kind is VersionType.COLORING:
            return await desk.act(
                ColoringService, lambda s: s.select(previous, expected=self.new_id)
            )
        return await desk.act(VectorizerService, lambda s: s.select(previous, expected=self.new_id))
