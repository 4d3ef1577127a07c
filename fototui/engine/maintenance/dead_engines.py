"""Finding engines that died, so that their jobs are taken up."""

from collections.abc import Callable

from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.notify import CHANNEL, lane_payload
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.claims import short_id
from fototui.log import get_logger

log = get_logger(__name__)

_IS_SILENT = "retired_at IS NULL AND last_seen_at < now() - make_interval(secs => lease_seconds)"

# One row that someone holds must not keep the other dead from being found; a row that is held is
# looked at next time. The age is read under the row's lock, so a heartbeat that arrives in the
# meantime keeps its engine alive. All engines are told, since whoever finds the dead may have no
# hand free for their jobs.
_RETIRE_SILENT = text(
    f"""
    WITH dead AS (
        UPDATE engines SET retired_at = now()
        WHERE id IN (
            SELECT id FROM engines
            WHERE {_IS_SILENT}
            FOR NO KEY UPDATE SKIP LOCKED
        )
        RETURNING id, operator, host, pid
    ), told AS (
        SELECT pg_notify(:channel, lane) FROM unnest(CAST(:lanes AS text[])) AS lane
        WHERE EXISTS (SELECT FROM dead)
    )
    SELECT dead.*, (SELECT count(*) FROM told) FROM dead
    """  # noqa: S608 - made of constants only
).bindparams(channel=CHANNEL, lanes=[lane_payload(kind) for kind in JobKind])

SOME_ARE_SILENT = text(f"EXISTS (SELECT FROM engines WHERE {_IS_SILENT})")
"""Whether there is an engine to be found dead."""


class DeadEngines:
    """Writes down the death of engines that were silent for longer than their lease.

    Args:
        database: The database.
        on_death: Called when one was found: its jobs can be claimed now. The lanes of all engines
            are woken too.
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
