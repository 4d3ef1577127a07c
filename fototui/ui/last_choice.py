"""The last choice, which may be taken back."""

from dataclasses import dataclass

from fototui.domain.statuses import VersionType
from fototui.services.backend import Backend
from fototui.services.versions.undo import TakenBack, UndoService


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

    async def take_back(self, backend: Backend) -> TakenBack:
        """Undo it; see `UndoService.take_back`.

        Args:
            backend: The services.

        Returns:
            What became of it.

        Raises:
            ConflictError: Someone chose again meanwhile.
        """
        async with backend.transaction(UndoService) as service:
            return await service.take_back(
                self.kind, self.image_id, chosen_id=self.new_id, previous_id=self.previous_id
            )
