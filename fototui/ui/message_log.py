"""What the operator was told since the app was opened."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Severity = Literal["information", "warning", "error"]

_KEPT = 500


@dataclass(frozen=True, eq=False, slots=True)
class Told:
    """One message.

    Args:
        at: When it was told.
        text: Its words; translated.
        severity: How bad it is.
    """

    at: datetime
    text: str
    severity: Severity = "information"


@dataclass(slots=True)
class MessageLog:
    """The messages, the latest last, and which of them still wants to be seen.

    Attributes:
        entries: The last of them.
        unread: Errors that nobody can be said to have read, the latest last.
    """

    entries: deque[Told] = field(default_factory=lambda: deque(maxlen=_KEPT))
    unread: deque[Told] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _fresh: Told | None = None

    @property
    def shown(self) -> Told | None:
        """What stands above the footer: what was told just now, or an error until it is read."""
        return self._fresh or (self.unread[-1] if self.unread else None)

    def add(self, told: Told) -> None:
        """Keep one more."""
        self.entries.append(told)
        self._fresh = told
        if told.severity == "error":
            self.unread.append(told)

    def fade(self, told: Told) -> None:
        """A message has stood for its time; where another came meanwhile, that one stays."""
        if self._fresh is told:
            self._fresh = None

    def read(self) -> None:
        """The operator looks at all of them."""
        self.unread.clear()
        self._fresh = None
