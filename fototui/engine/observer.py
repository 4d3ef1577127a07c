"""What an engine tells of its work while it does it, for those who count and measure."""

from enum import StrEnum
from typing import Protocol

from fototui.domain.statuses import JobKind
from fototui.engine.jobs.job import JobStatus


class AttemptOutcome(StrEnum):
    """What becomes of an attempt that does not reach the end of its job; counted by these words."""

    RETRY_SCHEDULED = "put back"
    LANE_PAUSED = "lane paused"
    FAILED = "failed"
    CLAIM_LOST = "claim lost"
    NOT_WRITTEN = "not written"
    """Not even the failure could be written down."""


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

    def ended(self, kind: JobKind, outcome: JobStatus | AttemptOutcome, seconds: float) -> None:
        """An engine is done with a job, for now or for good.

        Args:
            kind: Its lane.
            outcome: Its final status, or why it did not come to that.
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

    def ended(self, kind: JobKind, outcome: JobStatus | AttemptOutcome, seconds: float) -> None:
        """See `EngineObserver.ended`."""

    def resubmitted(self, kind: JobKind) -> None:
        """See `EngineObserver.resubmitted`."""

    def charged(self, kind: JobKind, credits_charged: float) -> None:
        """See `EngineObserver.charged`."""
