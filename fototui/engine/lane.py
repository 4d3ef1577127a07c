"""One lane of an engine: claims jobs of one kind and runs some of them at once."""

import asyncio
import time
from collections import Counter
from typing import Generic

from fototui.db.errors import DatabaseUnavailableError
from fototui.domain.errors import FototuiError
from fototui.engine.execution.attempt import attempt
from fototui.engine.execution.context import Results, Work
from fototui.engine.execution.failure import FailurePolicy
from fototui.engine.execution.pipeline import Pipeline
from fototui.engine.jobs.claims import MOST_AT_ONCE, Claims, short_id
from fototui.engine.jobs.job import JobT
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.lease import Lease
from fototui.engine.observer import AttemptOutcome, EngineObserver
from fototui.log import bind_job, get_logger
from fototui.retry import RetryPolicy

log = get_logger(__name__)


class LaneRunner(Generic[JobT]):
    """Claims and runs the jobs of one kind.

    Args:
        pipeline: How they are done.
        concurrency: How many this engine runs at once.
        claims: The engine's claims.
        transitions: Writes their steps.
        policy: What becomes of failures.
        lease: Whether the engine may still act.
        calls: How their steps make calls to the outside.
        lease_seconds: Longest that a claim may take, and age at which an orphaned one is given
            back.
        observer: Told of each job.
    """

    def __init__(
        self,
        pipeline: Pipeline[JobT],
        *,
        concurrency: int,
        claims: Claims,
        transitions: Transitions,
        policy: FailurePolicy,
        lease: Lease,
        calls: RetryPolicy,
        lease_seconds: float,
        observer: EngineObserver,
    ) -> None:
        self.kind = pipeline.jobs.kind
        self.counts: Counter[str] = Counter()
        """What became of the jobs: completed, failed, put back, claim lost …"""
        self.claims = claims
        self._pipeline = pipeline
        self._jobs = pipeline.jobs
        self._observer = observer
        self._concurrency = concurrency
        self._transitions = transitions
        self._policy = policy
        self._lease = lease
        self._calls = calls
        self._lease_seconds = lease_seconds
        self._results = Results()
        self._running: dict[asyncio.Task[None], JobT] = {}
        self._wake = asyncio.Event()
        self._held_back = False
        self._claiming = False

    @property
    def busy(self) -> bool:
        """Whether there are jobs under way here, or about to be."""
        return self._claiming or bool(self._running)

    def hold_back(self) -> None:
        """Claim nothing until told to go on; jobs under way go on."""
        self._held_back = True

    def go_on(self) -> None:
        """Claim again."""
        self._held_back = False
        self.wake()

    async def has_suspects(self) -> bool:
        """Whether jobs wait here that have to run alone."""
        return await self.claims.has_suspects(self._jobs)

    async def run_alone(self) -> bool:
        """Run one job that has to run alone, where there is one that may run now.

        Returns:
            Whether there was one.
        """
        if not self._lease.holds:
            return False
        limited = await self.claims.has_account_limit(self._jobs)
        await self._claim(1, limited=limited, alone=True)
        if not self._running:
            return False
        await asyncio.wait(set(self._running))
        return True

    @property
    def running(self) -> int:
        """Jobs under way here."""
        return len(self._running)

    def wake(self) -> None:
        """There may be something to claim."""
        self._wake.set()

    async def claim_forever(self) -> None:
        """Claim and start jobs when woken, until cancelled; jobs under way go on after that."""
        limited: bool | None = None
        while True:
            await self._wake.wait()
            self._wake.clear()
            free = min(self._concurrency - self.running, MOST_AT_ONCE)
            claimed = 0
            if free > 0 and self._lease.holds and not self._held_back:
                try:
                    if limited is None:
                        limited = await self.claims.has_account_limit(self._jobs)
                    claimed = await self._claim(free, limited=limited)
                except FototuiError as error:
                    log.warning("nothing can be claimed", lane=str(self.kind), reason=str(error))
            if claimed == free > 0:
                self._wake.set()

    async def _claim(self, free: int, *, limited: bool, alone: bool = False) -> int:
        self._claiming = True
        try:
            async with asyncio.timeout(self._lease_seconds):
                jobs = await self.claims.claim(self._jobs, free, limited=limited, alone=alone)
        except TimeoutError as error:
            raise DatabaseUnavailableError("A claim was not answered in time.") from error
        finally:
            self._claiming = False
        for job in jobs:
            self._start(job)
        return len(jobs)

    async def release_orphans(self) -> None:
        """Give back what is claimed in this engine's name and not worked on.

        A claim whose answer was lost on its way is such, and a job whose failure could not be
        written down.
        """
        at_work = [job.row_id for job in self._running.values()]
        orphans = await self.claims.release_orphans(
            self._jobs, at_work, older_than=self._lease_seconds
        )
        if orphans:
            log.warning(
                "claims that nobody works on were given back", lane=str(self.kind), rows=orphans
            )
            self.wake()

    async def release(self) -> int:
        """Give back all that is claimed; how many jobs that were."""
        return await self.claims.release(self._jobs)

    def _start(self, job: JobT) -> None:
        for task, other in self._running.items():
            if other.row_id == job.row_id:  # PostgreSQL crashed, and forgot that claim
                task.cancel()
        self.counts["claimed"] += 1
        if job.takeovers:
            self.counts["taken up again"] += 1
        self._observer.claimed(self.kind, job.waited, taken_over=job.takeovers > 0)
        task = asyncio.create_task(self._run(job), name=f"{job.kind} {job.row_id}")
        self._running[task] = job
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self.wake()

    async def _run(self, job: JobT) -> None:
        work = Work(
            self._jobs,
            job,
            transitions=self._transitions,
            lease=self._lease,
            results=self._results,
            calls=self._calls,
            observer=self._observer,
        )
        engine = short_id(self.claims.engine_id)
        with bind_job(engine=engine, lane=str(self.kind), **job.labels):
            started = time.monotonic()
            outcome = await attempt(self._pipeline, work, self._policy)
            if outcome is not AttemptOutcome.RETRY_SCHEDULED:
                work.drop_result()
            self.counts[str(outcome)] += 1
            seconds = time.monotonic() - started
            self._observer.ended(self.kind, outcome, seconds)
            log.info("job ended", outcome=str(outcome), seconds=round(seconds, 3))

    async def drop_if_lost(self, row_id: int) -> None:
        """Stop working on a job if its claim is gone.

        Args:
            row_id: The row of the job that someone cancelled.
        """
        for task, job in list(self._running.items()):
            if job.row_id == row_id and not await self.claims.holds(self._jobs, job):
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
