"""Which rows an engine may work on: claiming, taking over from the dead, giving back.

A claim writes the engine's id and a fresh token on the row. A row is free when nobody holds it, or
when the engine that holds it is retired or unknown; so recovery after a crash is no special path.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, TextClause, select, text
from ulid import ULID

from fototui.db.database import Database
from fototui.db.models import VERSION_MODEL, active_predicate
from fototui.db.notify import lane_payload, notify
from fototui.domain.errors import InvalidInputError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions
from fototui.domain.statuses import PROCESSING_STATUS, VersionType
from fototui.engine.job import Job

# What a kind's job needs beside the shared columns: its options, its outside id, its source file.
_OWN_COLUMNS = {
    VersionType.COLORING: "v.megapixels, v.steps, v.runpod_job_id AS outside_id, "
    "0.0 AS credits_charged, i.file_ref AS source",
    VersionType.SVG: "v.shape_stacking, v.group_by, NULL AS outside_id, v.credits_charged, "
    "(SELECT c.file_ref FROM coloring_versions c WHERE c.id = v.coloring_version_id) AS source",
}

_HELD_BY_LIVING = (
    "EXISTS (SELECT FROM engines e WHERE e.id = v.claimed_by AND e.retired_at IS NULL)"
)


def claim_statement(kind: VersionType) -> TextClause:
    """The statement that claims jobs of a kind; its values are `engine`, `lane` and `wanted`."""
    table = VERSION_MODEL[kind].__tablename__
    active = active_predicate(kind, "v.")
    # `claimed_at < now()`: the row may have been claimed after this statement's snapshot by an
    # engine that registered after it too, and which the snapshot would take for unknown.
    return text(
        f"""
        WITH room AS (
            SELECT CASE WHEN l.account_limit IS NULL THEN :wanted ELSE least(
                :wanted, l.account_limit - (
                    SELECT count(*) FROM {table} v
                    WHERE v.claimed_by IS NOT NULL AND {_HELD_BY_LIVING}
                )) END AS jobs
            FROM lanes l WHERE l.name = :lane AND l.paused_at IS NULL
              AND EXISTS (SELECT FROM engines e WHERE e.id = :engine
                          AND e.retired_at IS NULL AND e.paused_at IS NULL)
        ), picked AS (
            SELECT v.id, v.claimed_by IS NOT NULL AS taken_over
            FROM {table} v
            WHERE {active}
              AND (v.not_before IS NULL OR v.not_before <= now())
              AND (v.claimed_by IS NULL OR (v.claimed_at < now() AND NOT {_HELD_BY_LIVING}))
            ORDER BY v.queued_at, v.id
            LIMIT (SELECT coalesce(greatest(max(jobs), 0), 0) FROM room)
            FOR NO KEY UPDATE OF v SKIP LOCKED
        )
        UPDATE {table} v
        SET claimed_by = :engine, claim_token = gen_random_uuid(), claimed_at = now(),
            not_before = NULL, attempts = v.attempts + 1,
            takeovers = v.takeovers + picked.taken_over::int
        FROM picked, images i, line_items l, orders o
        WHERE v.id = picked.id AND i.id = v.image_id AND l.id = i.line_item_id
          AND o.id = l.order_id
        RETURNING v.id AS version_id, v.version, v.claim_token, v.status, v.retries, v.takeovers,
            v.submissions, v.resubmissions, o.id AS order_id, o.order_number,
            l.id AS line_item_id, i.id AS image_id, i.position, {_OWN_COLUMNS[kind]}
        """  # noqa: S608 - made of constants only
    )


_CLAIM = {kind: claim_statement(kind) for kind in VersionType}

_LOCK_LANE = text("SELECT FROM lanes WHERE name = :lane FOR NO KEY UPDATE")

_RETIRE_SILENT = text(
    """
    UPDATE engines SET retired_at = now()
    WHERE retired_at IS NULL AND last_seen_at < now() - make_interval(secs => lease_seconds)
    RETURNING id, operator, host, pid
    """
)


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

    async def claim(self, kind: VersionType, wanted: int, *, limited: bool) -> list[Job]:
        """Claim up to some jobs, the longest waiting first.

        Args:
            kind: The lane.
            wanted: How many at most.
            limited: The lane has a limit over all engines: claims of it go one after another, so
                that each counts what the one before it took. It costs three round trips more.

        Returns:
            The jobs claimed; none where the lane is paused, full or empty, or this engine paused.
        """
        values = {"engine": self.engine_id, "lane": str(kind), "wanted": wanted}
        if not limited:
            async with self._database.autocommit() as session:
                rows = (await session.execute(_CLAIM[kind], values)).mappings().all()
        else:
            async with self._database.session() as session, session.begin():
                await session.execute(_LOCK_LANE, {"lane": str(kind)})
                rows = (await session.execute(_CLAIM[kind], values)).mappings().all()
        return [_read_job(kind, row) for row in rows]

    async def has_account_limit(self, kind: VersionType) -> bool:
        """Whether the lane has a limit over all engines."""
        async with self._database.autocommit() as session:
            return bool(
                await session.scalar(
                    text("SELECT account_limit IS NOT NULL FROM lanes WHERE name = :lane"),
                    {"lane": str(kind)},
                )
            )

    async def retire_silent_engines(self) -> Sequence[RowMapping]:
        """Write down the death of engines that were silent for longer than their lease.

        The condition is checked again under each row's lock: a heartbeat that arrives in the
        meantime keeps its engine alive.

        Returns:
            Id, operator, host and pid of each engine found dead.
        """
        async with self._database.autocommit() as session:
            rows: Sequence[RowMapping] = (await session.execute(_RETIRE_SILENT)).mappings().all()
            return rows

    async def release(self, kinds: Sequence[VersionType]) -> int:
        """Give back all that this engine holds, and wake the others.

        Args:
            kinds: The lanes.

        Returns:
            How many jobs were given back.
        """
        released = 0
        async with self._database.session() as session, session.begin():
            for kind in kinds:
                rows = await session.execute(
                    text(
                        f"UPDATE {VERSION_MODEL[kind].__tablename__} v "  # noqa: S608 - constants
                        "SET claimed_by = NULL, claim_token = NULL "
                        f"WHERE {active_predicate(kind, 'v.')} AND v.claimed_by = :engine "
                        "RETURNING v.id"
                    ),
                    {"engine": self.engine_id},
                )
                if count := len(rows.all()):
                    released += count
                    await notify(session, lane_payload(kind))
        return released

    async def release_strays(
        self, kind: VersionType, at_work: Sequence[int], *, older_than: float
    ) -> list[int]:
        """Give back what this engine holds and does not work on.

        Args:
            kind: The lane.
            at_work: Versions that it does work on.
            older_than: Only claims of this age, in seconds: younger ones may be on their way.

        Returns:
            The versions given back.
        """
        statement = text(
            f"UPDATE {VERSION_MODEL[kind].__tablename__} v "  # noqa: S608 - constants
            "SET claimed_by = NULL, claim_token = NULL "
            f"WHERE v.claimed_by = :engine AND {active_predicate(kind, 'v.')} "
            "AND v.claimed_at < now() - make_interval(secs => :age) "
            "AND v.id <> ALL(:at_work) RETURNING v.id"
        )
        values = {"engine": self.engine_id, "age": older_than, "at_work": list(at_work)}
        async with self._database.autocommit() as session:
            return list(await session.scalars(statement, values))

    async def holds(self, job: Job) -> bool:
        """Whether a job is still this claim's."""
        model = VERSION_MODEL[job.kind]
        async with self._database.autocommit() as session:
            found = await session.scalar(
                select(model.id).where(
                    model.id == job.version_id,
                    model.claim_token == job.claim_token,
                    model.claimed_by.is_not(None),
                )
            )
        return found is not None

    async def left(self, kind: VersionType) -> LaneWork:
        """What is left to do in a lane."""
        statement = text(
            f"""
            SELECT count(*) AS unfinished,
                   count(*) FILTER (WHERE {_HELD_BY_LIVING}) AS held,
                   EXISTS (SELECT FROM lanes WHERE name = :lane AND paused_at IS NOT NULL)
                   OR EXISTS (SELECT FROM engines e WHERE e.id = :engine
                              AND e.paused_at IS NOT NULL) AS paused
            FROM {VERSION_MODEL[kind].__tablename__} v WHERE {active_predicate(kind, "v.")}
            """  # noqa: S608 - made of constants only
        )
        values = {"engine": self.engine_id, "lane": str(kind)}
        async with self._database.autocommit() as session:
            row = (await session.execute(statement, values)).mappings().one()
        return LaneWork(**row)


