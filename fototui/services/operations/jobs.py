"""The jobs of all lanes: what is unfinished, what failed lately, how much gets done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    select,
    text,
    union_all,
)
from ulid import ULID

from fototui.db.base import Base
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.operations import Engine
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.lanes import LANES, LaneSpec, own_row_lanes
from fototui.domain.statuses import CANCELLED, JobKind, OrderStatus
from fototui.services.views import stored
from fototui.services.views.operations import LATELY, JobBoard, JobView, Throughput

MINUTES = 60
"""How far back `throughput` and `recent_failures` look."""


class JobService:
    """Reads the jobs of all lanes; each call is one statement.

    Args:
        session: A session with no transaction under way.
        operator: Who asks.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator

    async def board(self, *, active: int = 200, failed: int = 50) -> JobBoard:
        """Read everything, in three round trips of an autocommit session.

        Args:
            active: Most unfinished jobs.
            failed: Most failed ones.
        """
        # In this order a job that is retried in between is in both, and shown once, not in neither.
        failures = await self.recent_failures(failed)
        unfinished = await self.active(active)
        keys = {job.key for job in unfinished}
        return JobBoard(
            active=unfinished,
            failed=tuple(job for job in failures if job.key not in keys),
            throughput=await self.throughput(),
        )

    async def active(self, limit: int = 200) -> tuple[JobView, ...]:
        """Unfinished jobs: first those that an engine holds, each group in the order of claims.

        Args:
            limit: Most jobs; no more than that are read of each kind.
        """
        return await self._read(active_statement(limit))

    async def recent_failures(self, limit: int = 50) -> tuple[JobView, ...]:
        """Jobs that failed within the last hour, the latest first.

        Not the cancelled ones, nor those of which a newer version was asked for since.

        Args:
            limit: Most jobs.
        """
        return await self._read(failures_statement(limit))

    async def throughput(self) -> Throughput:
        """What ended in each minute of the last hour.

        A version that is retried counts no more: it has not ended.
        """
        completed, failed = [0] * MINUTES, [0] * MINUTES
        lately: Counter[JobKind] = Counter()
        async with self.session.begin():
            rows = (await self.session.execute(throughput_statement())).all()
        for kind, minutes_ago, is_completed, count in rows:
            # What another clock dated into the future ended now.
            place = MINUTES - 1 - max(0, minutes_ago)
            (completed if is_completed else failed)[place] += count
            if is_completed and minutes_ago < LATELY:
                lately[JobKind(kind)] += count
        return Throughput(tuple(completed), tuple(failed), lately)

    async def one(self, job: JobView) -> JobView | None:
        """A job as it stands now; None where its row is gone.

        Args:
            job: As it stood.
        """
        found = await self._read(job_statement(job))
        return found[0] if found else None

    async def failed_since_midnight(self, zone: ZoneInfo) -> int:
        """How many jobs failed today, in the shop's time, but for orders and cancelled ones.

        Args:
            zone: The shop's.
        """
        midnight = func.date_trunc("day", func.now(), zone.key)
        parts = [
            select(func.count().label("failed")).where(
                _table(lane).c.completed_at >= midnight, _failed(lane)
            )
            for lane in own_row_lanes()
        ]
        counts = union_all(*parts).subquery("counts")
        async with self.session.begin():
            return int(await self.session.scalar(select(func.sum(counts.c.failed))) or 0)

    async def _read(self, statement: _Columns) -> tuple[JobView, ...]:
        async with self.session.begin():
            rows = (await self.session.execute(statement)).mappings().all()
        return tuple(_job(row) for row in rows)


_Columns = Select[*tuple[object, ...]]


