"""The corner of Shopify's Admin schema that orders are read by: fields, pages and search."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from graphql import build_schema

from fototui.sandbox.shopify.shop import Book, PlacedOrder, Shop

MAX_PAGE = 250

T = TypeVar("T")
Node: TypeAlias = Mapping[str, object]
"""An object's fields; one that takes arguments is a function of them."""

SCHEMA = build_schema(
    """
    scalar DateTime
    scalar UnsignedInt64

    enum OrderSortKeys { CREATED_AT ID UPDATED_AT }

    interface Node { id: ID! }

    type Query {
      node(id: ID!): Node
      nodes(ids: [ID!]!): [Node]!
      order(id: ID!): Order
      orders(first: Int, after: String, reverse: Boolean = false,
             sortKey: OrderSortKeys = ID, query: String): OrderConnection!
      shop: Shop!
    }
    type Shop { name: String! myshopifyDomain: String! }
    type Order implements Node {
      id: ID!
      name: String!
      legacyResourceId: UnsignedInt64!
      createdAt: DateTime!
      updatedAt: DateTime!
      cancelledAt: DateTime
      email: String
      displayFinancialStatus: String
      customer: Customer
      shippingLine: ShippingLine
      lineItems(first: Int, after: String, reverse: Boolean = false): LineItemConnection!
    }
    type Customer { firstName: String lastName: String email: String }
    type ShippingLine { title: String! }
    type LineItem {
      id: ID!
      title: String!
      name: String!
      variantTitle: String
      quantity: Int!
      currentQuantity: Int!
      customAttributes: [Attribute!]!
    }
    type Attribute { key: String! value: String }
    type OrderConnection { nodes: [Order!]! edges: [OrderEdge!]! pageInfo: PageInfo! }
    type OrderEdge { cursor: String! node: Order! }
    type LineItemConnection { nodes: [LineItem!]! edges: [LineItemEdge!]! pageInfo: PageInfo! }
    type LineItemEdge { cursor: String! node: LineItem! }
    type PageInfo {
      hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String
    }
    """
)

_TERM = re.compile(
    r"(?P<field>\w+):(?P<sign>[<>]=?)?(?P<value>'[^']*'|\"[^\"]*\"|[^\s]+)", re.ASCII
)


