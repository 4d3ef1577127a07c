"""A claimed job being worked on: what its steps may use, and how they write where they got."""

import asyncio
import contextlib
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar, Unpack

from fototui.db.errors import DatabaseError, DatabaseUnavailableError, is_outage
from fototui.domain.costs import Call
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.job import Columns, Job, JobStatus, JobT, Move, OwnColumn, VersionJob
from fototui.engine.jobs.table import JobTable
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.lease import Lease
from fototui.engine.observer import EngineObserver
from fototui.log import get_logger
from fototui.retry import RetryPolicy

T = TypeVar("T")

# What was told to end may take this long to do so, in seconds.
_LAST_BREATH = 10.0

log = get_logger(__name__)


CALLS = RetryPolicy(longest_wait=30.0, repeats_ambiguous=False)
"""How a step makes its calls to the outside."""


@dataclass(frozen=True, slots=True)
class Rescheduling:
    """How a job is rescheduled whose step failed for now; within the step, `calls` try again.

    Args:
        calls: How a step makes its calls to the outside.
        times: How often a job is rescheduled, before it fails for good.
        first: Shortest of these waits, in seconds; it grows with each.
        longest: Longest of these waits, in seconds.
        doubt_shortest: Shortest wait before a call is repeated that may have been accepted, in
            seconds: an outage of a few seconds must not cost the one repetition.
        doubt_longest: Longest of these waits, in seconds.
        storage_seconds: How long storage may be away before a job fails for it. What is to be
            stored was paid for, and RunPod keeps it for 30 minutes.
    """

    calls: RetryPolicy = CALLS
    times: int = 3
    first: float = 1.0
    longest: float = 60.0
    doubt_shortest: float = 8.0
    doubt_longest: float = 30.0
    storage_seconds: float = 1500.0


class Results:
    """Results that were paid for and are not stored yet, by version.

    A job that waits because storage is down finds its result here when the same engine takes it up
    again. Bounded: the oldest go first, and are then fetched or made anew.

    Args:
        limit: Most bytes kept.
    """

    def __init__(self, *, limit: int = 256 * 1024 * 1024) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[tuple[JobKind, object], bytes] = OrderedDict()

    def get(self, job: Job) -> bytes | None:
        """The result of a job; None where it is not kept."""
        return self._kept.get((job.kind, job.row_id))

    def keep(self, job: Job, result: bytes) -> None:
        """Keep the result of a job."""
        self.drop(job)
        self._kept[job.kind, job.row_id] = result
        self._size += len(result)
        while self._size > self._limit and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])

    def drop(self, job: Job) -> None:
        """Forget the result of a job."""
        self._size -= len(self._kept.pop((job.kind, job.row_id), b""))


