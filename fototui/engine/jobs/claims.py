"""Which rows an engine may work on: claiming, taking over from the dead, giving back.

A claim writes the engine's id and a fresh token on the row. A row is free when nobody holds it, or
when the engine that holds it is retired or unknown; so recovery after a crash is no special path.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import RowMapping, TextClause, text

from fototui.db.database import Database
from fototui.db.fixed import FixedStatement
from fototui.db.notify import lane_payload, notify
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.job import Job, JobT
from fototui.engine.jobs.table import JobTable

_HELD_BY_LIVING = (
    "EXISTS (SELECT FROM engines e WHERE e.id = v.claimed_by AND e.retired_at IS NULL)"
)


MOST_AT_ONCE = 50
"""Jobs that one claim may take. With this number before its eyes the planner fetches them one by
one, however long the queue is; it takes a limit that it has to compute for a tenth of the table."""

_FREE = f"(v.claimed_by IS NULL OR (v.claimed_at < now() AND NOT {_HELD_BY_LIVING}))"

# A job that is taken from dead engines for the second time runs alone: was it the killer or a
# neighbour? Where it is still claimed, its engine is dead, and that death counts.
_IS_SUSPECT = "v.takeovers + (CASE WHEN v.claimed_by IS NULL THEN 0 ELSE 1 END) >= 2"


@cache
def claim_statement(jobs: JobTable[JobT], *, alone: bool = False) -> TextClause:
    """The statement that claims jobs of a kind; its values are `engine`, `lane` and `wanted`.

    Args:
        jobs: The kind.
        alone: Claim those that have to run alone, in place of all others.
    """
    which = f"v.takeovers > 0 AND {_IS_SUSPECT}" if alone else f"NOT ({_IS_SUSPECT})"
    # `claimed_at < now()`: the row may have been claimed after this statement's snapshot by an
    # engine that registered after it too, and which the snapshot would take for unknown.
    # `forgettable`: the claim's commit does not wait for the disk (`JobTable.is_forgettable`).
    return text(
        f"""
        WITH room AS ({_room(jobs)}), free AS (
            SELECT v.id, v.claimed_by IS NOT NULL AS taken_over,
                   greatest(v.queued_at, v.not_before) AS due_at,
                   v.claimed_by IS NULL AND {jobs.is_forgettable} AS forgettable
            FROM {jobs.name} v
            WHERE {jobs.active}
              AND (v.not_before IS NULL OR v.not_before <= now())
              AND {_FREE} AND {which}
            ORDER BY {jobs.turns}
            LIMIT (SELECT coalesce(greatest(max(jobs), 0), 0) FROM room)
            FOR NO KEY UPDATE OF v SKIP LOCKED
        ), picked AS (
            SELECT * FROM free LIMIT {MOST_AT_ONCE}
        ), unhurried AS (
            SELECT set_config('synchronous_commit', 'off', true) AS flushed
            FROM picked HAVING bool_and(forgettable)
        )
        UPDATE {jobs.name} v
        SET claimed_by = :engine, claim_token = gen_random_uuid(), claimed_at = now(),
            not_before = NULL, attempts = v.attempts + 1,
            takeovers = v.takeovers + picked.taken_over::int
        FROM picked{jobs.sources}
        WHERE v.id = picked.id {jobs.joined}
        RETURNING v.id, v.claim_token, v.status, v.retries, v.takeovers,
            greatest(0, extract(epoch FROM now() - picked.due_at))::float8 AS waited,
            (SELECT flushed FROM unhurried) AS flushed,
            {jobs.columns}
        """  # noqa: S608 - made of constants only
    )


def _room(jobs: JobTable[JobT]) -> str:
    """How many jobs may be claimed: what is wanted, as far as the lane's account allows it."""
    return f"""
        SELECT CASE WHEN l.account_limit IS NULL THEN :wanted ELSE least(
            :wanted, l.account_limit - (
                SELECT count(*) FROM {jobs.name} v
                WHERE v.claimed_by IS NOT NULL AND {_HELD_BY_LIVING}
            )) END AS jobs
        FROM lanes l WHERE l.name = :lane AND l.paused_at IS NULL
          AND EXISTS (SELECT FROM engines e WHERE e.id = :engine
                      AND e.retired_at IS NULL AND e.paused_at IS NULL)
        """  # noqa: S608 - made of constants only


