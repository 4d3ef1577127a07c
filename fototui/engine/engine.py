"""The engine: lanes that run jobs, a heartbeat, an ear for notifications, and their common end."""

import asyncio
import os
import socket
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import TextClause, text

import fototui
from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError
from fototui.db.notify import JobCancelled, LaneReady
from fototui.domain.errors import FototuiError
from fototui.domain.statuses import JobKind
from fototui.engine.execution.context import Rescheduling
from fototui.engine.execution.failure import FailurePolicy
from fototui.engine.execution.pipeline import Pipeline
from fototui.engine.heartbeat import EngineIdentity, Heartbeat
from fototui.engine.jobs.claims import (
    Claims,
    has_free,
    has_orphans,
    has_suspects,
    has_unfinished,
    short_id,
)
from fototui.engine.jobs.table import JobTable
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.lane import LaneRunner
from fototui.engine.lease import Lease
from fototui.engine.listener import Listener
from fototui.engine.lookout import Lookout, Question
from fototui.engine.maintenance.dead_engines import SOME_ARE_SILENT, DeadEngines
from fototui.engine.maintenance.duty import Duty
from fototui.engine.maintenance.lone_runs import LoneRuns
from fototui.engine.observer import EngineObserver, NoObserver
from fototui.engine.parts import keep_running
from fototui.log import get_logger

log = get_logger(__name__)

# Any: a pipeline and its lane agree on the type of their jobs; the engine only starts them.
AnyPipeline = Pipeline[Any]
AnyLane = LaneRunner[Any]

AnyJobs = JobTable[Any]

IDLE_POLLS = 2
"""How many times longer an engine waits until it looks again while there are no jobs."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How an engine behaves.

    Args:
        operator: Who runs it.
        concurrency: Jobs at once, by lane.
        lease: Seconds of silence after which others may take it for dead.
        poll_seconds: How often it looks for work that no notification told it of, while there are
            unfinished jobs; more rarely (`IDLE_POLLS`) while there are none.
        grace: Seconds that jobs under way are given when it stops.
        rescheduling: How jobs are rescheduled that failed for now.
    """

    operator: str
    concurrency: Mapping[JobKind, int]
    lease: float = 15.0
    poll_seconds: float = 5.0
    grace: float = 5.0
    rescheduling: Rescheduling = field(default_factory=Rescheduling)


def _any_of(condition: Callable[[AnyJobs], str], kinds: Sequence[AnyJobs]) -> TextClause:
    """A condition of some kinds of jobs, for whichever of them it holds."""
    return text(" OR ".join(map(condition, kinds)) or "false")


def engine_actor(operator: str) -> str:
    """Who the activity log names for what an engine does by itself.

    Args:
        operator: Who runs the engine.
    """
    return f"{operator} (engine)"


