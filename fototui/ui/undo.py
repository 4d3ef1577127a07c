"""What the operator did that may be taken back: choices, and handing orders over."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from fototui.domain.errors import ConflictError, FototuiError
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, translate
from fototui.services.backend import Backend
from fototui.services.orders.finishing import FinishReport, FinishService
from fototui.services.versions.messages import name_of
from fototui.services.versions.undo import UndoService
from fototui.ui.judged import Picture

_KEPT = 50
_NUMBERS_TOLD = 5


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

    @property
    def at(self) -> datetime:
        """When it was done."""

    @property
    def picture(self) -> Picture | None:
        """The picture it is about; None where it is about whole orders."""

    def in_words(self) -> str:
        """What was done, translated."""

    async def undo(self, backend: Backend) -> Undone:
        """Take it back.

        Raises:
            ConflictError: Someone was there meanwhile.
        """


@dataclass(frozen=True, eq=False, slots=True)
class Choice:
    """What was chosen in place of what.

    Args:
        at: When.
        kind: Colouring or SVG.
        image_id: The image.
        previous_id: What was chosen before; None where nothing was.
        new_id: What was chosen.
        number: The number of what was chosen.
        order_number: The order's number; empty where it is not known.
        page: The photo's place in the order, from 1; None where it is not known.
    """

    at: datetime
    kind: VersionType
    image_id: int
    previous_id: int | None
    new_id: int
    number: int
    order_number: str = ""
    page: int | None = None

    @property
    def picture(self) -> Picture:
        """The picture it is about."""
        return self.image_id, self.kind

    def in_words(self) -> str:
        """What was chosen."""
        page = "" if self.page is None else _("Photo {position}").format(position=self.page)
        chosen = _("{version} chosen").format(version=translate(name_of(self.kind, self.number)))
        return " · ".join(filter(None, (clean_line(self.order_number), page, chosen)))

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
        return Undone(words, self.picture, done.waits)


@dataclass(frozen=True, eq=False, slots=True)
class HandingOver:
    """Orders that were finished at once.

    Args:
        at: When.
        report: What the service gave.
    """

    at: datetime
    report: FinishReport

    @property
    def picture(self) -> None:
        """It is about whole orders."""

    def in_words(self) -> str:
        """Which orders were handed over."""
        numbers = self.report.changed
        told = ", ".join(clean_line(number) for number in numbers[:_NUMBERS_TOLD])
        more = ", …" if len(numbers) > _NUMBERS_TOLD else ""
        words = ngettext("{count} order handed over", "{count} orders handed over", len(numbers))
        return f"{words.format(count=len(numbers))}: {told}{more}"

    async def undo(self, backend: Backend) -> Undone:
        """Undo it; see `FinishService.take_back`."""
        async with backend.transaction(FinishService) as service:
            done = await service.take_back(self.report)
        words = ngettext(
            "{count} order is open again.", "{count} orders are open again.", len(done.changed)
        )
        return Undone(words.format(count=len(done.changed)))


@dataclass(slots=True)
class UndoHistory:
    """What may be taken back, the latest last; what is long past is forgotten."""

    _done: deque[Undoable] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def entries(self) -> list[Undoable]:
        """All of it."""
        return list(self._done)

    def keep(self, done: Undoable) -> None:
        """Keep one more."""
        self._done.append(done)

    def last(self) -> list[Undoable]:
        """The last one, if there is any."""
        return self.entries[-1:]

    def only(self, entry: Undoable) -> list[Undoable]:
        """One of them, after what was done to the same picture since: the latest first."""
        return [
            later
            for later in self.down_to(entry)
            if later is entry or (entry.picture and later.picture == entry.picture)
        ]

    def down_to(self, entry: Undoable) -> list[Undoable]:
        """All from the last one down to this: the latest first."""
        entries = self.entries
        return entries[entries.index(entry) :][::-1] if entry in entries else []

    async def take_back(
        self, which: Callable[[], Sequence[Undoable]], backend: Backend
    ) -> tuple[list[Undone], FototuiError | None]:
        """Take some back, one after the other, until something stands against one.

        What somebody else stands against is forgotten; what failed otherwise can be tried again.

        Args:
            which: Tells what, the latest first; asked once all that was asked for before is done.
            backend: The services.

        Returns:
            What was taken back, and what stood against the rest.
        """
        undone: list[Undone] = []
        async with self._turn:
            for entry in which():
                try:
                    undone.append(await entry.undo(backend))
                except ConflictError as error:
                    self._forget(entry)
                    return undone, error
                except FototuiError as error:
                    return undone, error
                self._forget(entry)
        return undone, None

    def _forget(self, entry: Undoable) -> None:
        # It may be long past by now, and forgotten.
        if entry in self._done:
            self._done.remove(entry)


def words_of(undone: Sequence[Undone]) -> str:
    """What was taken back, in a sentence."""
    if len(undone) == 1:
        return undone[0].words
    words = ngettext("{count} step is undone.", "{count} steps are undone.", len(undone))
    return words.format(count=len(undone))
