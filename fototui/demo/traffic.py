"""What goes on in a shop while one looks at it: orders come in, a colleague works on them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy import func, select

from fototui.assembly import Parts, default_options
from fototui.db.models import Order
from fototui.demo.orders import SampleOrder, sample_orders
from fototui.domain.errors import FototuiError
from fototui.services.coloring import ColoringService
from fototui.services.orders import OrderService, PhotoInput
from fototui.services.vectorizer import VectorizerService
from fototui.services.views import OrderDetail
from fototui.storage.base import Storage

log = structlog.get_logger(__name__)

_COLLEAGUE = "Petr"
_MOST_ORDERS = 60


class Traffic:
    """Makes orders come in and a colleague act on some of them.

    Args:
        parts: The database and the way to the hub.
        storage: Where photos go.
        orders: How many orders there are from the beginning.
        seed: Makes it repeatable.
        pace: Seconds between two new orders.
    """

    def __init__(
        self, parts: Parts, storage: Storage, *, orders: int, seed: int, pace: float
    ) -> None:
        self._parts = parts
        self._storage = storage
        self._orders = orders
        self._seed = seed
        self._pace = pace
        self._chance = random.Random(seed)  # noqa: S311 - plays a colleague

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Fill the shop, and let orders come in while the block runs."""
        existing = await self._count()
        made = [
            await self._place(sample)
            for sample in sample_orders(self._orders, seed=self._seed, skip=existing)
        ]
        for place, order in enumerate(made):
            # The newest order is left to the operator; the one before it is called off.
            if place < len(made) - 1:
                await self._color(order)
            if place == len(made) - 2:
                await self._cancel_one(order)
        task = asyncio.create_task(self._flow(max(existing, self._orders)), name="traffic")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _flow(self, count: int) -> None:
        for number in range(count + 1, _MOST_ORDERS + 1):
            await asyncio.sleep(self._pace * self._chance.uniform(0.6, 1.4))
            try:
                [sample] = sample_orders(number, seed=self._seed, skip=number - 1)
                order = await self._place(sample)
                await asyncio.sleep(self._pace / 3)
                if self._chance.random() < 0.7:
                    await self._color(order)
                await self._vectorize_something()
            except FototuiError as error:
                log.warning("the demo's traffic stumbled", reason=str(error))

    async def _count(self) -> int:
        async with self._parts.database.session() as session:
            return await session.scalar(select(func.count()).select_from(Order)) or 0

    async def _place(self, sample: SampleOrder) -> OrderDetail:
        async with self._parts.database.session() as session:
            service = OrderService(session, operator=_COLLEAGUE, storage=self._storage)
            return await service.create_manual_order(
                [PhotoInput(photo.data, filename=photo.name) for photo in sample.photos],
                customer=sample.customer,
                email=sample.email,
                dedication=sample.dedication,
                layout=sample.layout,
            )

    async def _color(self, order: OrderDetail) -> None:
        async with self._parts.database.session() as session:
            service = ColoringService(session, operator=_COLLEAGUE)
            await service.create_for_order(order.id, default_options(self._parts.settings))

    async def _cancel_one(self, order: OrderDetail) -> None:
        async with self._parts.database.session() as session:
            service = ColoringService(session, operator=_COLLEAGUE)
            versions = await service.list_for_order(order.id)
            with suppress(FototuiError):
                await service.cancel(versions[0].id)

    async def _vectorize_something(self) -> None:
        async with self._parts.database.session() as session:
            orders = await OrderService(session, operator=_COLLEAGUE).list_orders(limit=20)
        ready = [
            row.id
            for row in orders.orders
            if any(i.coloring == "completed" and i.svg is None for i in row.images)
        ]
        if ready:
            async with self._parts.database.session() as session:
                service = VectorizerService(session, operator=_COLLEAGUE)
                await service.create_for_order(self._chance.choice(ready))
