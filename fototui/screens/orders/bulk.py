"""A command on many orders: a few at a time, one that fails does not stop the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from fototui.domain.badges import Badge
from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import OrderStatus, VersionType
from fototui.i18n import _, ngettext, translate
from fototui.services.backend import Backend
from fototui.services.ingest.imports import SyncService
from fototui.services.versions.kinds import version_service
from fototui.services.views.orders import OrderRow
from fototui.services.views.versions import StartReport

_IDLE = (Badge.NONE, Badge.ERROR, Badge.CANCELLED)
_AT_ONCE = 4
_REASONS_TOLD = 2
_OF_ONE_ORDER = frozenset({"not_found", "conflict", "invalid_input", "locked"})
"""Codes of errors that say nothing about other orders."""


@dataclass(slots=True)
class Outcome:
    """What became of the images.

    Args:
        started: Versions, or orders, that were started.
        skipped: Reasons why others were not, counted.
        notes: What is to be known of those that were started, counted.
    """

    started: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, reports: Iterable[StartReport]) -> Outcome:
        """What became of some images."""
        outcome = cls()
        for report in reports:
            if report.version is not None:
                outcome.started += 1
                if report.version.note is not None:
                    outcome.notes[translate(report.version.note)] += 1
            else:
                reason = report.skipped
                outcome.skipped[_("It was left out.") if reason is None else translate(reason)] += 1
        return outcome

    @classmethod
    def of_all(cls, reports: Iterable[tuple[bool, Sentence | None]]) -> Outcome:
        """What became of other things: whether each was started, or else why not."""
        outcome = cls()
        for is_started, reason in reports:
            outcome.started += is_started
            if reason is not None:
                outcome.skipped[translate(reason)] += 1
        return outcome

    def without_skipped(self) -> Outcome:
        """What was started alone."""
        return Outcome(self.started, notes=self.notes)

    def add(self, other: Outcome) -> None:
        """Count more."""
        self.started += other.started
        self.skipped.update(other.skipped)
        self.notes.update(other.notes)

    def in_words(self) -> str:
        """For a toast: how many, and the commonest reasons against the rest."""
        if not self.started and not self.skipped:
            return _("There is nothing to start.")
        words = ngettext("{count} started.", "{count} started.", self.started).format(
            count=self.started
        )
        for note, count in self.notes.most_common(1):
            words += f" {note}" if count == 1 else f" {note} ({count}×)"
        if not self.skipped:
            return words
        skipped = self.skipped.total()
        words += " " + ngettext("{count} skipped:", "{count} skipped:", skipped).format(
            count=skipped
        )
        for reason, count in self.skipped.most_common(_REASONS_TOLD):
            words += f" {reason}" if count == 1 else f" {reason} ({count}×)"
        return words if len(self.skipped) <= _REASONS_TOLD else f"{words} …"


Act = Callable[[OrderRow], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Command:
    """Something that is done to orders.

    Args:
        name: What the operator calls it; translated.
        act: Does it to an order.
        images: How many images of an order it may start, as far as the badges tell.
    """

    name: str
    act: Act
    images: Callable[[OrderRow], int]


def colorings(backend: Backend) -> Command:
    """Make colourings of all images that need one.

    Args:
        backend: The services.
    """

    def images(row: OrderRow) -> int:
        return sum(Badge.of(image.coloring) in _IDLE for image in row.images)

    return Command(_("Colourings"), _create(backend, VersionType.COLORING), images)


def svgs(backend: Backend) -> Command:
    """Make SVGs of all chosen colourings that have none.

    Args:
        backend: The services.
    """

    def images(row: OrderRow) -> int:
        return sum(
            Badge.of(image.coloring) is Badge.MADE and Badge.of(image.svg) in _IDLE
            for image in row.images
        )

    return Command(_("SVG"), _create(backend, VersionType.SVG), images)


def _create(backend: Backend, kind: VersionType) -> Act:
    async def act(row: OrderRow) -> Outcome:
        async with backend.transaction(version_service(kind)) as service:
            return Outcome.of(await service.create_for_order(row.id))

    return act


def retries(backend: Backend) -> Command:
    """Try again what failed: of both kinds, and the order itself.

    Args:
        backend: The services.
    """

    async def act(row: OrderRow) -> Outcome:
        outcome = Outcome()
        if row.status is OrderStatus.ERROR:
            async with backend.transaction(SyncService) as orders:
                await orders.retry(row.id)
            outcome.started += 1
        for kind in VersionType:
            async with backend.transaction(version_service(kind)) as service:
                reports = await service.retry_failed(row.id)
            # Of most images nothing failed, and that is no news.
            outcome.add(Outcome.of(report for report in reports if report.version is not None))
        return outcome

    def images(row: OrderRow) -> int:
        badges = [Badge.of(image.status(kind)) for image in row.images for kind in VersionType]
        return badges.count(Badge.ERROR)

    return Command(_("Retry"), act, images)


def fetches(backend: Backend) -> Command:
    """Have orders fetched from the shop again.

    Args:
        backend: The services.
    """

    async def act(row: OrderRow) -> Outcome:
        async with backend.transaction(SyncService) as orders:
            await orders.request(row.id)
        return Outcome(started=1)

    return Command(_("Fetch"), act, lambda _row: 0)


async def for_orders(
    orders: Sequence[OrderRow],
    act: Act,
    progress: Callable[[int], None],
) -> Outcome:
    """Do something to each order.

    Args:
        orders: The orders.
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


def _count(result: Outcome | BaseException, outcome: Outcome) -> None:
    if isinstance(result, Outcome):
        outcome.add(result)
    elif isinstance(result, FototuiError) and result.code in _OF_ONE_ORDER:
        outcome.skipped[translate(result)] += 1
    else:
        raise result
