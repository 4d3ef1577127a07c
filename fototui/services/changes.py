"""What the live store asks: a few questions whose cost follows what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Uuid, bindparam, select, text
from ulid import ULID

from fototui.db.errors import DatabaseError, DatabaseUnavailableError
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import Order
from fototui.domain.errors import FototuiError
from fototui.domain.lanes import LANES, file_lanes
from fototui.services.operations.lanes import LaneService
from fototui.services.orders.details import read_details
from fototui.services.orders.queries import read_done_since, read_page, read_rows
from fototui.services.orders.refs import is_order
from fototui.services.orders.search import OrderSearch
from fototui.services.views.operations import EngineView, LaneView
from fototui.services.views.orders import OrderCursor, OrderDetail, OrderPage, OrderRow


@dataclass(frozen=True, slots=True)
class Watermark:
    """Which transactions a reader has seen: all that are visible in this snapshot.

    Args:
        snapshot: PostgreSQL's text of it: "xmin:xmax:xip,…".
        source: Which tables on which run of the server it was read from. A dump that is restored
            makes others; its rows tell nothing of when they came, and the server's numbers go on.
    """

    snapshot: str
    source: str = ""

    @property
    def oldest_unseen(self) -> int:
        """No transaction before this number is unseen."""
        return int(self.snapshot.split(":")[0])

    @property
    def end(self) -> int:
        """No transaction from this number on is seen."""
        return int(self.snapshot.split(":")[1])

    def leads_to(self, now: Watermark) -> bool:
        """Whether what changed since is known: not where the database is another one or set back.

        Args:
            now: A later mark.
        """
        return now.source == self.source and now.end >= self.end


@dataclass(frozen=True, slots=True)
class Changes:
    """What was committed since a watermark.

    Args:
        order_ids: ULIDs of orders that changed, or anything below them. A deleted order is not
            among them; the number of orders tells.
        watermark: Ask with this the next time.
        at: When that was, by the database's clock.
        orders: How many orders there are.
        is_everything: Any order may have changed: the database is not the one that the watermark
            came from, or was set back to an earlier time.
    """

    order_ids: frozenset[str]
    watermark: Watermark
    at: datetime
    orders: int
    is_everything: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """What became of some orders.

    Args:
        gone: ULIDs of those that are no more.
        others: How many orders there are besides.
    """

    gone: frozenset[str]
    others: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Args:
        orders: The orders, the newest first.
        is_all: There are no others.
    """

    orders: tuple[OrderRow, ...]
    is_all: bool


# A row counts where its transaction committed after the watermark's snapshot and is visible in
# this statement's. Long ago the number came from another server, if the database was restored from
# a dump; such a number can lie in the future.
_UNSEEN = """
    {table}.changed_in >= :oldest AND {table}.changed_in < now.xmax
    AND NOT pg_visible_in_snapshot(
        {table}.changed_in::text::xid8, CAST(:snapshot AS text)::pg_snapshot
    )
"""
_BELOW_ORDER = "SELECT {table}.order_id FROM {table} WHERE"
_BELOW_IMAGE = """
    SELECT l.order_id FROM {table} JOIN images i ON i.id = {table}.image_id
    JOIN line_items l ON l.id = i.line_item_id WHERE
"""
_SOURCES = {
    "orders": "SELECT orders.id FROM orders WHERE",
    "line_items": _BELOW_ORDER.format(table="line_items"),
    **{lane.table: _BELOW_ORDER.format(table=lane.table) for lane in file_lanes()},
    "images": (
        "SELECT l.order_id FROM images JOIN line_items l ON l.id = images.line_item_id WHERE"
    ),
    **{
        lane.table: _BELOW_IMAGE.format(table=lane.table)
        for lane in LANES.values()
        if lane.version_type
    },
    "reviews": _BELOW_IMAGE.format(table="reviews"),
}
CHANGED = " UNION ".join(source + _UNSEEN.format(table=table) for table, source in _SOURCES.items())
"""Ids of the orders that changed since `:snapshot`, beside `NOW` as `now`."""
NOW = """
    SELECT pg_current_snapshot()::text AS snapshot,
           concat(pg_postmaster_start_time(), ' ', pg_relation_filepath('orders')) AS source,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xmax, now() AS at,
           (SELECT coalesce(sum(orders), 0)::bigint FROM order_counts) AS orders
"""
_CHANGES = (
    text(
        f"SELECT now.snapshot, now.source, now.at, now.orders, ARRAY({CHANGED}) AS ids "  # noqa: S608 - constants only
        f"FROM ({NOW}) now"
    )
    .bindparams(bindparam("oldest"), bindparam("snapshot"))
    .columns(ids=ARRAY(Uuid()))
)
_WATERMARK = text(NOW)
_PRESENT = (
    text(f"""
        SELECT now.orders, ARRAY(
            SELECT asked.id FROM unnest(CAST(:ids AS uuid[])) AS asked (id)
            LEFT JOIN LATERAL (SELECT true AS is_there FROM orders WHERE id = asked.id LIMIT 1) o
            ON true WHERE o.is_there IS NULL
        ) AS gone
        FROM ({NOW}) now""")  # noqa: S608 - constants only
    .bindparams(bindparam("ids", type_=ARRAY(Uuid())))
    .columns(gone=ARRAY(Uuid()))
)
# Of a search with fields; a page of them takes some 50 ms.
_MOST_PAGES = 5


