"""What goes on in a shop while one looks at it: orders come in, a colleague works on them.

New orders are placed at the imitated shop. Their webhooks go to a real server, which leaves the
work to whatever engine runs: the app's.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import islice

from fototui.config.settings import required
from fototui.demo.history import History
from fototui.demo.orders import place_orders, sample_orders
from fototui.demo.stack import DemoStack
from fototui.domain.errors import FototuiError
from fototui.domain.statuses import JobKind
from fototui.log import get_logger
from fototui.net.asgi import serving
from fototui.runtime.compose import default_options, open_engine
from fototui.sandbox.shopify.shop import PlacedOrder
from fototui.sandbox.shopify.webhook_sender import Topic, WebhookSender
from fototui.server.app import create_server
from fototui.server.auth import WEBHOOK
from fototui.server.context import ServerContext
from fototui.services.ingest.imports import ImportService
from fototui.services.operations.stats import StatsService
from fototui.services.orders.manual import OrderService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService

log = get_logger(__name__)

_COLLEAGUE = "Petr"
_MOST_ORDERS = 60
# Of the orders that come in, one in so many is paid only after a while, …
_UNPAID = 3
# … and one in so many, never one of those, has a photo that cannot be fetched at first.
_TROUBLED = 6


class Traffic:
    """Makes orders come in and a colleague act on some of them.

    Args:
        stack: The shop where orders are placed.
        orders: How many orders there are from the beginning.
        seed: Makes it repeatable.
        pace: Seconds between two new orders.
    """

    def __init__(
        self,
        stack: DemoStack,
        *,
        orders: int,
        seed: int,
        pace: float,
    ) -> None:
        self._stack = stack
        self._runtime = stack.runtime
        self._orders = orders
        self._seed = seed
        self._pace = pace
        self._chance = random.Random(seed)  # noqa: S311 - plays a colleague

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Fill the shop, and let orders come in while the block runs."""
        # A shop forgets all when it stops; an earlier run's orders are placed again.
        existing = await self._count()
        placed = place_orders(
            self._stack.shop,
            self._stack.cdn_url,
            max(existing, self._orders),
            seed=self._seed,
        )
        await self._import()
        made = placed[existing:]
        history = History(self._stack, _COLLEAGUE)
        made = made[await history.happen([order.name for order in made]) :]
        for place, order in enumerate(made):
            # The newest order is left to the operator; the one before it is called off.
            if place < len(made) - 1:
                await self._color(order)
            if place == len(made) - 2:
                await self._cancel_one(order)
        async with self._door() as sender:
            task = asyncio.create_task(self._flow(sender, len(placed)), name="traffic")
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    @asynccontextmanager
    async def _door(self) -> AsyncIterator[WebhookSender]:
        """Open a server for the shop's webhooks."""
        settings = self._runtime.settings
        secret = required(settings.shopify_webhook_secret, "shopify_webhook_secret")
        async with (
            ServerContext(settings) as server,
            serving(create_server(server)) as url,
            WebhookSender(f"{url}{WEBHOOK}", secret) as sender,
        ):
            yield sender

    async def _import(self) -> None:
        """Import what the shop has, with all photos, before the app opens."""
        lanes = frozenset({JobKind.INGEST, JobKind.DOWNLOAD})
        async with self._runtime.database.session() as session:
            service = ImportService(session, operator=_COLLEAGUE, shop=self._runtime.shopify)
            await service.import_recent()
        async with open_engine(self._runtime, lanes=lanes) as engine:
            await engine.drain()

    async def _flow(self, sender: WebhookSender, existing: int) -> None:
        unpaid: list[PlacedOrder] = []
        samples = islice(sample_orders(seed=self._seed), existing, _MOST_ORDERS)
        for number, sample in enumerate(samples, start=1):
            await asyncio.sleep(self._pace * self._chance.uniform(0.6, 1.4))
            order = sample.place(
                self._stack.shop,
                self._stack.cdn_url,
                payment="PAID" if number % _UNPAID else "PENDING",
                troubled=number % _TROUBLED == 2,
            )
            await self._tell(sender, order, "orders/create")
            await asyncio.sleep(self._pace / 3)
            try:
                if self._chance.random() < 0.7:
                    await self._color(order)
                await self._vectorize_something()
            except FototuiError as error:
                log.warning("the demo's traffic stumbled", reason=str(error))
            if unpaid:
                self._stack.shop.pay(unpaid[0])
                await self._tell(sender, unpaid.pop(), "orders/paid")
            if order.payment == "PENDING":
                unpaid.append(order)

    async def _tell(self, sender: WebhookSender, order: PlacedOrder, topic: Topic) -> None:
        for answer in await sender.tell(order, topic):
            if answer.status != 200:
                log.warning("a webhook was not taken", status=answer.status, reason=answer.error)

    async def _count(self) -> int:
        async with self._runtime.database.session() as session:
            return (await StatsService(session, operator=_COLLEAGUE).shop()).imported

    async def _color(self, order: PlacedOrder) -> None:
        async with self._runtime.database.session() as session:
            service = ColoringService(session, operator=_COLLEAGUE)
            await service.create_for_order(order.name, default_options(self._runtime.settings))

    async def _cancel_one(self, order: PlacedOrder) -> None:
        async with self._runtime.database.session() as session:
            service = ColoringService(session, operator=_COLLEAGUE)
            versions = await service.list_for_order(order.name)
            with suppress(FototuiError):
                await service.cancel(versions[0].id)

    async def _vectorize_something(self) -> None:
        async with self._runtime.database.session() as session:
            orders = await OrderService(session, operator=_COLLEAGUE).list_orders(limit=20)
        ready = [
            row.id
            for row in orders.orders
            if any(i.coloring == "completed" and i.svg is None for i in row.images)
        ]
        if ready:
            async with self._runtime.database.session() as session:
                service = VectorizerService(session, operator=_COLLEAGUE)
                await service.create_for_order(self._chance.choice(ready))
