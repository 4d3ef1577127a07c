"""The floor of the HTTP API: FastAPI routes with one asyncpg query each, and nothing else.

    python -m bench.bare_server DATABASE_URL

No tokens, no signatures, no limits, no log, no counts. It prints its port when it listens, and ends
at the end of its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel

from fototui.net.asgi import bind

ORDERS = """
SELECT id, order_number, status::text, customer_name, customer_email, payment_status, created_at,
       1 AS line_items, 3 AS images
FROM orders ORDER BY created_at DESC, id DESC LIMIT $1
"""
DELIVERY = """
INSERT INTO webhook_deliveries (id, topic, shopify_id, payload) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""


class Summary(BaseModel):
    """The same fields of an order, as far as a query of one table has them."""

    id: uuid.UUID
    order_number: str
    status: str
    customer_name: str | None
    customer_email: str | None
    payment_status: str | None
    created_at: datetime
    line_items: int
    images: int


class Page(BaseModel):
    """The answer."""

    orders: list[Summary]


def create(url: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = url.replace("+asyncpg", "")
        async with asyncpg.create_pool(dsn, min_size=5, max_size=5) as app.state.pool:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/api/v1/orders")
    async def list_orders(limit: int = 50) -> Page:
        rows = await app.state.pool.fetch(ORDERS, limit)
        return Page(orders=[Summary(**row) for row in rows])

    @app.post("/api/v1/webhooks/shopify")
    async def take_webhook(request: Request) -> dict[str, str]:
        order = json.loads(await request.body())
        delivery = request.headers["x-shopify-webhook-id"]
        topic = request.headers["x-shopify-topic"]
        await app.state.pool.execute(DELIVERY, delivery, topic, order["id"], json.dumps(order))
        return {"result": "accepted"}

    return app


async def main(url: str) -> None:
    sock = bind()
    server = uvicorn.Server(uvicorn.Config(create(url), log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:  # noqa: ASYNC110 - it has nothing else to tell
        await asyncio.sleep(0.01)
    print(sock.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
