"""A duty of maintenance, and how it is done again and again."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from fototui.domain.errors import FototuiError
from fototui.engine.lookout import Condition
from fototui.log import get_logger

log = get_logger(__name__)


class Duty:
    """Something an engine does for all, by itself: no other duty waits for it.

    Args:
        name: What it is called in logs.
        work: Does it once, and tells in how many seconds it is to be done again, if it knows. It
            may fail, and is then done again later.
        seconds: How long it may take; None for as long as it needs.
        when: Whether there is something to do; the engine asks for all duties at once. Without it
            the duty itself is done from time to time.
        every: How often that is, in seconds, where the engine's own way is too often.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[float | None]],
        *,
        seconds: float | None = 60.0,
        when: Condition | None = None,
        every: float | None = None,
    ) -> None:
        self.name = name
        self.when = when
        self._work = work
        self._seconds = seconds
        self._every = every
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def repeat(self, *, every: float) -> None:
        """Do it when woken, and from time to time, until cancelled.

        Args:
            every: How often it is done when nobody wakes it, in seconds, unless it says itself how
                often, or when there is something to do.
        """
        pause = (self._every or every) if self.when is None else None
        due: float | None = None
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause if due is None else due):
                    await self._wake.wait()
            self._wake.clear()
            due = None
            try:
                async with asyncio.timeout(self._seconds):
                    due = await self._work()
            except (FototuiError, TimeoutError) as error:
                log.warning(
                    "a duty was not done; it is done later",
                    duty=self.name,
                    reason=str(error) or "time-out",
                )
