"""Reading something again and again while it is looked at."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence
from fototui.log import get_logger

log = get_logger(__name__)

_LONGEST = 20.0


class Refresher:
    """Reads at once when there is reason to, slowly when there is none, and never twice at once.

    A failure ends nothing: what was read before stays, and the next time may do better.

    Args:
        load: Reads, and shows what it read.
        on_failure: Says that what is shown is old.
        is_wanted: Whether anyone looks at it now.
        every: Seconds from one reading to the next where nothing wakes it.
        spacing: Seconds between two readings at least.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[None]],
        *,
        on_failure: Callable[[], None],
        is_wanted: Callable[[], bool],
        every: float,
        spacing: float,
    ) -> None:
        self._load = load
        self._on_failure = on_failure
        self._is_wanted = is_wanted
        self._every = every
        self._spacing = spacing
        self._wake = asyncio.Event()
        self.failure: Sentence | None = None
        """Why the last reading failed; None where it did not."""
        self.read_at: datetime | None = None
        """When it last succeeded, by this machine's clock."""

    def wake(self) -> None:
        """There is reason to read again."""
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            self._wake.clear()
            if self._is_wanted():
                await self._read()
            await asyncio.sleep(self._spacing)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every - self._spacing):
                    await self._wake.wait()

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                await self._load()
        except (FototuiError, TimeoutError) as error:
            log.info("could not read what the screen shows", fault=type(error).__name__)
            if isinstance(error, FototuiError):
                self.failure = error.sentence
            else:
                self.failure = Sentence.plain(type(error).__name__)
            self._on_failure()
        else:
            self.failure, self.read_at = None, datetime.now(UTC)
