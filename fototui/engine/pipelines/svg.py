"""How an SVG is made: colouring → Vectorizer.ai → storage."""

import uuid
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal

from fototui.clients.vectorizer import VectorizerApiService, VectorizerMode
from fototui.clients.vectorizer_wire import SERVICE, VectorizerResult
from fototui.db.errors import ClaimLostError
from fototui.domain.costs import Call, CallOutcome
from fototui.domain.errors import OutsideError, PermanentError, ResultGoneError, TransientError
from fototui.domain.options import SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.domain.statuses import SvgProcessingStatus as S
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step, load, store, unless_made
from fototui.engine.jobs.calls import failed, latest, unanswered
from fototui.engine.jobs.job import Columns, JobStatus, Moment, Reason, VersionJob
from fototui.engine.jobs.versions import SVGS
from fototui.engine.pipelines.opening import OpenLane, Parts, PipelineEntry
from fototui.storage.base import Storage

# Calls begun although an earlier one was paid for, or may have been: so two are paid at most.
MAX_RESUBMISSIONS = 1
# Longer than any job waits for its storage.
_RETENTION_DAYS = 1
_SVG = "image/svg+xml"

_NO_COLORING = Sentence.make("The colouring is not in storage yet. Make it, then try again.")


class SvgGenerationService:
    """The steps of an SVG.

    Vectorizer.ai answers with the SVG itself, and keeps it for a day: where the beginning of its
    answer arrived, the rest is fetched. A call of which nothing was heard is made once more, and
    counted.

    Args:
        vectorizer: The client.
        storage: Where files are kept.
        mode: Production, or free test calls whose results carry a watermark.
    """

    jobs = SVGS
    retry_from: Mapping[JobStatus, JobStatus] = {S.VECTORIZER_PROCESSING: S.QUEUED}
    doubtful: Collection[JobStatus] = (S.VECTORIZER_PROCESSING,)

    def __init__(
        self,
        vectorizer: VectorizerApiService,
        storage: Storage,
        *,
        mode: VectorizerMode = VectorizerMode.PRODUCTION,
    ) -> None:
        self._mode = mode
        self._vectorizer = vectorizer
        self._storage = storage
        self.steps: Mapping[JobStatus, Step[VersionJob]] = {
            S.PENDING: unless_made(storage, self._start),
            S.QUEUED: unless_made(storage, self._start),
            S.PROCESSING: unless_made(storage, self._check_coloring),
            S.VECTORIZER_PROCESSING: unless_made(storage, self._call_again),
            S.VECTORIZER_COMPLETED: self._hand_on,
            S.STORAGE_UPLOAD: self._upload,
        }

    async def fail(self, work: Work[VersionJob], why: Reason) -> None:
        """Write that the job failed."""
        await work.end(S.ERROR, **why)

    async def _start(self, work: Work[VersionJob]) -> None:
        # An operator's retry: what was made before it may still be there, and was paid for.
        if await self._fetch_result(work):
            await work.move(S.VECTORIZER_COMPLETED, started_at=Moment.NOW)
        else:
            await work.move(S.PROCESSING, started_at=Moment.NOW, vectorizer_job_id=None)

    async def _check_coloring(self, work: Work[VersionJob]) -> None:
        coloring = await load(self._storage, work.job.source, missing=_NO_COLORING)
        await work.move(
            S.VECTORIZER_PROCESSING,
            submissions=work.job.submissions + 1,
            storage_away_since=None,
        )
        await self._call(work, coloring)

    async def _call_again(self, work: Work[VersionJob]) -> None:
        # A job begins here after a call without an answer, and after a run that died: either may
        # have been paid for.
        coloring = await load(self._storage, work.job.source, missing=_NO_COLORING)
        job = work.job
        work.learned(unanswered(job))
        _require_another(work)
        await work.move(
            job.status, submissions=job.submissions + 1, resubmissions=job.resubmissions + 1
        )
        work.observer.resubmitted(job.kind)
        await self._call(work, coloring)

    async def _call(self, work: Work[VersionJob], coloring: bytes) -> None:
        options = _options(work)
        work.lease.require()

        async def vectorize() -> VectorizerResult:
            return await self._vectorizer.vectorize(
                coloring,
                options,
                mode=self._mode,
                # Test results are free.
                retention_days=_RETENTION_DAYS if self._mode is VectorizerMode.PRODUCTION else 0,
            )

        try:
            result = await work.calls.call(vectorize)
        except OutsideError as error:
            work.learned(failed(work.job, error))
            if isinstance(error, TransientError) and error.ambiguous:
                _require_another(work)  # before it waits for one in vain
            raise
        self._take(work, result)
        paid: Columns = {
            "credits_charged": work.job.credits_charged + (result.credits_charged or 0.0),
            "vectorizer_job_id": result.image_token,
        }
        work.learned(_paid(latest(work.job, outcome=CallOutcome.COMPLETED), result))
        try:
            await work.move(S.VECTORIZER_COMPLETED, **paid)
        except ClaimLostError:
            await self._leave_behind(work, paid)
            raise

    async def _leave_behind(self, work: Work[VersionJob], paid: Columns) -> None:
        """A successor fetches the result by its token; if there is one already, nobody does."""
        try:
            await work.leave_behind(S.VECTORIZER_COMPLETED, **paid)
        except ClaimLostError:
            work.learned(latest(work.job, wasted=True))
            raise

    def _take(self, work: Work[VersionJob], result: VectorizerResult) -> None:
        if result.svg is not None:
            work.keep(result.svg)
        work.observer.charged(work.job.kind, result.credits_charged or 0.0)

    async def _hand_on(self, work: Work[VersionJob]) -> None:
        await work.move(S.STORAGE_UPLOAD, storage_away_since=None)

    async def _upload(self, work: Work[VersionJob]) -> None:
        # Without a result, an earlier run may have stored it and died before it could say so.
        stored = await store(work, self._storage, content_type=_SVG)
        if stored is None and await self._fetch_result(work):
            stored = await store(work, self._storage, content_type=_SVG)
        if stored is None:
            await self._begin_again(work)
        else:
            await work.end(S.COMPLETED, file_ref=stored)

    async def _fetch_result(self, work: Work[VersionJob]) -> bool:
        """Read the result again, which Vectorizer.ai keeps for a day, at a tenth of its price."""
        token = work.job.vectorizer_job_id
        if token is None:
            return False
        options = _options(work)
        try:
            result = await work.calls.call(lambda: self._vectorizer.download(token, options))
        except ResultGoneError:
            return False
        self._take(work, result)
        if result.credits_charged:
            # A call of its own, but not one that counts as begun: nothing is made by it.
            fetched = Call(id=uuid.uuid4(), outside_id=token, outcome=CallOutcome.COMPLETED)
            work.learned(_paid(fetched, result))
            total = work.job.credits_charged + result.credits_charged
            await work.move(work.job.status, credits_charged=total)
        return True

    async def _begin_again(self, work: Work[VersionJob]) -> None:
        """Have it made once more, since its result is gone; that is paid a second time."""
        if work.job.submissions:
            work.learned(latest(work.job, outcome=CallOutcome.LOST, wasted=True))
        _require_another(work)
        await work.move(
            S.PROCESSING, vectorizer_job_id=None, resubmissions=work.job.resubmissions + 1
        )
        work.observer.resubmitted(work.job.kind)


def _paid(call: Call, result: VectorizerResult) -> Call:
    outside_id = call.outside_id or result.image_token
    charged = result.credits_charged
    credited = None if charged is None else Decimal(str(charged))
    return replace(call, outside_id=outside_id, credits=credited)


def _options(work: Work[VersionJob]) -> SvgOptions:
    assert isinstance(work.job.options, SvgOptions)
    return work.job.options


def _require_another(work: Work[VersionJob]) -> None:
    """Go on only if one more call may be made that could be paid a second time."""
    if work.job.resubmissions >= MAX_RESUBMISSIONS:
        raise PermanentError(
            "Vectorizer.ai was asked twice and no whole SVG came of it, so it may have been paid "
            "for twice. See its account, then try again.",
            service=SERVICE,
        )


async def _open(parts: Parts, stack: AsyncExitStack) -> OpenLane:
    del stack
    mode = VectorizerMode(parts.settings.vectorizer_mode)
    return OpenLane(SvgGenerationService(parts.vectorizer, parts.storage, mode=mode))


ENTRY = PipelineEntry(JobKind.SVG, _open, lambda settings: settings.vectorizer_api_key is not None)
