"""Telling RunPod about jobs that were cancelled here."""

import asyncio
import contextlib

from sqlalchemy import (
    Select,
    and_,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from fototui.clients.runpod import RunPodService
from fototui.clients.runpod_wire import RunPodJob, UnusableResultError
from fototui.db.database import Database
from fototui.db.models.costs import PaidCall
from fototui.db.models.operations import OutsideCancel
from fototui.db.models.orders import ColoringVersion
from fototui.domain.costs import CallOutcome
from fototui.domain.errors import OutsideError, PermanentError
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.engine.jobs.calls import OUTCOMES
from fototui.log import get_logger

log = get_logger(__name__)

# In these a version stands and falls with its RunPod job, or has taken its result.
_WANTED = (
    S.RUNPOD_SUBMITTED,
    S.RUNPOD_QUEUED,
    S.RUNPOD_PROCESSING,
    S.RUNPOD_COMPLETED,
    S.STORAGE_UPLOAD,
    S.COMPLETED,
)
_CALL_SECONDS = 10.0


SOME_ARE_UNTOLD = or_(
    exists().select_from(OutsideCancel),
    exists().where(ColoringVersion.cancel_job_id.is_not(None)),
)
"""Whether there is something to tell."""


class OutsideCancels:
    """Tells RunPod, at least once, of each job that is not wanted any more.

    Cancelling twice does no harm, so nothing is locked or claimed for it. A job that its version
    waits for is never cancelled, whoever asked: an engine that lost its claim cannot know whether
    its last word was heard.

    Args:
        database: The database.
        runpod: The client.
    """

    def __init__(self, database: Database, runpod: RunPodService) -> None:
        self._database = database
        self._runpod = runpod

    async def tell(self) -> None:
        """Tell RunPod of all that it has not been told of; what fails is left for the next time."""
        async with self._database.autocommit() as session:
            untold = (await session.execute(_untold())).all()
        for cancel_id, version_id, outside_id, wanted in untold:
            if not wanted:
                try:
                    async with asyncio.timeout(_CALL_SECONDS):
                        await self._runpod.cancel(outside_id)
                    await self._note_cost(outside_id)
                except PermanentError as error:
                    log.warning("RunPod refuses to cancel a job", reason=str(error))
                except (OutsideError, TimeoutError) as error:
                    reason = str(error) or "time-out"
                    log.warning("RunPod was not told of a cancelled job", reason=reason)
                    continue
            await self._forget(cancel_id, version_id, outside_id)

    async def _note_cost(self, outside_id: str) -> None:
        """Write what a job took until it was ended, since that is charged too."""
        seen: RunPodJob | None = None
        # Without an answer it counts as cancelled, at no cost that is known.
        with contextlib.suppress(OutsideError, TimeoutError):
            async with asyncio.timeout(_CALL_SECONDS):
                try:
                    seen = await self._runpod.status(outside_id)
                except UnusableResultError as error:
                    seen = error.seen
        outcome = CallOutcome.CANCELLED if seen is None else OUTCOMES.get(seen.status)
        async with self._database.autocommit() as session:
            await session.execute(
                update(PaidCall)
                .where(PaidCall.outside_id == outside_id, PaidCall.outcome.is_(None))
                .values(
                    outcome=outcome or CallOutcome.CANCELLED,
                    execution_ms=None if seen is None else seen.execution_ms,
                    delay_ms=None if seen is None else seen.delay_ms,
                    ended_at=func.now(),
                    wasted=True,
                )
            )

    async def _forget(self, cancel_id: int | None, version_id: int, outside_id: str) -> None:
        async with self._database.autocommit() as session:
            if cancel_id is not None:
                await session.execute(delete(OutsideCancel).where(OutsideCancel.id == cancel_id))
            else:
                await session.execute(
                    update(ColoringVersion)
                    .where(
                        ColoringVersion.id == version_id,
                        ColoringVersion.cancel_job_id == outside_id,
                    )
                    .values(cancel_job_id=None)
                )


def _untold() -> Select[int | None, int, str, bool]:
    """Cancels still to be told, and whether a version waits for the job."""
    of_older_engines = select(
        null().label("id"), ColoringVersion.id.label("version_id"), ColoringVersion.cancel_job_id
    ).where(ColoringVersion.cancel_job_id.is_not(None))
    asked = select(OutsideCancel.id, OutsideCancel.version_id, OutsideCancel.runpod_job_id)
    untold = union_all(asked, of_older_engines).subquery()
    wanted = (
        select(literal(1))
        .select_from(ColoringVersion)
        .where(
            and_(
                ColoringVersion.id == untold.c.version_id,
                ColoringVersion.runpod_job_id == untold.c.runpod_job_id,
                ColoringVersion.status.in_(_WANTED),
            )
        )
        .exists()
    )
    return (
        select(untold.c.id, untold.c.version_id, untold.c.runpod_job_id, wanted)
        .order_by(func.random())  # those that fail must not keep others waiting
        .limit(50)
    )
