"""Taking in the shop's webhooks: those of one moment are one transaction, and wait for one disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from weakref import WeakValueDictionary

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from fototui.clients.shopify.webhook import Delivery
from fototui.db.database import Database
from fototui.db.fixed import FixedStatement
from fototui.db.group_commit import GroupCommit, Row, Write, waits_little
from fototui.db.models.inbound import WebhookDelivery
from fototui.db.models.orders import Order
from fototui.db.notify import CHANNEL, lane_payload
from fototui.db.transaction import told_as_conflict
from fototui.domain.shop import ShopOrder
from fototui.domain.statuses import JobKind
from fototui.net.closing import Closing
from fototui.services.ingest.webhooks import (
    NOTED_AT,
    WebhookService,
    delivery_values,
    request_details,
)

_WAIT_AT_ONCE = 3
"""Connections that wait for orders which others have locked, or are just making. The smallest pool
has five."""


class Deliveries(Closing):
    """Takes in what the shop delivers.

    What goes together waits for no order. What waits does so over few connections, and over one
    for each order: the rest are for other orders' deliveries, and for all else of the server.

    Args:
        database: The database.
        operator: Who acts, for the activity log.
    """

    def __init__(self, database: Database, *, operator: str) -> None:
        self._database = database
        self._operator = operator
        self._group = GroupCommit(database)
        self._numbers = count()
        self._waiting = asyncio.Semaphore(_WAIT_AT_ONCE)
        # Of orders that somebody waits for.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def take_in(self, delivery: Delivery) -> bool:
        """Note a delivery, and have its order's details fetched; all of it is committed then.

        Args:
            delivery: The delivery, known to be genuine.

        Returns:
            Whether there is something to be done: not for one that was seen before, tells of no
            order, or tells of one whose number another order has here.

        Raises:
            RecordLockedError: Someone else kept the order locked; the shop will send it again.
            DatabaseUnavailableError: The database does not answer.
        """
        if delivery.order is None:
            return await self._take_in_new(delivery)
        # A delivery may come twice in one moment, so its own id does not tell whose an answer is.
        number = next(self._numbers)
        values = {**delivery_values(delivery), "of_number": number}
        write = Write(values, number, place=(delivery.order.shopify_id,))
        told = await self._group.write(_TOGETHER, write)
        if told is None or not _is_done(told):
            async with self._turn(delivery.order):
                if told is None:
                    with told_as_conflict():
                        [told] = await self._database.run(_ALONE, values)
                if not _is_done(told):
                    return await self._take_in_new(delivery)
        return bool(told["is_noted"])

    async def aclose(self) -> None:
        """Give up what nobody waits for any more; to be called when no request is inside."""
        await self._group.aclose()

    async def _take_in_new(self, delivery: Delivery) -> bool:
        async with self._database.session() as session:
            return await WebhookService(session, operator=self._operator).take_in_new(delivery)

    @asynccontextmanager
    async def _turn(self, order: ShopOrder) -> AsyncIterator[None]:
        """Have a connection to wait for an order with, while no other delivery of it has one."""
        turn = self._turns.setdefault(order.shopify_id, asyncio.Lock())
        async with turn, self._waiting:
            yield


def _is_done(told: Row) -> bool:
    """Whether the order is here, so that there is no more to do than what was done."""
    return bool(told["is_seen"] or told["is_requested"])


def _statement(*, together: bool) -> Select[int, bool, bool, bool, object]:
    """Note a delivery of an order that is here, ask for its details and wake an engine.

    The order is locked first. Two deliveries of one id may both ask for it, and one is noted. Where
    the order is not here, nothing is written.

    Args:
        together: Whether it is run with others. Then it gives no row where the order is locked.
    """
    column = WebhookDelivery.__table__.c
    given = {
        name: bindparam(name, type_=column[name].type)
        for name in ("id", "topic", "shopify_id", "triggered_at", "payload")
    }
    is_its_order = Order.shopify_id == given["shopify_id"]
    is_seen = select(WebhookDelivery.id).where(WebhookDelivery.id == given["id"]).exists()
    requested = request_details(_free(is_its_order) if together else is_its_order, ~is_seen)
    requested_rows = requested.cte("requested")
    noted = (
        insert(WebhookDelivery)
        .from_select(
            [*given, "received_at"], select(*given.values(), NOTED_AT).select_from(requested_rows)
        )
        .on_conflict_do_nothing()
        .returning(WebhookDelivery.id)
        .cte("noted")
    )
    woken = select(func.pg_notify(CHANNEL, lane_payload(JobKind.INGEST)))
    is_requested = select(requested_rows).exists()
    told = select(
        bindparam("of_number", type_=BigInteger()).label("id"),
        is_seen.label("is_seen"),
        is_requested.label("is_requested"),
        select(noted).exists().label("is_noted"),
        woken.select_from(requested_rows).scalar_subquery(),
    )
    if not together:
        return told
    return told.where(or_(is_seen, is_requested, ~select(Order.id).where(is_its_order).exists()))


def _free(is_its_order: ColumnElement[bool]) -> ColumnElement[bool]:
    free = select(Order.id).where(is_its_order, waits_little().is_not(None))
    return Order.id.in_(free.with_for_update(skip_locked=True, key_share=True))


_TOGETHER = FixedStatement(_statement(together=True))
_ALONE = FixedStatement(_statement(together=False))
