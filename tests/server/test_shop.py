"""Imports, syncs and webhooks over HTTP, against the sandbox's shop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from fototui.clients.shopify import ShopifyClient
from fototui.db.database import Database
from fototui.db.models.inbound import WebhookDelivery
from fototui.db.models.orders import Order
from fototui.net.asgi import serving
from fototui.sandbox.shopify.app import ShopSettings, create_shop
from fototui.sandbox.shopify.shop import Shop, book
from fototui.sandbox.shopify.webhook_sender import WebhookSender, forged, sign, storm
from fototui.server.app import create_server
from fototui.server.context import ServerContext
from tests.server.conftest import SECRET, WEBHOOKS, MakeOrder, error
from tests.waiting import PATIENCE

TOKEN = "shpat_test"
FETCH = "/api/v1/orders/fetch-from-shopify"


async def _orders(database: Database) -> list[Order]:
    async with database.session() as session:
        return list(await session.scalars(select(Order).order_by(Order.order_number)))


# --- import and sync ---------------------------------------------------------------------------


@asynccontextmanager
async def opened(shop: Shop, *, key: str = TOKEN) -> AsyncIterator[ShopifyClient]:
    """A client of the imitated shop."""
    settings = ShopSettings(token=SecretStr(TOKEN), shop=shop)
    async with (
        serving(create_shop(settings)) as url,
        ShopifyClient(url, SecretStr(key), api_version="2026-10") as client,
    ):
        yield client


@pytest.mark.quick
async def test_an_import_twice(
    api: httpx.AsyncClient, context: ServerContext, shop: Shop, database: Database
) -> None:
    names = [shop.place([book(["https://cdn.example.com/1.jpg"])]).name for _ in range(3)]
    async with opened(shop) as context.shop:
        first = await api.post(FETCH)
        second = (await api.post(FETCH, params={"limit": 2})).json()
    assert first.status_code == 200
    assert sorted(first.json()["imported"]) == sorted(names)
    assert second["imported"] == second["updated"] == second["failed"] == []
    assert len(second["skipped"]) == 2
    assert [order.order_number for order in await _orders(database)] == sorted(names)


async def test_an_import_is_bounded(api: httpx.AsyncClient) -> None:
    for wrong in ({"limit": 0}, {"limit": 1001}, {"since": "yesterday"}):
        assert (await api.post(FETCH, params=wrong)).status_code == 422


async def test_a_sync_is_left_to_the_engine(
    api: httpx.AsyncClient, shop_order: MakeOrder, database: Database
) -> None:
    order = await shop_order()
    answer = await api.post(f"/api/v1/orders/{order.id}/sync")
    assert (answer.status_code, answer.json()) == (202, {"requested": True})
    (row,) = await _orders(database)
    assert row.sync_requested_at is not None
    manual = await shop_order(shopify_id=None, order_number="#M1000")
    assert (await api.post(f"/api/v1/orders/{manual.id}/sync")).status_code == 409
    assert (await api.post("/api/v1/orders/999999/sync")).status_code == 404


@pytest.fixture
async def shopless(context: ServerContext, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that knows no shop."""
    context.settings = context.settings.model_copy(update={"shopify_webhook_secret": None})
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        serving(create_server(context)) as url,
        httpx.AsyncClient(
            base_url=url, headers=headers, trust_env=False, timeout=PATIENCE
        ) as client,
    ):
        yield client


async def test_without_a_shop_it_is_said_what_to_set(shopless: httpx.AsyncClient) -> None:
    answer = await shopless.post(FETCH)
    assert answer.status_code == 503
    assert "SHOPIFY_ACCESS_TOKEN" in error(answer)["message"]
    answer = await shopless.post(WEBHOOKS, content=b"{}")
    assert answer.status_code == 503
    assert "SHOPIFY_WEBHOOK_SECRET" in error(answer)["message"]


async def test_a_refused_access_token_is_the_account_s_failure(
    context: ServerContext, api: httpx.AsyncClient, shop: Shop
) -> None:
    async with opened(shop, key="shpat_nobody_has") as context.shop:
        answer = await api.post(FETCH)
    assert answer.status_code == 502
    assert error(answer)["code"] == "account"
    assert "shpat_nobody_has" not in answer.text


