"""A shop's webhooks pour in while the server that takes them is killed."""

from __future__ import annotations

import asyncio
from functools import partial

import httpx

from chaos.processes import Process
from chaos.world import KEY, World, photo, until
from fototui.net.asgi import bind
from fototui.sandbox.shopify.cdn import photo_url
from fototui.sandbox.shopify.shop import PlacedOrder, book
from fototui.sandbox.shopify.webhook_sender import Topic, WebhookSender

# How often a shop that heard nothing, or is only impatient, tells the same.
_TIMES = 2


async def webhooks(world: World) -> None:
    """Every order that was placed is there once, with its photo, however often it was told."""
    sock = bind()
    port: int = sock.getsockname()[1]
    sock.close()
    server = await serve(world, port)
    orders = [_place(world, number) for number in range(world.size(250, 12))]
    url = f"http://127.0.0.1:{port}/api/v1/webhooks/shopify"
    kills = world.size(5, 1)
    async with WebhookSender(url, KEY) as sender:
        storm = _Storm(sender, orders)
        told = asyncio.create_task(storm.tell_all())
        for number in range(1, kills + 1):
            # Spread over all of them, however fast they are taken here.
            due = storm.size * number // (kills + 1)
            await until(partial(storm.has_told, due), seconds=120, what=f"{due} webhooks")
            await world.processes.kill(server)
            server = await serve(world, port)
        await told
    world.told |= {"webhooks": storm.told, "webhooks_repeated": storm.repeated, "kills": kills}

    async def all_known() -> bool:
        async with world.connection() as connection:
            return bool(await connection.fetchval("SELECT count(*) FROM orders") == len(orders))

    await until(all_known, seconds=60, what="order for each webhook")
    await world.finished(0)
    async with world.connection() as connection:
        photos = await connection.fetchval("SELECT count(*) FROM images WHERE file_ref IS NOT NULL")
    assert photos == len(orders), f"{photos} photos of {len(orders)} orders"
    await world.processes.end()


def _place(world: World, number: int) -> PlacedOrder:
    name = f"{number}.jpg"
    world.cdn.pictures[name] = photo(100_000 + number)
    address = photo_url(f"{world.sandbox_url}/cdn", name)
    return world.shop.shop.place([book([address])], last_name="Nováková", payment="PAID")


async def serve(world: World, port: int, **variables: str) -> Process:
    """Start a server.

    Args:
        world: Where.
        port: The port that it listens on.
        variables: Variables of this process alone.

    Returns:
        The server, which answers.
    """
    process = await world.processes.start("serve", "--port", str(port), **variables)

    async def answers() -> bool:
        async with httpx.AsyncClient(timeout=2) as client:
            try:
                health = await client.get(f"http://127.0.0.1:{port}/api/v1/health")
            except httpx.HTTPError:
                return False
            return health.status_code == 200

    await until(answers, seconds=60, what="server")
    return process


class _Storm:
    """All webhooks of some orders, ten at once.

    Args:
        sender: Sends them.
        orders: Of which they tell.
    """

    _TOPICS: tuple[Topic, ...] = ("orders/create", "orders/updated")

    def __init__(self, sender: WebhookSender, orders: list[PlacedOrder]) -> None:
        self._sender = sender
        self._orders = orders
        self.size = len(orders) * len(self._TOPICS) * _TIMES
        """How many there are to tell."""
        self.told = 0
        """How many were answered 200."""
        self.repeated = 0
        """How many were sent once more, since the server was not there or did not answer so."""

    async def has_told(self, count: int) -> bool:
        """Whether so many were answered 200."""
        return self.told >= count

    async def tell_all(self) -> None:
        """Tell of each order some times, each until it was answered, as a shop does."""
        gate = asyncio.Semaphore(10)

        async def tell(order: PlacedOrder) -> None:
            async with gate:
                while True:
                    answers = await self._sender.tell(order, *self._TOPICS)
                    if all(each.status == 200 for each in answers):
                        self.told += len(answers)
                        return
                    self.repeated += len(answers)
                    await asyncio.sleep(0.5)

        await asyncio.gather(*(tell(order) for _ in range(_TIMES) for order in self._orders))
