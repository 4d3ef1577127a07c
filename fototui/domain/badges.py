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
    COMPLETED = "●", "O"
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


@cache  # lists of 100,000 orders are sorted into tabs by it
def _badge_of(status: ProcessingStatusEnum | None) -> Badge:
    if status is None:
        return Badge.NONE
    if status.meta.is_final:
        if not status.meta.is_retryable:
            return Badge.COMPLETED
        return Badge.ERROR if status == "error" else Badge.CANCELLED
    return Badge.WAITING if status.meta.is_startable else Badge.RUNNING
