"""Orders read page by page, from a shop that understands GraphQL by a library of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from anyio.from_thread import start_blocking_portal
from graphql import build_schema, graphql_sync
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fototui.clients.shopify import ShopifyClient
from fototui.domain.errors import InvalidInputError, TransientError
from fototui.domain.shop import ShopItem, ShopOrder, ShopPhoto
from fototui.net.asgi import serving
from fototui.retry import RetryPolicy

TOKEN = "shpat_very_secret"
VERSION = "2026-10"
CHANGED = "2020-11-21T10:00:00Z"

# The part of Shopify's schema that concerns orders, as nullable as the product has to bear.
_SCHEMA = build_schema(
    """
    enum OrderSortKeys { CREATED_AT UPDATED_AT }
    type PageInfo { hasNextPage: Boolean endCursor: String }
    type Attribute { key: String value: String }
    type LineItem {
      id: ID title: String variantTitle: String quantity: Int currentQuantity: Int
      customAttributes: [Attribute]
    }
    type LineItemConnection { nodes: [LineItem] pageInfo: PageInfo }
    type Customer { firstName: String lastName: String }
    type ShippingLine { title: String }
    interface Node { id: ID }
    type Order implements Node {
      id: ID legacyResourceId: ID name: String createdAt: String updatedAt: String email: String
      displayFinancialStatus: String cancelledAt: String
      customer: Customer shippingLine: ShippingLine
      lineItems(first: Int!, after: String): LineItemConnection
    }
    type OrderConnection { nodes: [Order] pageInfo: PageInfo }
    type Query {
      orders(
        first: Int!, after: String, query: String, sortKey: OrderSortKeys, reverse: Boolean
      ): OrderConnection
      order(id: ID!): Order
      nodes(ids: [ID!]!): [Node]!
    }
    """
)


def _page(nodes: list[object], first: int, after: str | None) -> dict[str, object]:
    start = 0 if after is None else int(after.removeprefix("after-"))
    end = min(start + first, len(nodes))
    return {
        "nodes": nodes[start:end],
        "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": f"after-{end}"},
    }


@dataclass
class Shop:
    """Orders, newest first, and what was asked of them."""

    url: str = ""
    nodes: list[dict[str, object] | None] = field(default_factory=list)
    lines: dict[int, list[object]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    version: str = VERSION
    hides: str | None = None

    def place(self, number: int, lines: list[object]) -> None:
        self.lines[number] = lines
        self.nodes.append(
            {
                "__typename": "Order",
                "id": f"gid://shopify/Order/{number}",
                "legacyResourceId": str(number),
                "name": f"#{number}",
                "createdAt": "2026-11-20T10:00:00Z",
                "updatedAt": CHANGED,
                "email": "eva@example.com",
                "displayFinancialStatus": "PAID",
                "customer": {"firstName": "Eva", "lastName": "Malá"},
                "shippingLine": {"title": "Zásilkovna"},
                "lineItems": lambda _, first, after=None: _page(self.lines[number], first, after),
            }
        )

    async def answer(self, request: Request) -> Response:
        assert request.headers["X-Shopify-Access-Token"] == TOKEN
        assert request.path_params["version"] == VERSION
        body = json.loads(await request.body())
        self.asked.append((body["operationName"], body["variables"]))
        result = graphql_sync(
            _SCHEMA,
            body["query"],
            {"orders": self._orders, "order": self._order, "nodes": self._nodes},
            variable_values=body["variables"],
            operation_name=body["operationName"],
        )
        errors = [dict(error.formatted) for error in result.errors or ()]
        if body["operationName"] == self.hides:
            path = ["nodes", 0, "lineItems", "nodes", 0, "variantTitle"]
            denied = {"code": "ACCESS_DENIED"}
            errors.append({"message": "Denied", "path": path, "extensions": denied})
        return JSONResponse(
            {"data": result.data, "errors": errors},
            headers={"X-Shopify-API-Version": self.version},
        )

    def _orders(
        self, _: object, *, first: int, after: str | None = None, **others: object
    ) -> dict[str, object]:
        assert (others["sortKey"], others["reverse"]) == ("CREATED_AT", True)
        return _page([*self.nodes], first, after)

    def _order(self, _: object, *, id: str) -> object:  # noqa: A002  # the schema's name
        return next((node for node in self.nodes if node and node["id"] == id), None)

    def _nodes(self, _: object, *, ids: list[str]) -> list[object]:
        numbers = [each.removeprefix("gid://shopify/Order/") for each in ids]
        return [
            next(
                (node for node in self.nodes if node and number in map(_number, node.values())),
                None,
            )
            for number in numbers
        ]


def _number(value: object) -> str:
    return str(value).removeprefix("gid://shopify/Order/")


async def recent_orders(
    shopify: ShopifyClient, *, limit: int | None = None, since: datetime | date | None = None
) -> AsyncIterator[ShopOrder]:
    """All that the shop tells of its orders, as an import asks for it."""
    async for heads in shopify.order_heads(limit=limit, since=since):
        async for order in shopify.whole_orders([head.shopify_id for head in heads]):
            yield order


def _line(number: int, *attributes: tuple[str, str]) -> dict[str, object]:
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "title": "Omalovánka",
        "variantTitle": "A4",
        "quantity": 2,
        "customAttributes": [{"key": key, "value": value} for key, value in attributes],
    }


@asynccontextmanager
async def _open() -> AsyncIterator[Shop]:
    shop = Shop()
    route = Route("/admin/api/{version}/graphql.json", shop.answer, methods=["POST"])
    async with serving(Starlette(routes=[route])) as url:
        shop.url = url
        yield shop


@pytest.fixture(scope="module")
def open_shop() -> Iterator[Shop]:
    """A shop on a loop of its own: opening one takes a while."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_open()) as shop:
        yield shop