def active_statement(limit: int) -> _Columns:
    """The statement behind `JobService.active`."""
    parts = []
    for lane in LANES.values():
        rows = _table(lane)
        # Its very text is what the partial index of unfinished rows is known by.
        is_active = text(lane.active(f"{lane.table}."))
        parts.append(
            (_rows(lane) if lane.has_own_rows else _orders(literal(str(lane.kind))))
            .where(is_active)
            .order_by(rows.c.queued_at, rows.c.id)
            .limit(limit)
        )
    return _jobs(parts, limit, newest_first=False)


def job_statement(job: JobView) -> _Columns:
    """The statement behind `JobService.one`."""
    if job.row_id is None:
        rows = _orders(literal(str(job.kind))).where(Order.id == ULID.from_str(job.order_id))
    else:
        lane = LANES[job.kind]
        rows = _rows(lane).where(_table(lane).c.id == job.row_id)
    return _jobs([rows], 1, newest_first=False)


def failures_statement(limit: int) -> _Columns:
    """The statement behind `JobService.recent_failures`."""
    parts = [
        _rows(lane)
        .where(_table(lane).c.completed_at > _an_hour_ago(), _failed(lane), ~_is_superseded(lane))
        .order_by(_table(lane).c.completed_at.desc())
        .limit(limit)
        for lane in own_row_lanes()
    ]
    # Without a book its details have never come.
    is_known = select(LineItem.id).where(LineItem.order_id == Order.id).exists()
    kind_of_order = case((is_known, str(JobKind.DOWNLOAD)), else_=str(JobKind.INGEST))
    parts.append(
        _orders(kind_of_order)
        .where(Order.status == OrderStatus.ERROR, Order.updated_at > _an_hour_ago())
        .order_by(Order.updated_at.desc())
        .limit(limit)
    )
    return _jobs(parts, limit, newest_first=True)


def throughput_statement() -> Select[str, int, bool, int]:
    """The statement behind `JobService.throughput`."""
    parts = []
    for lane in own_row_lanes():
        rows = _table(lane)
        is_completed = rows.c.status == lane.statuses("completed")
        seconds = func.extract("epoch", func.now() - rows.c.completed_at)
        parts.append(
            select(
                literal(str(lane.kind)).label("kind"),
                cast(func.floor(seconds / 60), Integer).label("minutes_ago"),
                is_completed.label("is_completed"),
            ).where(rows.c.completed_at > _an_hour_ago(), is_completed | _failed(lane))
        )
    ended = union_all(*parts).subquery("ended")
    groups = (ended.c.kind, ended.c.minutes_ago, ended.c.is_completed)
    return select(*groups, func.count()).group_by(*groups)


def _table(lane: LaneSpec) -> Table:
    return Base.metadata.tables[lane.table]


def _an_hour_ago() -> ColumnElement[datetime]:
    return func.now() - text(f"interval '{MINUTES} minutes'")


def _failed(lane: LaneSpec) -> ColumnElement[bool]:
    rows = _table(lane)
    cancelled = func.coalesce(rows.c.error_code, "") == CANCELLED
    return (rows.c.status == lane.statuses("error")) & ~cancelled


def _is_superseded(lane: LaneSpec) -> ColumnElement[bool]:
    """There is a newer version, by which the failure has been dealt with; not a cancelled one."""
    rows, newer = _table(lane), _table(lane).alias("newer")
    return (
        select(newer.c.id)
        .where(
            newer.c[lane.parent] == rows.c[lane.parent],
            newer.c.version > rows.c.version,
            func.coalesce(newer.c.error_code, "") != CANCELLED,
        )
        .exists()
    )


def _rows(lane: LaneSpec) -> _Columns:
    """The columns of a job that stand on its own row."""
    rows = _table(lane)
    end = func.coalesce(rows.c.completed_at, func.now())
    return select(
        literal(str(lane.kind)).label("kind"),
        rows.c.id.label("row_id"),
        rows.c.version,
        cast(rows.c.status, Text).label("status"),
        *(
            (rows.c[name] if name == lane.parent else cast(null(), Integer)).label(name)
            for name in ("image_id", "line_item_id")
        ),
        cast(null(), Order.id.type).label("order_id"),
        rows.c.queued_at,
        rows.c.completed_at,
        rows.c.not_before,
        func.extract("epoch", end - rows.c.started_at).label("elapsed"),
        rows.c.attempts,
        rows.c.error,
        rows.c.error_words,
        rows.c.claimed_by,
    )


