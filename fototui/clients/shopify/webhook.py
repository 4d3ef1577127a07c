"""Shopify's webhooks: whether a delivery is Shopify's, and what it tells.

Facts are those of shopify.dev, "Deliver webhooks through HTTPS".
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from pydantic import SecretStr, ValidationError

from fototui.clients.shopify.wire import WebhookOrder, read_json, read_time
from fototui.domain.errors import InvalidInputError
from fototui.domain.shop import ShopOrder
from fototui.domain.text import clean_line

ORDER_TOPICS = frozenset({"orders/create", "orders/updated", "orders/paid"})
"""The topics whose body is an order; all others are accepted and tell nothing."""

_WEBHOOK_ID = re.compile(r"[\x21-\x7e]{1,200}")


class MalformedWebhookError(InvalidInputError):
    """The body is no JSON, or not in the shape of an order (HTTP 400)."""

    code: ClassVar[str] = "malformed"


class MissingOrderError(InvalidInputError):
    """The topic tells of an order, and the body names none (HTTP 422)."""

    code: ClassVar[str] = "missing_order"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook.

    Args:
        webhook_id: `X-Shopify-Webhook-Id`, the same when Shopify delivers it again; where it is
            missing, a hash of topic and body.
        topic: Such as "orders/create", in lower case.
        shop: The shop's domain.
        triggered_at: When what it tells of happened, in UTC; None where that cannot be read.
        order: The order; None for topics that are none of ours.
        payload: What `order_of` needs to make the order again; fit for a JSONB column. Empty where
            there is no order.
    """

    webhook_id: str
    topic: str
    shop: str | None
    triggered_at: datetime | None
    order: ShopOrder | None
    payload: dict[str, object] = field(repr=False)


def is_genuine(body: bytes, signature: str | None, secrets: Sequence[SecretStr]) -> bool:
    """Whether a body was signed with one of the shop's secrets.

    The time it takes tells nothing of the right signature, nor of which secret it was.

    Args:
        body: The body as it came, byte for byte.
        signature: `X-Shopify-Hmac-Sha256`: base64 of the body's HMAC-SHA256.
        secrets: The secrets that count, two while they are rotated; empty ones are skipped, since
            anybody could sign with them.
    """
    given = (signature or "").strip().encode("utf-8", "replace")
    keys = [secret.get_secret_value().strip().encode() for secret in secrets]
    # Every secret is tried, whichever fits.
    fits = [hmac.compare_digest(_signature(body, key), given) for key in keys if key]
    return any(fits)


def _signature(body: bytes, key: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, body, "sha256"))


def read_delivery(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Read a delivery whose signature was found right.

    Args:
        headers: The request's headers, in any case.
        body: The body as it came.

    Raises:
        MalformedWebhookError: The body is no JSON, or an order in no shape of Shopify's.
        MissingOrderError: The topic is an order's and the body has no usable id.
    """
    named = {name.lower(): value for name, value in headers.items()}
    topic = clean_line(named.get("x-shopify-topic", ""), limit=100).lower()
    try:
        content = read_json(body)
    except ValueError:
        raise MalformedWebhookError(
            "The webhook's body is not JSON; see whether it was changed on its way."
        ) from None
    order: ShopOrder | None = None
    payload: dict[str, object] = {}
    if topic in ORDER_TOPICS:
        wire = _read_order(content)
        order = _as_order(wire)
        payload = wire.model_dump(mode="json", exclude_none=True)
    return Delivery(
        webhook_id=_webhook_id(named.get("x-shopify-webhook-id", ""), topic, body),
        topic=topic,
        shop=clean_line(named.get("x-shopify-shop-domain", ""), limit=255) or None,
        triggered_at=read_time(named.get("x-shopify-triggered-at")),
        order=order,
        payload=payload,
    )


def order_of(payload: Mapping[str, object]) -> ShopOrder:
    """Read an order in a webhook's words, for instance a delivery's stored payload.

    Args:
        payload: The body of an order's webhook, or `Delivery.payload`.

    Raises:
        MalformedWebhookError: It is in no shape of Shopify's.
        MissingOrderError: It has no usable id.
    """
    return _as_order(_read_order(dict(payload)))


def _read_order(content: object) -> WebhookOrder:
    try:
        return WebhookOrder.model_validate(content)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise MalformedWebhookError(
            "The webhook's body is not an order as Shopify writes them (at {place}); look at the "
            "webhook's API version in Shopify.",
            place=clean_line(place, limit=100) or "the top",
        ) from None


def _as_order(wire: WebhookOrder) -> ShopOrder:
    if wire.id is None:
        raise MissingOrderError(
            "The webhook tells of an order without an id; look at the webhook's fields in Shopify."
        )
    shipping = next((line for line in wire.shipping_lines or () if line and line.title), None)
    return wire.as_order(wire.id, shipping, wire.line_items or ())


def _webhook_id(given: str, topic: str, body: bytes) -> str:
    if _WEBHOOK_ID.fullmatch(given.strip()):
        return given.strip()
    return "sha256:" + hashlib.sha256(topic.encode() + b"\0" + body).hexdigest()
