"""A pipeline is a table from a status to the step that leads out of it."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

from fototui.domain.errors import PermanentError, TransientError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.lanes import LANES
from fototui.domain.sentences import Sentence
from fototui.engine.execution.context import Work
from fototui.engine.jobs.job import FileJobT, JobStatus, JobT, Reason
from fototui.engine.jobs.table import JobTable
from fototui.log import get_logger
from fototui.storage.base import SERVICE, Storage

log = get_logger(__name__)

Step = Callable[[Work[JobT]], Awaitable[None]]


class Pipeline(Protocol[JobT]):
    """How the jobs of one kind are done."""

    @property
    def jobs(self) -> JobTable[JobT]:
        """Where these jobs stand."""

    @property
    def steps(self) -> Mapping[JobStatus, Step[JobT]]:
        """For each status in which a job may be claimed, the step that leads out of it.

        Any of them may be the first one after a crash.
        """

    @property
    def retry_from(self) -> Mapping[JobStatus, JobStatus]:
        """Where a job waits after a failure in a status, where that is not the status itself."""

    @property
    def doubtful(self) -> Collection[JobStatus]:
        """Statuses in which a call without an answer may have been accepted and paid for.

        There a job stays after such a failure, so that the repetition is known to be one. How many
        there may be is for the step to say.
        """

    async def fail(self, work: Work[JobT], why: Reason) -> None:
        """Write that a job failed for good.

        Args:
            work: The job.
            why: The columns that tell why, as `reason` makes them.
        """


async def run(pipeline: Pipeline[JobT], work: Work[JobT]) -> None:
    """Run a job to its end.

    Args:
        pipeline: How it is done.
        work: The job.

    Raises:
        FototuiError: A step failed, or the claim was lost.
    """
    while not work.ended:
        before, started = work.job.status, time.monotonic()
        await pipeline.steps[before](work)
        work.observer.step(work.job.kind, before, time.monotonic() - started)
        if work.job.status == before and not work.ended:
            raise RuntimeError(f"the step of {before} led nowhere")
        log.debug("step done", left=str(before), reached=str(work.job.status))


def unless_made(storage: Storage, step: Step[FileJobT]) -> Step[FileJobT]:
    """A step that is made only where the job's file is not there already.

    The shop's older programs may put a finished version back into the queue; it was paid for.

    Args:
        storage: Where files are kept.
        step: What leads on otherwise.
    """

    async def begin(work: Work[FileJobT]) -> None:
        file = work.job.file
        stored = None if file is None else await storage.head(file.key)
        if file is None or stored is None or _differ(file.sha256, stored.sha256):
            return await step(work)
        return await work.end(LANES[work.job.kind].statuses("completed"), file_ref=file)

    return begin


def _differ(told: str | None, found: str | None) -> bool:
    return told is not None and found is not None and told != found


def reason(code: str, sentence: Sentence) -> Reason:
    """The columns that tell why a job failed or waits.

    Args:
        code: For programs.
        sentence: For operators, who read it in their language; it is kept in English too.
    """
    return {"error_code": code, "error": str(sentence), "error_words": sentence}


async def load(storage: Storage, source: S3ObjectRefData | None, *, missing: Sentence) -> bytes:
    """Read the file that a job is made from.

    Args:
        storage: Where files are kept.
        source: The file.
        missing: What to say where there is none.

    Returns:
        Its content.

    Raises:
        PermanentError: There is no such file.
        TransientError: Storage does not give it now.
    """
    if source is None:
        raise PermanentError(missing, service=SERVICE)
    return await storage.get(source.key)


async def store(
    work: Work[FileJobT], storage: Storage, *, content_type: str
) -> S3ObjectRefData | None:
    """Put a job's result into storage.

    Args:
        work: The job.
        storage: Where files are kept.
        content_type: The result's media type.

    Returns:
        The stored file; None where the result is gone and was not stored by an earlier run either.

    Raises:
        TransientError: Storage does not take it now; also where it refuses, since what it refuses
            today an operator may have mended in a minute, and the result is paid for.
    """
    if work.result is None:
        return await storage.head(work.job.key)
    work.lease.require()
    try:
        return await storage.put(
            work.job.key, work.result, content_type=content_type, right=work.holding
        )
    except PermanentError as refused:
        raise TransientError(refused.sentence, service=SERVICE, status=refused.status) from refused