def _orders(kind: ColumnElement[str]) -> _Columns:
    """The same columns of an order, which is a job itself."""
    has_failed = Order.status == OrderStatus.ERROR
    seconds = func.extract("epoch", func.now() - Order.claimed_at)
    return select(
        cast(kind, Text).label("kind"),
        cast(null(), Integer).label("row_id"),
        cast(null(), Integer).label("version"),
        cast(Order.status, Text).label("status"),
        cast(null(), Integer).label("image_id"),
        cast(null(), Integer).label("line_item_id"),
        Order.id.label("order_id"),
        Order.queued_at,
        case((has_failed, Order.updated_at)).label("completed_at"),
        Order.not_before,
        case((Order.claimed_by.is_not(None), seconds)).label("elapsed"),
        Order.attempts,
        Order.error,
        Order.error_words,
        Order.claimed_by,
    )


def _jobs(parts: Sequence[_Columns], limit: int, *, newest_first: bool) -> _Columns:
    """Put the few rows of all kinds together, and add what they belong to."""
    job = union_all(*(part.subquery().select() for part in parts)).subquery("job")
    order_by = (
        [job.c.completed_at.desc(), job.c.kind, job.c.row_id.desc(), Order.id.desc()]
        if newest_first
        else [Engine.id.is_(None), job.c.queued_at, job.c.kind, job.c.row_id, Order.id]
    )
    return (
        select(
            job.c.kind,
            job.c.row_id,
            job.c.version,
            job.c.status,
            Order.id.label("order_id"),
            Order.order_number,
            LineItem.position.label("item_position"),
            Image.id.label("image_id"),
            Image.position.label("image_position"),
            job.c.queued_at,
            job.c.completed_at,
            job.c.not_before,
            job.c.elapsed,
            job.c.attempts,
            job.c.error,
            job.c.error_words,
            Engine.id.label("engine_id"),
            Engine.operator.label("engine_operator"),
        )
        .join_from(job, Image, Image.id == job.c.image_id, isouter=True)
        .outerjoin(LineItem, LineItem.id == func.coalesce(job.c.line_item_id, Image.line_item_id))
        .join(Order, Order.id == func.coalesce(job.c.order_id, LineItem.order_id))
        .outerjoin(Engine, (Engine.id == job.c.claimed_by) & Engine.retired_at.is_(None))
        .order_by(*order_by)
        .limit(limit)
    )


def _job(row: RowMapping) -> JobView:
    kind, elapsed = JobKind(row["kind"]), row["elapsed"]
    return JobView(
        kind=kind,
        row_id=row["row_id"],
        version=row["version"],
        status=_status_of(kind, row["status"], is_held=row["engine_id"] is not None),
        order_id=str(row["order_id"]),
        order_number=row["order_number"],
        item_position=row["item_position"],
        image_id=row["image_id"],
        image_position=row["image_position"],
        queued_at=row["queued_at"],
        completed_at=row["completed_at"],
        not_before=row["not_before"],
        elapsed_seconds=None if elapsed is None else max(0.0, float(elapsed)),
        attempts=row["attempts"],
        error=stored(row["error"], row["error_words"]),
        engine_id=row["engine_id"],
        engine_operator=row["engine_operator"],
    )


def _status_of(kind: JobKind, value: str, *, is_held: bool) -> ProcessingStatusEnum:
    if kind is JobKind.INGEST and value == OrderStatus.READY_FOR_REVIEW:
        return OrderStatus.PROCESSING if is_held else OrderStatus.PENDING
    return LANES[kind].statuses(value)
