"""What an engine tells of its work while it does it, for those who count and measure."""

from typing import Protocol

from fototui.domain.statuses import JobKind


class EngineObserver(Protocol):
    """Hears what one engine does. Calls are made from its event loop and must return at once."""

    def claimed(self, kind: JobKind, seconds_waited: float, *, taken_over: bool) -> None:
        """A job was claimed.

        Args:
            kind: Its lane.
            seconds_waited: How long it had been free to be claimed, by the database's clock.
            taken_over: It was taken from an engine that died.
        """

    def step(self, kind: JobKind, status: str, seconds: float) -> None:
        """A step of a job was done, well or not.

        Args:
            kind: The job's lane.
            status: The status that the step leads out of.
            seconds: How long it took.
        """

    def ended(self, kind: JobKind, outcome: str, seconds: float) -> None:
        """An engine is done with a job, for now or for good.

        Args:
            kind: Its lane.
            outcome: Its final status, or "put back", "lane paused", "failed", "claim lost",
                "not written".
            seconds: How long this attempt took.
        """

    def resubmitted(self, kind: JobKind) -> None:
        """A call is begun although an earlier one may have been accepted and paid for.

        Args:
            kind: The job's lane.
        """

    def charged(self, kind: JobKind, credits_charged: float) -> None:
        """An outside service charged for a call.

        Args:
            kind: The job's lane.
            credits_charged: In the service's own credits.
        """


class NoObserver:
    """Hears nothing: for engines that nobody measures."""

    def claimed(self, kind: JobKind, seconds_waited: float, *, taken_over: bool) -> None:
        """See `EngineObserver.claimed`."""

    def step(self, kind: JobKind, status: str, seconds: float) -> None:
        """See `EngineObserver.step`."""

    def ended(self, kind: JobKind, outcome: str, seconds: float) -> None:
        """See `EngineObserver.ended`."""

    def resubmitted(self, kind: JobKind) -> None:
        """See `EngineObserver.resubmitted`."""

    def charged(self, kind: JobKind, credits_charged: float) -> None:
        """See `EngineObserver.charged`."""
