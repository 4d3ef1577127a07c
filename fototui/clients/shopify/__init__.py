"""Shopify: orders by GraphQL (`ShopifyService`) and by webhook (`read_delivery`)."""

from fototui.clients.shopify.client import QueryRetry, ShopifyService
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
    "QueryRetry",
    "ShopifyService",
    "is_genuine",
    "order_of",
    "read_delivery",
]
