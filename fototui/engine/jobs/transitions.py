"""Writing a job's steps: every write is fenced by the claim token and the status it starts from.

One transition is one statement and one round trip.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fototui.db.database import Database
from fototui.db.errors import ClaimLostError
from fototui.db.events.news import News
from fototui.db.fixed import FixedStatement
from fototui.db.group_commit import GroupCommit, Row, Write
from fototui.db.models.operations import OutsideCancel
from fototui.db.notify import cancel_payload, notify
from fototui.domain.costs import Call
from fototui.domain.errors import FototuiError
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.calls import call_values, latest, written
from fototui.engine.jobs.job import Columns, Job, JobT, Moment, Move, VersionJob
from fototui.engine.jobs.table import JobTable, Shape

_HELD_AT_ONCE = 2
_LET_GO_SECONDS = 2.0


class MoveStatement(NamedTuple):
    """The two statements that write moves of one shape.

    Args:
        together: Waits for no row; for several moves in one transaction.
        alone: Waits for its row.
    """

    together: FixedStatement
    alone: FixedStatement


class Transitions:
    """Writes the transitions of one engine's jobs.

    Args:
        database: The database.
        actor: Who the activity log names for what the engine does by itself.
    """

    def __init__(self, database: Database, *, actor: str) -> None:
        self._database = database
        self._actor = actor
        # A few dozen: each lane has as many as its steps write differently.
        self._statements: dict[tuple[object, Shape], MoveStatement] = {}
        self._group = GroupCommit(database)
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
        statement = self._statement(jobs, jobs.shape(job, move))

        def report(news: News, row: Row) -> None:
            jobs.report(news, job, move, row)

        values = jobs.values(job, move, actor=self._actor)
        write = Write(values, job.row_id, jobs.place(job), report)
        if await self._group.write(statement.together, write) is None:
            await self._write_alone(statement.alone, job, write)
        return job.after(move)

    async def _write_alone(self, statement: FixedStatement, job: Job, write: Write) -> None:
        rows = await self._database.run(statement, write.values)
        if not rows:
            raise ClaimLostError(
                "{kind} {row} is not ours any more.", kind=str(job.kind), row=str(job.row_id)
            )
        news = self._database.news()
        write.report(news, rows[0])
        news.publish()

    def _statement(self, jobs: JobTable[JobT], shape: Shape) -> MoveStatement:
        known = self._statements.get((jobs, shape))
        if known is None:
            together = jobs.statement(replace(shape, together=True))
            known = self._statements[jobs, shape] = MoveStatement(
                FixedStatement(together), FixedStatement(jobs.statement(shape))
            )
        return known

    async def aclose(self) -> None:
        """Give up what nobody waits for any more; to be called when no job is under way."""
        await self._group.aclose()

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
            "not_before": Moment.LATER,
        }
        fields: Columns = {**move.fields, **waiting}
        await self.write(jobs, job, replace(move, fields=fields, seconds=seconds))

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
        values = {"id": job.row_id, "token": job.claim_token}
        # No session: nothing is read or written by it.
        async with self._holding, self._database.engine.connect() as connection:
            if await connection.scalar(statement, values) is None:
                raise ClaimLostError(
                    "{kind} {row} is not ours any more.", kind=str(job.kind), row=str(job.row_id)
                )
            try:
                yield
            finally:
                # Nothing was written. A lock whose connection broke is gone, which is all that is
                # wanted now; one that fell silent is cut, and is not waited for.
                with contextlib.suppress(TimeoutError, FototuiError, DBAPIError):
                    async with asyncio.timeout(_LET_GO_SECONDS):
                        await connection.rollback()

    async def tell_of_calls(self, job: VersionJob, calls: Sequence[Call]) -> None:
        """Write what is known of calls, whose ever the job is by now: they were paid for.

        Args:
            job: The job for which they were made.
            calls: The calls, each once.
        """
        statement = written(job.version_type, [call.outcome is not None for call in calls])
        await self._database.run(FixedStatement(statement), call_values(job, calls))

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
            statement = written(job.version_type, [in_vain.outcome is not None])
            await session.execute(statement, call_values(job, [in_vain]))
            session.add(OutsideCancel(version_id=job.row_id, runpod_job_id=outside_id))
            await session.flush()
            await notify(session, cancel_payload(JobKind.COLORING, job.row_id))
