"""Photos that were on their way to their places when their process was killed."""

from datetime import timedelta

from sqlalchemy import func, select

from fototui.db.database import Database
from fototui.log import get_logger
from fototui.storage.base import Storage
from fototui.storage.keys import INCOMING

log = get_logger(__name__)

SWEEP_SECONDS = 3600.0
OLD = timedelta(days=1)


class LeftPhotos:
    """Removes them: a photo is on its way for seconds, and what is there for a day was left.

    The store is asked for these alone, however many files it holds.

    Args:
        database: Tells the time.
        storage: Where they are.
        old: How long one lies there that was left.
    """

    def __init__(self, database: Database, storage: Storage, *, old: timedelta = OLD) -> None:
        self._database = database
        self._storage = storage
        self._old = old

    async def sweep(self) -> None:
        """Remove those that were left.

        Raises:
            OutsideError: The storage failed; what is left is removed the next time.
        """
        files = [file async for file in self._storage.list_files(INCOMING)]
        if not files:
            return
        async with self._database.session() as session:
            now = (await session.execute(select(func.now()))).scalar_one()
        left = [file.key for file in files if file.stored_at < now - self._old]
        for key in left:
            await self._storage.delete(key)
        if left:
            log.info("photos that were left on their way were removed", count=len(left))
