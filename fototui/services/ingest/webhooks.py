"""What the shop's webhooks tell, noted for the engine, which does the work.

Deliveries repeat, come out of order and may be a day late. None of it matters: each only says that
there is news of an order. What the news are is asked of the shop, or read from the newest payload.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningUpdate
from ulid import ULID

from fototui.clients.shopify.webhook import Delivery
from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.models.inbound import WebhookDelivery
from fototui.db.models.orders import Order
from fototui.db.notify import lane_payload, notify
from fototui.db.transaction import transaction
from fototui.db.types import among
from fototui.domain.events import ListUpdateEvent, OrderUpdateEvent
from fototui.domain.shop import ShopOrder
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.log import get_logger
from fototui.services.ingest.apply import ASKED_ANEW, insert_order

log = get_logger(__name__)

NOTED_AT = func.clock_timestamp()
"""When a delivery is received. Its transaction's beginning tells less: all of one transaction have
it, and another delivery of the order may have been noted since."""


@mercure_autotrack(ListUpdateEvent, OrderUpdateEvent)
class WebhookService:
    """What deliveries told of orders, and orders that came by them.

    Args:
        session: A session.
        operator: Who acts, for the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator

    async def take_in_new(self, delivery: Delivery) -> bool:
        """Note a delivery whose order was not here just now, or that tells of none.

        Args:
            delivery: The delivery, known to be genuine.

        Returns:
            As `Deliveries.take_in`.

        Raises:
            RecordLockedError: Someone else kept the order locked; the shop will send it again.
        """
        order = delivery.order
        async with transaction(self.session):
            if order is None:
                await self._note(delivery)
                return False
            # Deliveries are noted under their order's lock, so that none waits for another's.
            if not await self._make_or_request(order, delivery):
                log.warning(
                    "a webhook tells of an order whose number another order has here",
                    order=order.number,
                    shopify_id=order.shopify_id,
                )
                await self._note(delivery)
                await self.forget_payloads(order.shopify_id)
                return False
            await notify(self.session, lane_payload(JobKind.INGEST))
            return await self._note(delivery)

    async def newest_payload(self, shopify_id: int) -> dict[str, object] | None:
        """What the newest delivery tells of an order, if that is not written to the order already.

        To be asked inside the transaction that holds the order's row, applies the payload and then
        forgets it: no delivery can come in between.

        Args:
            shopify_id: Shopify's number of the order.

        Returns:
            The payload; None where the newest delivery has none any more. An older one that comes
            late is not asked: it would undo what the newer one told.
        """
        return await self.session.scalar(
            select(WebhookDelivery.payload)
            .where(WebhookDelivery.shopify_id == shopify_id)
            .order_by(
                WebhookDelivery.triggered_at.desc().nulls_last(),
                WebhookDelivery.received_at.desc(),
            )
            .limit(1)
        )

    async def forget_payloads(self, shopify_id: int) -> None:
        """Drop what deliveries told of an order, inside the transaction that wrote it to the order.

        Args:
            shopify_id: Shopify's number of the order.
        """
        await self.session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.shopify_id == shopify_id, WebhookDelivery.payload.is_not(None))
            .values(payload=None)
        )

    async def prune(self, *, days: int = 7) -> int:
        """Forget old deliveries; the shop does not repeat one for longer than two days.

        Those whose payload is still to be used stay.

        Args:
            days: How old they have to be.

        Returns:
            How many were forgotten.
        """
        age = func.make_interval(0, 0, 0, days)
        async with self.session.begin():
            old = await self.session.execute(
                delete(WebhookDelivery)
                .where(
                    WebhookDelivery.received_at < func.now() - age,
                    WebhookDelivery.payload.is_(None),
                )
                .returning(WebhookDelivery.id)
            )
            return len(old.all())

    async def _note(self, delivery: Delivery) -> bool:
        """Write the delivery down; a second one of the same id waits here for the first's end."""
        values = delivery_values(delivery)
        noted = (
            insert(WebhookDelivery).values(received_at=NOTED_AT, **values).on_conflict_do_nothing()
        )
        return bool(await self.session.scalar(noted.returning(WebhookDelivery.id)))

    async def _make_or_request(self, order: ShopOrder, delivery: Delivery) -> bool:
        made = await insert_order(
            self.session, order, OrderStatus.PENDING, created_at=delivery.triggered_at
        )
        if made is not None:
            return True
        # Another delivery made it meanwhile, or its number is taken.
        requested = request_details(Order.shopify_id == order.shopify_id)
        options = {"synchronize_session": False}
        return await self.session.scalar(requested, execution_options=options) is not None


def delivery_values(delivery: Delivery) -> dict[str, object]:
    """The columns that a delivery fills."""
    order = delivery.order
    return {
        "id": delivery.webhook_id,
        "topic": delivery.topic,
        "shopify_id": order.shopify_id if order else None,
        "triggered_at": delivery.triggered_at,
        "payload": delivery.payload if order else None,
    }


def request_details(*which: ColumnElement[bool]) -> ReturningUpdate[ULID]:
    """Ask for orders' details: one statement, since a hundred deliveries may wait for one order."""
    is_idle = Order.sync_requested_at.is_(None) & among(Order.status, OrderStatus.final_states())
    anew = {
        name: case((is_idle, value), else_=getattr(Order, name))
        for name, value in ASKED_ANEW.items()
    }
    return (
        update(Order)
        .where(*which)
        .values(**anew, sync_requested_at=func.clock_timestamp())
        .returning(Order.id)
    )