class LiveService:
    """Reads for a store that is kept true; each call is one statement where not told otherwise.

    Args:
        session: A session with no transaction under way.
        operator: Who reads.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator

    async def rows(self, ids: Iterable[str]) -> tuple[OrderRow, ...]:
        """Read lines of the list of orders.

        Args:
            ids: ULIDs; what is none is passed over.

        Returns:
            The lines of those that exist, newest first.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        async with _outages():
            return await read_rows(self.session, filter(is_ulid, ids))

    async def working(self, before: OrderCursor | None = None, *, limit: int = 500) -> OrderPage:
        """Read a page of the orders that are not done, newest first.

        Args:
            before: Where the page before it ended.
            limit: Most orders. Building 1,000 takes 40 ms of the event loop.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        async with _outages():
            return await read_page(
                self.session, limit=limit, before=before, status=None, search=None, working=True
            )

    async def done_since(
        self, since: datetime, before: OrderCursor | None = None, *, limit: int = 500
    ) -> OrderPage:
        """Read a page of the orders that were done lately, the latest first.

        Args:
            since: None that were done before then.
            before: Where the page before it ended.
            limit: Most orders.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        async with _outages():
            return await read_done_since(self.session, since, before=before, limit=limit)

    async def older(self, before: OrderCursor, *, limit: int = 500) -> OrderPage:
        """Read a page of all orders, newest first.

        Args:
            before: Only orders that are older.
            limit: Most orders.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        async with _outages():
            return await read_page(
                self.session, limit=limit, before=before, status=None, search=None
            )

    async def find(self, search: OrderSearch, *, done_before: datetime, limit: int = 200) -> Found:
        """Read orders that were done long ago, as the app finds them.

        Words are looked up. Whatever else is asked for is asked of the newest few hundred orders
        that have them: these are looked through, and no more.

        Args:
            search: What is searched for.
            done_before: Only orders that were done before then.
            limit: Most orders.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        found: list[OrderRow] = []
        # What was done by then was placed by then.
        before: OrderCursor | None = OrderCursor.at_moment(
            done_before if search.until is None else min(done_before, search.until)
        )
        async with _outages():
            for _ in range(_MOST_PAGES):
                page = await read_page(
                    self.session,
                    limit=limit,
                    before=before,
                    status=None,
                    search=" ".join(search.words),
                    done_before=done_before,
                )
                found += [row for row in page.orders if search.finds(row, row.search)]
                before = page.next
                if search.since is not None and before is not None and before.at < search.since:
                    before = None
                if before is None or len(found) >= limit:
                    break
        return Found(tuple(found[:limit]), is_all=before is None and len(found) <= limit)

    async def named(self, ref: str) -> OrderRow | None:
        """Read the line of one order.

        Args:
            ref: Its number or its ULID, as an operator names it.

        Returns:
            The line; None where there is no such order.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        async with _outages():
            async with self.session.begin():
                order_id = await self.session.scalar(select(Order.id).where(is_order(ref)))
            rows = () if order_id is None else await read_rows(self.session, [str(order_id)])
        return rows[0] if rows else None

    async def present(self, ids: Iterable[str]) -> Present:
        """Which of some orders there are, and how many there are in all.

        Args:
            ids: Their ULIDs.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        asked = [ULID.from_str(order_id).to_uuid() for order_id in ids]
        async with _outages(), self.session.begin():
            row = (await self.session.execute(_PRESENT, {"ids": asked})).one()
        gone = frozenset(str(ULID.from_uuid(key)) for key in row.gone)
        return Present(gone, row.orders - len(asked) + len(gone))

    async def changes(self, since: Watermark | None = None) -> Changes:
        """Which orders changed.

        Nothing is told twice, and nothing is missed, however late a transaction commits. The cost
        is that of the rows changed since the oldest transaction that was under way at `since`.

        Args:
            since: The last answer's watermark; None asks for a first one.

        Returns:
            The orders, and a new watermark.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        async with _outages(), self.session.begin():
            if since is None:
                row = (await self.session.execute(_WATERMARK)).one()
                mark = Watermark(row.snapshot, row.source)
                return Changes(frozenset(), mark, row.at, row.orders)
            row = (
                await self.session.execute(
                    _CHANGES, {"oldest": since.oldest_unseen, "snapshot": since.snapshot}
                )
            ).one()
        now = Watermark(row.snapshot, row.source)
        ids = frozenset(str(ULID.from_uuid(key)) for key in row.ids)
        return Changes(ids, now, row.at, row.orders, is_everything=not since.leads_to(now))

    async def detail(self, order_id: str) -> OrderDetail | None:
        """Read one order with everything in it.

        Args:
            order_id: ULID.

        Returns:
            The order; None where there is none.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        if not is_ulid(order_id):
            return None
        async with _outages():
            which = Order.id == ULID.from_str(order_id)
            found = await read_details(self.session, which, books=True)
        return found[0] if found else None

    async def work(self) -> tuple[tuple[LaneView, ...], tuple[EngineView, ...]]:
        """Lanes and living engines, in two statements.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        lanes = LaneService(self.session, operator=self.operator)
        async with _outages():
            return await lanes.list_lanes(), await lanes.list_engines()


def no_answer(seconds: float) -> FototuiError:
    """The error of a reader that has waited long enough.

    Args:
        seconds: How long it has waited.
    """
    return DatabaseUnavailableError(
        "The database has not answered for {seconds} s. "
        "Check that it runs and that the network reaches it.",
        seconds=seconds,
    )


def is_ulid(text: str) -> bool:
    """Whether a text is an order's id."""
    try:
        ULID.from_str(text)
    except ValueError:
        return False
    return True


@asynccontextmanager
async def _outages() -> AsyncIterator[None]:
    """Call by one name whatever keeps the database from answering: a reader can only ask again."""
    try:
        yield
    except DatabaseError as error:
        raise DatabaseUnavailableError(
            "The database could not answer ({reason}). It is asked again.",
            reason=str(error),
        ) from error
