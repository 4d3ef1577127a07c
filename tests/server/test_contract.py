"""The server keeps what its OpenAPI description promises, whatever is sent to it."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from fototui.clients.shopify import ShopifyClient
from fototui.net.asgi import serving
from fototui.sandbox.shopify.app import ShopSettings, create_shop
from fototui.sandbox.shopify.shop import Shop, book
from fototui.server.context import ServerContext
from tests.server.conftest import Finished

# From elsewhere, so that metrics need a token as described.
PASSED_ON = {"X-Forwarded-For": "203.0.113.9"}


async def test_every_operation_has_an_id_of_its_own(app: FastAPI) -> None:
    operations = [
        operation for methods in app.openapi()["paths"].values() for operation in methods.values()
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids) > 20
    assert all(each.isidentifier() and "api_v1" not in each for each in ids)
    assert all("default" in operation["responses"] for operation in operations)


@pytest.fixture
def names(finished: Finished) -> dict[str, object]:
    """Places in paths, with what is there."""
    return {
        "order_id": finished.order.order_number,
        "image_id": finished.image_id,
        "line_item_id": finished.order.line_items[0].id,
        "version_id": finished.coloring.id,
    }


async def test_the_description_is_kept(
    app: FastAPI, url: str, key: str, context: ServerContext, names: dict[str, object], shop: Shop
) -> None:
    # Here, because schemathesis takes a while to import, and each process of a run reads this file.
    from tests.server.described import Description

    description = Description(app.openapi())
    headers = {"Authorization": f"Bearer {key}", **PASSED_ON}
    token = SecretStr("shpat_test")
    shop.place([book(["https://cdn.example.com/1.jpg"])])
    async with (
        serving(create_shop(ShopSettings(token=token, shop=shop))) as shop_url,
        ShopifyClient(shop_url, token, api_version="2026-10") as context.shop,
    ):
        calls = await asyncio.to_thread(description.try_all, url, headers, names)
    statuses = {status for _, status in calls}
    assert {200, 202, 404, 409, 422} <= statuses
    tried = {operation for operation, _ in calls}
    assert len(tried) == len([*description.operations()])
