"""The HTTP API beside a bare FastAPI route with one asyncpg query.

`fototui serve` as it is run, with its log at INFO, its token and its signatures; it answers `GET
/api/v1/orders` (fifty of a hundred orders) and takes webhooks of orders that it knows, which no
engine fetches meanwhile. The floor is `bench/bare_server.py` in uvicorn's own settings. One client
asks both in turns, one request at a time and ten.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text

from bench.live import fill
from bench.load import repeated, request, seconds_of
from bench.processes import running, spent
from bench.program import FOTOTUI, environment, free_port, until_listening
from bench.rows import Figures, Part, Row, Way
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.sandbox.postgres.server import temporary_postgres
from fototui.sandbox.shopify.webhook_sender import sign
from fototui.services.operations.tokens import TokenService

ORDERS = 100
REQUESTS = {1: 150, 10: 300}
WARM = 40
SECRET = SecretStr("a-secret-of-the-benchmark")

WHY = {
    "GET /api/v1/orders": "the token is checked by a statement of its own, the page's asks eight "
    "tables what changed, and there are limits, a line of the log and counts; the bare route has "
    "one query and none of these",
    "webhook": "its signature, order and size are checked, and beside its row the order is written "
    "and an engine woken, by one statement; the bare route inserts a row",
}

Make = Callable[[int], bytes]


def listing(token: str) -> Make:
    """Asks for the first page of orders."""
    whole = request("GET", "/api/v1/orders", {"Authorization": f"Bearer {token}"})
    return lambda _number: whole


def webhook(number: int) -> bytes:
    """A new delivery, of one of the orders."""
    shopify_id = number % ORDERS + 1
    body = json.dumps(
        {
            "id": shopify_id,
            "name": f"#{shopify_id}",
            "email": "zakaznik@example.com",
            "financial_status": "paid",
            "customer": {"first_name": "Anna", "last_name": "Nováková"},
            "line_items": [{"id": shopify_id, "title": "Omalovánka", "quantity": 1}],
        }
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Webhook-Id": uuid.uuid4().hex,
        "X-Shopify-Hmac-Sha256": sign(body, SECRET),
    }
    return request("POST", "/api/v1/webhooks/shopify", headers, body)


async def answered(port: int, pid: int, make: Make, connections: int) -> Figures:
    """Ask so many times, after it has warmed up."""
    await seconds_of(port, repeated(make, WARM), connections)
    count = REQUESTS[connections]
    before = spent(pid)
    began = asyncio.get_running_loop().time()
    took = sorted(await seconds_of(port, repeated(make, count), connections))
    seconds = asyncio.get_running_loop().time() - began
    return {
        "requests/s": count / seconds,
        "p99 ms": took[count * 99 // 100] * 1000,
        "CPU ms": (spent(pid) - before) / count * 1000,
    }


async def _prepare(url: str) -> str:
    """Fill the database, and make a token."""
    async with Database(url) as database:
        await migrate.upgrade(database.engine)
        await fill(database, ORDERS)
        async with database.engine.begin() as connection:
            await connection.execute(
                text("UPDATE orders SET shopify_id = substr(order_number, 2)::int")
            )
        async with database.session() as session:
            token = await TokenService(session, operator="bench").create("bench")
    return token.key.get_secret_value()


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    with tempfile.TemporaryDirectory() as name:
        async with temporary_postgres(durable=True) as postgres:
            await postgres.create_database("bench")
            url, port = postgres.url("bench"), free_port()
            secret = SECRET.get_secret_value()
            variables = environment(url, Path(name), SHOPIFY_WEBHOOK_SECRET=secret)
            token = await _prepare(url)
            serve = ("serve", "--port", str(port), "--lanes", "coloring")
            async with (
                running(str(FOTOTUI), *serve, environment=variables, quiet=True) as ours,
                running("-m", "bench.bare_server", url) as bare,
            ):
                servers = {
                    "fototui": (port, ours.pid),
                    "bare": (int(await bare.hear()), bare.pid),
                }
                await until_listening(port)
                asked = {"GET /api/v1/orders": listing(token), "webhook": webhook}
                yield {
                    f"{who}: {what}, {at_once} at once": partial(answered, *at, make, at_once)
                    for what, make in asked.items()
                    for at_once in REQUESTS
                    for who, at in servers.items()
                }
                ours.stop()


def _rows() -> list[Row]:
    rows = []
    for what in ("GET /api/v1/orders", "webhook"):
        for at_once in REQUESTS:
            name = f"{what}, {at_once} at once"
            for figure, more, to_floor in (("requests/s", True, 0.5), ("p99 ms", False, 2)):
                rows.append(
                    Row(
                        f"{name}: {figure.split()[0]}",
                        figure=figure,
                        unit=figure.split()[-1],
                        more=more,
                        ours=f"fototui: {name}",
                        floor=f"bare: {name}",
                        to_floor=to_floor,
                        cpu="CPU ms",
                        why=WHY[what],
                    )
                )
    return rows


PART = Part("http", opened, rows=_rows())
