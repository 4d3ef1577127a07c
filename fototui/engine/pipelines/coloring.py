"""How a colouring is made: photo → RunPod → storage."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

from fototui.clients.photo_decoding import prepare_apart
from fototui.clients.runpod import RunPodService
from fototui.clients.runpod_wire import RunPodJob, UnusableResultError
from fototui.db.errors import ClaimLostError
from fototui.domain.costs import Call, CallOutcome
from fototui.domain.errors import OutsideError, PermanentError, ResultGoneError, TransientError
from fototui.domain.options import ColoringOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import JobKind, RunPodJobStatus
from fototui.engine.execution.context import Work, finish_despite_cancel
from fototui.engine.execution.pipeline import Step, load, reason, store, unless_made
from fototui.engine.jobs.calls import OUTCOMES, failed, latest, unanswered
from fototui.engine.jobs.job import JobStatus, Moment, Reason, VersionJob
from fototui.engine.jobs.versions import COLORINGS
from fototui.engine.maintenance.duty import Duty
from fototui.engine.maintenance.outside_cancels import SOME_ARE_UNTOLD, OutsideCancels
from fototui.engine.pipelines.opening import OpenLane, Parts, PipelineEntry
from fototui.storage.base import Storage

# Calls begun although an earlier one was paid for, or may have been: so two are paid at most.
MAX_RESUBMISSIONS = 1
# A submission under way may end this long after its job was cancelled, in seconds.
_SUBMISSION_GRACE = 10.0

_NO_PHOTO = Sentence.make("The photo is not in storage yet. Fetch it, then try again.")

_SEEN: Mapping[RunPodJobStatus, S] = {
    RunPodJobStatus.IN_QUEUE: S.RUNPOD_QUEUED,
    RunPodJobStatus.IN_PROGRESS: S.RUNPOD_PROCESSING,
    RunPodJobStatus.RUNNING: S.RUNPOD_PROCESSING,
}


class ColoringGenerationService:
    """The steps of a colouring.

    Args:
        runpod: The client.
        storage: Where files are kept.
        min_image_size: Photos are scaled up to this longer side, in pixels.
        timeout_seconds: How long RunPod may take.
    """

    jobs = COLORINGS
    # RunPod said no, so nothing is under way there: the way begins again.
    retry_from: Mapping[JobStatus, JobStatus] = {S.RUNPOD_SUBMITTING: S.QUEUED}
    doubtful: Collection[JobStatus] = (S.RUNPOD_SUBMITTING,)

    def __init__(
        self,
        runpod: RunPodService,
        storage: Storage,
        *,
        min_image_size: int,
        timeout_seconds: float,
    ) -> None:
        self._runpod = runpod
        self._storage = storage
        self._min_image_size = min_image_size
        self._timeout = timeout_seconds
        self.steps: Mapping[JobStatus, Step[VersionJob]] = {
            S.PENDING: unless_made(storage, self._start),
            S.QUEUED: unless_made(storage, self._start),
            S.PROCESSING: unless_made(storage, self._check_photo),
            S.RUNPOD_SUBMITTING: unless_made(storage, self._submit),
            S.RUNPOD_SUBMITTED: self._poll,
            S.RUNPOD_QUEUED: self._poll,
            S.RUNPOD_PROCESSING: self._poll,
            S.RUNPOD_COMPLETED: self._fetch,
            S.STORAGE_UPLOAD: self._upload,
        }

    async def fail(self, work: Work[VersionJob], why: Reason) -> None:
        """Write that the job failed; RunPod must not go on with it at our cost."""
        job = work.job
        await work.end(S.ERROR, **why)
        if job.status.meta.is_awaiting_external and job.runpod_job_id is not None:
            await self._ask_outside_cancel(work, job.runpod_job_id)

    async def _start(self, work: Work[VersionJob]) -> None:
        # An operator's retry: what the job before it made may still be there, and was paid for.
        if await self._is_still_there(work):
            await work.move(S.RUNPOD_COMPLETED, started_at=Moment.NOW)
        else:
            await work.move(S.PROCESSING, started_at=Moment.NOW, runpod_job_id=None)

    async def _is_still_there(self, work: Work[VersionJob]) -> bool:
        try:
            return await self._fetch_result(work)
        except PermanentError:  # a picture that cannot be read
            return False

    async def _check_photo(self, work: Work[VersionJob]) -> None:
        # Read and prepared before anything is said to RunPod: a bad photo fails here, unpaid.
        payload = await self._payload(work)
        await work.move(
            S.RUNPOD_SUBMITTING,
            submissions=work.job.submissions + 1,
            storage_away_since=None,
        )
        # Straight on, so that the photo is read once.
        await self._submit_once(work, payload)

    async def _submit(self, work: Work[VersionJob]) -> None:
        # A job begins here after a call without an answer, and after a run that died: either may
        # have been accepted.
        payload = await self._payload(work)
        await self._note_resubmission(work)
        await self._submit_once(work, payload)

    async def _submit_once(self, work: Work[VersionJob], payload: bytes) -> None:
        work.lease.require()
        await finish_despite_cancel(
            self._submit_and_write(work, payload), seconds=_SUBMISSION_GRACE
        )

    async def _submit_and_write(self, work: Work[VersionJob], payload: bytes) -> None:
        options = work.job.options
        assert isinstance(options, ColoringOptions)

        async def submit() -> str:
            return await self._runpod.submit(payload, options, timeout_seconds=self._timeout)

        try:
            outside_id = await work.calls.call(submit)
        except OutsideError as error:
            work.learned(failed(work.job, error))
            if isinstance(error, TransientError) and error.ambiguous:
                _require_another(work)  # before it waits for one in vain
            raise
        work.learned(latest(work.job, outside_id=outside_id))
        try:
            await work.move(S.RUNPOD_SUBMITTED, runpod_job_id=outside_id)
        except ClaimLostError:
            await self._leave_behind(work, outside_id)
            raise

    async def _leave_behind(self, work: Work[VersionJob], outside_id: str) -> None:
        """Nobody else knows of this RunPod job: a successor gets it, or RunPod has to end it."""
        try:
            await work.leave_behind(S.RUNPOD_SUBMITTED, runpod_job_id=outside_id)
        except ClaimLostError:
            await self._ask_outside_cancel(work, outside_id)

    async def _ask_outside_cancel(self, work: Work[VersionJob], outside_id: str) -> None:
        await work.persistently(
            lambda: work.transitions.ask_outside_cancel(work.job, outside_id), fenced=False
        )

    async def _note_resubmission(self, work: Work[VersionJob]) -> None:
        """Write down that a call is begun although an earlier one may have been accepted."""
        job = work.job
        work.learned(unanswered(job))
        _require_another(work)
        await work.move(
            job.status, submissions=job.submissions + 1, resubmissions=job.resubmissions + 1
        )
        work.observer.resubmitted(job.kind)

    async def _poll(self, work: Work[VersionJob]) -> None:
        async def on_status(seen: RunPodJob) -> None:
            status = _SEEN.get(seen.status)
            if status is not None and status != work.job.status:
                await work.move(status)

        if work.job.runpod_job_id is None:
            return await self._begin_again(work)
        try:
            seen = await self._runpod.wait(
                work.job.runpod_job_id, timeout_seconds=self._timeout, on_status=on_status
            )
        except ResultGoneError:
            return await self._begin_again(work)
        except UnusableResultError as error:
            work.learned(_ended(work.job, error.seen, CallOutcome.UNUSABLE))
            raise
        return await self._end(work, seen)

    async def _end(self, work: Work[VersionJob], seen: RunPodJob) -> None:
        work.learned(_ended(work.job, seen))
        match seen.status:
            case RunPodJobStatus.COMPLETED if seen.image is not None:
                work.keep(seen.image)
                await work.move(S.RUNPOD_COMPLETED)
            case RunPodJobStatus.CANCELLED:
                why = Sentence.make(
                    "The job was cancelled at RunPod. Try again if it is still wanted."
                )
                await work.end(S.RUNPOD_CANCELLED, **reason("cancelled", why))
            case RunPodJobStatus.TIMED_OUT:
                raise PermanentError(
                    "RunPod did not finish within {seconds} s. "
                    "Try again, with fewer steps or megapixels if it happens again.",
                    service="RunPod",
                    seconds=self._timeout,
                )
            case _:
                if seen.error is None:
                    raise PermanentError(
                        "RunPod failed and gave no reason. Try again.", service="RunPod"
                    )
                raise PermanentError(
                    "RunPod failed: {reason}. Try again.",
                    service="RunPod",
                    reason=seen.error.rstrip(" ."),
                )

    async def _fetch(self, work: Work[VersionJob]) -> None:
        if work.result is None and not await self._fetch_result(work):
            return await self._begin_again(work)
        return await work.move(S.STORAGE_UPLOAD, storage_away_since=None)

    async def _upload(self, work: Work[VersionJob]) -> None:
        if work.result is None:
            await self._fetch_result(work)
        # Without a result, an earlier run may have stored it and died before it could say so.
        stored = await store(work, self._storage, content_type="image/png")
        if stored is None:
            return await self._begin_again(work)
        return await work.end(S.COMPLETED, file_ref=stored)

    async def _fetch_result(self, work: Work[VersionJob]) -> bool:
        """Read the result again, which RunPod keeps for 30 minutes."""
        if work.job.runpod_job_id is None:
            return False
        outside_id = work.job.runpod_job_id
        try:
            seen = await work.calls.call(lambda: self._runpod.status(outside_id))
        except ResultGoneError:
            return False
        if seen.image is None:
            return False
        work.learned(_ended(work.job, seen))
        work.keep(seen.image)
        return True

    async def _begin_again(self, work: Work[VersionJob]) -> None:
        """Have it made once more, since its result is gone; that is paid a second time."""
        if work.job.submissions:
            work.learned(latest(work.job, outcome=CallOutcome.LOST, wasted=True))
        if work.job.resubmissions >= MAX_RESUBMISSIONS:
            raise PermanentError(
                "RunPod lost the result, and was asked twice already. Try again later.",
                service="RunPod",
            )
        await work.move(S.PROCESSING, runpod_job_id=None, resubmissions=work.job.resubmissions + 1)
        work.observer.resubmitted(work.job.kind)

    async def _payload(self, work: Work[VersionJob]) -> bytes:
        photo = await load(self._storage, work.job.source, missing=_NO_PHOTO)
        return await prepare_apart(photo, min_size=self._min_image_size)


def _ended(job: VersionJob, seen: RunPodJob, outcome: CallOutcome | None = None) -> Call:
    """What a RunPod job that is over tells of the call that began it."""
    outcome = outcome or OUTCOMES[seen.status]
    call = latest(job, outcome=outcome, execution_ms=seen.execution_ms, delay_ms=seen.delay_ms)
    return call if outcome is CallOutcome.COMPLETED else replace(call, wasted=True)


def _require_another(work: Work[VersionJob]) -> None:
    """Go on only if one more call may be made that could be paid a second time."""
    if work.job.resubmissions >= MAX_RESUBMISSIONS:
        raise PermanentError(
            "RunPod was asked twice and never answered, so it may have been paid for twice. "
            "See RunPod's console, then try again.",
            service="RunPod",
        )


async def _open(parts: Parts, stack: AsyncExitStack) -> OpenLane:
    del stack
    settings, cancels = parts.settings, OutsideCancels(parts.database, parts.runpod)
    pipeline = ColoringGenerationService(
        parts.runpod,
        parts.storage,
        min_image_size=settings.min_image_size,
        timeout_seconds=settings.runpod_timeout,
    )
    return OpenLane(pipeline, (Duty("outside cancels", cancels.tell, when=SOME_ARE_UNTOLD),))


ENTRY = PipelineEntry(JobKind.COLORING, _open, lambda settings: settings.runpod_api_key is not None)
