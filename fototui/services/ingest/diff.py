"""What the shop tells of an order that is not known here yet.

Comparing writes nothing, so it also tells which orders need not be touched at all. What wins,
field by field:

- What the shop leaves out (null) never erases what is known: customer fields are null where the
  app is not approved to see them, and an answer may come of an older version of the API.
- E-mail, name, payment, shipping, title, quantity, dedication and layout follow the shop.
- The number stays as it was first told, and so does the time of the order: people name the order
  by the one and find it by the other.
- Books keep their place. A new one takes the shop's place if that is free, else the next one.
- A photo that is in storage stays, whatever the shop says of it. One that is not takes the shop's
  address.
- What the shop no longer tells of stays; a book that was taken out of the order has quantity 0.
- A photo whose address cannot be used is there, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.errors import PermanentError
from fototui.domain.sentences import Sentence
from fototui.domain.shop import ShopItem, ShopOrder, ShopOrderHead, ShopPhoto
from fototui.domain.statuses import OrderStatus

_PAYMENTS = {
    "PENDING": Sentence.make("waits for the payment"),
    "AUTHORIZED": Sentence.make("authorised"),
    "PARTIALLY_PAID": Sentence.make("partly paid"),
    "PAID": Sentence.make("paid"),
    "PARTIALLY_REFUNDED": Sentence.make("partly refunded"),
    "REFUNDED": Sentence.make("refunded"),
    "VOIDED": Sentence.make("voided"),
    "EXPIRED": Sentence.make("expired"),
}


@dataclass(frozen=True, slots=True)
class KnownBook:
    """A colouring book that is known already.

    Args:
        item: Its row.
        photos: Its photos' rows, by position.
    """

    item: LineItem
    photos: dict[int, Image] = field(default_factory=dict)


@dataclass(slots=True)
class OrderDiff:
    """What is to be written for an order.

    Args:
        is_first: Nothing but its being there was known so far.
        order: Columns of the order.
        items: Known books with their columns.
        new_items: New books, with their places.
        new_photos: New photos of known books.
        addresses: Missing photos with their new addresses.
        missing_photos: Photos that will have to be fetched once this is written.
        lacks_photos: The order should have photos, and there is none, fetched or to be fetched.
    """

    is_first: bool
    order: dict[str, object] = field(default_factory=dict)
    items: list[tuple[LineItem, dict[str, object]]] = field(default_factory=list)
    new_items: list[tuple[int, ShopItem]] = field(default_factory=list)
    new_photos: list[tuple[LineItem, ShopPhoto]] = field(default_factory=list)
    addresses: list[tuple[Image, str]] = field(default_factory=list)
    missing_photos: int = 0
    lacks_photos: bool = False

    @property
    def photos(self) -> int:
        """Photos to be fetched that come of it: new ones, and missing ones elsewhere now."""
        new = chain(
            (photo for _, item in self.new_items for photo in item.photos),
            (photo for _, photo in self.new_photos),
        )
        return sum(photo.url is not None for photo in new) + len(self.addresses)

    @property
    def is_any(self) -> bool:
        """Whether there is anything to write down."""
        return bool(
            self.is_first
            or self.order
            or self.items
            or self.new_items
            or self.new_photos
            or self.addresses
        )

    def rows(self, order: Order) -> list[LineItem | Image]:
        """Write it into the rows that are there.

        Args:
            order: The order.

        Returns:
            The rows to be added.
        """
        for row, columns in chain(((order, self.order),), self.items):
            for name, value in columns.items():
                setattr(row, name, value)
        for image, url in self.addresses:
            image.original_url = url
            image.error = image.error_code = image.error_words = None
        books = [_new_item(order, position, item) for position, item in self.new_items]
        photos = [
            Image(line_item_id=item.id, **photo_columns(photo)) for item, photo in self.new_photos
        ]
        return [*books, *photos]

    def words(self) -> Sentence | None:
        """It in words, for the activity log; None where there are none."""
        if self.is_first:
            return Sentence.make("{count} photo", "{count} photos", count=self.photos)
        parts = tuple(self._parts())  # an unusable photo alone has none
        return Sentence.make("{news}", news=parts) if parts else None

    def _parts(self) -> Iterable[Sentence]:
        if "cancelled_at" in self.order:
            yield Sentence.make("Cancelled in the shop.")
        if payment := self.order.get("payment_status"):
            payment = str(payment)
            words = _PAYMENTS.get(payment) or Sentence.plain(payment)
            yield Sentence.make("Payment: {payment}.", payment=words)
        # Names and addresses stay out of the log, which is kept for longer.
        if self.order.keys() & {"customer_name", "customer_email", "shipping_method"}:
            yield Sentence.make("Customer or shipping.")
        if added := len(self.new_items):
            yield Sentence.make(
                "{count} new colouring book.", "{count} new colouring books.", count=added
            )
        if changed := len(self.items):
            yield Sentence.make(
                "{count} changed colouring book.",
                "{count} changed colouring books.",
                count=changed,
            )
        if photos := self.photos - len(self.addresses):
            yield Sentence.make("{count} new photo.", "{count} new photos.", count=photos)
        if elsewhere := len(self.addresses):
            yield Sentence.make(
                "{count} missing photo is elsewhere now.",
                "{count} missing photos are elsewhere now.",
                count=elsewhere,
            )


def compare(
    order: Order, books: Sequence[KnownBook], told: ShopOrder, *, is_new: bool = False
) -> OrderDiff:
    """Find what an order's rows do not have yet.

    Args:
        order: The order's row.
        books: All that is known in it.
        told: The order as the shop tells of it.
        is_new: The row was made for it just now.

    Returns:
        What to write; nothing is written yet.
    """
    # A webhook makes the row, and its details come later; a reviewed order may have no books.
    is_bare = not books and order.status is not OrderStatus.READY_FOR_REVIEW
    diff = OrderDiff(is_first=is_new or is_bare)
    if diff.is_first:
        first = {
            "shopify_order_number": told.number.removeprefix("#"),
            "created_at": told.created_at,
        }
        diff.order |= _changed(order, first)
    diff.order |= head_changes(order, told)
    _compare_books(diff, books, told.items)
    readdressed = {image.id for image, _ in diff.addresses}
    wanted = _wanted(books, told)
    known_photos = chain.from_iterable(book.photos.values() for book in wanted)
    still_missing = (is_missing(each) and each.id not in readdressed for each in known_photos)
    known_any = any(
        image.file_ref or image.original_url for book in wanted for image in book.photos.values()
    )
    diff.lacks_photos = told.lacks_photos and not known_any
    diff.missing_photos = diff.photos + sum(still_missing)
    return diff


def head_changes(order: object, told: ShopOrderHead) -> dict[str, object]:
    """The columns of a known order that the shop has otherwise.

    Args:
        order: Its row, or one with the same columns.
        told: The order as the shop tells of it.
    """
    columns = {
        "cancelled_at": told.cancelled_at,
        "customer_email": told.email,
        "customer_name": told.customer,
        "payment_status": told.payment_status,
        "shipping_method": told.shipping_method,
    }
    return _changed(order, columns)


def first_diff(told: ShopOrder) -> OrderDiff:
    """What `compare` finds for an order whose row is made of what is told.

    Args:
        told: The order as the shop tells of it.
    """
    diff = OrderDiff(is_first=True)
    _compare_books(diff, (), told.items)
    diff.missing_photos, diff.lacks_photos = diff.photos, told.lacks_photos
    return diff


def _wanted(books: Sequence[KnownBook], told: ShopOrder) -> list[KnownBook]:
    """The books that are still in the order."""
    quantities = {item.shopify_id: item.quantity for item in told.items}

    def quantity(item: LineItem) -> int:
        number = item.shopify_line_item_id
        return item.quantity if number is None else quantities.get(number, item.quantity)

    return [book for book in books if quantity(book.item)]


def is_missing(image: Image) -> bool:
    """Whether a photo is still to be fetched: it has an address and no file."""
    return image.file_ref is None and bool(image.original_url)


def _compare_books(diff: OrderDiff, books: Sequence[KnownBook], told: Sequence[ShopItem]) -> None:
    by_number = {book.item.shopify_line_item_id: book for book in books}
    # An order of the shop's earlier program may have books without Shopify's number; their place
    # tells which they are. Taken for others, they would be there twice.
    unnumbered = {
        book.item.position: book for book in books if book.item.shopify_line_item_id is None
    }
    taken = {book.item.position for book in books}
    for place, item in enumerate(told, start=1):
        book = by_number.get(item.shopify_id) or unnumbered.pop(place, None)
        if book is None and not item.quantity:
            continue  # taken out of the order before anybody here knew of it
        if book is None:
            position = place if place not in taken else max(taken) + 1
            taken.add(position)
            diff.new_items.append((position, item))
            continue
        columns = {
            "shopify_line_item_id": item.shopify_id,
            "title": item.title,
            "quantity": item.quantity,
            "dedication": item.dedication,
            "layout": item.layout,
        }
        if changes := _changed(book.item, columns):
            diff.items.append((book.item, changes))
        for photo in item.photos:
            image = book.photos.get(photo.position)
            if image is None:
                diff.new_photos.append((book.item, photo))
            elif photo.url and image.file_ref is None and image.original_url != photo.url:
                diff.addresses.append((image, photo.url))


def _changed(row: object, told: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value
        for name, value in told.items()
        if value is not None and value != getattr(row, name)
    }


def item_columns(position: int, item: ShopItem) -> dict[str, object]:
    """The columns of a new book.

    Args:
        position: Its place in the order.
        item: The book.
    """
    return {
        "position": position,
        "shopify_line_item_id": item.shopify_id,
        "title": item.title,
        "quantity": item.quantity,
        "dedication": item.dedication,
        "layout": item.layout,
    }


def photo_columns(photo: ShopPhoto) -> dict[str, object]:
    """The columns of a new photo.

    Args:
        photo: The photo.
    """
    problem = photo.problem
    return {
        "position": photo.position,
        "original_url": photo.url,
        "error_code": None if problem is None else PermanentError.code,
        "error": None if problem is None else str(problem),
        "error_words": problem,
    }


def _new_item(order: Order, position: int, item: ShopItem) -> LineItem:
    images = [Image(**photo_columns(photo)) for photo in item.photos]
    return LineItem(order_id=order.id, **item_columns(position, item), images=images)
