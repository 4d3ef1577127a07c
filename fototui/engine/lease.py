"""How long this engine may believe that it is alive."""

import time

from fototui.db.errors import ClaimLostError


def boot_clock() -> float:
    """Seconds of a clock that goes on while the machine sleeps.

    `time.monotonic` stands still during a laptop's sleep on Linux; a lease does not.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class Lease:
    """The time until which the last heartbeat is good, less a margin.

    Whatever cannot be taken back (a paid call, an upload) asks it first: a process that was frozen
    wakes up in the middle of a step, before any timer of its own can tell.

    Args:
        seconds: Seconds after which others may take this engine for dead.
        margin: Seconds by which it gives up earlier than they may take over.
    """

    def __init__(self, *, seconds: float, margin: float) -> None:
        self._reach = seconds - margin
        self._good_until = float("-inf")

    def extend(self, sent_at: float) -> None:
        """A heartbeat was written.

        Args:
            sent_at: `boot_clock` when it was sent: the database saw it at that time or later.
        """
        self._good_until = sent_at + self._reach

    def expire(self) -> None:
        """This engine was declared dead."""
        self._good_until = float("-inf")

    @property
    def holds(self) -> bool:
        """Whether others still take this engine for alive."""
        return boot_clock() < self._good_until

    def require(self) -> None:
        """Go on only if others still take this engine for alive.

        Raises:
            ClaimLostError: They may have taken its jobs already.
        """
        if not self.holds:
            raise ClaimLostError("This engine's heartbeat is too old; its jobs may be others' now.")
