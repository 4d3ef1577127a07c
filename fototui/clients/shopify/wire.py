"""What Shopify sends of an order, by GraphQL or by webhook, and what it means to the shop.

The two ways name the same fields differently; one model reads both. What is missing, null or
senseless in a single value is None, and so is what an app put into another shape (a text for a
list). Only the pages of an answer are strict: what they lack would be lost in silence.
Fields are those of shopify.dev, "GraphQL Admin API: Order" and "Webhooks: orders/create".
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, TypedDict

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from fototui.clients.shopify.photo_addresses import read_photos
from fototui.domain.shop import ShopItem, ShopOrder, ShopOrderHead
from fototui.domain.text import clean, clean_line
from fototui.log import get_logger

log = get_logger(__name__)

# 123, "123" and "gid://shopify/Order/123" name the same thing.
_ID = re.compile(r"(?:gid://shopify/[A-Za-z]+/)?([0-9]{1,19})(?:\?.*)?")
_LARGEST_ID = 2**63 - 1

_DEDICATION = unicodedata.normalize("NFC", "věnování")
_LAYOUT = unicodedata.normalize("NFC", "rozvržení")

_LARGEST_QUANTITY = 100_000

# At its ends the calendar breaks: PostgreSQL's driver reads year 1 as "-infinity", and no time zone
# can be applied to the last day of 9999.
_YEARS = range(2000, 3000)

# Shopify's name for the variant of a product that has no variants.
_NO_VARIANT = "Default Title"
_NO_TITLE = "—"


def _text(value: object) -> str | None:
    """A text, cleaned; numbers, which an app may have written where a text belongs, as texts."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return clean(str(value)).strip() or None


def _id(value: object) -> int | None:
    """A number of Shopify's: within what the database can hold."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    match = _ID.fullmatch(str(value).strip()) if _is_short(value) else None
    number = int(match[1]) if match else 0
    return number if 0 < number <= _LARGEST_ID else None


def _quantity(value: object) -> int:
    """A count from 0 to what anybody could print; 1 where there is none."""
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,20}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return 1
    return min(max(value, 0), _LARGEST_QUANTITY)


def _current(value: object) -> int | None:
    return None if value is None else _quantity(value)


def _is_short(value: str | int) -> bool:
    """Whether a value may be turned into a text: Python refuses that for huge numbers."""
    return abs(value) <= _LARGEST_ID if isinstance(value, int) else len(value) < 200


def read_time(value: object) -> datetime | None:
    """Read a moment in ISO 8601, as Shopify writes them.

    Args:
        value: Anything; a moment without a zone is taken as UTC's.

    Returns:
        The moment in UTC; None where there is none that a shop can mean.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year in _YEARS else None


def read_json(body: bytes) -> object:
    """Read JSON; lone surrogates, which a cut emoji leaves, are let through to be cleaned away.

    Args:
        body: The text as it came.

    Raises:
        ValueError: It is none, or nested without end.
    """
    try:
        value: object = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _attributes(value: object) -> object:
    """Attributes in whatever shape: a list of objects or of pairs, or names with their values."""
    if isinstance(value, dict):
        value = [value] if "name" in value or "key" in value else list(value.items())
    if not isinstance(value, list):
        return None
    pairs = [
        {"name": each[0], "value": each[1]}
        if isinstance(each, list | tuple) and len(each) == 2
        else each
        for each in value
    ]
    return [each for each in pairs if isinstance(each, dict)]


def _value(value: object) -> str | None:
    """An attribute's value; what an app put into lists is shown as it came."""
    if isinstance(value, dict | list) and value:
        value = json.dumps(value, ensure_ascii=False)
    return _text(value)


def _object(value: object) -> object:
    """An object; the first one of a list, and None for anything else."""
    if isinstance(value, list):
        value = next((each for each in value if isinstance(each, dict)), None)
    return value if isinstance(value, dict) else None


def _objects(value: object) -> object:
    """A list of objects, of one, or of those that are the values of one."""
    if isinstance(value, dict):
        value = [value] if "id" in value or "title" in value else list(value.values())
    if not isinstance(value, list):
        return None
    return [each if isinstance(each, dict) else None for each in value]


Text = Annotated[str | None, BeforeValidator(_text)]
Id = Annotated[int | None, BeforeValidator(_id)]
Time = Annotated[datetime | None, BeforeValidator(read_time)]


class Wire(BaseModel):
    """Base of the models: unknown fields are ignored."""

    # Built when the shop has answered for the first time, which it need not.
    model_config = ConfigDict(frozen=True, populate_by_name=True, defer_build=True)


class Attribute(Wire):
    """What the customer or an app wrote beside a line item."""

    name: Text = Field(None, validation_alias=AliasChoices("name", "key"))
    value: Annotated[str | None, BeforeValidator(_value)] = None


class Line(Wire):
    """A line item."""

    id: Id = None
    title: Text = None
    variant_title: Text = Field(
        None, validation_alias=AliasChoices("variant_title", "variantTitle")
    )
    quantity: Annotated[int, BeforeValidator(_quantity)] = 1
    current_quantity: Annotated[int | None, BeforeValidator(_current)] = Field(
        None, validation_alias=AliasChoices("current_quantity", "currentQuantity")
    )
    """What is left of it: `quantity` never changes, however the order is edited and refunded."""
    properties: Annotated[list[Attribute] | None, BeforeValidator(_attributes)] = Field(
        None, validation_alias=AliasChoices("properties", "customAttributes")
    )

    def as_item(self, shopify_id: int) -> ShopItem:
        """The colouring book that this line is."""
        title = clean_line(self.title or "")
        variant = clean_line(self.variant_title or "")
        if variant and variant != _NO_VARIANT and not f" {title}".endswith(f" {variant}"):
            title = f"{title} - {variant}" if title else variant
        named = [
            (unicodedata.normalize("NFC", clean_line(each.name)).casefold(), each.value)
            for each in self.properties or ()
            if each.name
        ]
        attributes = [(name, value) for name, value in named if value]
        dedication = _first(attributes, _DEDICATION)
        layout = _first(attributes, _LAYOUT)
        return ShopItem(
            shopify_id=shopify_id,
            title=clean_line(title) or _NO_TITLE,
            quantity=self.quantity if self.current_quantity is None else self.current_quantity,
            dedication=dedication,
            layout=clean_line(layout) if layout else None,
            photos=read_photos(shopify_id, attributes),
            is_photo_book=any(
                name in (_DEDICATION, _LAYOUT) or name.startswith("fotka") for name, _ in named
            ),
        )


