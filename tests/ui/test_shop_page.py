"""The door to the shop: an order's page in Shopify's admin."""

from __future__ import annotations

import webbrowser

import pytest

from fototui.db.database import Database
from fototui.storage.directory import DirectoryStorage
from tests.ui.orders_app import orders_app, row
from tests.waiting import until_shown

ADMIN = "https://admin.shopify.com/store/foto"


async def test_the_orders_page_is_opened_and_copied(
    database: Database, storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    rows = [row(1), row(2, shopify_id=5551)]
    async with orders_app(database, storage, rows, shop_admin=ADMIN) as (app, pilot):
        await pilot.press("i")
        await until_shown(pilot, lambda: app.messages)
        assert opened == [f"{ADMIN}/orders/5551"]
        await pilot.press("I")
        assert app.clipboard == f"{ADMIN}/orders/5551"
        await pilot.press("down", "i", "I")
        assert app.messages[-2:] == ["This order was made by hand; Shopify does not know it."] * 2
    async with orders_app(database, storage, rows) as (app, pilot):
        await pilot.press("i")
        assert "SHOPIFY_STORE_HANDLE" in app.messages[-1]
