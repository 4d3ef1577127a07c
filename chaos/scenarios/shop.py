"""A shop's webhooks pour in while the server that takes them is killed."""

from __future__ import annotations

import asyncio

import httpx

from chaos.world import KEY, World, photo, until
from fototui.net.asgi import bind
from fototui.sandbox.shopify.cdn import photo_url
from fototui.sandbox.shopify.shop import PlacedOrder, book
from fototui.sandbox.shopify.webhook_sender import WebhookSender


async def webhooks(world: World) -> None:
    """Every order that was placed is there once, with its photos, however often it was told."""
    sock = bind()
    port: int = sock.getsockname()[1]
    sock.close()
    server = await _serve(world, port)
    orders = [_place(world, number) for number in range(world.size(250, 12))]
    url = f"http://127.0.0.1:{port}/api/v1/webhooks/shopify"
    async with WebhookSender(url, KEY) as sender:
        storm = asyncio.create_task(_storm(sender, orders, repeats=world.size(4, 2)))
        for _ in range(world.size(5, 1)):
            await asyncio.sleep(2)
            await world.processes.kill(server)
            server = await _serve(world, port)
        await storm

    async def all_known() -> bool:
        async with world.connection() as connection:
            return bool(await connection.fetchval("SELECT count(*) FROM orders") == len(orders))

    await until(all_known, seconds=60, what="order for each webhook")
    await world.finished(0)
    await world.processes.end()


def _place(world: World, number: int) -> PlacedOrder:
    name = f"{number}.jpg"
    world.cdn.pictures[name] = photo(100_000 + number)
    address = photo_url(f"{world.sandbox_url}/cdn", name)
    return world.shop.shop.place([book([address])], last_name="Nováková", payment="PAID")


async def _serve(world: World, port: int) -> asyncio.subprocess.Process:
    process = await world.processes.start("serve", "--port", str(port))

    async def answers() -> bool:
        async with httpx.AsyncClient(timeout=2) as client:
            try:
                health = await client.get(f"http://127.0.0.1:{port}/api/v1/health")
            except httpx.HTTPError:
                return False
            return health.status_code == 200

    await until(answers, seconds=60, what="server")
    return process


async def _storm(sender: WebhookSender, orders: list[PlacedOrder], *, repeats: int) -> None:
    """Tell of each order until it was answered, as a shop does, and some times more."""
    gate = asyncio.Semaphore(10)

    async def tell(order: PlacedOrder) -> None:
        async with gate:
            while True:
                answers = await sender.tell(order, "orders/create", "orders/updated")
                if all(each.status == 200 for each in answers):
                    return
                await asyncio.sleep(0.5)

    await asyncio.gather(*(tell(order) for order in orders for _ in range(repeats)))
