"""Shopify: orders by GraphQL (`ShopifyClient`) and by webhook (`read_delivery`)."""

from fototui.clients.shopify.client import ShopifyClient
from fototui.clients.shopify.webhook import (
    Delivery,
    MalformedWebhookError,
    MissingOrderError,
    is_genuine,
    order_of,
    read_delivery,
)

__all__ = [
    "Delivery",
    "MalformedWebhookError",
    "MissingOrderError",
    "ShopifyClient",
    "is_genuine",
    "order_of",
    "read_delivery",
]
