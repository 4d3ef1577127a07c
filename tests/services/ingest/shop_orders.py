"""Orders as the shop tells of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import select

from fototui.db.database import Database
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.shop import ShopItem, ShopOrder, ShopOrderHead, ShopPhoto
from fototui.services.ingest.applied import Applied
from fototui.services.ingest.apply import IngestService
from fototui.services.ingest.imports import ImportReport, ImportService

PLACED = datetime(2026, 11, 18, 7, 30, tzinfo=UTC)


class Shop:
    """A shop that tells what it is made of.

    Args:
        orders: Its orders, newest first.
        ending: What it ends in.
    """

    def __init__(self, orders: Sequence[ShopOrder] = (), ending: Exception | None = None) -> None:
        self.orders = list(orders)
        self.ending = ending
        self.asked: list[object] = []
        self.in_full: list[int] = []
        self.kept_back: set[int] = set()
        """Shopify's numbers of orders that it names and does not give."""
        self.is_closed = False

    async def order_heads(
        self, *, limit: int | None = None, since: datetime | date | None = None
    ) -> AsyncGenerator[list[ShopOrderHead], None]:
        self.asked.append((limit, since))
        self.is_closed = False
        try:
            if self.orders:
                yield list(self.orders[:limit])
            elif self.ending:
                raise self.ending
        finally:
            self.is_closed = True

    async def whole_orders(self, shopify_ids: Sequence[int]) -> AsyncGenerator[ShopOrder, None]:
        self.in_full += shopify_ids
        by_number = {order.shopify_id: order for order in self.orders}
        for each in shopify_ids:
            if each not in self.kept_back:
                yield by_number[each]
        if self.ending:
            raise self.ending

    async def order(self, shopify_id: int) -> ShopOrder | None:
        self.asked.append(shopify_id)
        if self.ending:
            raise self.ending
        return next((order for order in self.orders if order.shopify_id == shopify_id), None)


def photos(*positions: int, folder: str = "a") -> tuple[ShopPhoto, ...]:
    """Photos at their pages."""
    return tuple(
        ShopPhoto(position, f"https://cdn.example.com/{folder}/{position}.jpg")
        for position in positions
    )


def told_item(shopify_id: int = 71, *, pages: Sequence[int] = (1, 2)) -> ShopItem:
    """A colouring book."""
    return ShopItem(
        shopify_id=shopify_id,
        title="Omalovánka - A4",
        quantity=1,
        dedication="Pro Aničku",
        layout="Na výšku",
        photos=photos(*pages, folder=str(shopify_id)),
    )


def told_order(number: int = 1270, *items: ShopItem, **fields: object) -> ShopOrder:
    """An order; with one book of two photos where none are given."""
    order = ShopOrder(
        shopify_id=number * 1000,
        number=f"#{number}",
        created_at=PLACED,
        email="jana@example.com",
        customer="Jana Nováková",
        payment_status="PENDING",
        shipping_method="Zásilkovna",
        items=items or (told_item(number * 10),),
    )
    # mypy cannot know which of the order's fields are among them.
    return replace(order, **fields)  # type: ignore[arg-type]


async def apply(database: Database, order: ShopOrder, *, asked: bool = False) -> Applied:
    """Take an order in, over a session of its own."""
    async with database.session() as session:
        return await IngestService(session, operator="eva").apply(order, asked=asked)


async def change(database: Database, order_id: str, **columns: object) -> None:
    """Write columns of an order."""
    async with database.session() as session, session.begin():
        order = await session.get_one(Order, order_id)
        for name, value in columns.items():
            setattr(order, name, value)


async def read(database: Database, order_id: str) -> Order:
    """An order's row."""
    async with database.session() as session:
        return await session.get_one(Order, order_id)


async def books(database: Database, order_id: str) -> list[tuple[LineItem, list[Image]]]:
    """The books of an order with their photos, in their order."""
    async with database.session() as session:
        items = await session.scalars(
            select(LineItem).where(LineItem.order_id == order_id).order_by(LineItem.position)
        )
        return [
            (
                item,
                list(
                    await session.scalars(
                        select(Image).where(Image.line_item_id == item.id).order_by(Image.position)
                    )
                ),
            )
            for item in items.all()
        ]


async def import_recent(database: Database, shop: Shop, limit: int | None = None) -> ImportReport:
    async with database.session() as session:
        return await ImportService(session, operator="eva", shop=shop).import_recent(limit=limit)
