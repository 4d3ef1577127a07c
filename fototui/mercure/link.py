"""What a subscriber tells. It imports nothing, so that whoever listens to none can name it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from fototui.domain.sentences import Sentence

T = TypeVar("T")


class LinkState(StrEnum):
    """How the stream of live events does."""

    CONNECTING = "connecting"
    LIVE = "live"
    CATCHING_UP = "catching_up"  # the stream ended, as it does every ten minutes; reconnecting
    DOWN = "down"  # the last attempt failed; trying again


@dataclass(frozen=True, slots=True)
class StateChange:
    """The link's state changed.

    Args:
        state: The new state.
        reason: A sentence for the operator where the link is down.
    """

    state: LinkState
    reason: Sentence | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """Events were missed, or may have been: fetch again whatever is shown.

    Args:
        reason: A sentence for the log.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Message(Generic[T]):
    """An event.

    Args:
        id: Its id at the hub.
        data: What came over the wire.
        event: What it was parsed into.
    """

    id: str
    data: str
    event: T
