"""Webhooks as a receiver gets them, over HTTP."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from fototui.net.asgi import serving
from fototui.sandbox.shopify.app import ShopSettings, create_shop
from fototui.sandbox.shopify.shop import Shop, book
from fototui.sandbox.shopify.webhook_sender import WebhookSender, forged, payload, storm
from tests.waiting import PATIENCE, until

Serve = Callable[[ASGIApp], Awaitable[httpx.AsyncClient]]

SECRET = SecretStr("whsec")


class Receiver:
    """Takes deliveries in, and refuses what is not signed."""

    def __init__(self) -> None:
        self.got: list[tuple[httpx.Headers, bytes]] = []
        self.at_once = self.most_at_once = 0
        self.go = asyncio.Event()
        self.go.set()
        self.app = Starlette(routes=[Route("/hook", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            body = await request.body()
            await self.go.wait()
        finally:
            self.at_once -= 1
        wanted = base64.b64encode(hmac.digest(b"whsec", body, hashlib.sha256)).decode()
        if request.headers.get("x-shopify-hmac-sha256") != wanted:
            return Response(status_code=401)
        self.got.append((httpx.Headers(request.headers.raw), body))
        return Response(status_code=200)


@pytest.fixture
async def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def sender(receiver: Receiver) -> AsyncIterator[WebhookSender]:
    async with (
        serving(receiver.app) as url,
        WebhookSender(f"{url}/hook", SECRET, domain="x.myshopify.com", seconds=PATIENCE) as sender,
    ):
        yield sender


async def test_a_delivery_is_signed_and_says_what_it_is(
    receiver: Receiver, sender: WebhookSender
) -> None:
    order = Shop().place(
        [book(["http://cdn/1"], dedication="Kubíkovi", quantity=2)],
        first_name="Jana",
        last_name="Nováková",
        email="jana@example.com",
    )
    when = datetime(2026, 11, 20, 9, tzinfo=UTC) - timedelta(days=1)
    [answer] = await sender.send([sender.delivery(order, "orders/create", triggered_at=when)])
    assert (answer.status, answer.error) == (200, None)
    [(headers, body)] = receiver.got
    assert headers["X-Shopify-Topic"] == "orders/create"
    assert headers["X-Shopify-Shop-Domain"] == "x.myshopify.com"
    assert headers["X-Shopify-Triggered-At"] == "2026-11-19T09:00:00.000000Z"
    assert headers["X-Shopify-Webhook-Id"] == answer.delivery.webhook_id
    told = json.loads(body)
    assert told["id"] == order.id
    assert (told["name"], told["email"]) == ("#1001", "jana@example.com")
    assert told["financial_status"] == "paid"
    assert told["customer"] == {"first_name": "Jana", "last_name": "Nováková"}
    assert told["shipping_lines"] == [{"title": "Zásilkovna"}]
    [line] = told["line_items"]
    assert (line["id"], line["quantity"]) == (order.books[0].id, 2)
    assert line["properties"] == [
        {"name": "Fotka 1", "value": "http://cdn/1"},
        {"name": "Věnování", "value": "Kubíkovi"},
    ]


def test_an_order_that_says_nothing_has_a_payload() -> None:
    told = payload(Shop().place([], payment=None, shipping=None))
    for name in ("email", "customer", "financial_status"):
        assert told[name] is None
    assert (told["shipping_lines"], told["line_items"]) == ([], [])


async def test_a_wrong_or_missing_signature_is_sent_as_such(
    receiver: Receiver, sender: WebhookSender
) -> None:
    right = sender.delivery(Shop().place([]), "orders/paid")
    wrong = forged(right)
    assert wrong.body == right.body
    answers = await sender.send([wrong, right])
    assert [answer.status for answer in answers] == [401, 200]
    assert len(receiver.got) == 1


async def test_a_storm_repeats_all_and_keeps_no_order(
    receiver: Receiver, sender: WebhookSender
) -> None:
    shop = Shop()
    placed = [shop.place([]) for _ in range(20)]
    sent = storm([sender.delivery(order, "orders/create") for order in placed], repeats=3, seed=1)
    answers = await sender.send(sent)
    assert {answer.status for answer in answers} == {200}
    ids = Counter(headers["X-Shopify-Webhook-Id"] for headers, _ in receiver.got)
    assert len(ids) == 20
    assert set(ids.values()) == {3}
    numbers = [json.loads(one.body)["order_number"] for one in sent]
    assert numbers != sorted(numbers)
    assert len(sender.answers) == 60


async def test_a_delivery_tells_of_the_order_as_it_was(
    receiver: Receiver, sender: WebhookSender
) -> None:
    shop = Shop()
    order = shop.place([], payment="PENDING")
    created = sender.delivery(order, "orders/create")
    shop.pay(order)
    await sender.send([sender.delivery(order, "orders/paid")])
    await sender.send([created])
    states = [json.loads(body)["financial_status"] for _, body in receiver.got]
    assert states == ["paid", "pending"]


async def test_no_more_than_some_are_under_way(
    receiver: Receiver,
    sender: WebhookSender,
) -> None:
    receiver.go.clear()
    order = Shop().place([])
    deliveries = [sender.delivery(order, "orders/updated") for _ in range(30)]
    task = asyncio.create_task(sender.send(deliveries))
    await until(lambda: receiver.at_once == 10)
    receiver.go.set()
    await task
    assert receiver.most_at_once == 10
    assert len(receiver.got) == 30


async def test_a_receiver_that_does_not_answer_is_not_waited_for(receiver: Receiver) -> None:
    receiver.go.clear()
    order = Shop().place([])
    async with serving(receiver.app) as url:
        async with WebhookSender(f"{url}/hook", SECRET, seconds=1) as sender:
            [answer] = await sender.tell(order, "orders/create")
        receiver.go.set()
    assert (answer.status, answer.error) == (None, "ReadTimeout")
    async with WebhookSender(f"{url}/hook", SECRET) as sender:
        [answer] = await sender.tell(order, "orders/create")
    assert (answer.status, answer.error) == (None, "ConnectError")


async def test_the_shop_tells_of_orders_that_are_placed_over_http(
    serve: Serve, receiver: Receiver
) -> None:
    async with serving(receiver.app) as url:
        client = await serve(
            create_shop(
                ShopSettings(token=SecretStr("t"), webhook_secret=SECRET, webhook_url=f"{url}/hook")
            )
        )
        placed = (await client.post("/orders", json={"payment": "PENDING"})).json()
        assert placed["webhooks"] == [200]
        await client.patch(f"/orders/{placed['id']}", json={"payment": "PAID"})
        await client.patch(f"/orders/{placed['id']}", json={"photos": []})
    topics = [headers["X-Shopify-Topic"] for headers, _ in receiver.got]
    assert topics == ["orders/create", "orders/paid", "orders/updated"]
