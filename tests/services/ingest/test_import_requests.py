"""An import from a shop as Shopify has it: how often it asks, and what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from fototui.clients.shopify import ShopifyClient
from fototui.db.database import Database
from fototui.net.asgi import serving
from fototui.sandbox.shopify.app import Points, ShopSettings, create_shop
from fototui.sandbox.shopify.shop import Shop, book
from fototui.services.ingest.imports import ImportReport, ImportService

TOKEN = SecretStr("shpat_secret")
ORDERS = 260


@dataclass
class Import:
    """A shop, and what an import asks it."""

    database: Database
    shop: Shop
    asked: Counter[str]
    client: ShopifyClient

    async def run(self) -> tuple[ImportReport, dict[str, int]]:
        """Import all, and tell how often what was asked."""
        self.asked.clear()
        async with self.database.session() as session:
            service = ImportService(session, operator="eva", shop=self.client)
            report = await service.import_recent()
        assert not report.failed
        return report, dict(self.asked)


@asynccontextmanager
async def _opened(database: Database) -> AsyncIterator[Import]:
    shop, asked = Shop(), Counter[str]()

    async def count(request: Request, answer: RequestResponseEndpoint) -> Response:
        asked[(await request.json())["operationName"]] += 1
        return await answer(request)

    points = Points(1e9, restored=1e9)
    app = create_shop(ShopSettings(token=TOKEN, shop=shop, points=points))
    app.add_middleware(BaseHTTPMiddleware, dispatch=count)
    async with serving(app) as url, ShopifyClient(url, TOKEN, api_version="2026-10") as client:
        yield Import(database, shop, asked, client)


@pytest.fixture
async def importing(database: Database) -> AsyncIterator[Import]:
    async with _opened(database) as made:
        yield made


async def test_a_second_import_asks_for_heads_and_what_changed(importing: Import) -> None:
    shop, then = importing.shop, datetime.now(UTC) - timedelta(hours=1)
    orders = [
        shop.place([book(["https://cdn.example.com/1.jpg"])], first_name="Eva", at=then)
        for _ in range(ORDERS)
    ]
    report, asked = await importing.run()
    assert (len(report.imported), asked) == (ORDERS, {"OrderHeads": 2, "Orders": 11})

    report, asked = await importing.run()
    assert (len(report.skipped), asked) == (ORDERS, {"OrderHeads": 2})

    shop.pay(orders[3], "REFUNDED")
    shop.add_photos(orders[200], ["https://cdn.example.com/2.jpg"])
    orders[100].first_name = "Jana"  # a customer's name is no change of the order
    new = shop.place([book(["https://cdn.example.com/1.jpg"])])
    report, asked = await importing.run()
    changed = (orders[200].name, orders[100].name, orders[3].name)
    assert (report.imported, report.updated) == ((new.name,), changed)
    # Some are on either page of heads.
    assert asked == {"OrderHeads": 2, "Orders": 2}


async def test_two_changes_of_one_second_are_both_found(importing: Import) -> None:
    shop = importing.shop
    order = shop.place([book(["https://cdn.example.com/1.jpg"])])
    await importing.run()
    changed_at = order.updated_at
    shop.add_photos(order, ["https://cdn.example.com/2.jpg"])
    order.updated_at = changed_at
    report, asked = await importing.run()
    assert report.updated == (order.name,)
    assert asked == {"OrderHeads": 1, "Orders": 1}
