"""A deed on many orders: a few at a time, one that fails does not stop the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from fototui.desk import Desk
from fototui.domain.errors import FototuiError
from fototui.i18n import _, ngettext
from fototui.services.coloring import ColoringService
from fototui.services.vectorizer import VectorizerService
from fototui.services.views import OrderRow, StartReport
from fototui.widgets.badges import Badge

Act = Callable[[str], Awaitable[Sequence[StartReport]]]

_IDLE = (Badge.NONE, Badge.ERROR, Badge.CANCELLED)
_AT_ONCE = 4
_REASONS_TOLD = 2
_OF_ONE_ORDER = frozenset({"not_found", "conflict", "invalid_input", "locked"})
"""Codes of errors that say nothing about other orders."""


@dataclass(slots=True)
class Outcome:
    """What became of the images.

    Args:
        started: Versions that were started.
        skipped: Reasons why others were not, counted.
    """

    started: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def in_words(self) -> str:
        """For a toast: how many, and the commonest reasons against the rest."""
        if not self.started and not self.skipped:
            return _("There was nothing to start.")
        words = ngettext("{count} started.", "{count} started.", self.started).format(
            count=self.started
        )
        if not self.skipped:
            return words
        skipped = self.skipped.total()
        words += " " + ngettext("{count} skipped:", "{count} skipped:", skipped).format(
            count=skipped
        )
        for reason, count in self.skipped.most_common(_REASONS_TOLD):
            words += f" {reason}" if count == 1 else f" {reason} ({count}×)"
        return words if len(self.skipped) <= _REASONS_TOLD else f"{words} …"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that is done to orders.

    Args:
        name: What the operator calls it; translated.
        act: Does it to an order.
        images: How many images of an order it may start, as far as the badges tell.
    """

    name: str
    act: Act
    images: Callable[[OrderRow], int]


def colorings(desk: Desk) -> Deed:
    """Make colourings of all images that need one.

    Args:
        desk: The services.
    """

    def images(row: OrderRow) -> int:
        return sum(Badge.of(image.coloring) in _IDLE for image in row.images)

    return Deed(
        _("Colourings"),
        lambda order_id: desk.act(ColoringService, lambda s: s.create_for_order(order_id)),
        images,
    )


def svgs(desk: Desk) -> Deed:
    """Make SVGs of all chosen colourings that have none.

    Args:
        desk: The services.
    """

    def images(row: OrderRow) -> int:
        return sum(
            Badge.of(image.coloring) is Badge.COMPLETED and Badge.of(image.svg) in _IDLE
            for image in row.images
        )

    return Deed(
        _("SVG"),
        lambda order_id: desk.act(VectorizerService, lambda s: s.create_for_order(order_id)),
        images,
    )


def retries(desk: Desk) -> Deed:
    """Try again what failed, of both kinds.

    Args:
        desk: The services.
    """

    async def act(order_id: str) -> Sequence[StartReport]:
        colored = await desk.act(ColoringService, lambda s: s.retry_failed(order_id))
        traced = await desk.act(VectorizerService, lambda s: s.retry_failed(order_id))
        # Of most images nothing failed, and that is no news.
        return [report for report in (*colored, *traced) if report.version is not None]

    def images(row: OrderRow) -> int:
        badges = [Badge.of(image.coloring) for image in row.images]
        return (*badges, *(Badge.of(image.svg) for image in row.images)).count(Badge.ERROR)

    return Deed(_("Retry"), act, images)


async def for_orders(
    orders: Sequence[str],
    act: Act,
    progress: Callable[[int], None],
) -> Outcome:
    """Do something to each order.

    Args:
        orders: Their ULIDs.
        act: Does it to one.
        progress: Told how many are done.

    Returns:
        What became of all of them.

    Raises:
        FototuiError: Something fails that is not about one order, as a lost database; the rest is
            not tried.
    """
    outcome = Outcome()
    left = iter(orders)
    done = 0
    while batch := list(islice(left, _AT_ONCE)):
        results = await asyncio.gather(*map(act, batch), return_exceptions=True)
        for result in results:
            _count(result, outcome)
        done += len(batch)
        progress(done)
    return outcome


def _count(result: Sequence[StartReport] | BaseException, outcome: Outcome) -> None:
    if isinstance(result, BaseException):
        if not isinstance(result, FototuiError) or result.code not in _OF_ONE_ORDER:
            raise result
        outcome.skipped[str(result)] += 1
        return
    for report in result:
        if report.version is not None:
            outcome.started += 1
        else:
            outcome.skipped[report.skipped or _("It was left out.")] += 1
