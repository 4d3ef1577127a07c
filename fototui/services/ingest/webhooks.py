"""Taking in the shop's webhooks, in one short transaction each; the work goes to the engine."""

from __future__ import annotations

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from fototui.clients.shopify.webhook import Delivery
from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.models.inbound import WebhookDelivery
from fototui.db.models.orders import Order
from fototui.db.notify import lane_payload, notify
from fototui.db.transaction import transaction
from fototui.domain.events import ListUpdateEvent, OrderUpdateEvent
from fototui.domain.shop import ShopOrder
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.log import get_logger
from fototui.services.ingest.apply import ASKED_ANEW, insert_order

log = get_logger(__name__)


@mercure_autotrack(ListUpdateEvent, OrderUpdateEvent)
class WebhookService:
    """Takes deliveries in.

    Deliveries repeat, come out of order and may be a day late. None of it matters: each only says
    that there is news of an order. What the news are is asked of the shop, or read from the newest
    payload.

    Args:
        session: A session.
        operator: Who acts, for the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator

    async def take_in(self, delivery: Delivery) -> bool:
        """Note a delivery, and have its order's details fetched.

        Args:
            delivery: The delivery, known to be genuine.

        Returns:
            Whether there is something to be done: not for one that was seen before, tells of no
            order, or tells of one whose number another order has here.

        Raises:
            RecordLockedError: Someone else kept the order locked; the shop will send it again.
        """
        async with transaction(self.session):
            if not await self._is_first(delivery) or delivery.order is None:
                return False
            if not await self._request(delivery.order, delivery):
                log.warning(
                    "a webhook tells of an order whose number another order has here",
                    order=delivery.order.number,
                    shopify_id=delivery.order.shopify_id,
                )
                await self.forget_payloads(delivery.order.shopify_id)
                return False
            await notify(self.session, lane_payload(JobKind.INGEST))
            return True

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

    async def _is_first(self, delivery: Delivery) -> bool:
        """Write the delivery down; a second one of the same id waits here for the first's end."""
        order = delivery.order
        return bool(
            await self.session.scalar(
                insert(WebhookDelivery)
                .values(
                    id=delivery.webhook_id,
                    topic=delivery.topic,
                    shopify_id=order.shopify_id if order else None,
                    triggered_at=delivery.triggered_at,
                    payload=delivery.payload if order else None,
                )
                .on_conflict_do_nothing()
                .returning(WebhookDelivery.id)
            )
        )

    async def _request(self, order: ShopOrder, delivery: Delivery) -> bool:
        if await self._request_known(order):
            return True
        made = await insert_order(
            self.session, order, OrderStatus.PENDING, created_at=delivery.triggered_at
        )
        # If none was made, another delivery made it meanwhile, or its number is taken.
        return made is not None or await self._request_known(order)

    async def _request_known(self, order: ShopOrder) -> bool:
        # One statement, because a hundred deliveries may wait for the same order.
        is_idle = Order.sync_requested_at.is_(None) & Order.status.in_(OrderStatus.final_states())
        anew = {
            name: case((is_idle, value), else_=getattr(Order, name))
            for name, value in ASKED_ANEW.items()
        }
        requested = await self.session.scalar(
            update(Order)
            .where(Order.shopify_id == order.shopify_id)
            .values(**anew, sync_requested_at=func.clock_timestamp())
            .returning(Order.id)
            .execution_options(synchronize_session=False)
        )
        return requested is not None
