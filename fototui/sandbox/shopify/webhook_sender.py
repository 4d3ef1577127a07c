"""Sends webhooks as a shop does: signed, at least once, in no certain order.

Headers and payload are those of Shopify's order webhooks; a receiver has five seconds.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, Self, TypeAlias

import httpx
from pydantic import SecretStr

from fototui.sandbox.shopify.shop import Book, PlacedOrder, Shop

Topic: TypeAlias = Literal["orders/create", "orders/updated", "orders/paid"]

ANSWER_SECONDS = 5.0
_KEPT_ANSWERS = 10_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook, ready to be sent, and sent again.

    Args:
        topic: What happened.
        body: The raw body.
        signature: Base64 HMAC-SHA256 of the body; None for one without a signature.
        webhook_id: The same for each repetition.
        triggered_at: When it happened.
    """

    topic: str
    body: bytes = field(repr=False)
    signature: str | None
    webhook_id: str
    triggered_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver made of a delivery.

    Args:
        delivery: The delivery.
        status: HTTP status; None where no answer came.
        seconds: How long it took.
        error: Why no answer came.
    """

    delivery: Delivery
    status: int | None
    seconds: float
    error: str | None = None


def payload(order: PlacedOrder) -> dict[str, object]:
    """An order as a webhook tells of it, as it is now.

    Args:
        order: The order.
    """
    has_customer = order.first_name is not None or order.last_name is not None
    return {
        "id": order.id,
        "admin_graphql_api_id": order.gid,
        "name": order.name,
        "order_number": order.number,
        "created_at": order.created_at.isoformat(),
        "updated_at": order.updated_at.isoformat(),
        "cancelled_at": None if order.cancelled_at is None else order.cancelled_at.isoformat(),
        "email": order.email,
        "financial_status": None if order.payment is None else order.payment.lower(),
        "customer": {"first_name": order.first_name, "last_name": order.last_name}
        if has_customer
        else None,
        "shipping_lines": [] if order.shipping is None else [{"title": order.shipping}],
        "line_items": [_line_item(one) for one in order.books],
    }


def _line_item(book: Book) -> dict[str, object]:
    return {
        "id": book.id,
        "title": book.title,
        "variant_title": book.variant,
        "quantity": book.quantity,
        "current_quantity": book.left,
        "properties": [{"name": name, "value": value} for name, value in book.attributes],
    }


def sign(body: bytes, secret: SecretStr) -> str:
    """Sign a body as Shopify does.

    Args:
        body: The raw body.
        secret: The shop's and the receiver's.

    Returns:
        The value of `X-Shopify-Hmac-Sha256`.
    """
    digest = hmac.digest(secret.get_secret_value().encode(), body, hashlib.sha256)
    return base64.b64encode(digest).decode()


def forged(delivery: Delivery) -> Delivery:
    """The same delivery, signed by somebody who does not know the secret."""
    wrong = sign(delivery.body, SecretStr(uuid.uuid4().hex))
    return replace(delivery, signature=wrong, webhook_id=str(uuid.uuid4()))


def storm(deliveries: Iterable[Delivery], *, repeats: int = 3, seed: int = 0) -> list[Delivery]:
    """Repeat each delivery, and mix them all up.

    Args:
        deliveries: What happened.
        repeats: How often each is sent.
        seed: Of chance.
    """
    mixed = [one for one in deliveries for _ in range(repeats)]
    random.Random(seed).shuffle(mixed)  # noqa: S311  # plays the network
    return mixed


class WebhookSender:
    """Sends to one address; an async context manager.

    Args:
        url: The receiver's.
        secret: What deliveries are signed with.
        domain: The shop's, for the receiver to see.
        version: The API version that payloads claim to be of.
        at_once: Most deliveries under way.
        seconds: How long the receiver may take.
    """

    def __init__(
        self,
        url: str,
        secret: SecretStr,
        *,
        domain: str = Shop().domain,
        version: str = "2026-10",
        at_once: int = 10,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._url = url
        self._secret = secret
        self._domain = domain
        self._version = version
        self._turnstile = asyncio.Semaphore(at_once)
        # The pool has no limit of its own: waiting for it would count against the receiver.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=at_once)
        self._client = httpx.AsyncClient(timeout=seconds, limits=limits, trust_env=False)
        self.answers: deque[Answer] = deque(maxlen=_KEPT_ANSWERS)
        """The last ones, in the order in which they came."""

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self._client.__aexit__(kind, error, traceback)

    def delivery(
        self, order: PlacedOrder, topic: Topic, *, triggered_at: datetime | None = None
    ) -> Delivery:
        """Write down what happened to an order, as it is now; to be sent at any time.

        Args:
            order: The order.
            topic: What happened.
            triggered_at: When, if not now.
        """
        body = json.dumps(payload(order), ensure_ascii=False, separators=(",", ":")).encode()
        return Delivery(
            topic=topic,
            body=body,
            signature=sign(body, self._secret),
            webhook_id=str(uuid.uuid4()),
            triggered_at=triggered_at or datetime.now(UTC),
        )

    async def tell(self, order: PlacedOrder, *topics: Topic) -> list[Answer]:
        """Tell of an order at once.

        Args:
            order: The order.
            *topics: What happened.

        Returns:
            The answers, in the order of the topics.
        """
        return await self.send([self.delivery(order, topic) for topic in topics])

    async def send(self, deliveries: Iterable[Delivery]) -> list[Answer]:
        """Send, several at once.

        Args:
            deliveries: What to send; where the order matters, send them one after the other.

        Returns:
            The answers, in the order of the deliveries.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._send(one)) for one in deliveries]
        return [task.result() for task in tasks]

    async def _send(self, delivery: Delivery) -> Answer:
        triggered_at = delivery.triggered_at.astimezone(UTC).replace(tzinfo=None)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": delivery.topic,
            "X-Shopify-Shop-Domain": self._domain,
            "X-Shopify-API-Version": self._version,
            "X-Shopify-Webhook-Id": delivery.webhook_id,
            "X-Shopify-Triggered-At": f"{triggered_at.isoformat(timespec='microseconds')}Z",
        }
        if delivery.signature is not None:
            headers["X-Shopify-Hmac-Sha256"] = delivery.signature
        async with self._turnstile:
            began = time.monotonic()
            try:
                response = await self._client.post(
                    self._url, content=delivery.body, headers=headers
                )
                status, error = response.status_code, None
            except httpx.HTTPError as failure:
                status, error = None, type(failure).__name__
            answer = Answer(delivery, status, time.monotonic() - began, error)
        self.answers.append(answer)
        return answer
