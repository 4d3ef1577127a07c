"""How far a version is, told by one sign."""

from __future__ import annotations

from enum import Enum
from functools import cache

from fototui.domain.flags import ProcessingStatusEnum


class Badge(Enum):
    """What a badge tells of a version: its sign, and its sign for fonts without that one."""

    NONE = "·", "."
    WAITING = "○", "-"
    RUNNING = "◐", "o"
    MADE = "◉", "O"
    """It is there, and nobody has judged it yet."""
    APPROVED = "✓", "+"
    """An operator chose it."""
    OUT_OF_DATE = "↻", "~"
    """It is an SVG of a colouring that is not the chosen one."""
    ERROR = "✗", "x"
    CANCELLED = "⊘", "/"

    @property
    def is_active(self) -> bool:
        """Something is being done, or waits to be."""
        return self is Badge.WAITING or self is Badge.RUNNING

    @classmethod
    def of(cls, status: ProcessingStatusEnum | None) -> Badge:
        """The badge of a status, read from its flags.

        Args:
            status: A version's status; None where there is no version.
        """
        return _badge_of(status)

    @classmethod
    def judged(
        cls, status: ProcessingStatusEnum | None, *, is_approved: bool, is_out_of_date: bool
    ) -> Badge:
        """The badge of a version of which one knows what operators made of it.

        Args:
            status: Its status; None where there is no version.
            is_approved: An operator chose it.
            is_out_of_date: It was made of a colouring that is not the chosen one.
        """
        badge = _badge_of(status)
        if badge is not Badge.MADE:
            return badge
        if is_out_of_date:
            return Badge.OUT_OF_DATE
        return Badge.APPROVED if is_approved else badge


@cache  # lists of 100,000 orders are sorted into tabs by it
def _badge_of(status: ProcessingStatusEnum | None) -> Badge:
    if status is None:
        return Badge.NONE
    if status.meta.is_final:
        if not status.meta.is_retryable:
            return Badge.MADE
        return Badge.ERROR if status == "error" else Badge.CANCELLED
    return Badge.WAITING if status.meta.is_startable else Badge.RUNNING
