"""How many orders there are, without counting those that are done."""

from sqlalchemy import BigInteger, ColumnElement, cast, func, select

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.many import OrderCount
from fototui.db.models.orders import Order
from fototui.domain.statuses import OrderStatus
from fototui.services.orders.words import done_orders


def kept_count() -> ColumnElement[int]:
    """How many orders there are; triggers keep it."""
    kept = func.coalesce(func.sum(OrderCount.orders), 0)
    return select(cast(kept, BigInteger)).scalar_subquery()


def done_count() -> ColumnElement[int]:
    """How many orders are done; only those are counted that are not."""
    working = select(func.count()).select_from(Order).where(Order.finished_at.is_(None))
    return kept_count() - working.scalar_subquery()


async def count_orders(session: TrackedAsyncSession) -> int:
    """How many orders there are.

    Args:
        session: A session with no transaction under way.
    """
    async with session.begin():
        return await session.scalar(select(kept_count())) or 0


async def count_done(session: TrackedAsyncSession, *, search: str | None = None) -> int:
    """How many orders are done.

    Args:
        session: A session with no transaction under way.
        search: Only orders with these words; all such are read.
    """
    count = select(done_count())
    if search:
        count = done_orders(search).with_only_columns(func.count())
    async with session.begin():
        return await session.scalar(count) or 0


async def count_by_status(session: TrackedAsyncSession) -> dict[OrderStatus, int]:
    """Count orders.

    Args:
        session: A session with no transaction under way.

    Returns:
        How many orders are in each status; every status is named.
    """
    statement = select(Order.status, func.count()).group_by(Order.status)
    async with session.begin():
        found = dict((await session.execute(statement)).all())
    return {status: found.get(status, 0) for status in OrderStatus}
