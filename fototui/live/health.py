"""Whether changes come by the hub, or have to be asked for."""

import time
from datetime import UTC, datetime

from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.sentences import Sentence
from fototui.live.state import FeedState, Health
from fototui.mercure.link import LinkState, StateChange

_NO_HUB = Sentence.make(
    "No hub is configured (MERCURE_URL): changes are asked for every few seconds."
)


class Feed:
    """Knows the hub's and the database's state, and what they mean together.

    Args:
        has_hub: A hub is configured.
        patience_seconds: A hub that is away for longer is done without.
    """

    def __init__(self, *, has_hub: bool, patience_seconds: float) -> None:
        self._has_hub = has_hub
        self._patience_seconds = patience_seconds
        self._link = StateChange(LinkState.CONNECTING)
        self._away_since: float | None = time.monotonic()
        self._has_been_live = False
        self._database_lost_at: datetime | None = None
        self._database_reason: Sentence | None = None
        self._is_refused = False

    @property
    def is_polling(self) -> bool:
        """Changes have to be asked for."""
        if self._away_since is None:
            return False
        away = time.monotonic() - self._away_since
        return not self._has_hub or away >= self._patience_seconds

    def hub(self, change: StateChange) -> None:
        """The hub's state changed."""
        self._link = change
        if change.state is LinkState.LIVE:
            self._away_since = None
            self._has_been_live = True
        elif self._away_since is None:
            self._away_since = time.monotonic()

    def database_lost(self, error: FototuiError) -> None:
        """A query failed."""
        self._database_lost_at = self._database_lost_at or datetime.now(UTC)
        self._database_reason = error.sentence
        self._is_refused = isinstance(error, ConfigurationError)

    def database_found(self) -> None:
        """A query succeeded."""
        self._database_lost_at = None
        self._database_reason = None
        self._is_refused = False

    def health(self, *, is_behind: bool) -> Health:
        """All of it, for the operator.

        Args:
            is_behind: Changes that were missed are still being fetched.
        """
        if self.is_polling:
            feed = FeedState.POLLING
        elif is_behind or self._link.state is not LinkState.LIVE:
            feed = FeedState.CATCHING_UP if self._has_been_live else FeedState.CONNECTING
        else:
            feed = FeedState.LIVE
        hub = self._link.reason if self._has_hub else _NO_HUB
        reasons = [reason for reason in (self._database_reason, hub) if reason is not None]
        return Health(
            feed=feed,
            database_ok=self._database_lost_at is None,
            database_lost_at=self._database_lost_at,
            reason=Sentence.joined(reasons) if reasons else None,
            database_reason=self._database_reason,
            is_refused=self._is_refused,
        )
