"""What becomes of a job whose step failed."""

import random

import structlog

from fototui.db.database import Database
from fototui.domain.errors import AccountError, FototuiError, PermanentError, TransientError
from fototui.domain.sentences import Sentence
from fototui.engine.execution.context import RetryPolicy, Work
from fototui.engine.execution.pipeline import Pipeline, reason
from fototui.engine.jobs.job import JobT
from fototui.engine.observer import AttemptOutcome
from fototui.services.operations.lanes import LaneService

log = structlog.get_logger(__name__)

# A job taken from dead engines this often is likelier to be the killer than the victim.
MAX_TAKEOVERS = 3


class FailurePolicy:
    """Decides between waiting, failing, and stopping the lane.

    Args:
        database: The database.
        actor: Who the activity log names.
        patience: How often and how long a job is put back.
    """

    def __init__(self, database: Database, *, actor: str, patience: RetryPolicy) -> None:
        self._database = database
        self._actor = actor
        self._patience = patience

    def check_before(self, work: Work[JobT]) -> None:
        """Refuse a job that cannot be worked on.

        Raises:
            PermanentError: The row is defective, or the job has outlived too many engines.
        """
        if work.job.defect is not None:
            raise PermanentError(work.job.defect, service="fototui")
        if work.job.takeovers > MAX_TAKEOVERS:
            died = Sentence.make(
                "{count} engine died while it worked on it. See its log before you try again.",
                "{count} engines died while they worked on it. "
                "See their logs before you try again.",
                count=work.job.takeovers,
            )
            raise PermanentError(died, service="fototui")

    async def settle(
        self, pipeline: Pipeline[JobT], work: Work[JobT], error: FototuiError
    ) -> AttemptOutcome:
        """Write what a failure means for its job.

        Args:
            pipeline: How the job was being done.
            work: The job.
            error: Why its step failed.

        Returns:
            That a retry is scheduled, the lane paused or the job failed.

        Raises:
            ClaimLostError: The job is no longer this engine's.
        """
        waiting = pipeline.retry_from.get(work.job.status, work.job.status)
        if isinstance(error, AccountError):
            log.error("the account is refused; the lane is paused", reason=str(error))
            # The job waits unharmed, and the lane is stopped first, so that nobody claims it again.
            async with self._database.session() as session:
                await LaneService(session, operator=self._actor).pause(
                    pipeline.jobs.kind, reason=error.sentence
                )
            await work.reschedule(waiting, seconds=0, **reason(error.code, error.sentence))
            return AttemptOutcome.LANE_PAUSED
        if isinstance(error, TransientError) and work.job.retries < self._patience.reschedules:
            seconds = self._wait(work.job.retries, error.retry_after)
            log.warning("the job waits", seconds=round(seconds, 1), reason=str(error))
            await work.reschedule(
                waiting,
                seconds=seconds,
                retries=work.job.retries + 1,
                **reason(error.code, error.sentence),
            )
            return AttemptOutcome.RETRY_SCHEDULED
        await self._fail(pipeline, work, error)
        return AttemptOutcome.FAILED

    async def _fail(self, pipeline: Pipeline[JobT], work: Work[JobT], error: FototuiError) -> None:
        why = error.sentence
        if isinstance(error, TransientError):
            why = Sentence.make(
                "It failed. {why}",
                "It failed {count} times. The last time: {why}",
                count=work.job.retries + 1,
                why=error.sentence,
            )
        log.error("the job failed", reason=str(why), code=error.code)
        await pipeline.fail(work, reason(error.code, why))

    def _wait(self, retries: int, asked: float | None) -> float:
        patience = self._patience
        longest = min(patience.reschedule_first * 4 ** (retries + 1), patience.reschedule_longest)
        wait = random.uniform(patience.reschedule_first, longest)  # noqa: S311 - spreads load
        return max(wait, min(asked or 0.0, patience.reschedule_longest))
