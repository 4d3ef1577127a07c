"""What the operator did last that may be taken back: a choice, or a handing over."""

from dataclasses import dataclass
from typing import Protocol

from fototui.domain.statuses import VersionType
from fototui.i18n import _, ngettext
from fototui.services.backend import Backend
from fototui.services.orders.finishing import FinishReport, FinishService
from fototui.services.versions.undo import UndoService
from fototui.ui.judged import Picture


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back.

    Args:
        words: It, in a sentence.
        picture: The picture whose choice it was; None where it was none.
        waits: That picture waits in the review again.
    """

    words: str
    picture: Picture | None = None
    waits: bool = False


class Undoable(Protocol):
    """Something that may be taken back."""

    async def undo(self, backend: Backend) -> Undone:
        """Take it back.

        Raises:
            ConflictError: Someone was there meanwhile.
        """


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

    async def undo(self, backend: Backend) -> Undone:
        """Undo it; see `UndoService.take_back`."""
        async with backend.transaction(UndoService) as service:
            done = await service.take_back(
                self.kind, self.image_id, chosen_id=self.new_id, previous_id=self.previous_id
            )
        words = (
            _("The choice is undone. The picture is back in the review.")
            if done.waits
            else _("The choice is undone.")
        )
        return Undone(words, (self.image_id, self.kind), done.waits)


@dataclass(frozen=True, slots=True)
class HandingOver:
    """Orders that were finished at once.

    Args:
        report: What the service gave.
    """

    report: FinishReport

    async def undo(self, backend: Backend) -> Undone:
        """Undo it; see `FinishService.take_back`."""
        async with backend.transaction(FinishService) as service:
            done = await service.take_back(self.report)
        words = ngettext(
            "{count} order is open again.", "{count} orders are open again.", len(done.changed)
        )
        return Undone(words.format(count=len(done.changed)))
