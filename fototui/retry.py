"""How often something is tried again, and how long it waits in between."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from fototui.domain.errors import TransientError

T = TypeVar("T")


def wait_after(failures: int, *, first: float, longest: float, factor: float = 2.0) -> float:
    """How long to wait after some failures in a row.

    Args:
        failures: How many, from 1.
        first: The wait after the first, in seconds.
        longest: No wait is longer.
        factor: By how much a wait is longer than the one before.

    Returns:
        Between a half and the whole of that time, by chance: clients that failed together do not
        come back together.
    """
    whole = min(longest, first * factor ** min(failures - 1, 30))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret


@dataclass(slots=True)
class Backoff:
    """The waits of something that goes on for ever: longer from one failure to the next.

    Args:
        first_seconds: The first wait.
        longest_seconds: No wait is longer.
    """

    first_seconds: float
    longest_seconds: float
    _failures: int = field(default=0, init=False)

    def next_wait(self) -> float:
        """Count a failure.

        Returns:
            Seconds to wait.
        """
        self._failures += 1
        return wait_after(self._failures, first=self.first_seconds, longest=self.longest_seconds)

    def reset(self) -> None:
        """Count a success."""
        self._failures = 0


@dataclass(frozen=True)
class RetryPolicy:
    """How a call is tried again that may succeed later (`TransientError`).

    Args:
        attempts: How often it is tried in all.
        first_wait: Seconds before the second attempt, by chance down to a half.
        longest_wait: No wait is longer. A failure that asks for a longer one (`retry_after`) is
            raised, and its error tells how long to wait.
        factor: By how much a wait is longer than the one before.
        seconds: Where given, the longest time to go on after the first attempt, waits included.
            A failure that says when to come again then does not count as an attempt, and may ask
            for any wait within that time.
        repeats_ambiguous: Whether a call is made again that may have been accepted although no
            answer came; not where that could be paid for twice.
    """

    attempts: int = 3
    first_wait: float = 1.0
    longest_wait: float = 10.0
    factor: float = 2.0
    seconds: float | None = None
    repeats_ambiguous: bool = True

    def wait(self, attempt: int) -> float:
        """How long to wait after an attempt, counted from 1, where nothing else is asked for."""
        return wait_after(
            attempt, first=self.first_wait, longest=self.longest_wait, factor=self.factor
        )

    async def call(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        on_retry: Callable[[TransientError, float], None] | None = None,
    ) -> T:
        """Make a call, again while that may help.

        Args:
            call: Makes the call; making it once more after a failure must do no harm.
            on_retry: Told before each wait of the failure, and of how long the wait is.

        Returns:
            Its result.

        Raises:
            TransientError: The last attempt's failure, or one after which it is not tried again.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        for attempt in count(1):
            try:
                return await call()
            except TransientError as error:
                wait = max(error.retry_after or 0.0, self.wait(attempt))
                if self._gives_up(error, attempt, clock() - began + wait):
                    raise
                if on_retry is not None:
                    on_retry(error, wait)
            await asyncio.sleep(wait)
        raise AssertionError("counting does not end")

    def _gives_up(self, error: TransientError, attempt: int, until: float) -> bool:
        if error.ambiguous and not self.repeats_ambiguous:
            return True
        if self.seconds is None:
            return attempt >= self.attempts or (error.retry_after or 0.0) > self.longest_wait
        is_told = error.retry_after is not None
        return until > self.seconds or (attempt >= self.attempts and not is_told)
