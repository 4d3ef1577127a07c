"""Telling RunPod about jobs that were cancelled here."""

import structlog
from sqlalchemy import select, update

from fototui.clients.runpod import RunPodService
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion
from fototui.domain.errors import OutsideError

log = structlog.get_logger(__name__)


class OutsideCancels:
    """Tells RunPod, at least once, of each job that is not wanted any more.

    Cancelling twice does no harm, so nothing is locked or claimed for it.

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
            untold = (
                await session.execute(
                    select(ColoringVersion.id, ColoringVersion.cancel_job_id)
                    .where(ColoringVersion.cancel_job_id.is_not(None))
                    .limit(50)
                )
            ).all()
        for version_id, outside_id in untold:
            assert outside_id is not None
            try:
                await self._runpod.cancel(outside_id)
            except OutsideError as error:
                log.warning("RunPod was not told of a cancelled job", reason=str(error))
                continue
            async with self._database.autocommit() as session:
                await session.execute(
                    update(ColoringVersion)
                    .where(
                        ColoringVersion.id == version_id,
                        ColoringVersion.cancel_job_id == outside_id,
                    )
                    .values(cancel_job_id=None)
                )
