"""Shopify's Admin API over GraphQL, which tells of the shop's orders."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Generic

import httpx
from pydantic import SecretStr

from fototui.clients.shopify.answer import SERVICE, Data, Envelope, read_answer
from fototui.clients.shopify.wire import (
    GraphOrder,
    Line,
    NodesData,
    OrderData,
    OrdersData,
    PageInfo,
)
from fototui.domain.errors import InvalidInputError, TransientError
from fototui.domain.shop import ShopOrder, ShopOrderHead
from fototui.domain.text import clean_line
from fototui.log import get_logger
from fototui.net.client import open_client
from fototui.net.closing import Closing
from fototui.net.exchange import credential, exchange, web_address
from fototui.retry import RetryPolicy

log = get_logger(__name__)

# Pages as big as the points of one query allow (1,000; shopify.dev, "API limits"): an order of a
# list brings its first line items, one asked for brings many.
HEADS_A_PAGE = 250
ORDERS_A_PAGE = 25
LINES_IN_A_LIST = 10
LINES_A_PAGE = 50

# `updatedAt` has whole seconds: an order may change twice in one, and Shopify's machines may be
# some seconds apart. What was read this long after its last change cannot change under that time.
_SETTLED = timedelta(minutes=1)

_MAX_ANSWER_BYTES = 32_000_000


def _text(name: str) -> str:
    """A file beside this one."""
    return (files("fototui.clients.shopify") / name).read_text("utf-8")


def _query(*names: str) -> str:
    """A query and the fragments that it uses."""
    return "\n".join(_text(f"queries/{name}.graphql") for name in names)


_ORDER_HEADS = _query("order_heads", "order_fields")
_ORDERS = _query("orders", "order_fields", "line_page")
_ORDER = _query("order", "order_fields", "line_page")
_LINE_ITEMS = _query("line_items", "line_page")

# A program that reads orders otherwise reads each of them once more.
_READING = "".join((_ORDERS, _text("wire.py"), _text("photo_addresses.py")))
_READ_BY = hashlib.sha256(_READING.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class _Told(Generic[Data]):
    """What an answer tells.

    Args:
        data: Its data.
        hidden: Fields that Shopify hides from this app.
        version: Version of the API that answered.
        at: When, by Shopify's clock; None where it does not tell.
    """

    data: Data
    hidden: Sequence[str]
    version: str
    at: datetime | None

    def revision(self, order: GraphOrder) -> str | None:
        """The name of what the order is like now; None where it has none."""
        if order.updated_at is None:
            return None
        return f"{order.updated_at:%Y-%m-%dT%H:%M:%SZ} {self.version} {_READ_BY}"

    def lasting_revision(self, order: GraphOrder) -> str | None:
        """The same, where no other state of the order can come to have that name."""
        if order.updated_at is None or self.at is None or self.at - order.updated_at < _SETTLED:
            return None
        is_whole = order.line_items is not None and not any("lineItems" in f for f in self.hidden)
        return self.revision(order) if is_whole else None


# All queries only read, so trying again never does a thing twice.
_RETRY = RetryPolicy(attempts=3, first_wait=0.5, seconds=30.0)


class ShopifyClient(Closing):
    """The Admin API of one shop, over one long-lived HTTP client.

    All calls raise `AccountError` (the token, its scopes or the shop are refused),
    `TransientError` (throttled for too long, network, 5xx) and `PermanentError` (the query is
    refused).

    Args:
        store_url: The shop's address, `https://….myshopify.com`.
        token: Access token of the Admin API, with the scope `read_orders` (which reaches 60 days
            back).
        api_version: Version of the API, such as "2026-10". Shopify answers with the next one when
            this one has expired, which is warned of once.
        retry: How passing failures are met.
        request_seconds: Longest time for one request, its answer included.

    Raises:
        ConfigurationError: Address or token are missing or have the wrong form.
    """

    def __init__(
        self,
        store_url: str,
        token: SecretStr,
        *,
        api_version: str,
        retry: RetryPolicy = _RETRY,
        request_seconds: float = 30.0,
    ) -> None:
        base = web_address(f"{store_url.rstrip('/')}/", "SHOPIFY_STORE_URL")
        self._url = base.join(f"admin/api/{api_version}/graphql.json")
        self._version = api_version
        self._retry = retry
        self._request_seconds = request_seconds
        self._told: set[str] = set()
        headers = {"X-Shopify-Access-Token": credential(token, "SHOPIFY_ACCESS_TOKEN")}
        timeout = httpx.Timeout(request_seconds)
        self._client = open_client(lambda: httpx.AsyncClient(headers=headers, timeout=timeout))

    async def order_heads(
        self, *, limit: int | None = None, since: datetime | date | None = None
    ) -> AsyncGenerator[list[ShopOrderHead], None]:
        """Pages of orders, the newest first, without their line items.

        Args:
            limit: Most orders to give; None for all that the token reaches.
            since: Only orders that were placed or changed at that moment or later; a date begins
                as the shop's own time zone says. Changes count, and not only new orders, since a
                customer may send photos weeks after the order.

        Raises:
            InvalidInputError: `since` is a moment without a time zone.
        """
        search = None if since is None else f"updated_at:>={_moment(since)}"
        left = limit
        after: str | None = None
        while left is None or left > 0:
            variables = {
                "first": HEADS_A_PAGE if left is None else min(HEADS_A_PAGE, left),
                "after": after,
                "query": search,
            }
            told = await self._ask("OrderHeads", _ORDER_HEADS, variables, Envelope[OrdersData])
            page = told.data.orders
            if page is None:
                raise _cut_short()
            nodes = page.nodes or []
            yield [
                node.as_head(shopify_id, told.revision(node))
                for node in nodes
                if node is not None and (shopify_id := _number(node)) is not None
            ]
            if left is not None:
                left -= len(nodes)
            after = _next(page.page, after)
            if after is None:
                return

    async def whole_orders(self, shopify_ids: Sequence[int]) -> AsyncGenerator[ShopOrder, None]:
        """Some orders, each with all its line items.

        Args:
            shopify_ids: Shopify's numbers of them. Of what the shop has no more, or keeps from
                this token, none is given.
        """
        for first in range(0, len(shopify_ids), ORDERS_A_PAGE):
            some = shopify_ids[first : first + ORDERS_A_PAGE]
            variables = {"ids": [_gid(each) for each in some], "lines": LINES_IN_A_LIST}
            told = await self._ask("Orders", _ORDERS, variables, Envelope[NodesData])
            if told.data.nodes is None:
                raise _cut_short()
            for node in told.data.nodes:
                order = await self._whole(node, told) if node else None
                if order is not None:
                    yield order

    async def order(self, shopify_id: int) -> ShopOrder | None:
        """One order with all its line items.

        Args:
            shopify_id: Shopify's number of it.

        Returns:
            The order; None if the shop has no such order, or keeps it from this token.
        """
        variables = {"id": _gid(shopify_id), "lines": LINES_A_PAGE}
        told = await self._ask("Order", _ORDER, variables, Envelope[OrderData])
        return await self._whole(told.data.order, told) if told.data.order else None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _whole(self, order: GraphOrder, told: _Told[Data]) -> ShopOrder | None:
        """Fetch an order's further line items; None if it has no id, or is gone by now."""
        shopify_id = _number(order)
        if shopify_id is None:
            return None
        revision = told.lasting_revision(order)
        lines: list[Line | None] = []
        page = order.line_items
        after: str | None = None
        while page is not None:
            lines += page.nodes or []
            after = _next(page.page, after)
            if after is None:
                break
            variables = {"id": _gid(shopify_id), "lines": LINES_A_PAGE, "after": after}
            more = await self._ask("LineItems", _LINE_ITEMS, variables, Envelope[OrderData])
            if more.data.order is None:
                return None
            page = more.data.order.line_items
            if page is None:
                raise _cut_short()
            revision = None if more.hidden else revision
        return order.as_order(shopify_id, order.shipping_line, lines, revision)

    async def _ask(
        self, name: str, query: str, variables: Mapping[str, object], kind: type[Envelope[Data]]
    ) -> _Told[Data]:
        """Put a query, and put it again while its failure is a passing one."""
        body = {"operationName": name, "query": query, "variables": variables}
        content = json.dumps(body).encode()

        def note(error: TransientError, wait: float) -> None:
            log.info("Shopify is asked again", seconds=round(wait, 2), fault=str(error))

        return await self._retry.call(lambda: self._try(content, kind), on_retry=note)

    async def _try(self, content: bytes, kind: type[Envelope[Data]]) -> _Told[Data]:
        request = self._client.build_request(
            "POST", self._url, content=content, headers={"Content-Type": "application/json"}
        )
        answer = await exchange(
            self._client,
            request,
            service=SERVICE,
            max_bytes=_MAX_ANSWER_BYTES,
            seconds=self._request_seconds,
        )
        # A page can be a megabyte of JSON.
        data, hidden = await asyncio.to_thread(read_answer, answer, kind)
        version = clean_line(answer.headers.get("X-Shopify-API-Version", self._version), limit=50)
        if version != self._version and self._is_new(f"version {version}"):
            log.warning(
                "Shopify answers with another version of its API; set SHOPIFY_API_VERSION to one "
                "that is supported",
                wanted=self._version,
                answered=version,
            )
        for field in hidden:
            if self._is_new(f"field {field}"):
                log.warning("Shopify hides a field from this app", field=clean_line(field))
        return _Told(data, hidden, version, answer.date)

    def _is_new(self, news: str) -> bool:
        """Whether this is said for the first time."""
        is_new = news not in self._told
        self._told.add(news)
        return is_new


def _number(order: GraphOrder) -> int | None:
    """Shopify's number of an order; without it nobody could ask for the order again."""
    if order.shopify_id is None:
        log.warning("Shopify sent an order without an id", number=order.name)
    return order.shopify_id


def _gid(shopify_id: int) -> str:
    return f"gid://shopify/Order/{shopify_id}"


def _moment(since: datetime | date) -> str:
    """A moment as Shopify's search takes it (shopify.dev, "API search syntax")."""
    if not isinstance(since, datetime):
        return since.isoformat()
    if since.tzinfo is None:
        raise InvalidInputError("The time to import from has no time zone; give one, or a date.")
    return f"'{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def _next(page: PageInfo | None, after: str | None) -> str | None:
    """The cursor of the next page; None where this was the last.

    Raises:
        TransientError: There are further pages, and no new cursor to come to them.
    """
    if page is None or not page.has_next:
        return None
    if not page.end or page.end == after:
        raise _cut_short()
    return page.end


def _cut_short() -> TransientError:
    """Rather a failure than an order that silently lacks a part."""
    return TransientError(
        "Shopify's pages end before they are complete; they are asked for again later.",
        service=SERVICE,
    )
