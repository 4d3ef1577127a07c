"""Orders are imported by several at once, and all are killed, while the shop goes on selling."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from functools import partial

from chaos.processes import Process
from chaos.scenarios.shop import serve
from chaos.world import KEY, World, photo, until
from fototui.net.asgi import bind
from fototui.sandbox.shopify.cdn import photo_url
from fototui.sandbox.shopify.shop import Book, PlacedOrder, book
from fototui.sandbox.shopify.webhook_sender import WebhookSender

_AT_ONCE = 3
_LONGEST = 120.0
_NAME = "import"

_BOOKS = """
SELECT o.order_number, o.payment_status, l.shopify_line_item_id AS book, l.quantity,
       array_agg(i.file_ref->>'sha256' ORDER BY i.position) AS photos
FROM orders o JOIN line_items l ON l.order_id = o.id JOIN images i ON i.line_item_id = l.id
GROUP BY o.id, l.id
"""
_COMINGS = """
SELECT count(*) FROM activity a JOIN orders o ON o.id = a.order_id WHERE a.action = 'imported'
"""


async def imports(world: World) -> None:
    """Each order is there once and just as the shop has it, and so is each of its photos."""
    # How many questions the shop takes is not what is tried here.
    world.shop.points.size = world.shop.points.restored = 1e6
    customers = _Customers(world)
    for _ in range(world.size(100, 20)):
        customers.order()
    with bind() as sock:
        port: int = sock.getsockname()[1]
    server = await serve(world, port, IMPORT_INTERVAL="0.5")
    killed = 0
    async with WebhookSender(f"http://127.0.0.1:{port}/api/v1/webhooks/shopify", KEY) as sender:
        for number in range(1, world.size(15, 3) + 1):
            importers = [await _import(world) for _ in range(_AT_ONCE)]
            await until(partial(_is_any_at_work, world, importers), seconds=60, what="import")
            for _ in range(world.size(8, 3)):
                await asyncio.sleep(world.chance.uniform(0, 0.15))
                order = customers.act()
                if world.chance.random() < 0.5:
                    await sender.tell(order, "orders/updated")
            for each in importers:
                if each.returncode is None and world.chance.random() < 0.7:
                    killed += 1
                    await world.processes.kill(each)
                else:
                    await _end(world, each)
            if number % 5 == 0:
                await world.processes.kill(server)
                server = await serve(world, port, IMPORT_INTERVAL="0.5")
    await _end(world, await _import(world))
    await world.finished(0)
    await _compare(world, customers.orders)
    world.told |= {"imports_killed": killed, "photos": customers.photos}
    await world.processes.end()


async def _import(world: World) -> Process:
    url = f"{world.url}?application_name={_NAME}"
    return await world.processes.start("orders", "import", "--limit", "1000", DATABASE_URL=url)


async def _is_any_at_work(world: World, importers: list[Process]) -> bool:
    """Whether there is something to kill; what comes first is a second of Python's own start."""
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
    async with world.connection() as connection:
        found = await connection.fetchval(sessions, _NAME)
    return bool(found) or all(each.returncode is not None for each in importers)


async def _end(world: World, process: Process) -> None:
    code = await asyncio.wait_for(process.wait(), _LONGEST)
    world.processes.running.remove(process)
    assert code == 0, f"an import ended with {code}"


@dataclass
class _Customers:
    """They order, pay, send photos and think otherwise."""

    world: World
    orders: list[PlacedOrder] = field(default_factory=list)
    photos: int = 0

    def order(self) -> PlacedOrder:
        chance = self.world.chance
        books = [
            book([self._photo() for _ in range(chance.randint(1, 3))])
            for _ in range(chance.randint(1, 2))
        ]
        placed = self.world.shop.shop.place(books, last_name="Nováková", payment="PENDING")
        self.orders.append(placed)
        return placed

    def act(self) -> PlacedOrder:
        """Do something; the order that it is about."""
        chance, shop = self.world.chance, self.world.shop.shop
        if chance.random() < 0.3:
            return self.order()
        order = chance.choice(self.orders)
        place = chance.randrange(len(order.books))
        match chance.choice(["pay", "photo", "take out"]):
            case "pay":
                shop.pay(order, chance.choice(["PAID", "REFUNDED", "VOIDED"]))
            case "photo":
                shop.add_photos(order, [self._photo()], place=place)
            case _ if order.books[place].left:
                shop.take_out(order, place=place)
        return order

    def _photo(self) -> str:
        self.photos += 1
        name = f"{self.photos}.jpg"
        self.world.cdn.pictures[name] = photo(200_000 + self.photos)
        return photo_url(f"{self.world.sandbox_url}/cdn", name)


async def _compare(world: World, orders: list[PlacedOrder]) -> None:
    """Compare all orders with the shop's."""
    async with world.connection() as connection:
        rows = await connection.fetch(_BOOKS)
        known = await connection.fetchval("SELECT count(*) FROM orders")
        comings = await connection.fetchval(_COMINGS)
    assert known == comings == len(orders), f"{known} orders came {comings} times, {len(orders)}"
    there = {row["book"]: row for row in rows}
    for order in orders:
        for one in order.books:
            row = there.pop(one.id, None)
            if row is None:
                assert not one.left, f"a book of order {order.name} is missing"
                continue
            payment, quantity = row["payment_status"], row["quantity"]
            assert payment == order.payment, f"order {order.name}: {payment}, not {order.payment}"
            assert quantity == one.left, f"order {order.name}: {quantity} books, not {one.left}"
            expected = [hashlib.sha256(each).hexdigest() for each in _photos(world, one)]
            assert row["photos"] == expected or not one.left, f"photos of order {order.name}"
    assert not there, f"{len(there)} books too many"


def _photos(world: World, one: Book) -> list[bytes]:
    urls = [url for key, url in one.attributes if key.startswith("Fotka") and url]
    return [world.cdn.pictures[url.rpartition("/")[2]] for url in urls]