def _first(attributes: Iterable[tuple[str, str]], name: str) -> str | None:
    return next((value for key, value in attributes if key == name), None)


class Customer(Wire):
    """Who placed the order; null where the app is not approved to see it."""

    first_name: Text = Field(None, validation_alias=AliasChoices("first_name", "firstName"))
    last_name: Text = Field(None, validation_alias=AliasChoices("last_name", "lastName"))


class ShippingLine(Wire):
    """How the order is sent."""

    title: Text = None


class _Told(TypedDict):
    """What is told of an order beside its line items, in the shop's words."""

    shopify_id: int
    number: str
    created_at: datetime | None
    email: str | None
    customer: str | None
    payment_status: str | None
    shipping_method: str | None
    cancelled_at: datetime | None


class OrderFields(Wire):
    """What both ways tell of an order in the same shape."""

    id: Id = None
    name: Text = None
    created_at: Time = Field(None, validation_alias=AliasChoices("created_at", "createdAt"))
    email: Text = None
    financial_status: Text = Field(
        None, validation_alias=AliasChoices("financial_status", "displayFinancialStatus")
    )
    cancelled_at: Time = Field(None, validation_alias=AliasChoices("cancelled_at", "cancelledAt"))
    customer: Annotated[Customer | None, BeforeValidator(_object)] = None

    def as_order(
        self,
        shopify_id: int,
        shipping: ShippingLine | None,
        lines: Iterable[Line | None],
        revision: str | None = None,
    ) -> ShopOrder:
        """The order in the shop's words.

        Args:
            shopify_id: Shopify's number of it.
            shipping: Its shipping line.
            lines: All its line items; those without an id are left out, for they could not be
                told apart when they come again.
            revision: What this state of it is called; it keeps that if nothing is left out.
        """
        items: dict[int, ShopItem] = {}
        for line in lines:
            if line is None or line.id is None:
                log.warning("Shopify sent a line item without an id", order=shopify_id)
                revision = None
            elif line.id not in items:
                items[line.id] = line.as_item(line.id)
        told = self._told(shopify_id, shipping)
        return ShopOrder(**told, revision=revision, items=tuple(items.values()))

    def _told(self, shopify_id: int, shipping: ShippingLine | None) -> _Told:
        who = self.customer
        status = _line(self.financial_status)
        return _Told(
            shopify_id=shopify_id,
            number=_line(self.name) or f"#{shopify_id}",
            created_at=self.created_at,
            email=_line(self.email),
            customer=_line(f"{who.first_name or ''} {who.last_name or ''}") if who else None,
            payment_status=status.upper() if status else None,
            shipping_method=_line(shipping.title) if shipping else None,
            cancelled_at=self.cancelled_at,
        )


def _line(text: str | None) -> str | None:
    return clean_line(text, limit=200) or None if text else None


class WebhookOrder(OrderFields):
    """An order in a webhook's body (the REST API's words)."""

    shipping_lines: Annotated[list[ShippingLine | None] | None, BeforeValidator(_objects)] = None
    line_items: Annotated[list[Line | None] | None, BeforeValidator(_objects)] = None


class PageInfo(Wire):
    """Where a page of a connection ends."""

    has_next: bool | None = Field(None, validation_alias="hasNextPage")
    end: str | None = Field(None, validation_alias="endCursor")


class LinePage(Wire):
    """A page of line items."""

    nodes: list[Line | None] | None = None
    page: PageInfo | None = Field(None, validation_alias="pageInfo")


class GraphOrder(OrderFields):
    """An order in the answer to a query, with its first line items."""

    legacy_id: Id = Field(None, validation_alias="legacyResourceId")
    updated_at: Time = Field(None, validation_alias="updatedAt")
    shipping_line: Annotated[ShippingLine | None, BeforeValidator(_object)] = Field(
        None, validation_alias="shippingLine"
    )
    line_items: LinePage | None = Field(None, validation_alias="lineItems")

    @property
    def shopify_id(self) -> int | None:
        """Shopify's number of the order."""
        return self.legacy_id or self.id

    def as_head(self, shopify_id: int, revision: str | None) -> ShopOrderHead:
        """The order without its line items.

        Args:
            shopify_id: Shopify's number of it.
            revision: What this state of it is called.
        """
        return ShopOrderHead(**self._told(shopify_id, self.shipping_line), revision=revision)


class OrderPage(Wire):
    """A page of orders."""

    nodes: list[GraphOrder | None] | None = None
    page: PageInfo | None = Field(None, validation_alias="pageInfo")


class OrdersData(Wire):
    """The data of `order_heads.graphql`."""

    orders: OrderPage | None = None


class NodesData(Wire):
    """The data of `orders.graphql`."""

    nodes: list[GraphOrder | None] | None = None


class OrderData(Wire):
    """The data of `order.graphql` and `line_items.graphql`."""

    order: GraphOrder | None = None
