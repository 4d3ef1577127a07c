"""The corner of Shopify's Admin schema that orders are read by: fields, pages, search and cost.

Answers hold the fields that were asked for, and a field or an argument that the schema does not
have is refused as Shopify refuses it. Costs follow Shopify's documented rule: an object is 1 point,
a connection 2 and its page size times what each of its nodes costs, a scalar nothing.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar, cast

from fototui.sandbox.shopify.graphql import Field, QueryError
from fototui.sandbox.shopify.shop import Book, PlacedOrder, Shop

MAX_PAGE = 250

T = TypeVar("T")
Node: TypeAlias = Mapping[str, object]
"""An object's fields; one that takes arguments is a function of them."""

_ROOT = "QueryRoot"
_PAGE = frozenset({"first", "after", "reverse"})


def _connection(node: str) -> dict[str, dict[str, str | None]]:
    return {
        f"{node}Connection": {"nodes": node, "edges": f"{node}Edge", "pageInfo": "PageInfo"},
        f"{node}Edge": {"cursor": None, "node": node},
    }


# Fields by type, with the type that each leads to; None for a scalar.
_TYPES: Mapping[str, Mapping[str, str | None]] = MappingProxyType(
    {
        _ROOT: {"orders": "OrderConnection", "order": "Order", "shop": "Shop"},
        "Shop": {"name": None, "myshopifyDomain": None},
        "Order": {
            "id": None,
            "name": None,
            "legacyResourceId": None,
            "createdAt": None,
            "updatedAt": None,
            "email": None,
            "displayFinancialStatus": None,
            "customer": "Customer",
            "shippingLine": "ShippingLine",
            "lineItems": "LineItemConnection",
        },
        "Customer": {"firstName": None, "lastName": None, "email": None},
        "ShippingLine": {"title": None},
        "LineItem": {
            "id": None,
            "title": None,
            "name": None,
            "variantTitle": None,
            "quantity": None,
            "customAttributes": "Attribute",
        },
        "Attribute": {"key": None, "value": None},
        "PageInfo": dict.fromkeys(("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")),
        **_connection("Order"),
        **_connection("LineItem"),
    }
)
_ARGUMENTS: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType(
    {
        (_ROOT, "orders"): _PAGE | {"sortKey", "query"},
        (_ROOT, "order"): frozenset({"id"}),
        ("Order", "lineItems"): _PAGE,
    }
)
# Points of one object; of a connection's parts only its nodes are paid for.
_COST = MappingProxyType(
    dict.fromkeys(_TYPES, 1)
    | {"OrderConnection": 2, "LineItemConnection": 2}
    | {"PageInfo": 0, "OrderEdge": 0, "LineItemEdge": 0}
)

_TERM = re.compile(
    r"(?P<field>\w+):(?P<sign>[<>]=?)?(?P<value>'[^']*'|\"[^\"]*\"|[^\s]+)", re.ASCII
)


def requested_cost(selection: Sequence[Field], kind: str = _ROOT) -> int:
    """Check a query against the schema, and tell what it may cost at most.

    Args:
        selection: What is asked.
        kind: Of which type.

    Returns:
        Points.

    Raises:
        QueryError: The schema has no such field or argument.
    """
    total = 0
    for field in selection:
        if field.name == "__typename":
            continue
        if field.name not in _TYPES[kind]:
            raise QueryError(
                f"Field '{field.name}' doesn't exist on type '{kind}'", "undefinedField"
            )
        for name in field.arguments.keys() - _ARGUMENTS.get((kind, field.name), frozenset()):
            raise QueryError(
                f"Field '{field.name}' doesn't accept argument '{name}'", "argumentNotAccepted"
            )
        leads_to = _TYPES[kind][field.name]
        if (leads_to is None) is bool(field.selection):
            raise QueryError(
                f"Field '{field.name}' of type '{kind}' "
                f"{'can have no' if leads_to is None else 'must have'} selections",
                "selectionMismatch",
            )
        if leads_to is None:
            continue
        inner = requested_cost(field.selection, leads_to)
        is_connection = leads_to.endswith("Connection")
        total += _COST[leads_to] + inner * (_page_size(field.arguments) if is_connection else 1)
    return total


def answer(shop: Shop, selection: Sequence[Field]) -> tuple[dict[str, object], int]:
    """Answer a query that `requested_cost` has checked.

    Args:
        shop: Whose orders.
        selection: What is asked.

    Returns:
        The answer's `data`, and the points that it cost.

    Raises:
        QueryError: An argument's value is wrong.
    """
    root: Node = {
        "orders": lambda arguments: _orders(shop, arguments),
        "order": lambda arguments: _one_order(shop, arguments),
        "shop": {"name": "Fotomalovánky", "myshopifyDomain": shop.domain},
    }
    return _answer(_ROOT, root, selection)


def _answer(kind: str, node: Node, selection: Sequence[Field]) -> tuple[dict[str, object], int]:
    found: dict[str, object] = {}
    cost = 0
    for field in selection:
        if field.name == "__typename":
            found[field.key] = kind
            continue
        value = node[field.name]
        if callable(value):
            value = value(field.arguments)
        leads_to = _TYPES[kind][field.name]
        if leads_to is None or value is None:
            found[field.key] = value
            continue
        if isinstance(value, list):
            parts = [_answer(leads_to, one, field.selection) for one in value]
            found[field.key] = [part for part, _ in parts]
            # A plain list costs what it can be known to cost beforehand: one object.
            objects = len(parts) if field.name in ("nodes", "edges") else 1
            cost += sum(points for _, points in parts) + objects * _COST[leads_to]
        else:
            found[field.key], points = _answer(leads_to, cast(Node, value), field.selection)
            cost += points + _COST[leads_to]
    return found, cost


def _page_size(arguments: Mapping[str, object]) -> int:
    size = arguments.get("first")
    if not isinstance(size, int) or isinstance(size, bool):
        raise QueryError("you must provide first", "BAD_REQUEST")
    if not 0 <= size <= MAX_PAGE:
        raise QueryError(f"first cannot exceed {MAX_PAGE}", "BAD_REQUEST")
    return size


def _orders(shop: Shop, arguments: Mapping[str, object]) -> Node:
    def sort_value(order: PlacedOrder) -> str:
        match arguments.get("sortKey", "ID"):
            case "CREATED_AT":
                return _time(order.created_at)
            case "UPDATED_AT":
                return _time(order.updated_at)
            case "ID":
                return ""
            case other:
                raise QueryError(
                    f"the stand-in does not sort by {other}", "argumentLiteralsIncompatible"
                )

    fits = _search(str(arguments.get("query") or ""))
    orders = [order for order in shop.visible() if fits(order)]
    return _page(orders, arguments, key=lambda order: (sort_value(order), order.id), node=_order)


def _one_order(shop: Shop, arguments: Mapping[str, object]) -> Node | None:
    match = re.fullmatch(r"gid://shopify/Order/(\d+)", str(arguments.get("id")))
    if match is None:
        raise QueryError(
            f"Invalid global id '{arguments.get('id')}'", "argumentLiteralsIncompatible"
        )
    order = shop.orders.get(int(match[1]))
    return None if order is None or order not in shop.visible() else _order(order)


def _order(order: PlacedOrder) -> Node:
    has_customer = order.first_name is not None or order.last_name is not None
    return {
        "id": order.gid,
        "name": order.name,
        "legacyResourceId": str(order.id),
        "createdAt": _time(order.created_at),
        "updatedAt": _time(order.updated_at),
        "email": order.email,
        "displayFinancialStatus": order.payment,
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
    size = _page_size(arguments)
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
