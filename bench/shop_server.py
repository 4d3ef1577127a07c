"""A shop of a thousand orders with four photos each, and a server of their photos.

    python -m bench.shop_server ORDERS

The shop is the sandbox's, but what it answered once it answers from memory, so that its own
slowness counts for nobody. `GET /asked` tells the bodies that it was sent, in their order, and
forgets them. It prints its address when it listens, and ends at the end of its input.
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fototui.net.asgi import serving
from fototui.sandbox.samples import sample_photos
from fototui.sandbox.shopify.app import Points, ShopSettings, create_shop
from fototui.sandbox.shopify.cdn import Cdn, create_cdn, photo_url
from fototui.sandbox.shopify.shop import Shop, book

TOKEN = "bench"
PHOTOS = 4
UNBOUNDED = 1e12


class Remembered:
    """An app whose answers are kept by the request's body.

    Args:
        app: It.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answers: dict[bytes, list[Message]] = {}
        self.asked: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        self.asked.append(body)
        if body not in self._answers:
            answer: list[Message] = []

            async def again() -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            async def keep(message: Message) -> None:
                answer.append(message)

            await self._app(scope, again, keep)
            self._answers[body] = answer
        for message in self._answers[body]:
            await send(message)


def placed(shop: Shop, cdn: str, orders: int) -> None:
    """Place the orders, of which the newest is an hour old."""
    names = [photo.name for photo in sample_photos()]
    chance = random.Random(1)
    now = datetime.now(UTC)
    for number in range(orders):
        photos = [photo_url(cdn, name) for name in chance.choices(names, k=PHOTOS)]
        shop.place(
            [book(photos, dedication="Pro Aničku k pátým narozeninám", layout="Na výšku")],
            first_name="Anna",
            last_name="Nováková",
            email="anna.novakova@example.com",
            at=now - timedelta(minutes=60 + orders - number),
        )


async def main(orders: int) -> None:
    points = Points(UNBOUNDED, restored=UNBOUNDED)
    settings = ShopSettings(token=SecretStr(TOKEN), points=points)
    shop = Remembered(create_shop(settings))

    async def asked(_request: Request) -> Response:
        bodies, shop.asked = shop.asked, []
        return JSONResponse([body.decode() for body in bodies])

    app = Starlette(
        routes=[
            Route("/asked", asked),
            Mount("/cdn", create_cdn(Cdn())),
            Mount("/", shop),
        ]
    )
    async with serving(app) as url:
        placed(settings.shop, f"{url}/cdn", orders)
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
