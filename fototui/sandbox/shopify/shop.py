"""A Shopify shop's orders in memory, as customers place and change them.

Everything happens on one thread: a change is seen by the next request. Fields and their limits are
those of Shopify's `Order` and `LineItem`; what fototui does not read is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

FIRST_NUMBER = 1001
REACH = timedelta(days=60)
"""How far back an app sees orders that has `read_orders` and not `read_all_orders`."""

# Thirteen digits as Shopify's own, so that nothing narrower than a bigint holds them.
_FIRST_ORDER_ID = 5_812_300_000_001
_FIRST_BOOK_ID = 14_702_600_000_001


@dataclass(slots=True, kw_only=True)
class Book:
    """A line item: one colouring book.

    Args:
        title: The product's title.
        variant: The variant's title.
        quantity: How many were ordered.
        removed: How many of these were taken out since.
        attributes: Custom attributes in the customer's order; a key may repeat.
        id: Given by the shop.
    """

    title: str = "Omalovánka z vašich fotek"
    variant: str | None = "A4"
    quantity: int = 1
    removed: int = 0
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    id: int = 0

    @property
    def left(self) -> int:
        """How many are still wanted (`currentQuantity`)."""
        return self.quantity - self.removed


@dataclass(slots=True, kw_only=True)
class PlacedOrder:
    """An order as the shop knows it.

    Args:
        id: Shopify's number of it.
        number: What the customer is told.
        created_at: When it was placed, to the second.
        updated_at: When it was last changed.
        first_name: The customer's; without any name there is no customer.
        last_name: The customer's.
        email: The customer's address.
        payment: `displayFinancialStatus`, such as "PAID".
        shipping: Title of the shipping line.
        books: Its line items.
        cancelled_at: When it was cancelled.
    """

    id: int
    number: int
    created_at: datetime
    updated_at: datetime
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    payment: str | None = None
    shipping: str | None = None
    books: list[Book] = field(default_factory=list)
    cancelled_at: datetime | None = None

    @property
    def name(self) -> str:
        """The number as Shopify writes it, such as "#1001"."""
        return f"#{self.number}"

    @property
    def gid(self) -> str:
        """Its id in GraphQL."""
        return f"gid://shopify/Order/{self.id}"


def book(
    photos: Sequence[str],
    *,
    dedication: str | None = None,
    layout: str | None = None,
    counted: bool = False,
    title: str = "Omalovánka z vašich fotek",
    quantity: int = 1,
) -> Book:
    """Make a line item as the customers' upload app fills it in.

    Args:
        photos: Addresses of its photos, in the order of its pages.
        dedication: "Věnování"; left out where there is none.
        layout: "Rozvržení"; left out where there is none.
        counted: Whether photos are named "Fotka (4)-1", as the app's newer form does, and not
            "Fotka 1".
        title: The product's title.
        quantity: How many are printed.
    """
    stem = f"Fotka ({len(photos)})-" if counted else "Fotka "
    attributes: list[tuple[str, str | None]] = [
        (f"{stem}{place}", url) for place, url in enumerate(photos, start=1)
    ]
    attributes += [
        (key, value) for key, value in (("Věnování", dedication), ("Rozvržení", layout)) if value
    ]
    return Book(title=title, quantity=quantity, attributes=attributes)


class Shop:
    """The orders.

    Args:
        domain: The shop's own domain, as webhooks name it.
    """

    def __init__(self, domain: str = "fotomalovanky-sandbox.myshopify.com") -> None:
        self.domain = domain
        self.orders: dict[int, PlacedOrder] = {}
        self._numbers = count()
        self._book_ids = count(_FIRST_BOOK_ID)

    def place(
        self,
        books: Iterable[Book],
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        email: str | None = None,
        payment: str | None = "PAID",
        shipping: str | None = "Zásilkovna",
        at: datetime | None = None,
    ) -> PlacedOrder:
        """Place an order.

        Ids and numbers depend on how many orders there were before, and on nothing else.

        Args:
            books: What is ordered; each gets its id.
            first_name: The customer's.
            last_name: The customer's.
            email: The customer's address.
            payment: `displayFinancialStatus`.
            shipping: Title of the shipping line; None for an order without one.
            at: When, if not now.

        Returns:
            The order.
        """
        place = next(self._numbers)
        when = (at or datetime.now(UTC)).replace(microsecond=0)
        order = PlacedOrder(
            id=_FIRST_ORDER_ID + place,
            number=FIRST_NUMBER + place,
            created_at=when,
            updated_at=when,
            first_name=first_name,
            last_name=last_name,
            email=email,
            payment=payment,
            shipping=shipping,
            books=[self._numbered(one) for one in books],
        )
        self.orders[order.id] = order
        return order

    def pay(self, order: PlacedOrder, payment: str = "PAID") -> None:
        """Change how an order stands with its payment.

        Args:
            order: The order.
            payment: `displayFinancialStatus`.
        """
        order.payment = payment
        _touch(order)

    def cancel(self, order: PlacedOrder) -> None:
        """Cancel an order.

        Args:
            order: The order.
        """
        _touch(order)
        order.cancelled_at = order.updated_at

    def take_out(self, order: PlacedOrder, *, place: int = 0, copies: int = 1) -> None:
        """Take copies of a book out of an order, as an edit or a refund does.

        Args:
            order: The order.
            place: Which of its books, from 0.
            copies: How many.
        """
        order.books[place].removed += copies
        _touch(order)

    def add_photos(self, order: PlacedOrder, photos: Sequence[str], *, place: int = 0) -> None:
        """Let the customer upload more photos to a book, after those that it has.

        Args:
            order: The order.
            photos: Their addresses.
            place: Which of its books, from 0.
        """
        attributes = order.books[place].attributes
        known = sum(key.startswith("Fotka") for key, _ in attributes)
        attributes += [(f"Fotka {n}", url) for n, url in enumerate(photos, start=known + 1)]
        _touch(order)

    def visible(self) -> list[PlacedOrder]:
        """Orders that an app with `read_orders` sees, in the order they were placed."""
        oldest = datetime.now(UTC) - REACH
        return [order for order in self.orders.values() if order.created_at >= oldest]

    def _numbered(self, one: Book) -> Book:
        one.id = next(self._book_ids)
        return one


def _touch(order: PlacedOrder) -> None:
    order.updated_at = max(order.updated_at, datetime.now(UTC).replace(microsecond=0))
