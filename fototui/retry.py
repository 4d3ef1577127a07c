"""How long to wait before trying again."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Waits that double from one failure to the next, with jitter so that clients spread out.

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
            Seconds to wait: between a half and the whole of the doubled time.
        """
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret

    def reset(self) -> None:
        """Count a success."""
        self._failures = 0
