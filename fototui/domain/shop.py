"""An order as the shop tells of it, whichever way it came: asked for, or by webhook."""

from dataclasses import dataclass, field
from datetime import datetime

from fototui.domain.sentences import Sentence


@dataclass(frozen=True, slots=True)
class ShopPhoto:
    """A photo of a colouring book.

    Args:
        position: Its page, from 1.
        url: Where the customer's upload app keeps it: an http(s) address, not to be trusted; None
            where what stands in its place is none.
        problem: Why there is no address, then.
    """

    position: int
    url: str | None
    problem: Sentence | None = None


@dataclass(frozen=True, slots=True)
class ShopItem:
    """One colouring book of an order.

    Args:
        shopify_id: Shopify's number of the line item.
        title: What it is called, its variant included.
        quantity: How many are printed; 0 for one that was taken out of the order.
        dedication: "Věnování".
        layout: "Rozvržení".
        photos: Its photos, by position; no position twice.
        is_photo_book: Whether it has what only colouring books of photos have, photos or not.
    """

    shopify_id: int
    title: str
    quantity: int
    dedication: str | None
    layout: str | None
    photos: tuple[ShopPhoto, ...]
    is_photo_book: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ShopOrderHead:
    """An order without its colouring books; all texts are cleaned already.

    Args:
        shopify_id: Shopify's number of the order (`legacyResourceId`).
        number: Its name, such as "#1270".
        created_at: When the customer placed it; None where it is not told.
        email: The customer's address.
        customer: The customer's name.
        payment_status: Shopify's `displayFinancialStatus`, in upper case.
        shipping_method: The title of its shipping line.
        cancelled_at: When it was cancelled; None for one that was not.
        revision: What this state of the order is called: each other one is called otherwise, and
            so is the same one, read otherwise. None where that is not known for certain.
    """

    shopify_id: int
    number: str
    created_at: datetime | None
    email: str | None
    customer: str | None
    payment_status: str | None
    shipping_method: str | None
    cancelled_at: datetime | None = field(default=None, kw_only=True)
    revision: str | None = field(default=None, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class ShopOrder(ShopOrderHead):
    """An order.

    Args:
        items: Its colouring books, in Shopify's order.
    """

    items: tuple[ShopItem, ...]

    @property
    def lacks_photos(self) -> bool:
        """Whether it should have photos and has no address of any."""
        wanted = [item for item in self.items if item.quantity]
        return any(item.is_photo_book for item in wanted) and not any(
            photo.url for item in wanted for photo in item.photos
        )
