"""An order as the shop tells of it, whichever way it came: asked for, or by webhook."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ShopPhoto:
    """A photo of a colouring book.

    Args:
        position: Its page, from 1.
        url: Where the customer's upload app keeps it: an http(s) address, not to be trusted.
    """

    position: int
    url: str


@dataclass(frozen=True, slots=True)
class ShopItem:
    """One colouring book of an order.

    Args:
        shopify_id: Shopify's number of the line item.
        title: What it is called, its variant included.
        quantity: How many are printed.
        dedication: "Věnování".
        layout: "Rozvržení".
        photos: Its photos, by position; no position twice.
    """

    shopify_id: int
    title: str
    quantity: int
    dedication: str | None
    layout: str | None
    photos: tuple[ShopPhoto, ...]


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order; all texts are cleaned already.

    Args:
        shopify_id: Shopify's number of the order (`legacyResourceId`).
        number: Its name, such as "#1270".
        created_at: When the customer placed it; None where it is not told.
        email: The customer's address.
        customer: The customer's name.
        payment_status: Shopify's `displayFinancialStatus`, in upper case.
        shipping_method: The title of its shipping line.
        items: Its colouring books, in Shopify's order.
    """

    shopify_id: int
    number: str
    created_at: datetime | None
    email: str | None
    customer: str | None
    payment_status: str | None
    shipping_method: str | None
    items: tuple[ShopItem, ...]