class Work(Generic[JobT]):
    """One job under way.

    Args:
        jobs: Where the job stands.
        job: The job as claimed.
        transitions: Writes its steps.
        lease: Whether this engine may still act.
        results: Where its result is kept until it is stored.
        calls: How it makes its calls to the outside.
        observer: Told of the job's steps.
    """

    def __init__(
        self,
        jobs: JobTable[JobT],
        job: JobT,
        *,
        transitions: Transitions,
        lease: Lease,
        results: Results,
        calls: RetryPolicy,
        observer: EngineObserver,
    ) -> None:
        self.job = job
        self.ended = False
        """The claim is given up: there is no further step."""
        self._jobs = jobs
        self.lease = lease
        self.calls = calls
        self.observer = observer
        self.transitions = transitions
        self._results = results
        self._calls: dict[uuid.UUID, Call] = {}

    @property
    def result(self) -> bytes | None:
        """What the outside service made, until it is stored."""
        return self._results.get(self.job)

    def keep(self, result: bytes) -> None:
        """Keep what the outside service made."""
        self._results.keep(self.job, result)

    def drop_result(self) -> None:
        """Forget what the outside service made."""
        self._results.drop(self.job)

    def learned(self, call: Call) -> None:
        """Take note of something about a paid call; the next write carries it.

        Args:
            call: What is known now.
        """
        known = self._calls.get(call.id)
        self._calls[call.id] = call if known is None else known.and_then(call)

    async def tell_of_calls(self) -> None:
        """Write what was learned of paid calls although the job is no longer this engine's."""
        job, calls = self.job, tuple(self._calls.values())
        if calls and isinstance(job, VersionJob):
            await self.persistently(
                lambda: self.transitions.tell_of_calls(job, calls), fenced=False
            )
            self._calls.clear()

    async def move(
        self,
        status: JobStatus,
        own: Mapping[OwnColumn, object] | None = None,
        **fields: Unpack[Columns],
    ) -> None:
        """Write that the job is in its next status.

        While the database is away this waits, for as long as the engine counts as alive.

        Args:
            status: The next status.
            own: Columns written along with it that only this lane's table has.
            fields: Other columns written along with it.

        Raises:
            ClaimLostError: The job is no longer this engine's.
        """
        await self._write(self._move(status, fields, own=own))

    async def end(
        self,
        status: JobStatus,
        own: Mapping[OwnColumn, object] | None = None,
        **fields: Unpack[Columns],
    ) -> None:
        """Write where the job ends, and give up its claim.

        Args:
            status: The last status.
            own: Columns written along with it that only this lane's table has.
            fields: Other columns written along with it.

        Raises:
            ClaimLostError: The job is no longer this engine's.
        """
        await self._write(self._move(status, fields, ends=True, own=own))

    def ended_at(self, status: JobStatus) -> None:
        """Take note that a transaction of the step's own ended the job.

        Args:
            status: The status that it wrote.
        """
        self.job = self.job.after(Move(status, ends=True))
        self.ended = True

    def _move(
        self,
        status: JobStatus,
        fields: Columns,
        *,
        ends: bool = False,
        own: Mapping[OwnColumn, object] | None = None,
    ) -> Move:
        return Move(status, fields, ends, own or {}, tuple(self._calls.values()))

    async def _write(self, move: Move) -> None:
        self.job = await self.persistently(
            lambda: self.transitions.write(self._jobs, self.job, move)
        )
        self._calls.clear()
        self.ended = move.ends

    async def reschedule(
        self, status: JobStatus, *, seconds: float, **fields: Unpack[Columns]
    ) -> None:
        """Give the job back, to wait in a status for some seconds.

        Raises:
            ClaimLostError: The job is no longer this engine's.
        """
        move = self._move(status, fields)
        await self.persistently(
            lambda: self.transitions.reschedule(self._jobs, self.job, move, seconds=seconds)
        )
        self._calls.clear()
        self.ended = True

    async def leave_behind(self, status: JobStatus, **fields: Unpack[Columns]) -> None:
        """Write a last word for whoever takes the job up next, although this engine counts as dead.

        The claim's token alone decides: while the row still shows it, nobody has taken the job.

        Args:
            status: The status it waits in.
            fields: Columns written along with it.

        Raises:
            ClaimLostError: Someone has taken it.
        """
        move = self._move(status, fields)
        await self.persistently(
            lambda: self.transitions.reschedule(self._jobs, self.job, move, seconds=0), fenced=False
        )
        self._calls.clear()
        self.ended = True

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Keep the claim from being lost while the block runs; to be as short as a rename.

        Raises:
            ClaimLostError: It was lost before.
        """
        async with AsyncExitStack() as held:
            await self.persistently(
                lambda: held.enter_async_context(self.transitions.holding(self._jobs, self.job))
            )
            yield

    async def persistently(self, write: Callable[[], Awaitable[T]], *, fenced: bool = True) -> T:
        """Write something, again and again while the database is away and the engine alive.

        Args:
            write: Writes it; what it writes may be written twice.
            fenced: Whether only an engine that counts as alive may write it.

        Returns:
            Its result.

        Raises:
            ClaimLostError: The engine no longer counts as alive, or what `write` raises.
        """
        wait = 0.1
        while True:
            if fenced:
                self.lease.require()
            try:
                return await write()
            except (DatabaseUnavailableError, DatabaseError) as error:
                if not is_outage(error):
                    raise
                log.warning("the database did not take a step; trying again", wait=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 2.0)


async def finish_despite_cancel(section: Coroutine[object, object, T], *, seconds: float) -> T:
    """Run a section to its end even if the caller is cancelled, within bounds.

    For what must not be torn in two: a paid call and the writing down of its answer.

    Args:
        section: What to run.
        seconds: How long it may go on after the cancellation.

    Returns:
        The section's result.

    Raises:
        asyncio.CancelledError: The caller was cancelled, once or more often; the section has
            ended, one way or other.
    """
    task = asyncio.ensure_future(section)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _wait_out(task, seconds=seconds)
        if not task.done():
            task.cancel()
            await _wait_out(task, seconds=_LAST_BREATH)
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            log.info("a cancelled job's last step failed", error=str(error))
        raise


async def _wait_out(task: asyncio.Task[T], *, seconds: float) -> None:
    """Wait for a task, however often the caller is cancelled meanwhile; that changes nothing."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while not task.done() and (left := until - clock()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=left)
