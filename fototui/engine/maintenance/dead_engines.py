"""Finding engines that died, so that their jobs are taken up."""

from collections.abc import Callable

from sqlalchemy import text

from fototui.db.database import Database
from fototui.engine.jobs.claims import short_id
from fototui.log import get_logger

log = get_logger(__name__)

# One row that someone holds must not keep the other dead from being found; a row that is held is
# looked at next time. The age is read under the row's lock, so a heartbeat that arrives in the
# meantime keeps its engine alive.
_RETIRE_SILENT = text(
    """
    UPDATE engines SET retired_at = now()
    WHERE id IN (
        SELECT id FROM engines
        WHERE retired_at IS NULL AND last_seen_at < now() - make_interval(secs => lease_seconds)
        FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING id, operator, host, pid
    """
)


class DeadEngines:
    """Writes down the death of engines that were silent for longer than their lease.

    Args:
        database: The database.
        on_death: Called when one was found: its jobs can be claimed now.
    """

    def __init__(self, database: Database, *, on_death: Callable[[], None]) -> None:
        self._database = database
        self._on_death = on_death

    async def retire(self) -> None:
        """Look once."""
        async with self._database.autocommit() as session:
            found = (await session.execute(_RETIRE_SILENT)).mappings().all()
        for dead in found:
            log.warning(
                "an engine is dead; its jobs are taken up",
                dead=short_id(dead["id"]),
                operator=dead["operator"],
                host=dead["host"],
                pid=dead["pid"],
            )
        if found:
            self._on_death()
