"""How an SVG is made: colouring → Vectorizer.ai → storage."""

from collections.abc import Mapping

from sqlalchemy import func

from fototui.clients.vectorizer import VectorizerApiService, VectorizerMode, VectorizerResult
from fototui.domain.options import SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import SvgProcessingStatus as S
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step, load, store
from fototui.engine.jobs.job import JobStatus, VersionJob
from fototui.engine.jobs.versions import SVGS
from fototui.storage.base import Storage

_NO_COLORING = Sentence.make("The colouring is not in storage yet. Make it, then try again.")


class SvgGenerationService:
    """The steps of an SVG.

    Vectorizer.ai answers with the SVG itself and forgets it: a call whose answer was lost is made
    again, and counted.

    Args:
        vectorizer: The client.
        storage: Where files are kept.
        mode: Production, or free test calls whose results carry a watermark.
    """

    jobs = SVGS
    retry_from: Mapping[JobStatus, JobStatus] = {S.VECTORIZER_PROCESSING: S.QUEUED}

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
            S.PENDING: self._start,
            S.QUEUED: self._start,
            S.PROCESSING: self._check_coloring,
            S.VECTORIZER_PROCESSING: self._call_again,
            S.VECTORIZER_COMPLETED: self._hand_on,
            S.STORAGE_UPLOAD: self._upload,
        }

    async def fail(self, work: Work[VersionJob], why: Mapping[str, object]) -> None:
        """Write that the job failed."""
        await work.end(S.ERROR, **why)

    async def _start(self, work: Work[VersionJob]) -> None:
        await work.move(S.PROCESSING, started_at=func.now())

    async def _check_coloring(self, work: Work[VersionJob]) -> None:
        coloring = await load(self._storage, work.job.source, missing=_NO_COLORING)
        await work.move(S.VECTORIZER_PROCESSING, submissions=work.job.submissions + 1)
        await self._call(work, coloring)

    async def _call_again(self, work: Work[VersionJob]) -> None:
        # Only a taken-up job begins here: an earlier call may have been paid for.
        job = work.job
        await work.move(
            job.status, submissions=job.submissions + 1, resubmissions=job.resubmissions + 1
        )
        work.observer.resubmitted(job.kind)
        await self._call(work, await load(self._storage, job.source, missing=_NO_COLORING))

    async def _call(self, work: Work[VersionJob], coloring: bytes) -> None:
        options = work.job.options
        assert isinstance(options, SvgOptions)
        work.lease.require()

        async def vectorize() -> VectorizerResult:
            return await self._vectorizer.vectorize(coloring, options, mode=self._mode)

        result = await work.patience.call(vectorize)
        work.keep(result.svg)
        work.observer.charged(work.job.kind, result.credits_charged or 0.0)
        await work.move(
            S.VECTORIZER_COMPLETED,
            credits_charged=work.job.credits_charged + (result.credits_charged or 0.0),
            vectorizer_job_id=result.image_token,
        )

    async def _hand_on(self, work: Work[VersionJob]) -> None:
        await work.move(S.STORAGE_UPLOAD)

    async def _upload(self, work: Work[VersionJob]) -> None:
        # Without a result, an earlier run may have stored it and died before it could say so.
        stored = await store(work, self._storage, content_type="image/svg+xml")
        if stored is None:
            await work.move(S.PROCESSING)
        else:
            await work.end(S.COMPLETED, file_ref=stored)
