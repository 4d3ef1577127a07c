"""Orders as jobs: how they are claimed, and how their steps are written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import Row, RowMapping, Select, case, insert, literal, null, or_, select, update
from ulid import ULID

from fototui.db.database import Database
from fototui.db.errors import ClaimLostError
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
from fototui.engine.jobs.table import JobTable
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
            order_id=str(ULID.from_uuid(row["id"])),
            order_number=row["order_number"],
            shopify_id=row["shopify_id"],
            sync_requested_at=row["sync_requested_at"],
        )

    def transition(self, job: OrderJob, move: Move, *, actor: str) -> Select[*tuple[object, ...]]:
        """One statement that writes a move; see `JobTable`."""
        moved = (
            update(Order)
            .where(
                Order.id == ULID.from_str(job.order_id),
                Order.claim_token == job.claim_token,
                # The target stands for a repetition of this very write.
                or_(Order.status == job.status, Order.status == move.status),
            )
            .values({**ending(job, move), **move.values})
            .returning(Order.id)
            .cte("moved")
        )
        statement: Select[*tuple[object, ...]] = select(moved.c.id)
        if move.ends and "error" in move.fields:
            entry = {
                Activity.operator: actor,
                Activity.action: str(ActivityAction.FAILED),
                Activity.order_id: ULID.from_str(job.order_id),
                Activity.detail: move.fields["error"],
                Activity.detail_words: move.fields.get("error_words"),
            }
            values = [literal(value, column.type) for column, value in entry.items()]
            logged = insert(Activity).from_select(list(entry), select(*values).select_from(moved))
            statement = statement.add_cte(logged.cte("logged"))
        return statement

    def report(
        self,
        session: TrackedAsyncSession,
        job: OrderJob,
        move: Move,
        written: Row[*tuple[object, ...]],
    ) -> None:
        """Tell the session what was changed; see `JobTable`."""
        session.track_changes(OrderUpdateEvent, ListUpdateEvent)
        if move.status != job.status or "error" in move.fields:
            session.report(
                Change(
                    Order.__name__, job.order_id, Operation.UPDATE, {"status": str(move.status)}
                ),
                ChangeContext(order_id=job.order_id),
            )


INGESTS = OrderJobs(JobKind.INGEST)
DOWNLOADS = OrderJobs(JobKind.DOWNLOAD)


def ending(job: OrderJob, move: Move) -> Mapping[str, object]:
    """The columns that a move writes when it ends a job: the claim, and the request it answered.

    A request that came while the job ran stays: what it tells of may not have been seen.

    Args:
        job: The job.
        move: Its move.
    """
    if not move.ends:
        return {}
    given_up: dict[str, object] = {"claimed_by": None}
    seen = _request_answered_by(job)
    if seen is not None:
        answered = Order.sync_requested_at <= seen
        given_up["sync_requested_at"] = case((answered, null()), else_=Order.sync_requested_at)
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
