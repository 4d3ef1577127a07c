"""What the live store tells its readers."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fototui.domain.sentences import Sentence
from fototui.services.views.orders import OrderCursor


class FeedState(StrEnum):
    """How changes reach this terminal."""

    CONNECTING = "connecting"
    LIVE = "live"
    CATCHING_UP = "catching_up"
    POLLING = "polling"
    """No hub: the database is asked for changes every few seconds."""


@dataclass(frozen=True, slots=True)
class Health:
    """How far what is shown can be trusted.

    Args:
        feed: How changes come.
        database_ok: The last query succeeded.
        database_lost_at: Since when it has not, by this machine's clock.
        reason: Why feed or database do not work.
        database_reason: Why the database does not.
        is_refused: It answers, and refuses: waiting does not help, someone has to do what its
            reason says.
    """

    feed: FeedState = FeedState.CONNECTING
    database_ok: bool = True
    database_lost_at: datetime | None = None
    reason: Sentence | None = None
    database_reason: Sentence | None = None
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Older:
    """Orders that are not held: they were done long ago.

    Args:
        count: How many.
        before: Down to here all orders are held; None where all are.
        is_full: No more of them are taken in by scrolling.
    """

    count: int = 0
    before: OrderCursor | None = None
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """One frame's worth of changes: of a burst of events, listeners hear one of these.

    Args:
        rows: Orders whose row changed (ULIDs).
        listing: Orders came, went, or change places; or others are not held.
        details: Opened orders whose detail changed.
        engines: Engines, lanes or counts changed.
        health: Feed or database changed.
    """

    rows: frozenset[str] = field(default_factory=frozenset)
    listing: bool = False
    details: frozenset[str] = field(default_factory=frozenset)
    engines: bool = False
    health: bool = False
