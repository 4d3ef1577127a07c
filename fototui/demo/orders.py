"""Sample orders, as customers would have placed them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from fototui.sandbox.samples import SamplePhoto, sample_photos

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


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """One order to be made.

    Args:
        customer: Name.
        email: Address.
        dedication: What is printed in the book.
        layout: How the book is laid out.
        photos: Its photos.
    """

    customer: str
    email: str
    dedication: str | None
    layout: str
    photos: tuple[SamplePhoto, ...]


def sample_orders(count: int, *, seed: int, skip: int = 0) -> Iterator[SampleOrder]:
    """Make up orders; the same seed makes the same ones.

    Args:
        count: How many there shall be in all.
        seed: Of chance.
        skip: How many of them exist already.

    Yields:
        The orders that are missing.
    """
    chance = random.Random(seed)  # noqa: S311 - makes up customers
    photos = sample_photos()
    for number in range(count):
        customer, email = _CUSTOMERS[number % len(_CUSTOMERS)]
        order = SampleOrder(
            customer=customer,
            email=email,
            dedication=chance.choice(_DEDICATIONS),
            layout=chance.choice(_LAYOUTS),
            photos=tuple(chance.sample(photos, chance.randint(1, 3))),
        )
        if number >= skip:
            yield order