# A lane that is paused, or an engine that is, claims nothing.
_MAY_CLAIM = """EXISTS (SELECT FROM lanes l WHERE l.name = '{lane}' AND l.paused_at IS NULL)
    AND EXISTS (SELECT FROM engines e
                WHERE e.id = :engine AND e.retired_at IS NULL AND e.paused_at IS NULL)"""


def has_free(jobs: JobTable[JobT]) -> str:
    """The condition that there is something to claim; its value is `engine`.

    Args:
        jobs: The kind of jobs.
    """
    return _is_there(jobs, f"NOT ({_IS_SUSPECT})")


def has_suspects(jobs: JobTable[JobT]) -> str:
    """The condition that there is something to claim that has to run alone; value as above.

    Args:
        jobs: The kind of jobs.
    """
    return _is_there(jobs, f"v.takeovers > 0 AND {_IS_SUSPECT}")


def _is_there(jobs: JobTable[JobT], which: str) -> str:
    found = (
        f"EXISTS (SELECT FROM {jobs.name} v WHERE {jobs.active} AND {which} AND {_FREE} "
        "AND (v.not_before IS NULL OR v.not_before <= now()))"
    )
    return f"({found} AND {_MAY_CLAIM.format(lane=jobs.kind)})"


def has_unfinished(jobs: JobTable[JobT]) -> str:
    """The condition that there are jobs that have not come to their end.

    Args:
        jobs: The kind of jobs.
    """
    return f"EXISTS (SELECT FROM {jobs.name} v WHERE {jobs.active})"


def has_orphans(jobs: JobTable[JobT]) -> str:
    """The condition that an engine holds what it may not work on; values: `engine`, `age`.

    Args:
        jobs: The kind of jobs.
    """
    return f"EXISTS (SELECT FROM {jobs.name} v WHERE {_is_old(jobs)})"


def _is_old(jobs: JobTable[JobT]) -> str:
    """Claims of an engine that are of some age: younger ones may be on their way."""
    return (
        f"v.claimed_by = :engine AND {jobs.active} "
        "AND v.claimed_at < now() - make_interval(secs => :age)"
    )


_LOCK_LANE = text("SELECT FROM lanes WHERE name = :lane FOR NO KEY UPDATE")


def short_id(engine_id: uuid.UUID) -> str:
    """An engine's id, short enough for a log line."""
    return str(engine_id)[:8]


@dataclass(frozen=True, slots=True)
class LaneWork:
    """What is left to do in a lane.

    Args:
        unfinished: Rows that have not reached their end, waiting ones included.
        held: Of these, rows that a living engine holds.
        paused: Whether the lane is paused, or the engine that asks.
    """

    unfinished: int
    held: int
    paused: bool