class QueryError(Exception):
    """A query that the shop refuses.

    Args:
        message: What is wrong.
        code: `extensions.code`; None where there is none.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


def root(shop: Shop) -> Node:
    """What queries begin at.

    Args:
        shop: Whose orders.
    """
    return {
        "orders": lambda arguments: _orders(shop, arguments),
        "order": lambda arguments: _one_order(shop, arguments["id"]),
        "node": lambda arguments: _one_order(shop, arguments["id"]),
        "nodes": lambda arguments: [_one_order(shop, each) for each in ids(arguments)],
        "shop": {"name": "Fotomalovánky", "myshopifyDomain": shop.domain},
    }


def page_size(arguments: Mapping[str, object]) -> int:
    """How many nodes of a connection are asked for.

    Args:
        arguments: The connection's.

    Raises:
        QueryError: It is not told, or too many.
    """
    size = arguments.get("first")
    if not isinstance(size, int):
        raise QueryError("you must provide first", "BAD_REQUEST")
    if not 0 <= size <= MAX_PAGE:
        raise QueryError(f"first cannot exceed {MAX_PAGE}", "BAD_REQUEST")
    return size


def ids(arguments: Mapping[str, object]) -> list[object]:
    """The ids of the nodes that are asked for.

    Args:
        arguments: Those of `nodes`.

    Raises:
        QueryError: There are too many.
    """
    given = arguments["ids"]
    assert isinstance(given, list)  # the schema says so
    if len(given) > MAX_PAGE:
        raise QueryError(
            f"The input array size of {len(given)} is greater than the maximum allowed of "
            f"{MAX_PAGE}.",
            "MAX_INPUT_SIZE_EXCEEDED",
        )
    return given


def _orders(shop: Shop, arguments: Mapping[str, object]) -> Node:
    def sort_value(order: PlacedOrder) -> str:
        match arguments["sortKey"]:
            case "CREATED_AT":
                return _time(order.created_at)
            case "UPDATED_AT":
                return _time(order.updated_at)
            case _:
                return ""

    fits = _search(str(arguments.get("query") or ""))
    orders = [order for order in shop.visible() if fits(order)]
    return _page(orders, arguments, key=lambda order: (sort_value(order), order.id), node=_order)


def _one_order(shop: Shop, gid: object) -> Node | None:
    match = re.fullmatch(r"gid://shopify/Order/(\d+)", str(gid))
    if match is None:
        raise QueryError(f"Invalid global id '{gid}'", "argumentLiteralsIncompatible")
    order = shop.orders.get(int(match[1]))
    return None if order is None or order not in shop.visible() else _order(order)


def _order(order: PlacedOrder) -> Node:
    has_customer = order.first_name is not None or order.last_name is not None
    return {
        "__typename": "Order",
        "id": order.gid,
        "name": order.name,
        "legacyResourceId": str(order.id),
        "createdAt": _time(order.created_at),
        "updatedAt": _time(order.updated_at),
        "email": order.email,
        "displayFinancialStatus": order.payment,
        "cancelledAt": None if order.cancelled_at is None else _time(order.cancelled_at),
        "customer": {
            "firstName": order.first_name,
            "lastName": order.last_name,
            "email": order.email,
        }
        if has_customer
        else None,
        "shippingLine": None if order.shipping is None else {"title": order.shipping},
        "lineItems": lambda arguments: _page(
            order.books, arguments, key=lambda book: ("", book.id), node=_book
        ),
    }


def _book(book: Book) -> Node:
    return {
        "id": f"gid://shopify/LineItem/{book.id}",
        "title": book.title,
        "name": f"{book.title} - {book.variant}" if book.variant else book.title,
        "variantTitle": book.variant,
        "quantity": book.quantity,
        "currentQuantity": book.left,
        "customAttributes": [{"key": key, "value": value} for key, value in book.attributes],
    }


def _page(
    items: Sequence[T],
    arguments: Mapping[str, object],
    *,
    key: Callable[[T], tuple[str, int]],
    node: Callable[[T], Node],
) -> Node:
    """One page of a connection; a cursor names a place in the order, whatever was added since."""
    backwards = bool(arguments.get("reverse"))
    ranked = sorted(items, key=key, reverse=backwards)
    after = arguments.get("after")
    if after is not None:
        place = _place(str(after))
        ranked = [one for one in ranked if (key(one) < place if backwards else key(one) > place)]
    size = page_size(arguments)
    shown = ranked[:size]
    nodes = [node(one) for one in shown]
    cursors = [_cursor(key(one)) for one in shown]
    return {
        "nodes": nodes,
        "edges": [{"cursor": c, "node": n} for c, n in zip(cursors, nodes, strict=True)],
        "pageInfo": {
            "hasNextPage": len(ranked) > size,
            "hasPreviousPage": after is not None,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def _cursor(place: tuple[str, int]) -> str:
    value, last_id = place
    words = json.dumps({"last_id": last_id, "last_value": value}, separators=(",", ":"))
    return base64.b64encode(words.encode()).decode()


def _place(cursor: str) -> tuple[str, int]:
    try:
        words: dict[str, Any] = json.loads(base64.b64decode(cursor, validate=True))
        return str(words["last_value"]), int(words["last_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise QueryError("Invalid cursor for current pagination sort.", "BAD_REQUEST") from error


def _search(query: str) -> Callable[[PlacedOrder], bool]:
    """Read Shopify's search syntax, as far as orders are searched by it here."""
    terms = list(_TERM.finditer(query))
    if rest := _TERM.sub("", query).replace("AND", "").strip():
        raise QueryError(f"the stand-in does not understand the search {rest!r}", "BAD_REQUEST")
    checks = [_check(t["field"], t["sign"] or "", t["value"].strip("'\"")) for t in terms]
    return lambda order: all(check(order) for check in checks)


def _check(field: str, sign: str, value: str) -> Callable[[PlacedOrder], bool]:
    match field:
        case "created_at" | "updated_at":
            then = _moment(value)
            return lambda order: _compared(getattr(order, field), sign, then)
        case "name":
            return lambda order: order.name.lstrip("#") == value.lstrip("#")
        case "financial_status":
            return lambda order: (order.payment or "").lower() == value.lower()
        case "status":
            return lambda _: True  # the stand-in's orders are all open
        case _:
            raise QueryError(f"the stand-in does not search by {field}", "BAD_REQUEST")


def _moment(value: str) -> datetime:
    try:
        then = datetime.fromisoformat(value)
    except ValueError as error:
        raise QueryError(f"{value!r} is no date", "BAD_REQUEST") from error
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def _compared(one: datetime, sign: str, other: datetime) -> bool:
    match sign:
        case ">":
            return one > other
        case ">=":
            return one >= other
        case "<":
            return one < other
        case "<=":
            return one <= other
        case _:
            return one == other


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
