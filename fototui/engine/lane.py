"""One lane of an engine: claims jobs of one kind and runs some of them at once."""

import asyncio
import contextlib
import random
import time
from collections import Counter

import structlog
from sqlalchemy.exc import DBAPIError

from fototui.db.errors import DatabaseUnavailableError
from fototui.domain.errors import FototuiError
from fototui.engine.attempt import attempt
from fototui.engine.claims import Claims, short_id
from fototui.engine.failure import FailurePolicy
from fototui.engine.fence import Fence
from fototui.engine.job import Job
from fototui.engine.pipeline import Pipeline
from fototui.engine.transitions import Transitions
from fototui.engine.work import Patience, Results, Work
from fototui.log import bind_job

log = structlog.get_logger(__name__)


class LaneRunner:
    """Claims and runs the jobs of one kind.

    Args:
        pipeline: How they are done.
        concurrency: How many this engine runs at once.
        claims: The engine's claims.
        transitions: Writes their steps.
        policy: What becomes of failures.
        fence: Whether the engine may still act.
        patience: How transient failures are met.
        lease: Longest that a claim may take, and age at which a stray one is given back, in
            seconds.
        poll_seconds: How often the lane is looked at when nobody wakes it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        concurrency: int,
        claims: Claims,
        transitions: Transitions,
        policy: FailurePolicy,
        fence: Fence,
        patience: Patience,
        lease: float,
        poll_seconds: float,
    ) -> None:
        self.kind = pipeline.kind
        self.counts: Counter[str] = Counter()
        """What became of the jobs: completed, failed, put back, claim lost …"""
        self.claims = claims
        self._pipeline = pipeline
        self._concurrency = concurrency
        self._transitions = transitions
        self._policy = policy
        self._fence = fence
        self._patience = patience
        self._lease = lease
        self._poll_seconds = poll_seconds
        self._results = Results()
        self._running: dict[asyncio.Task[None], Job] = {}
        self._wake = asyncio.Event()

    @property
    def running(self) -> int:
        """Jobs under way here."""
        return len(self._running)

    def wake(self) -> None:
        """There may be something to claim."""
        self._wake.set()

    async def claim_forever(self) -> None:
        """Claim and start jobs until cancelled; jobs under way go on after that."""
        limited: bool | None = None
        while True:
            self._wake.clear()
            free = self._concurrency - self.running
            claimed = 0
            if free > 0 and self._fence.holds:
                try:
                    if limited is None:
                        limited = await self.claims.has_account_limit(self.kind)
                    claimed = await self._claim(free, limited=limited)
                except (FototuiError, DBAPIError) as error:
                    log.warning("nothing can be claimed", lane=str(self.kind), reason=str(error))
            if claimed < free or free <= 0:
                await self._rest()

    async def _claim(self, free: int, *, limited: bool) -> int:
        try:
            async with asyncio.timeout(self._lease):
                jobs = await self.claims.claim(self.kind, free, limited=limited)
        except TimeoutError as error:
            raise DatabaseUnavailableError("A claim was not answered in time.") from error
        for job in jobs:
            self._start(job)
        return len(jobs)

    async def release_strays(self) -> None:
        """Give back what is claimed in this engine's name and not worked on.

        A claim whose answer was lost on its way is such, and a job whose failure could not be
        written down.
        """
        at_work = [job.version_id for job in self._running.values()]
        strays = await self.claims.release_strays(self.kind, at_work, older_than=self._lease)
        if strays:
            log.warning("claims that nobody works on were given back", versions=strays)
            self.wake()

    async def _rest(self) -> None:
        """Wait to be woken, or for the slow poll, which no notification is needed for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds * random.uniform(0.8, 1.2)):  # noqa: S311
                await self._wake.wait()

    def _start(self, job: Job) -> None:
        self.counts["claimed"] += 1
        if job.takeovers and job.resumed:
            self.counts["taken up again"] += 1
        task = asyncio.create_task(self._run(job), name=f"{job.kind} version {job.version_id}")
        self._running[task] = job
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self.wake()

    async def _run(self, job: Job) -> None:
        work = Work(
            job,
            transitions=self._transitions,
            fence=self._fence,
            results=self._results,
            patience=self._patience,
        )
        with bind_job(
            engine=short_id(self.claims.engine_id),
            order=job.order_number,
            image=job.image_id,
            version=job.version_id,
        ):
            started = time.monotonic()
            outcome = await attempt(self._pipeline, work, self._policy)
            if outcome != "put back":
                work.drop_result()
            self.counts[outcome] += 1
            log.info("job ended", outcome=outcome, seconds=round(time.monotonic() - started, 3))

    async def drop_if_lost(self, version_id: int) -> None:
        """Stop working on a version if its claim is gone.

        Args:
            version_id: The version that someone cancelled.
        """
        for task, job in list(self._running.items()):
            if job.version_id == version_id and not await self.claims.holds(job):
                task.cancel()

    def abandon(self) -> None:
        """Cancel all jobs under way, at once: they may be others' already."""
        for task in self._running:
            task.cancel()

    async def stop(self, *, grace: float) -> None:
        """End the jobs under way.

        Args:
            grace: Seconds they may take to end by themselves; then they are cancelled, and wait
                for another engine in the status where they stand.
        """
        if self._running and grace > 0:
            await asyncio.wait(set(self._running), timeout=grace)
        self.abandon()
        if tasks := set(self._running):
            # Bounded: what a job shields from its cancellation has a time-out of its own.
            await asyncio.wait(tasks, timeout=30)
