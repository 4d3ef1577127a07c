"""Writing a job's steps: every write is fenced by the claim token and the status it starts from.

One transition is one statement and one round trip.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from sqlalchemy import func, text
from sqlalchemy.exc import DBAPIError

from fototui.db.database import Database
from fototui.db.errors import ClaimLostError
from fototui.db.models.operations import OutsideCancel
from fototui.db.notify import cancel_payload, notify
from fototui.domain.costs import Call
from fototui.domain.errors import FototuiError
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.calls import latest, written
from fototui.engine.jobs.job import Columns, JobT, Move, VersionJob
from fototui.engine.jobs.table import JobTable

_HELD_AT_ONCE = 2


class Transitions:
    """Writes the transitions of one engine's jobs.

    Args:
        database: The database.
        actor: Who the activity log names for what the engine does by itself.
    """

    def __init__(self, database: Database, *, actor: str) -> None:
        self._database = database
        self._actor = actor
        # Whoever holds a row keeps a connection; while the disk stalls, others need some too.
        self._holding = asyncio.Semaphore(_HELD_AT_ONCE)

    async def write(self, jobs: JobTable[JobT], job: JobT, move: Move) -> JobT:
        """Write one transition.

        Writing the same one again is harmless, so it may be repeated when the connection broke
        before the answer came.

        Args:
            jobs: Where the job stands.
            job: The job as it stands.
            move: Where it goes.

        Returns:
            The job as it stands now.

        Raises:
            ClaimLostError: The row no longer holds this job's claim token, or was moved by others.
        """
        async with self._database.autocommit() as session:
            statement = jobs.transition(job, move, actor=self._actor)
            row = (await session.execute(statement)).one_or_none()
            if row is None:
                raise ClaimLostError(
                    "{kind} {row} is not ours any more.", kind=str(job.kind), row=str(job.row_id)
                )
            jobs.report(session, job, move, row)
            await session.commit()
        return job.after(move)

    async def reschedule(
        self, jobs: JobTable[JobT], job: JobT, move: Move, *, seconds: float
    ) -> None:
        """Give a job back, to be taken up by whoever comes first after some time.

        Args:
            jobs: Where the job stands.
            job: The job as it stands.
            move: The status it waits in, and columns to write along.
            seconds: How long it waits.

        Raises:
            ClaimLostError: It is no longer ours.
        """
        waiting: Columns = {
            "claimed_by": None,
            "claim_token": None,
            "not_before": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds),
        }
        await self.write(jobs, job, replace(move, fields={**move.fields, **waiting}))

    @asynccontextmanager
    async def holding(self, jobs: JobTable[JobT], job: JobT) -> AsyncIterator[None]:
        """Lock a job's row while the block runs, so that nobody takes, cancels or retries it.

        Args:
            jobs: Where the job stands.
            job: The job.

        Raises:
            ClaimLostError: It is no longer ours.
        """
        statement = text(
            f"SELECT id FROM {jobs.name} "  # noqa: S608 - a constant
            "WHERE id = :id AND claim_token = :token AND claimed_by IS NOT NULL FOR SHARE"
        )
        async with self._holding, AsyncExitStack() as stack:
            session = await stack.enter_async_context(self._database.session())
            values = {"id": job.row_id, "token": job.claim_token}
            if await session.scalar(statement, values) is None:
                raise ClaimLostError(
                    "{kind} {row} is not ours any more.", kind=str(job.kind), row=str(job.row_id)
                )
            yield
            # Nothing was written. A lock whose connection broke is gone, which is all that is
            # wanted now.
            with contextlib.suppress(FototuiError, DBAPIError):
                await session.rollback()

    async def tell_of_calls(self, job: VersionJob, calls: Sequence[Call]) -> None:
        """Write what is known of calls, whose ever the job is by now: they were paid for.

        Args:
            job: The job for which they were made.
            calls: The calls, each once.
        """
        async with self._database.autocommit() as session:
            await session.execute(written(job, calls))
            await session.commit()

    async def ask_outside_cancel(self, job: VersionJob, outside_id: str) -> None:
        """Write down that RunPod has to be told that a job of its is not wanted.

        This needs no claim: the engine that lost one is just the one that knows. Whether the
        version waits for that job after all is seen when RunPod is told.

        Args:
            job: The job for which it was submitted.
            outside_id: RunPod's job id.
        """
        in_vain = latest(job, outside_id=outside_id, wasted=True)
        async with self._database.session() as session, session.begin():
            await session.execute(written(job, [in_vain]))
            session.add(OutsideCancel(version_id=job.row_id, runpod_job_id=outside_id))
            await session.flush()
            await notify(session, cancel_payload(JobKind.COLORING, job.row_id))