@pytest.fixture
def shop(open_shop: Shop) -> Shop:
    for kept in (open_shop.nodes, open_shop.lines, open_shop.asked):
        kept.clear()
    open_shop.version, open_shop.hides = VERSION, None
    return open_shop


@pytest.fixture
async def shopify(shop: Shop) -> AsyncIterator[ShopifyClient]:
    retry = RetryPolicy(seconds=1.0, first_wait=0.01)
    async with ShopifyClient(
        f"{shop.url}/", SecretStr(TOKEN), api_version=VERSION, retry=retry
    ) as made:
        yield made


@pytest.mark.quick
async def test_an_order_is_read_whole(shop: Shop, shopify: ShopifyClient) -> None:
    attributes = [
        ("Věnování", "Pro Aničku"),
        ("Rozvržení", "na výšku"),
        ("Fotka 2", "https://cdn.example/2.jpg"),
        ("Fotka 1", "https://cdn.example/1.jpg"),
    ]
    shop.place(1270, [_line(11, *attributes)])
    expected = ShopOrder(
        shopify_id=1270,
        number="#1270",
        created_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        email="eva@example.com",
        customer="Eva Malá",
        payment_status="PAID",
        shipping_method="Zásilkovna",
        items=(
            ShopItem(
                shopify_id=11,
                title="Omalovánka - A4",
                quantity=2,
                dedication="Pro Aničku",
                layout="na výšku",
                photos=(
                    ShopPhoto(1, "https://cdn.example/1.jpg"),
                    ShopPhoto(2, "https://cdn.example/2.jpg"),
                ),
            ),
        ),
    )
    assert await shopify.order(1270) == expected
    assert [order async for order in recent_orders(shopify)] == [expected]


async def test_60_orders_with_60_line_items_each(shop: Shop, shopify: ShopifyClient) -> None:
    for number in range(1, 61):
        shop.place(number, [_line(number * 100 + place) for place in range(60)])
    orders = [order async for order in recent_orders(shopify)]
    assert [order.shopify_id for order in orders] == list(range(1, 61))
    for order in orders:
        assert [item.shopify_id for item in order.items] == [
            order.shopify_id * 100 + place for place in range(60)
        ]
    names = [name for name, _ in shop.asked]
    assert [names.count(name) for name in ("OrderHeads", "Orders", "LineItems")] == [1, 3, 60]


