"""What becomes of a job whose step failed."""

import random
from dataclasses import dataclass, field
from typing import TypeGuard

from fototui.db.database import Database
from fototui.db.errors import is_outage
from fototui.domain.errors import AccountError, FototuiError, PermanentError, TransientError
from fototui.domain.sentences import Sentence
from fototui.engine.execution.context import Rescheduling, Work
from fototui.engine.execution.pipeline import Pipeline, reason
from fototui.engine.jobs.job import Columns, FileJob, Job, JobStatus, JobT, Moment
from fototui.engine.observer import AttemptOutcome
from fototui.log import get_logger
from fototui.services.operations.lanes import LaneService
from fototui.storage.base import SERVICE as STORAGE

log = get_logger(__name__)

# From the second on a job runs alone, so these deaths but the first two were its own. One alone
# may still be a machine that was switched off; four are not.
MAX_TAKEOVERS = 5


class FailurePolicy:
    """Decides between waiting, failing, and stopping the lane.

    Args:
        database: The database.
        actor: Who the activity log names.
        rescheduling: How often a job is rescheduled, and for how long.
    """

    def __init__(self, database: Database, *, actor: str, rescheduling: Rescheduling) -> None:
        self._database = database
        self._actor = actor
        self._rescheduling = rescheduling

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
        if is_outage(error):
            # The database's doing and not the job's. It waits as a dead engine would leave it.
            log.warning("the job waits for the database", reason=str(error))
            await work.reschedule(work.job.status, seconds=self._rescheduling.first)
            return AttemptOutcome.RETRY_SCHEDULED
        again = self._again(pipeline, work.job, error)
        if again is not None:
            log.warning("the job waits", seconds=round(again.seconds, 1), reason=str(error))
            fields: Columns = {**again.fields, **reason(error.code, error.sentence)}
            await work.reschedule(again.status, seconds=again.seconds, **fields)
            return AttemptOutcome.RETRY_SCHEDULED
        await self._fail(pipeline, work, error)
        return AttemptOutcome.FAILED

    def _again(self, pipeline: Pipeline[JobT], job: JobT, error: FototuiError) -> "_Again | None":
        """How a job waits for its next try; None where there is none."""
        if not isinstance(error, TransientError):
            return None
        rescheduling = self._rescheduling
        asked = min(error.retry_after or 0.0, rescheduling.longest)
        if error.ambiguous and job.status in pipeline.doubtful:
            shortest, longest = rescheduling.doubt_shortest, rescheduling.doubt_longest
            seconds = random.uniform(shortest, longest)  # noqa: S311 - spreads load
            return _Again(job.status, max(seconds, asked))
        if _waits_for_storage(job, error):
            # It waits where it is: of a call that was made before, storage tells nothing.
            if job.storage_away is None:
                seconds = self._wait(0, asked)
                return _Again(job.status, seconds, {"storage_away_since": Moment.NOW})
            if job.storage_away < rescheduling.storage_seconds:
                # The longer it is away, the less often it is looked at.
                return _Again(job.status, self._wait(int(job.storage_away / 15), asked))
            return None
        waiting = pipeline.retry_from.get(job.status, job.status)
        if job.retries < rescheduling.times:
            seconds = self._wait(job.retries, asked)
            return _Again(waiting, seconds, {"retries": job.retries + 1})
        return None

    async def _fail(self, pipeline: Pipeline[JobT], work: Work[JobT], error: FototuiError) -> None:
        why = error.sentence
        if isinstance(error, TransientError) and _waits_for_storage(work.job, error):
            why = Sentence.make(
                "It waited {minutes} minutes for storage. {why}",
                minutes=round((work.job.storage_away or 0.0) / 60),
                why=error.sentence,
            )
        elif isinstance(error, TransientError):
            why = Sentence.make(
                "It failed. {why}",
                "It failed {count} times. The last time: {why}",
                count=work.job.retries + 1,
                why=error.sentence,
            )
        log.error("the job failed", reason=str(why), code=error.code)
        await pipeline.fail(work, reason(error.code, why))

    def _wait(self, retries: int, asked: float) -> float:
        rescheduling = self._rescheduling
        # The exponent is bounded: a float power would overflow in a job that waits for long.
        growth = 4 ** min(retries + 1, 20)
        longest = min(rescheduling.first * growth, rescheduling.longest)
        wait = random.uniform(rescheduling.first, longest)  # noqa: S311 - spreads load
        return max(wait, asked)


@dataclass(frozen=True, slots=True)
class _Again:
    """How a job waits for its next try.

    Args:
        status: The status it waits in.
        seconds: How long.
        fields: Columns written along with it.
    """

    status: JobStatus
    seconds: float
    fields: Columns = field(default_factory=Columns)


def _waits_for_storage(job: Job, error: TransientError) -> TypeGuard[FileJob]:
    """Whether a job's file could not be stored or read: then time counts, and not tries."""
    return isinstance(job, FileJob) and error.service == STORAGE
