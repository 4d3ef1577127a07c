"""Orders as jobs: how they are claimed, and how their steps are written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import RowMapping, Select, case, insert, literal, null, select
from ulid import ULID

from fototui.db.base import Base
from fototui.db.database import Database
from fototui.db.errors import ClaimLostError
from fototui.db.events.news import News
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.locking import ProcessingLock
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Order
from fototui.domain.events import (
    Change,
    ChangeContext,
    ImageUpdateEvent,
    ListUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.engine.jobs.job import Move, OrderJob
from fototui.engine.jobs.own_rows import logged_values
from fototui.engine.jobs.table import JobTable, Shape, fenced_update, named, ulid_of
from fototui.services.operations.activity import ActivityAction


class OrderJobs(JobTable[OrderJob]):
    """The orders that one lane has to do with.

    Args:
        kind: `ingest` or `download`.
    """

    name = Order.__tablename__
    turns = "(v.urgent_at IS NULL), v.queued_at, v.id"
    columns = "v.order_number, v.shopify_id, v.sync_requested_at"

    def __init__(self, kind: JobKind) -> None:
        self.kind = kind
        if kind is JobKind.INGEST:
            self.is_forgettable = "v.status = 'pending'"

    def read(self, row: RowMapping) -> OrderJob:
        """Make a job of a claimed row."""
        return OrderJob(
            kind=self.kind,
            row_id=row["id"],
            claim_token=row["claim_token"],
            status=OrderStatus(row["status"]),
            waited=row["waited"],
            retries=row["retries"],
            takeovers=row["takeovers"],
            order_id=ulid_of(row["id"]),
            order_number=row["order_number"],
            shopify_id=row["shopify_id"],
            sync_requested_at=row["sync_requested_at"],
        )

    def shape(self, job: OrderJob, move: Move) -> Shape:
        """What a move's statement looks like; see `JobTable`."""
        answers = move.ends and _request_answered_by(job) is not None
        return Shape.of(move, answers_request=answers)

    def statement(self, shape: Shape) -> Select[*tuple[object, ...]]:
        """The statement that writes moves of a shape; see `JobTable`."""
        rows = Base.metadata.tables[self.name]
        write = fenced_update(rows, shape, _ending(shape), name="of_order")
        moved = write.returning(rows.c.id).cte("moved")
        statement: Select[*tuple[object, ...]] = select(moved.c.id)
        if shape.ends and ("error", None) in shape.columns:
            told = {
                Activity.operator: "by_actor",
                Activity.order_id: "of_order",
                Activity.detail: "logged_error",
                Activity.detail_words: "logged_words",
            }
            values = [
                literal(str(ActivityAction.FAILED), Activity.action.type),
                *(named(name, column) for column, name in told.items()),
            ]
            line = select(*values).select_from(moved)
            logged = insert(Activity).from_select([Activity.action, *told], line)
            statement = statement.add_cte(logged.cte("logged"))
        return statement

    def values(self, job: OrderJob, move: Move, *, actor: str) -> dict[str, object]:
        """What that statement is run with; see `JobTable`."""
        values = super().values(job, move, actor=actor)
        values.update(logged_values(move, None), to_request=_request_answered_by(job))
        return values

    def report(self, news: News, job: OrderJob, move: Move, written: Mapping[str, object]) -> None:
        """Tell what was changed; see `JobTable`."""
        news.track_changes(OrderUpdateEvent, ListUpdateEvent)
        if move.status != job.status or "error" in move.fields:
            news.report(
                Change(
                    Order.__name__, job.order_id, Operation.UPDATE, {"status": str(move.status)}
                ),
                ChangeContext(order_id=job.order_id),
            )


INGESTS = OrderJobs(JobKind.INGEST)
DOWNLOADS = OrderJobs(JobKind.DOWNLOAD)


def _ending(shape: Shape) -> Mapping[str, object]:
    """The columns that a move writes when it ends a job: the claim, and the request it answered.

    A request that came while the job ran stays: what it tells of may not have been seen.
    """
    if not shape.ends:
        return {}
    given_up: dict[str, object] = {"claimed_by": null()}
    if shape.answers_request:
        asked = Order.sync_requested_at
        answered = asked <= named("to_request", asked)
        given_up["sync_requested_at"] = case((answered, null()), else_=asked)
    return given_up


def _request_answered_by(job: OrderJob) -> datetime | None:
    """The newest request that a job answers; a download answers none, whenever it was claimed.

    Whoever fetches photos has not asked what the news are.
    """
    return job.sync_requested_at if job.kind is JobKind.INGEST else None


@asynccontextmanager
async def claimed_order(
    database: Database, job: OrderJob
) -> AsyncIterator[tuple[TrackedAsyncSession, Order]]:
    """A transaction that holds a job's order while its claim is good.

    Args:
        database: The database.
        job: The job.

    Yields:
        The session, within its transaction, and the order's row, locked.

    Raises:
        ClaimLostError: The order is no longer this job's.
    """
    async with database.session() as session:
        session.track_changes(OrderUpdateEvent, ListUpdateEvent, ImageUpdateEvent)
        async with session.begin():
            is_ours = (
                Order.id == ULID.from_str(job.order_id),
                Order.claim_token == job.claim_token,
            )
            locks = await ProcessingLock(session, Order, *is_ours, wait=True).hold()
            if not locks:
                raise ClaimLostError(
                    "Order {number} is no longer this engine's.", number=job.order_number
                )
            yield session, locks[0].record


def finish(row: Order, job: OrderJob, status: OrderStatus) -> None:
    """End a job on its locked row; a request that the job did not answer stays.

    Args:
        row: The order.
        job: The job.
        status: Where the order stands now.
    """
    row.status = status
    row.claimed_by = row.claim_token = row.not_before = None
    row.error = row.error_code = row.error_words = None
    row.retries = row.takeovers = 0
    seen = _request_answered_by(job)
    if row.sync_requested_at is not None and seen is not None and row.sync_requested_at <= seen:
        row.sync_requested_at = None
