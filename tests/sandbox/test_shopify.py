"""The imitated shop, asked over HTTP as an app asks Shopify."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp

from fototui.sandbox.outcomes import Outcome, Script, Turn
from fototui.sandbox.shopify.app import Points, ShopSettings, create_shop
from fototui.sandbox.shopify.shop import Book, Shop, book

Serve = Callable[[ASGIApp], Awaitable[httpx.AsyncClient]]

TOKEN = "shpat_secret"
PATH = "/admin/api/2026-10/graphql.json"
NAMES = (
    "query Names($first: Int!) { orders(first: $first, sortKey: CREATED_AT) { nodes { name } } }"
)

PAGE = """
query RecentOrders($first: Int!, $after: String, $query: String, $lines: Int = 2) {
  orders(first: $first, after: $after, query: $query, sortKey: CREATED_AT, reverse: true) {
    nodes { ...OrderFields lineItems(first: $lines) { ...LinePage } }
    pageInfo { hasNextPage endCursor }
  }
}
fragment OrderFields on Order {
  id legacyResourceId name createdAt updatedAt email displayFinancialStatus
  customer { firstName lastName }
  shippingLine { title }
}
fragment LinePage on LineItemConnection {
  nodes { id title variantTitle quantity customAttributes { key value } }
  pageInfo { hasNextPage endCursor }
}
"""
ONE = """
query Order($id: ID!, $after: String) {
  order(id: $id) { name lineItems(first: 25, after: $after) {
    nodes { id } pageInfo { hasNextPage endCursor }
  } }
}
"""


def settings(**given: Any) -> ShopSettings:
    return ShopSettings(token=SecretStr(TOKEN), **given)


async def send(
    client: httpx.AsyncClient, document: str, variables: Mapping[str, object] | None = None
) -> httpx.Response:
    return await client.post(
        PATH,
        json={"query": document, "variables": variables},
        headers={"X-Shopify-Access-Token": TOKEN},
    )


async def ask(client: httpx.AsyncClient, document: str, **variables: object) -> dict[str, Any]:
    answer: dict[str, Any] = (await send(client, document, variables)).raise_for_status().json()
    return answer


async def test_an_order_is_told_as_shopify_tells_it(serve: Serve) -> None:
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop)))
    placed = shop.place(
        [book(["http://cdn/1", "http://cdn/2"], dedication="Babičce", layout="Na výšku")],
        first_name="Eva",
        last_name="Malá",
        email="eva@example.com",
        at=datetime.now(UTC) - timedelta(hours=1),
    )
    found = await ask(client, PAGE, first=10)
    [order] = found["data"]["orders"]["nodes"]
    created = f"{placed.created_at:%Y-%m-%dT%H:%M:%SZ}"
    assert order == {
        "id": f"gid://shopify/Order/{placed.id}",
        "legacyResourceId": str(placed.id),
        "name": "#1001",
        "createdAt": created,
        "updatedAt": created,
        "email": "eva@example.com",
        "displayFinancialStatus": "PAID",
        "customer": {"firstName": "Eva", "lastName": "Malá"},
        "shippingLine": {"title": "Zásilkovna"},
        "lineItems": {
            "nodes": [
                {
                    "id": f"gid://shopify/LineItem/{placed.books[0].id}",
                    "title": "Omalovánka z vašich fotek",
                    "variantTitle": "A4",
                    "quantity": 1,
                    "customAttributes": [
                        {"key": "Fotka 1", "value": "http://cdn/1"},
                        {"key": "Fotka 2", "value": "http://cdn/2"},
                        {"key": "Věnování", "value": "Babičce"},
                        {"key": "Rozvržení", "value": "Na výšku"},
                    ],
                }
            ],
            "pageInfo": {
                "hasNextPage": False,
                "endCursor": order["lineItems"]["pageInfo"]["endCursor"],
            },
        },
    }


async def test_only_what_was_asked_for_is_told_under_the_name_it_was_asked_by(serve: Serve) -> None:
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop)))
    order = shop.place([])
    query = """query ($id: ID!, $more: Boolean!) {
        first: order(id: $id) { number: name ... on Order @include(if: $more) { email } __typename }
        none: order(id: "gid://shopify/Order/1") { name }
    }"""
    answer = await ask(client, query, id=order.gid, more=False)
    assert answer["data"] == {"first": {"number": "#1001", "__typename": "Order"}, "none": None}


async def test_an_order_may_say_nothing_about_itself(serve: Serve) -> None:
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop)))
    shop.place([Book(attributes=[("Fotka 1", None)])], payment=None, shipping=None)
    [order] = (await ask(client, PAGE, first=1))["data"]["orders"]["nodes"]
    for name in ("email", "customer", "shippingLine", "displayFinancialStatus"):
        assert order[name] is None
    assert order["lineItems"]["nodes"][0]["customAttributes"] == [{"key": "Fotka 1", "value": None}]


async def test_photos_are_named_in_both_ways_and_added_after_those_there(serve: Serve) -> None:
    shop = Shop()
    old = shop.place([book(["u1", "u2"], counted=True)], at=datetime.now(UTC) - timedelta(days=1))
    shop.add_photos(old, ["u3"])
    keys = [key for key, _ in old.books[0].attributes]
    assert keys == ["Fotka (2)-1", "Fotka (2)-2", "Fotka 3"]
    assert old.updated_at > old.created_at
    shop.pay(old, "REFUNDED")
    client = await serve(create_shop(settings(shop=shop)))
    [order] = (await ask(client, PAGE, first=1))["data"]["orders"]["nodes"]
    assert order["displayFinancialStatus"] == "REFUNDED"


async def test_pages_hold_every_order_once_while_new_ones_come(serve: Serve) -> None:
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop)))
    for _ in range(25):
        shop.place([])  # all in the same second
    names, after = [], None
    while True:
        page = (await ask(client, PAGE, first=10, after=after))["data"]["orders"]
        names += [order["name"] for order in page["nodes"]]
        shop.place([])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == [f"#{number}" for number in range(1025, 1000, -1)]


async def test_line_items_come_in_pages_too(serve: Serve) -> None:
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop)))
    order = shop.place([book([]) for _ in range(60)])
    found: list[str] = []
    more, after = True, None
    while more:
        lines = (await ask(client, ONE, id=order.gid, after=after))["data"]["order"]["lineItems"]
        found += [node["id"].rpartition("/")[2] for node in lines["nodes"]]
        more, after = lines["pageInfo"]["hasNextPage"], lines["pageInfo"]["endCursor"]
    assert found == [str(one.id) for one in order.books]


async def test_orders_are_found_by_date_and_older_than_sixty_days_not_at_all(serve: Serve) -> None:
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop)))
    now = datetime.now(UTC)
    ages = [timedelta(days=61), timedelta(days=10), timedelta(days=2)]
    old, middle, new = (shop.place([], at=now - age) for age in ages)

    async def found(query: str | None) -> list[str]:
        page = await ask(client, PAGE, first=10, query=query)
        return [order["name"] for order in page["data"]["orders"]["nodes"]]

    assert await found(None) == [new.name, middle.name]
    week = f"{now - timedelta(days=7):%Y-%m-%d}"
    assert await found(f"created_at:>={week}") == [new.name]
    assert await found(f"updated_at:<'{week}T00:00:00Z'") == [middle.name]
    shop.pay(middle)
    assert await found(f"updated_at:>{week}") == [new.name, middle.name]
    assert await found(f"name:{new.name} AND financial_status:paid") == [new.name]
    assert (await ask(client, ONE, id=old.gid))["data"] == {"order": None}
    assert "errors" in await ask(client, PAGE, first=1, query="colour:red")


WRONG_QUERIES = (
    ("{ orders(first: 1) { nodes { nme } } }", "query field 'nme'", None),
    ("{ orders(size: 1) { nodes { id } } }", "argument 'size'", None),
    ("{ orders(first: 1) { nodes } }", "must have a selection", None),
    ("{ orders(first: 1, sortKey: TITLE) { nodes { id } } }", "'TITLE' does not exist", None),
    ("{ orders(first: 251) { nodes { id } } }", "cannot exceed 250", "BAD_REQUEST"),
    ("{ orders { nodes { id } } }", "must provide first", "BAD_REQUEST"),
    ('{ orders(first: 1, after: "x") { nodes { id } } }', "cursor", "BAD_REQUEST"),
    ("{ order(id: 7) { id } }", "Invalid global id", "argumentLiteralsIncompatible"),
    (NAMES, "'$first'", "INVALID_VARIABLE"),
    ("{ orders(first: 1) { ...Gone } }", "Unknown fragment 'Gone'", None),
    ("mutation { orderClose { id } }", "mutation operation is not supported", None),
    ("{ orders(first: 1) { nodes { id }", "found <EOF>", None),
    ("", "Unexpected <EOF>", None),
    ("{ orders(first: 1) { } }", "at least one field", None),
    ("query A { shop { name } } query B { shop { name } }", "operation name", None),
    ("fragment F on Order { ...F } { order(id: 1) { ...F } }", "within itself", None),
)


async def test_a_wrong_query_is_an_error_with_status_200(serve: Serve) -> None:
    client = await serve(create_shop(settings()))
    for query, words, code in WRONG_QUERIES:
        answer = await ask(client, query)
        assert "data" not in answer, query
        [error] = answer["errors"]
        assert words in error["message"]
        assert error.get("extensions", {}).get("code") == code, query


async def test_a_query_may_not_cost_more_than_a_thousand(serve: Serve) -> None:
    client = await serve(create_shop(settings()))
    [error] = (await ask(client, PAGE, first=100, lines=10))["errors"]
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert error["extensions"]["cost"] > error["extensions"]["maxCost"] == 1000


async def test_the_token_is_asked_for(serve: Serve) -> None:
    script = Script()
    client = await serve(create_shop(settings(script=script)))
    for headers in ({}, {"X-Shopify-Access-Token": "shpat_other"}):
        answer = await client.post(PATH, json={"query": NAMES}, headers=headers)
        assert answer.status_code == 401
        assert "Invalid API key or access token" in answer.json()["errors"]
    assert script.counts.requests == 0


async def test_the_version_that_answers_is_told(serve: Serve) -> None:
    same = await serve(create_shop(settings()))
    assert (await send(same, "{ shop { name } }")).headers["X-Shopify-API-Version"] == "2026-10"
    later = await serve(create_shop(settings(version="2027-01")))
    assert (await send(later, "{ shop { name } }")).headers["X-Shopify-API-Version"] == "2027-01"


async def test_points_are_paid_and_come_back(serve: Serve) -> None:
    points = Points(100, restored=200)
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop, points=points)))
    shop.place([])
    first = (await ask(client, NAMES, first=90))["extensions"]["cost"]
    assert (first["requestedQueryCost"], first["actualQueryCost"]) == (92, 3)
    assert first["throttleStatus"]["maximumAvailable"] == 100
    assert first["throttleStatus"]["restoreRate"] == 200
    points.empty()
    answer = await send(client, NAMES, {"first": 90})
    assert answer.status_code == 200
    throttled = answer.json()
    assert "data" not in throttled
    assert throttled["errors"][0]["message"] == "Throttled"
    assert throttled["errors"][0]["extensions"]["code"] == "THROTTLED"
    cost = throttled["extensions"]["cost"]
    assert cost["actualQueryCost"] is None
    assert cost["throttleStatus"]["currentlyAvailable"] < cost["requestedQueryCost"] == 92
    while "errors" in (paid := await ask(client, NAMES, first=90)):
        pass
    assert paid["extensions"]["cost"]["actualQueryCost"] == 3


async def test_what_goes_wrong_can_be_planned(serve: Serve) -> None:
    script = Script()
    client = await serve(create_shop(settings(script=script)))
    script.next(
        Turn(outcome=Outcome.RATE_LIMITED),
        Turn(outcome=Outcome.RATE_LIMITED, status=429, retry_after=2),
        Turn(outcome=Outcome.UNAVAILABLE, retry_after=7),
        Outcome.UNPAID,
        Outcome.GONE,
        Outcome.FAILED,
        Outcome.GARBAGE,
        Outcome.BAD_RESULT,
    )
    answers = [await send(client, NAMES, {"first": 1}) for _ in range(9)]
    assert [a.status_code for a in answers] == [200, 429, 503, 402, 404, 200, 200, 200, 200]
    for throttled in answers[:2]:
        assert throttled.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert answers[1].headers["Retry-After"] == "2"
    assert answers[2].headers["Retry-After"] == "7"
    assert answers[5].json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert answers[6].text.startswith("<html>")
    assert answers[7].json()["data"] == {"orders": None}
    assert answers[8].json()["data"] == {"orders": {"nodes": []}}
    script.next(Outcome.CUT_BEFORE, Outcome.CUT_AFTER)
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            await send(client, NAMES, {"first": 1})
    assert script.counts.requests == 11


async def test_a_body_that_is_no_query_is_refused(serve: Serve) -> None:
    client = await serve(create_shop(settings()))
    headers = {"X-Shopify-Access-Token": TOKEN}
    for body, status in ((b"{", 400), (b"[]", 400), (b" " * 1_000_001, 413)):
        answer = await client.post(PATH, content=body, headers=headers)
        assert answer.status_code == status


async def test_orders_can_be_placed_and_changed_over_http(serve: Serve) -> None:
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop)))
    placed = await client.post("/orders", json={"photos": ["http://cdn/1"], "last_name": "Malá"})
    assert placed.status_code == 201
    number = placed.json()["id"]
    assert placed.json() == {"id": number, "name": "#1001", "webhooks": []}
    await client.patch(f"/orders/{number}", json={"payment": "VOIDED", "photos": ["http://cdn/2"]})
    order = shop.orders[number]
    assert (order.payment, order.last_name) == ("VOIDED", "Malá")
    assert [key for key, _ in order.books[0].attributes] == ["Fotka 1", "Fotka 2"]
    assert (await client.patch("/orders/1", json={})).status_code == 404
    assert (await client.post("/orders", json={"photo": []})).status_code == 400
    assert len(shop.orders) == 1


def test_the_same_orders_get_the_same_ids_in_every_shop() -> None:
    one, other = Shop(), Shop()
    first, second = [(s.place([book([])]), s.place([book([])])) for s in (one, other)]
    assert [(o.id, o.books[0].id) for o in first] == [(o.id, o.books[0].id) for o in second]
    assert [o.name for o in first] == ["#1001", "#1002"]


async def test_some_orders_are_asked_for_by_their_ids(serve: Serve) -> None:
    shop = Shop()
    client = await serve(create_shop(settings(shop=shop)))
    orders = [shop.place([book(["u"])]) for _ in range(3)]
    query = """query ($ids: [ID!]!) {
        nodes(ids: $ids) { id ... on Order { name lineItems(first: 10) { nodes { title } } } }
    }"""
    gids = [orders[2].gid, "gid://shopify/Order/1", orders[0].gid]
    answer = await ask(client, query, ids=gids)
    found = [node and (node["id"], node["name"]) for node in answer["data"]["nodes"]]
    assert found == [(gids[0], "#1003"), None, (gids[2], "#1001")]
    cost = answer["extensions"]["cost"]
    # Each may be an order, a connection, and ten line items.
    assert cost["requestedQueryCost"] == 3 * (1 + 2 + 10)
    assert cost["actualQueryCost"] == 2 * (1 + 2 + 1)
    refused = await ask(client, query, ids=[orders[0].gid] * 251)
    assert refused["errors"][0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"