class Claims:
    """The claims of one engine.

    Args:
        database: The database.
        engine_id: The engine's id, as its row in `engines` has it.
    """

    def __init__(self, database: Database, engine_id: uuid.UUID) -> None:
        self._database = database
        self.engine_id = engine_id
        self._statements: dict[tuple[object, bool], FixedStatement] = {}

    async def claim(
        self, jobs: JobTable[JobT], wanted: int, *, limited: bool, alone: bool = False
    ) -> list[JobT]:
        """Claim up to some jobs: those of urgent orders first, then one of each order in turn.

        Args:
            jobs: The lane's jobs.
            wanted: How many at most.
            limited: The lane has a limit over all engines: claims of it go one after another, so
                that each counts what the one before it took. It costs three round trips more.
            alone: Only jobs that have to run alone; otherwise only others.

        Returns:
            The jobs claimed; none where the lane is paused, full or empty, or this engine paused.
        """
        values = {"engine": self.engine_id, "lane": str(jobs.kind), "wanted": wanted}
        statement = claim_statement(jobs, alone=alone)
        if not limited:
            fixed = self._statements.setdefault((jobs, alone), FixedStatement(statement))
            rows = [cast("RowMapping", row) for row in await self._database.run(fixed, values)]
        else:
            async with self._database.session() as session, session.begin():
                await session.execute(_LOCK_LANE, {"lane": str(jobs.kind)})
                rows = [*(await session.execute(statement, values)).mappings()]
        return [jobs.read(row) for row in rows]

    async def has_suspects(self, jobs: JobTable[JobT]) -> bool:
        """Whether jobs wait that have to run alone, and that this engine could claim now."""
        statement = text(f"SELECT {has_suspects(jobs)}")
        async with self._database.autocommit() as session:
            return bool(await session.scalar(statement, {"engine": self.engine_id}))

    async def has_account_limit(self, jobs: JobTable[JobT]) -> bool:
        """Whether the lane has a limit over all engines."""
        async with self._database.autocommit() as session:
            return bool(
                await session.scalar(
                    text("SELECT account_limit IS NOT NULL FROM lanes WHERE name = :lane"),
                    {"lane": str(jobs.kind)},
                )
            )

    async def release(self, jobs: JobTable[JobT]) -> int:
        """Give back all that this engine holds in a lane, and wake the others.

        Args:
            jobs: The lane's jobs.

        Returns:
            How many jobs were given back.
        """
        statement = text(
            f"UPDATE {jobs.name} v "  # noqa: S608 - constants
            "SET claimed_by = NULL, claim_token = NULL "
            f"WHERE {jobs.active} AND v.claimed_by = :engine RETURNING v.id"
        )
        async with self._database.session() as session, session.begin():
            released = (await session.execute(statement, {"engine": self.engine_id})).all()
            if released:
                await notify(session, lane_payload(jobs.kind))
        return len(released)

    async def release_orphans(
        self, jobs: JobTable[JobT], at_work: Sequence[int | uuid.UUID], *, older_than: float
    ) -> list[int | uuid.UUID]:
        """Give back what this engine holds and does not work on.

        Args:
            jobs: The lane's jobs.
            at_work: Rows that it does work on.
            older_than: Only claims of this age, in seconds: younger ones may be on their way.

        Returns:
            The rows given back.
        """
        statement = text(
            f"UPDATE {jobs.name} v "  # noqa: S608 - constants
            "SET claimed_by = NULL, claim_token = NULL "
            f"WHERE {_is_old(jobs)} AND v.id <> ALL(:at_work) RETURNING v.id"
        )
        values = {"engine": self.engine_id, "age": older_than, "at_work": list(at_work)}
        async with self._database.autocommit() as session:
            return list(await session.scalars(statement, values))

    async def holds(self, jobs: JobTable[JobT], job: Job) -> bool:
        """Whether a job is still this claim's.

        Args:
            jobs: The job's lane.
            job: The job.
        """
        statement = text(
            f"SELECT EXISTS (SELECT FROM {jobs.name} v "  # noqa: S608 - constants
            "WHERE v.id = :id AND v.claim_token = :token AND v.claimed_by IS NOT NULL)"
        )
        values = {"id": job.row_id, "token": job.claim_token}
        async with self._database.autocommit() as session:
            return bool(await session.scalar(statement, values))

    async def left(self, tables: Sequence[JobTable[Any]]) -> Mapping[JobKind, LaneWork]:
        """What is left to do in some lanes, by one statement for all of them."""
        if not tables:
            return {}
        statement = text(
            " UNION ALL ".join(
                f"""
                SELECT '{jobs.kind}' AS lane, count(*) AS unfinished,
                       count(*) FILTER (WHERE {_HELD_BY_LIVING}) AS held,
                       EXISTS (SELECT FROM lanes
                               WHERE name = '{jobs.kind}' AND paused_at IS NOT NULL)
                       OR EXISTS (SELECT FROM engines e WHERE e.id = :engine
                                  AND e.paused_at IS NOT NULL) AS paused
                FROM {jobs.name} v WHERE {jobs.active}
                """  # noqa: S608 - made of constants only
                for jobs in tables
            )
        )
        async with self._database.autocommit() as session:
            rows = await session.execute(statement, {"engine": self.engine_id})
        return {JobKind(row.lane): LaneWork(row.unfinished, row.held, row.paused) for row in rows}
