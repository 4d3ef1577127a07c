"""What was judged in the review at this terminal, since the app was opened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from fototui.domain.statuses import VersionType

Picture = tuple[int, VersionType]
"""An image, and which of its versions."""


class Judgement(StrEnum):
    """What was decided on a picture."""

    APPROVED = "approved"
    AGAIN = "again"
    """Another version was asked for."""
    ASIDE = "aside"
    """It was set aside with a note."""


@dataclass(slots=True)
class Judged:
    """The pictures with the last judgement of each; what was taken back is not among them."""

    _last: dict[Picture, tuple[str, Judgement]] = field(default_factory=dict)

    def add(self, picture: Picture, order_id: str, judgement: Judgement) -> None:
        """Keep a judgement.

        Args:
            picture: What it is about.
            order_id: ULID of its order.
            judgement: What was decided.
        """
        self._last[picture] = (order_id, judgement)

    def take_back(self, picture: Picture) -> None:
        """Forget a judgement, if there was one."""
        self._last.pop(picture, None)

    @property
    def counts(self) -> Counter[Judgement]:
        """How many there are of each."""
        return Counter(judgement for _order_id, judgement in self._last.values())

    @property
    def order_ids(self) -> frozenset[str]:
        """The orders they are of."""
        return frozenset(order_id for order_id, _judgement in self._last.values())