@pytest.mark.parametrize("count", [0, 1, 50, 51, 120])
async def test_one_order_with_many_line_items(
    shop: Shop, shopify: ShopifyClient, count: int
) -> None:
    shop.place(7, [_line(number) for number in range(1, count + 1)])
    order = await shopify.order(7)
    assert order is not None
    assert [item.shopify_id for item in order.items] == list(range(1, count + 1))


@pytest.mark.parametrize(("limit", "pages"), [(0, 0), (1, 1), (250, 1), (251, 2), (300, 2)])
async def test_a_limit_is_kept_across_pages(
    shop: Shop, shopify: ShopifyClient, limit: int, pages: int
) -> None:
    for number in range(1, 261):
        shop.place(number, [])
    told = [page async for page in shopify.order_heads(limit=limit)]
    numbers = [head.shopify_id for page in told for head in page]
    assert numbers == list(range(1, min(limit, 260) + 1))
    assert (len(told), len(shop.asked)) == (pages, pages)
    assert sum(int(str(asked["first"])) for _, asked in shop.asked) == limit


@pytest.mark.parametrize(
    ("since", "search"),
    [
        (None, None),
        (date(2026, 11, 1), "updated_at:>=2026-11-01"),
        (datetime(2026, 11, 1, 9, 30, tzinfo=UTC), "updated_at:>='2026-11-01T09:30:00Z'"),
        (
            datetime(2026, 11, 1, 9, 30, tzinfo=timezone(timedelta(hours=1))),
            "updated_at:>='2026-11-01T08:30:00Z'",
        ),
    ],
)
async def test_since_asks_for_what_changed(
    shop: Shop, shopify: ShopifyClient, since: datetime | date | None, search: str | None
) -> None:
    assert [order async for order in recent_orders(shopify, since=since)] == []
    assert [asked["query"] for _, asked in shop.asked] == [search]


async def test_a_time_without_a_zone_is_refused(shop: Shop, shopify: ShopifyClient) -> None:
    naive = datetime(2026, 11, 1)  # noqa: DTZ001  # the point of the test
    with pytest.raises(InvalidInputError, match="no time zone"):
        await anext(aiter(recent_orders(shopify, since=naive)))
    assert shop.asked == []


async def test_an_unknown_order_is_none(shop: Shop, shopify: ShopifyClient) -> None:
    shop.place(7, [])
    assert await shopify.order(8) is None
    assert shop.asked == [("Order", {"id": "gid://shopify/Order/8", "lines": 50})]


async def test_every_field_null(shop: Shop, shopify: ShopifyClient) -> None:
    line = dict.fromkeys(("title", "variantTitle", "quantity", "customAttributes"))
    shop.place(2, [None, {"id": None}, {"id": "5", **line}])
    shop.nodes += [
        {"__typename": "Order", **fields} if fields else None
        for fields in (
            {"id": "gid://shopify/Order/3"},
            {},
            {"legacyResourceId": "4"},
            {"name": "#x"},
        )
    ]
    empty = (None, None, None, None, None)
    _, *orders = [order async for order in recent_orders(shopify)]
    assert orders == [ShopOrder(3, "#3", *empty, items=()), ShopOrder(4, "#4", *empty, items=())]
    assert await shopify.order(3) == orders[0]
    first = await shopify.order(2)
    assert first is not None
    assert first.items == (ShopItem(5, "—", 1, None, None, ()),)


async def test_an_order_deleted_meanwhile_is_left_out(shop: Shop, shopify: ShopifyClient) -> None:
    shop.place(1, [_line(number) for number in range(1, 12)])
    shop.place(2, [])
    shop.nodes[0] = {**(shop.nodes[0] or {}), "id": "gid://shopify/Order/999"}
    assert [order.shopify_id async for order in recent_orders(shopify)] == [2]


@pytest.mark.parametrize("page", [None, {"nodes": [], "pageInfo": {"hasNextPage": True}}])
async def test_pages_that_lead_nowhere_are_a_failure(
    shop: Shop, shopify: ShopifyClient, page: object
) -> None:
    shop.place(1, [_line(number) for number in range(1, 60)])
    lines = [_line(1)]
    shop.nodes[0] = {
        **(shop.nodes[0] or {}),
        "lineItems": lambda _, first, after=None: (
            page if after else _page([*lines, *lines], 1, None)
        ),
    }
    with pytest.raises(TransientError, match="end before they are complete"):
        await shopify.order(1)


