"""A pipeline is a table from a status to the step that leads out of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog

from fototui.domain.errors import PermanentError, TransientError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import VersionType
from fototui.engine.job import JobStatus
from fototui.engine.work import Work
from fototui.storage.base import Storage

log = structlog.get_logger(__name__)

Step = Callable[[Work], Awaitable[None]]


class Pipeline(Protocol):
    """How the jobs of one kind are done.

    Attributes:
        kind: The kind of job.
        steps: For each status that is not final, the step that leads out of it. Any of them may be
            the first one after a crash.
        retreats: Where a job waits after a failure in a status, where that is not the status
            itself.
        failed: The status of failure.
    """

    kind: VersionType
    steps: Mapping[JobStatus, Step]
    retreats: Mapping[JobStatus, JobStatus]
    failed: JobStatus


async def run(pipeline: Pipeline, work: Work) -> None:
    """Run a job to its end.

    Args:
        pipeline: How it is done.
        work: The job.

    Raises:
        FototuiError: A step failed, or the claim was lost.
    """
    while not work.job.status.meta.is_final:
        before = work.job.status
        await pipeline.steps[before](work)
        if work.job.status == before:
            raise RuntimeError(f"the step of {before} led nowhere")
        log.debug("step done", left=str(before), reached=str(work.job.status))


async def load(storage: Storage, source: S3ObjectRefData | None, *, what: str) -> bytes:
    """Read the file that a job is made from.

    Args:
        storage: Where files are kept.
        source: The file.
        what: Its name in a sentence: "photo", "colouring".

    Returns:
        Its content.

    Raises:
        PermanentError: There is no such file.
        TransientError: Storage does not give it now.
    """
    if source is None:
        raise PermanentError(
            f"The {what} is not in storage yet. Fetch it, then try again.", service="Storage"
        )
    return await storage.get(source.key)


async def store(work: Work, storage: Storage, *, content_type: str) -> S3ObjectRefData | None:
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
    work.fence.require()
    try:
        return await storage.put(work.job.key, work.result, content_type=content_type)
    except PermanentError as refused:
        raise TransientError(str(refused), service="Storage", status=refused.status) from refused