def _read_job(kind: VersionType, row: RowMapping) -> Job:
    options: ColoringOptions | SvgOptions | None = None
    source: S3ObjectRefData | None = None
    defect: str | None = None
    # One row that an older program wrote badly must fail alone, not with all claimed beside it.
    try:
        options = _read_options(kind, row)
        if row["source"] is not None:
            source = S3ObjectRefData.model_validate(row["source"])
    except InvalidInputError as error:
        defect = str(error)
    except ValueError:
        defect = "Its stored options or file reference cannot be read. Make a new version."
    return Job(
        kind=kind,
        version_id=row["version_id"],
        version=row["version"],
        claim_token=row["claim_token"],
        status=PROCESSING_STATUS[kind](row["status"]),
        options=options,
        source=source,
        defect=defect,
        outside_id=row["outside_id"],
        retries=row["retries"],
        takeovers=row["takeovers"],
        submissions=row["submissions"],
        resubmissions=row["resubmissions"],
        credits_charged=float(row["credits_charged"]),
        order_id=str(ULID.from_uuid(row["order_id"])),
        order_number=row["order_number"],
        line_item_id=row["line_item_id"],
        image_id=row["image_id"],
        position=row["position"],
    )


def _read_options(kind: VersionType, row: RowMapping) -> ColoringOptions | SvgOptions:
    if kind is VersionType.COLORING:
        return ColoringOptions(megapixels=row["megapixels"], steps=row["steps"])
    return SvgOptions(
        shape_stacking=ShapeStacking(row["shape_stacking"]), group_by=GroupBy(row["group_by"])
    )
