"""Reading orders by their stage.

A stage is decided by one pure function and stored nowhere. So orders that are not done are read in
pages, and the function is asked; the cost is that of the working day, not of the shop's age.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import Order
from fototui.domain.stages import OrderStage, Stage
from fototui.services.orders.queries import read_done, read_page, read_rows
from fototui.services.orders.refs import no_such_order
from fototui.services.views.orders import OrderRow

_PAGE = 500


@dataclass(frozen=True, slots=True)
class StagePage:
    """Orders of one stage.

    Args:
        orders: Their lines: the newest first; of those that are done, the latest.
        total: How many there are in all.
    """

    orders: tuple[OrderRow, ...]
    total: int


class StageService:
    """Tells of stages.

    Args:
        session: A session with no transaction under way; best an autocommit one.
        operator: Not used; services are all made alike.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        del operator
        self._session = session

    async def stage_of(self, order_id: str) -> OrderStage:
        """What an order wants next.

        Args:
            order_id: Its ULID.

        Raises:
            NotFoundError: There is none.
        """
        for row in await read_rows(self._session, [order_id]):
            return row.stage
        raise no_such_order(order_id)

    async def list_orders(
        self, stage: Stage, *, limit: int = 50, skip: int = 0, search: str | None = None
    ) -> StagePage:
        """Read orders of one stage.

        Args:
            stage: Which.
            limit: Most orders.
            skip: Leave out so many of the first.
            search: Only orders with this text in number, name, e-mail address or a dedication.
        """
        if stage is Stage.DONE:
            done = await read_done(self._session, limit=limit, skip=skip, search=search)
            return StagePage(*done)
        found: list[OrderRow] = []
        total = 0
        async for row in self._working(search):
            if row.stage.stage is stage:
                total += 1
                if skip < total <= skip + limit:
                    found.append(row)
        return StagePage(tuple(found), total)

    async def count(self) -> Mapping[Stage, int]:
        """How many orders are in each stage; every stage is named."""
        counts: Counter[Stage] = Counter()
        async for row in self._working(None):
            counts[row.stage.stage] += 1
        done = select(func.count()).where(Order.finished_at.is_not(None))
        async with self._session.begin():
            counts[Stage.DONE] = await self._session.scalar(done) or 0
        return {stage: counts[stage] for stage in Stage}

    async def _working(self, search: str | None) -> AsyncIterator[OrderRow]:
        before = None
        while True:
            page = await read_page(
                self._session, limit=_PAGE, before=before, status=None, search=search, working=True
            )
            for row in page.orders:
                yield row
            if (before := page.next) is None:
                return