class Engine:
    """Runs jobs until it is stopped. Use as an async context manager.

    Args:
        database: The database.
        settings: How the engine behaves.
        pipelines: How jobs are done, one for each lane it works in.
        duties: What it does for all engines beside its jobs, and beside finding dead engines.
        observer: Told of its jobs.

    Attributes:
        engine_id: Its id while it runs; another one after it was taken for dead and came back.
        grace: Seconds that jobs under way are given when it stops; may be changed until then.
    """

    engine_id: uuid.UUID

    def __init__(
        self,
        database: Database,
        settings: EngineSettings,
        pipelines: Sequence[AnyPipeline],
        *,
        duties: Sequence[Duty] = (),
        observer: EngineObserver | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._pipelines = {
            p.jobs.kind: p for p in pipelines if settings.concurrency.get(p.jobs.kind, 0) > 0
        }
        self._observer = observer or NoObserver()
        self.grace = settings.grace
        self._lease = Lease(seconds=settings.lease, margin=settings.lease / 5)
        self._heartbeat = Heartbeat(
            database.url,
            self._identity(),
            lease_seconds=settings.lease,
            lease=self._lease,
            on_lease_lost=self._lease_lost,
            on_registered_again=self._registered_again,
        )
        self._listener = Listener(database.url, on_message=self._receive, on_gap=self._look_again)
        self._lanes: dict[JobKind, AnyLane] = {}
        self._cancelled: set[JobCancelled] = set()
        self._dead_engines = DeadEngines(database, on_death=self._wake_all)
        self._lone_runs = LoneRuns(self._lanes.values)
        self._duties = self._all_duties(duties)
        self._tasks: set[asyncio.Task[None]] = set()
        self._new_id: uuid.UUID | None = None
        self._has_new_id = asyncio.Event()

    @property
    def counts(self) -> Counter[str]:
        """What became of the jobs so far, over all lanes."""
        return sum((lane.counts for lane in self._lanes.values()), Counter())

    @property
    def running(self) -> int:
        """Jobs under way here."""
        return sum(lane.running for lane in self._lanes.values())

    async def __aenter__(self) -> "Engine":
        """Register the engine and begin to work.

        Raises:
            DatabaseUnavailableError: The database cannot be reached.
        """
        try:
            self.engine_id = await self._heartbeat.start()
        except Exception as error:
            raise DatabaseUnavailableError(
                "The engine cannot register in the database. Check that it runs: fototui doctor"
            ) from error
        claims = Claims(self._database, self.engine_id)
        actor = engine_actor(self._settings.operator)
        policy = FailurePolicy(
            self._database, actor=actor, rescheduling=self._settings.rescheduling
        )
        transitions = self._transitions = Transitions(self._database, actor=actor)

        for kind, pipeline in self._pipelines.items():
            self._lanes[kind] = LaneRunner(
                pipeline,
                concurrency=self._settings.concurrency[kind],
                claims=claims,
                transitions=transitions,
                policy=policy,
                lease=self._lease,
                calls=self._settings.rescheduling.calls,
                lease_seconds=self._settings.lease,
                observer=self._observer,
            )
        self._spawn("heartbeat", self._heartbeat.wait)
        self._keep("listener", self._listener.run)
        self._keep("return", self._resume_under_new_id)
        for duty in self._duties:
            self._keep(duty.name, partial(duty.repeat, every=self._settings.poll_seconds))
        for kind, lane in self._lanes.items():
            self._keep(f"lane {kind}", lane.claim_forever)
        self._look.wake()
        log.info(
            "engine started",
            engine=short_id(claims.engine_id),
            lanes=[str(kind) for kind in self._lanes],
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop claiming, let jobs end, give the rest back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(lane.stop(grace=self.grace) for lane in self._lanes.values()))
        await self._transitions.aclose()
        released = 0
        try:
            for lane in self._lanes.values():
                released += await lane.release()
        except FototuiError as error:
            log.warning("jobs are not given back; the lease does it", reason=str(error))
        await self._heartbeat.stop()
        log.info(
            "engine stopped", engine=short_id(self.engine_id), released=released, **self.counts
        )

    async def wait(self) -> None:
        """Wait until the heartbeat ends, which it does not do by itself.

        Raises:
            Exception: Whatever ended it.
        """
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def drain(self) -> list[JobKind]:
        """Wait until nothing is left to do in this engine's lanes, by whomever.

        Returns:
            Lanes in which something is left because they are paused.

        Raises:
            Exception: A part of the engine ended by it.
        """
        tables = [pipeline.jobs for pipeline in self._pipelines.values()]
        while True:
            for task in self._tasks:
                if task.done():
                    task.result()
            left = await Claims(self._database, self.engine_id).left(tables)
            if all(w.unfinished == 0 or (w.paused and w.held == 0) for w in left.values()):
                return [kind for kind, work in left.items() if work.unfinished]
            await asyncio.sleep(min(0.2, self._settings.poll_seconds))

    def _all_duties(self, of_lanes: Sequence[Duty]) -> tuple[Duty, ...]:
        """Its duties, and first the one that looks what there is for the others and for lanes."""
        lease, poll_seconds = self._settings.lease, self._settings.poll_seconds
        kinds = [pipeline.jobs for pipeline in self._pipelines.values()]
        orphans = _any_of(has_orphans, kinds).bindparams(age=lease)
        self._look = Duty("look", self._ask, seconds=lease)
        self._drop = Duty("cancelled jobs", self._drop_cancelled, seconds=lease)
        duties = (
            self._drop,
            Duty("dead engines", self._dead_engines.retire, seconds=lease, when=SOME_ARE_SILENT),
            Duty("orphaned claims", self._release_orphans, seconds=lease, when=orphans),
            Duty("lone runs", self._lone_runs.run, seconds=None, when=_any_of(has_suspects, kinds)),
            *of_lanes,
        )
        questions = [
            *(Question(text(has_free(jobs)), partial(self._wake, jobs.kind)) for jobs in kinds),
            *(Question(duty.when, duty.wake) for duty in duties if duty.when is not None),
        ]
        self._lookout = Lookout(
            self._database,
            questions,
            unfinished=_any_of(has_unfinished, kinds),
            busy_seconds=poll_seconds,
            idle_seconds=poll_seconds * IDLE_POLLS,
        )
        return (self._look, *duties)

    async def _ask(self) -> float:
        return await self._lookout.look(self.engine_id)

    # --- parts -------------------------------------------------------------------------------

    def _spawn(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await part()

        self._tasks.add(asyncio.create_task(run(), name=f"engine {name}"))

    def _keep(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        self._spawn(name, partial(keep_running, name, part))

    def _wake(self, kind: JobKind) -> None:
        if kind in self._lanes:
            self._lanes[kind].wake()

    def _look_again(self) -> None:
        """Anything may have been missed."""
        self._look.wake()

    def _wake_all(self) -> None:
        """An engine died."""
        for lane in self._lanes.values():
            lane.wake()
        self._look.wake()

    def _receive(self, message: LaneReady | JobCancelled) -> None:
        match message:
            case LaneReady(kind):
                self._wake(kind)
            case JobCancelled():
                self._cancelled.add(message)
                self._drop.wake()
                self._look.wake()  # RunPod may have to be told

    async def _drop_cancelled(self) -> None:
        for cancelled in tuple(self._cancelled):
            if cancelled.kind in self._lanes:
                await self._lanes[cancelled.kind].drop_if_lost(cancelled.row_id)
            self._cancelled.discard(cancelled)

    async def _release_orphans(self) -> None:
        for lane in self._lanes.values():
            await lane.release_orphans()

    # --- losing and finding the database -----------------------------------------------------

    def _lease_lost(self) -> None:
        log.error("this engine no longer counts as alive; its jobs are left to others")
        for lane in self._lanes.values():
            lane.abandon()

    def _registered_again(self, engine_id: uuid.UUID) -> None:
        self._new_id = engine_id
        self._has_new_id.set()

    async def _resume_under_new_id(self) -> None:
        """Go on under a new id, after the heartbeat was lost and the database is back."""
        while True:
            if self._new_id is None:
                self._has_new_id.clear()
                await self._has_new_id.wait()
                continue
            engine_id = self._new_id
            # Whatever cut the heartbeat off may have left dead connections in the pool.
            await self._database.engine.dispose()
            for lane in self._lanes.values():
                await lane.stop(grace=0)
                lane.claims = Claims(self._database, engine_id)
                lane.wake()
            self.engine_id = engine_id
            if self._new_id == engine_id:  # kept until here: what failed above is done again
                self._new_id = None
            log.info("the engine works again, under a new id", engine=short_id(engine_id))

    def _identity(self) -> EngineIdentity:
        lanes = self._pipelines
        return EngineIdentity(
            operator=self._settings.operator,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=fototui.__version__,
            lanes=[str(kind) for kind in lanes],
            capacity=sum(self._settings.concurrency[kind] for kind in lanes),
        )
