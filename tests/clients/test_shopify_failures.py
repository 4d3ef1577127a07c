"""What Shopify's refusals mean, and how long a query is tried again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from fototui.clients.shopify import ShopifyClient
from fototui.domain.errors import (
    AccountError,
    ConfigurationError,
    OutsideError,
    PermanentError,
    TransientError,
)
from fototui.retry import RetryPolicy
from tests.logs import capture_logs

if TYPE_CHECKING:
    from tests.clients.conftest import RawServer, Service

TOKEN = "shpat_very_secret"
FOUND = {"data": {"order": {"id": "gid://shopify/Order/7", "name": "#1270"}}}


def _shopify(
    url: str, *, seconds: float = 60.0, pause: float = 0.01, request_seconds: float = 20.0
) -> ShopifyClient:
    return ShopifyClient(
        url,
        SecretStr(TOKEN),
        api_version="2026-10",
        retry=RetryPolicy(seconds=seconds, first_wait=pause),
        request_seconds=request_seconds,
    )


@pytest.fixture
async def shopify(service: Service) -> AsyncIterator[ShopifyClient]:
    async with _shopify(service.url) as made:
        yield made


def _error(code: str | None, *path: str | int, message: str = "so it is") -> dict[str, object]:
    error: dict[str, object] = {"message": message}
    if code:
        error["extensions"] = {"code": code}
    if path:
        error["path"] = list(path)
    return error


def _throttled(missing: float | None, rate: float = 100.0) -> dict[str, object]:
    """A throttled answer; so many points are missing, None where that is not told."""
    answer: dict[str, object] = {"errors": [_error("THROTTLED", message="Throttled")]}
    if missing is not None:
        answer["extensions"] = {
            "cost": {
                "requestedQueryCost": 600 + missing,
                "actualQueryCost": None,
                "throttleStatus": {
                    "maximumAvailable": 2000.0,
                    "currentlyAvailable": 600,
                    "restoreRate": rate,
                },
            }
        }
    return answer


# --- throttling --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 429])
async def test_a_throttled_query_waits_for_its_points(
    shopify: ShopifyClient, service: Service, status: int
) -> None:
    service.will(_throttled(30), status=status)
    service.will(FOUND)
    clock = asyncio.get_running_loop().time
    start = clock()
    order = await shopify.order(7)
    assert order is not None
    assert order.number == "#1270"
    assert clock() - start >= 0.3
    assert len(service.received) == 2
    assert service.received[0].body == service.received[1].body


async def test_retry_after_is_kept_where_it_is_longer(service: Service) -> None:
    service.will(_throttled(30), status=429, Retry_After="700")
    async with _shopify(service.url) as shopify:
        with pytest.raises(TransientError, match="fewer requests") as caught:
            await shopify.order(7)
    assert caught.value.retry_after == 700
    assert caught.value.status == 429
    assert len(service.received) == 1  # the wait is beyond the patience


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (_throttled(2_000), 20.0),
        (_throttled(None), 2.0),
        (_throttled(30, rate=0.0), 2.0),
        (_throttled(30, rate=-1.0), 2.0),
        (_throttled(-500), 0.0),
    ],
)
async def test_patience_ends(service: Service, answer: dict[str, object], wait: float) -> None:
    service.will(answer)
    async with _shopify(service.url, seconds=2.0, pause=0.3) as shopify:
        with pytest.raises(TransientError, match="fewer requests") as caught:
            await shopify.order(7)
    assert caught.value.retry_after == pytest.approx(wait)
    # Pauses grow, also where Shopify says "now": up to 0.02, 0.04, 0.08 and then too much.
    assert len(service.received) in ((1,) if wait else (1, 2, 3, 4))


async def test_a_bare_429_is_throttling_as_well(service: Service) -> None:
    service.will("<html>Too many requests</html>", status=429, Retry_After="0")
    service.will(FOUND)
    async with _shopify(service.url) as shopify:
        assert await shopify.order(7) is not None


async def test_a_bare_429_without_a_time_waits_some_seconds(service: Service) -> None:
    service.will("<html>Too many requests</html>", status=429)
    async with _shopify(service.url, seconds=0.1) as shopify:
        with pytest.raises(TransientError, match="fewer requests") as caught:
            await shopify.order(7)
    assert (caught.value.retry_after, len(service.received)) == (2.0, 1)


# --- passing failures --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, "so it is"),
        (502, ""),
        (503, {"errors": "Unavailable"}),
        (430, "Shopify Security Rejection"),
        (200, "<html>It works!</html>"),
        (200, b"\xff\xfe"),
        (200, "[" * 100_000),
        (200, "null"),
        (200, {}),
        (200, {"data": None}),
        (200, {"data": {"order": 7}}),
        (200, {"data": {"order": {"lineItems": {"nodes": "no list"}}}}),
        (200, {"errors": [_error("INTERNAL_SERVER_ERROR")]}),
        (200, {"errors": [_error("INTERNAL_SERVER_ERROR", "order", "lineItems")], **FOUND}),
    ],
)
async def test_passing_failures_are_tried_three_times(
    shopify: ShopifyClient, service: Service, status: int, body: object
) -> None:
    service.will(body, status=status)
    with pytest.raises(TransientError) as caught:
        await shopify.order(7)
    assert caught.value.service == "Shopify"
    assert caught.value.status == status
    assert len(service.received) == 3


async def test_a_passing_failure_passes(shopify: ShopifyClient, service: Service) -> None:
    service.will("so it is", status=502)
    service.will(FOUND)
    assert await shopify.order(7) is not None


async def test_a_list_that_is_missing_is_no_empty_list(
    shopify: ShopifyClient, service: Service
) -> None:
    service.will({"data": {"orders": None}})
    with pytest.raises(TransientError, match="end before they are complete"):
        await anext(shopify.order_heads())


async def test_a_shop_that_never_answers(raw_server: RawServer) -> None:
    async def stall(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with (
        raw_server(stall) as url,
        _shopify(url, seconds=0.1, request_seconds=0.2) as shopify,
    ):
        with pytest.raises(TransientError) as caught:
            await shopify.order(7)
    assert TOKEN not in str(caught.value)


async def test_what_comes_without_a_time_has_no_name(raw_server: RawServer) -> None:
    order = {"id": "7", "updatedAt": "2020-11-21T10:00:00Z", "lineItems": {"nodes": []}}
    body = json.dumps({"data": {"order": order}})

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()

    async with raw_server(answer) as url, _shopify(url) as shopify:
        told = await shopify.order(7)
    assert told is not None
    assert told.revision is None


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "sentence"),
    [
        (
            401,
            {"errors": "[API] Invalid API key or access token"},
            AccountError,
            r"SHOPIFY_ACCESS_TOKEN.*HTTP 401: \[API\] Invalid API key",
        ),
        (403, {"errors": "[API] not approved"}, AccountError, "scope read_orders"),
        (402, {"errors": "Unavailable Shop"}, AccountError, "frozen or locked"),
        (423, {"errors": "Locked"}, AccountError, "frozen or locked"),
        (404, {"errors": "Not Found"}, AccountError, "SHOPIFY_STORE_URL"),
        (302, "", AccountError, "SHOPIFY_STORE_URL"),
        (400, {"errors": {"query": "Required parameter missing"}}, PermanentError, "HTTP 400"),
        (
            200,
            {"errors": [_error("ACCESS_DENIED", "orders")], "data": {"order": None}},
            AccountError,
            "scope read_orders",
        ),
        (200, {"errors": [_error("ACCESS_DENIED")], "data": None}, AccountError, "read_orders"),
        (
            200,
            {"errors": [_error("ACCESS_DENIED", "order", "lineItems")], **FOUND},
            AccountError,
            "read_orders",
        ),
        (
            200,
            {"errors": [_error("ACCESS_DENIED", "order", "customer")], "data": None},
            AccountError,
            "read_orders",
        ),
        (200, {"errors": [_error("MAX_COST_EXCEEDED")]}, PermanentError, "refused the query"),
        (200, {"errors": [_error(None)], **FOUND}, PermanentError, "so it is"),
        (200, {"errors": "so it is"}, PermanentError, "so it is"),
        (200, {"errors": [{"message": None}]}, PermanentError, "–"),
    ],
)
async def test_refusals(
    shopify: ShopifyClient,
    service: Service,
    status: int,
    body: object,
    kind: type[OutsideError],
    sentence: str,
) -> None:
    service.will(body, status=status)
    with pytest.raises(kind, match=sentence) as caught:
        await shopify.order(7)
    assert (caught.value.service, caught.value.status) == ("Shopify", status)
    assert TOKEN not in str(caught.value)
    assert len(service.received) == 1


async def test_a_stranger_s_text_is_cleaned(shopify: ShopifyClient, service: Service) -> None:
    service.will({"errors": "\x1b]0;you\x07 {status} [red]" + "x" * 10_000}, status=401)
    with pytest.raises(AccountError) as caught:
        await shopify.order(7)
    text = str(caught.value)
    assert "]0;you {status} [red]xxx" in text
    assert "\x1b" not in text
    assert len(text) < 1_000


# --- what is only warned of --------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, "0"])
async def test_a_hidden_field_leaves_an_order(
    shopify: ShopifyClient, service: Service, row: int | str
) -> None:
    node = {"id": "gid://shopify/Order/7", "customer": None, "email": None}
    service.will(
        {
            "data": {"orders": {"nodes": [node]}},
            "errors": [
                _error("ACCESS_DENIED", "orders", "nodes", row, "customer"),
                _error("ACCESS_DENIED", "orders", "nodes", row, "email"),
            ],
        }
    )
    with capture_logs() as logs:
        [[order], [again]] = [page for _ in range(2) async for page in shopify.order_heads()]
    assert again == order
    assert (order.number, order.customer, order.email) == ("#7", None, None)
    assert [log["field"] for log in logs] == ["orders.nodes.customer", "orders.nodes.email"]
    assert {log["log_level"] for log in logs} == {"warning"}


@pytest.mark.parametrize(
    ("version", "warned"), [(None, []), ("2026-10", []), ("2027-01", ["2027-01"])]
)
async def test_another_version_is_warned_of_once(
    shopify: ShopifyClient, service: Service, version: str | None, warned: list[str]
) -> None:
    if version is None:
        service.will(FOUND)
    else:
        service.will(FOUND, X_Shopify_API_Version=version)
    with capture_logs() as logs:
        await shopify.order(7)
        await shopify.order(7)
    assert [log["answered"] for log in logs] == warned


# --- configuration -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "token", "variable"),
    [
        ("shop.example", TOKEN, "SHOPIFY_STORE_URL"),
        ("ftp://shop.example", TOKEN, "SHOPIFY_STORE_URL"),
        ("https://shop.example", " ", "SHOPIFY_ACCESS_TOKEN"),
        ("https://shop.example", "á\n", "SHOPIFY_ACCESS_TOKEN"),
    ],
)
def test_a_wrong_setting_is_named(url: str, token: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        ShopifyClient(url, SecretStr(token), api_version="2026-10")
