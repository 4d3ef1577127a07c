"""Sample orders, as customers would have placed them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice

from fototui.sandbox.samples import sample_photos
from fototui.sandbox.shopify.cdn import Manner, photo_url
from fototui.sandbox.shopify.shop import PlacedOrder, Shop, book

_CUSTOMERS = (
    ("Jana Nováková", "jana.novakova@example.com"),
    ("Petr Dvořák", "petr.dvorak@example.com"),
    ("Eva Malá", "eva.mala@example.com"),
    ("Tomáš Svoboda", "tomas.svoboda@example.com"),
    ("Lucie Černá", "lucie.cerna@example.com"),
    ("Ondřej Kučera", "ondrej.kucera@example.com"),
)
_DEDICATIONS = (
    "Pro Aničku k pátým narozeninám",
    "Babičce s láskou",
    "Na památku léta u moře",
    "Kubíkovi, ať se daří ve škole",
    None,
)
_LAYOUTS = ("Na výšku", "Na šířku")
_BETWEEN = timedelta(minutes=7)


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """One order to be placed.

    Args:
        customer: Name.
        email: Address.
        dedication: What is printed in the book.
        layout: How the book is laid out.
        photos: Names of its photos at the sandbox's CDN.
        counted: Whether the upload app names photos "Fotka (2)-1", and not "Fotka 1".
    """

    customer: str
    email: str
    dedication: str | None
    layout: str
    photos: tuple[str, ...]
    counted: bool

    def place(
        self,
        shop: Shop,
        cdn_url: str,
        *,
        payment: str = "PAID",
        at: datetime | None = None,
        troubled: bool = False,
    ) -> PlacedOrder:
        """Place it.

        Args:
            shop: Where.
            cdn_url: Where its photos are.
            payment: How it stands with the payment.
            at: When, if not now.
            troubled: Its first photo cannot be fetched at first, but when it is tried again.
        """
        urls = [photo_url(cdn_url, name) for name in self.photos]
        if troubled:
            # The address is of this order alone, as is the count of requests to it.
            order = {"order": str(len(shop.orders))}
            urls[0] = photo_url(cdn_url, self.photos[0], Manner.FLAKY, code=404, **order)
        first_name, _, last_name = self.customer.partition(" ")
        return shop.place(
            [book(urls, dedication=self.dedication, layout=self.layout, counted=self.counted)],
            first_name=first_name,
            last_name=last_name,
            email=self.email,
            payment=payment,
            at=at,
        )


def sample_orders(*, seed: int) -> Iterator[SampleOrder]:
    """Make up orders; the same seed makes the same ones.

    Args:
        seed: Of chance.

    Yields:
        Orders without end.
    """
    chance = random.Random(seed)  # noqa: S311 - makes up customers
    photos = [photo.name for photo in sample_photos()]
    for number in count():
        customer, email = _CUSTOMERS[number % len(_CUSTOMERS)]
        yield SampleOrder(
            customer=customer,
            email=email,
            dedication=chance.choice(_DEDICATIONS),
            layout=chance.choice(_LAYOUTS),
            photos=tuple(chance.sample(photos, chance.randint(1, 3))),
            counted=number % 2 == 1,
        )


def place_orders(shop: Shop, cdn_url: str, number: int, *, seed: int) -> list[PlacedOrder]:
    """Place orders as customers have during the last hours, the newest just now.

    A shop that was started anew gets the same orders again, with the same ids and numbers.

    Args:
        shop: Where.
        cdn_url: Where their photos are.
        number: How many.
        seed: Of chance.

    Returns:
        The orders, the oldest first.
    """
    now = datetime.now(UTC)
    return [
        sample.place(shop, cdn_url, at=now - (number - 1 - place) * _BETWEEN)
        for place, sample in enumerate(islice(sample_orders(seed=seed), number))
    ]
