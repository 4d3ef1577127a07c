"""Reading orders by their stage.

A stage is decided by one pure function and stored nowhere. So orders that are not done are read in
pages, and the function is asked; the cost is that of the working day, not of the shop's age.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.stages import OrderStage, Stage
from fototui.services.orders.counts import count_done
from fototui.services.orders.queries import read_done, read_page, read_rows
from fototui.services.orders.refs import no_such_order
from fototui.services.orders.search import OrderSearch
from fototui.services.views.orders import OrderCursor, OrderRow

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
            search: Only orders with these words in number, name, e-mail address or a dedication.
        """
        if stage is Stage.DONE:
            done = await read_done(self._session, limit=limit, skip=skip, search=search)
            return StagePage(done, await count_done(self._session, search=search))
        found: list[OrderRow] = []
        total = 0
        async for row in self._rows(search, working=True):
            if row.stage.stage is stage:
                total += 1
                if skip < total <= skip + limit:
                    found.append(row)
        return StagePage(tuple(found), total)

    async def find(
        self, search: OrderSearch, *, stage: Stage | None = None, limit: int = 50
    ) -> tuple[OrderRow, ...]:
        """Read orders as the app finds them, by words and fields.

        Args:
            search: What is searched for.
            stage: Only orders of this stage.
            limit: Most orders.

        Returns:
            The orders, the newest first.
        """
        found: list[OrderRow] = []
        rows = self._rows(
            " ".join(search.words),
            working=stage not in {None, Stage.DONE},
            until=search.until,
            page=limit if stage is None and not search.conditions else _PAGE,
        )
        async for row in rows:
            if search.since is not None and row.created_at < search.since:
                break
            if search.finds(row, row.search) and stage in {None, row.stage.stage}:
                found.append(row)
            if len(found) == limit:
                break
        return tuple(found)

    async def count(self) -> Mapping[Stage, int]:
        """How many orders are in each stage; every stage is named."""
        counts: Counter[Stage] = Counter()
        async for row in self._rows(None, working=True):
            counts[row.stage.stage] += 1
        counts[Stage.DONE] = await count_done(self._session)
        return {stage: counts[stage] for stage in Stage}

    async def _rows(
        self,
        search: str | None,
        *,
        working: bool,
        until: datetime | None = None,
        page: int | None = None,
    ) -> AsyncIterator[OrderRow]:
        # Before the first ULID of that very moment.
        before = None if until is None else OrderCursor.at_moment(until)
        while True:
            found = await read_page(
                self._session,
                limit=page or _PAGE,
                before=before,
                status=None,
                search=search,
                working=working,
            )
            for row in found.orders:
                yield row
            if (before := found.next) is None:
                return