async def test_a_page_that_leads_to_itself_is_a_failure(shop: Shop, shopify: ShopifyClient) -> None:
    shop.place(1, [])
    shop.nodes[0] = {
        **(shop.nodes[0] or {}),
        "lineItems": lambda _, first, after=None: {
            "nodes": [],
            "pageInfo": {"hasNextPage": True, "endCursor": "same"},
        },
    }
    with pytest.raises(TransientError, match="end before they are complete"):
        await shopify.order(1)
    assert len(shop.asked) == 2


async def test_an_abandoned_import_asks_no_more(shop: Shop, shopify: ShopifyClient) -> None:
    for number in range(1, 61):
        shop.place(number, [])
    async for order in shopify.whole_orders(range(1, 61)):
        assert order.shopify_id == 1
        break
    assert len(shop.asked) == 1


# --- the names of an order's states --------------------------------------------------------------


async def revisions(shopify: ShopifyClient) -> tuple[str | None, str | None]:
    """The name of an order's state, as its head and as the whole of it tell it."""
    [[head]] = [page async for page in shopify.order_heads()]
    [order] = [order async for order in shopify.whole_orders([head.shopify_id])]
    return head.revision, order.revision


async def test_a_state_has_one_name_for_as_long_as_it_lasts(
    shop: Shop, shopify: ShopifyClient
) -> None:
    shop.place(1, [_line(number) for number in range(1, 61)])
    first, whole = await revisions(shopify)
    assert first == whole
    assert first is not None
    assert first.startswith(f"{CHANGED} {VERSION} ")
    alone = await shopify.order(1)
    assert alone is not None
    assert alone.revision == first
    (shop.nodes[0] or {})["updatedAt"] = "2020-11-21T11:00:01+01:00"
    later, _ = await revisions(shopify)
    assert later is not None
    assert later.startswith("2020-11-21T10:00:01Z ")


@pytest.mark.parametrize(
    ("ago", "is_named"),
    [
        (timedelta(seconds=62), True),
        (timedelta(seconds=10), False),
        (timedelta(hours=-1), False),  # the clock that is asked is behind
    ],
)
async def test_what_may_still_change_within_its_second_has_no_name(
    shop: Shop, shopify: ShopifyClient, ago: timedelta, is_named: bool
) -> None:
    shop.place(1, [_line(1)])
    (shop.nodes[0] or {})["updatedAt"] = (datetime.now(UTC) - ago).isoformat()
    head, whole = await revisions(shopify)
    assert head is not None
    assert whole == (head if is_named else None)


@pytest.mark.parametrize("lines", [None, [None], [{"id": None}], [_line(1), {"title": "?"}]])
async def test_what_is_not_whole_has_no_name(
    shop: Shop, shopify: ShopifyClient, lines: list[object] | None
) -> None:
    shop.place(1, lines or [])
    if lines is None:
        shop.nodes[0] = {**(shop.nodes[0] or {}), "lineItems": None}
    head, whole = await revisions(shopify)
    assert head is not None
    assert whole is None


@pytest.mark.parametrize("hides", ["Orders", "LineItems"])
async def test_what_hides_something_of_the_books_has_no_name(
    shop: Shop, shopify: ShopifyClient, hides: str
) -> None:
    shop.place(1, [_line(number) for number in range(1, 61)])
    shop.hides = hides
    head, whole = await revisions(shopify)
    assert head is not None
    assert whole is None


async def test_another_version_of_the_api_tells_another_state(
    shop: Shop, shopify: ShopifyClient
) -> None:
    shop.place(1, [])
    first, _ = await revisions(shopify)
    shop.version = "2027-01"
    assert await revisions(shopify) != (first, first)


async def test_a_state_without_a_time_has_no_name(shop: Shop, shopify: ShopifyClient) -> None:
    shop.place(1, [])
    (shop.nodes[0] or {})["updatedAt"] = None
    assert await revisions(shopify) == (None, None)
