"""One attempt at a job: run its steps, and settle what fails."""

import asyncio
from functools import partial

from fototui.db.errors import ClaimLostError
from fototui.domain.errors import FototuiError
from fototui.engine.execution.context import Work
from fototui.engine.execution.failure import FailurePolicy
from fototui.engine.execution.pipeline import Pipeline, run
from fototui.engine.jobs.job import JobStatus, JobT
from fototui.engine.observer import AttemptOutcome
from fototui.log import get_logger

log = get_logger(__name__)


class UnexpectedError(FototuiError):
    """A fault of the program itself, as an operator sees it; the log has the rest."""

    code = "unexpected"


async def attempt(
    pipeline: Pipeline[JobT], work: Work[JobT], policy: FailurePolicy
) -> JobStatus | AttemptOutcome:
    """Run a job as far as it goes.

    Args:
        pipeline: How it is done.
        work: The job.
        policy: What becomes of failures.

    Returns:
        What became of it: its final status, or why it did not come to that.
    """
    try:
        try:
            policy.check_before(work)
            # Written as soon as the first step waits for something: in an engine that was idle the
            # line takes a fifth of the time between a job's commit and its first step.
            begun = partial(log.info, status=str(work.job.status), takeovers=work.job.takeovers)
            asyncio.get_running_loop().call_soon(begun, "job begun")
            await run(pipeline, work)
        except ClaimLostError:
            raise
        except FototuiError as error:
            return await policy.settle(pipeline, work, error)
        except Exception:  # one job's fault must not end the engine; it is logged and settled
            log.exception("a step failed unexpectedly", status=str(work.job.status))
            fault = UnexpectedError(
                "The program failed unexpectedly. See the engine's log, then try again."
            )
            return await policy.settle(pipeline, work, fault)
        else:
            return work.job.status
    except ClaimLostError as error:
        log.info("the job is left to others", reason=str(error))
        await work.tell_of_calls()
        return AttemptOutcome.CLAIM_LOST
    except Exception:  # as above; the row keeps its claim until this engine's lease ends
        log.exception("a failure could not be written down")
        return AttemptOutcome.NOT_WRITTEN