# --- webhooks ----------------------------------------------------------------------------------


async def test_a_webhook_brings_an_order_in(
    sender: WebhookSender, shop: Shop, database: Database
) -> None:
    placed = shop.place([book(["https://cdn.example.com/1.jpg"])])
    (answer,) = await sender.tell(placed, "orders/create")
    assert answer.status == 200
    (order,) = await _orders(database)
    assert order.order_number == placed.name
    assert order.status == "pending"  # what it holds is fetched by an engine


async def test_a_storm_with_duplicates_is_one_order_each(
    sender: WebhookSender, shop: Shop, database: Database, stranger: httpx.AsyncClient
) -> None:
    placed = [shop.place([book(["https://cdn.example.com/1.jpg"])]) for _ in range(10)]
    deliveries = [
        sender.delivery(order, topic)
        for order in placed
        for topic in ("orders/create", "orders/updated", "orders/paid")
    ]
    answers = await sender.send(storm(deliveries, repeats=2))
    assert {answer.status for answer in answers} == {200}
    assert len(await _orders(database)) == 10
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(WebhookDelivery)) == 30
    metrics = (await stranger.get("/metrics")).text
    assert 'fototui_webhooks_total{result="accepted"} 30.0' in metrics
    assert 'fototui_webhooks_total{result="duplicate"} 30.0' in metrics


async def test_a_wrong_signature_is_refused_and_counted(
    sender: WebhookSender, shop: Shop, database: Database, stranger: httpx.AsyncClient
) -> None:
    delivery = sender.delivery(shop.place([]), "orders/create")
    (answer,) = await sender.send([forged(delivery)])
    assert answer.status == 401
    unsigned = await stranger.post(WEBHOOKS, content=delivery.body)
    assert unsigned.status_code == 401
    assert error(unsigned)["code"] == "wrong_signature"
    assert SECRET.get_secret_value() not in unsigned.text
    assert await _orders(database) == []
    metrics = (await stranger.get("/metrics")).text
    assert 'fototui_webhooks_total{result="wrong_signature"} 2.0' in metrics


async def test_both_secrets_count_while_they_are_rotated(
    context: ServerContext, sender: WebhookSender, shop: Shop
) -> None:
    delivery = sender.delivery(shop.place([]), "orders/create")
    context.settings = context.settings.model_copy(
        update={
            "shopify_webhook_secret": SecretStr("the next one"),
            "shopify_webhook_secret_2": SECRET,
        }
    )
    (answer,) = await sender.send([delivery])
    assert answer.status == 200


async def test_what_else_may_come(stranger: httpx.AsyncClient, database: Database) -> None:
    for topic, body, status, told in (
        ("orders/create", b"{", 400, "malformed"),
        ("orders/create", b"[1]", 400, "malformed"),
        ("orders/create", b"\xff\xfe", 400, "malformed"),
        ("orders/create", b"", 400, "malformed"),
        ("orders/create", b'{"name": "#1"}', 422, "missing_order"),
        ("products/update", b'{"id": 1}', 200, "ignored"),
        ("orders/delete", b'{"id": 1}', 200, "ignored"),
        ("", b"{}", 200, "ignored"),
    ):
        answer = await stranger.post(
            WEBHOOKS,
            content=body,
            headers={"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": sign(body, SECRET)},
        )
        assert answer.status_code == status, answer.text
        found = answer.json()["result"] if status == 200 else error(answer)["code"]
        assert found == told
    assert await _orders(database) == []


async def test_a_big_webhook_holds_nobody_up(
    stranger: httpx.AsyncClient, sender: WebhookSender, shop: Shop
) -> None:
    placed = shop.place([book([f"https://cdn.example.com/{n}.jpg" for n in range(40)])] * 60)
    delivery = sender.delivery(placed, "orders/create")
    assert len(delivery.body) > 100_000
    answered = 0
    sending = asyncio.create_task(sender.send([delivery]))
    while not sending.done():
        assert (await stranger.get("/healthz")).status_code == 200
        answered += 1
    (answer,) = await sending
    assert answer.status == 200, json.loads(delivery.body)["name"]
    assert answered > 3
