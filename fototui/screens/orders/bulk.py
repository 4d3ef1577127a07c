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
from fototui.domain.statuses import JobKind, OrderStatus, VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, translate
from fototui.services.backend import Backend
from fototui.services.versions.kinds import version_service
from fototui.services.views.books import BookReport
from fototui.services.views.orders import OrderRow
from fototui.services.views.versions import StartReport
from fototui.ui import prospects
from fototui.ui.context import AppContext

_IDLE = (Badge.NONE, Badge.ERROR, Badge.CANCELLED)
_AT_ONCE = 4
_REASONS_TOLD = 2
_NUMBERS_TOLD = 5
_OF_ONE_ORDER = frozenset({"not_found", "conflict", "invalid_input", "locked"})
"""Codes of errors that say nothing about other orders."""
_LANE_OF = {OrderStatus.PENDING: JobKind.INGEST, OrderStatus.DOWNLOADING: JobKind.DOWNLOAD}
"""What an order that is gone on with waits for."""


@dataclass(slots=True)
class Outcome:
    """What became of the images.

    Args:
        started: Jobs that were asked for, by lane.
        orders: Numbers of the orders in which any were.
        skipped: Reasons why others were not, with the numbers of their orders, one for each.
        notes: What is to be known of those that were started, counted.
    """

    started: Counter[JobKind] = field(default_factory=Counter)
    orders: set[str] = field(default_factory=set)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, kind: VersionType, number: str, reports: Iterable[StartReport]) -> Outcome:
        """What became of some images of an order."""
        outcome = cls()
        for report in reports:
            if report.version is not None:
                outcome.start(JobKind(kind), number)
                if report.version.note is not None:
                    outcome.notes[translate(report.version.note)] += 1
            else:
                outcome.skip(report.skipped, number)
        return outcome

    @classmethod
    def of_books(cls, number: str, reports: Iterable[BookReport]) -> Outcome:
        """What became of some line items of an order."""
        outcome = cls()
        for report in reports:
            if report.book is not None:
                outcome.start(JobKind.BOOK, number)
            elif report.skipped is not None:
                outcome.skip(report.skipped, number)
        return outcome

    def start(self, kind: JobKind, number: str) -> None:
        """Count a job of an order."""
        self.started[kind] += 1
        self.orders.add(number)

    def skip(self, reason: Sentence | FototuiError | None, number: str) -> None:
        """Count what was left out of an order."""
        words = _("It was left out.") if reason is None else translate(reason)
        self.skipped.setdefault(words, []).append(number)

    def without_skipped(self) -> Outcome:
        """What was started alone."""
        return Outcome(self.started, self.orders, notes=self.notes)

    def add(self, other: Outcome) -> None:
        """Count more."""
        self.started.update(other.started)
        self.orders |= other.orders
        for reason, numbers in other.skipped.items():
            self.skipped.setdefault(reason, []).extend(numbers)
        self.notes.update(other.notes)

    def in_words(self, context: AppContext, *, names_orders: bool = True) -> str:
        """How many of what, whether it will run, and the commonest reasons against the rest.

        Args:
            context: The parts of the app.
            names_orders: Say in which orders something was left out; of one order one knows it.
        """
        parts = []
        if self.started:
            parts.append(prospects.started(context, self.started, len(self.orders)))
        for note, count in self.notes.most_common(1):
            parts.append(note if count == 1 else f"{note.rstrip('.')} ({count}×)")
        if self.skipped:
            count = sum(map(len, self.skipped.values()))
            words = ngettext("{count} left out: {reasons}", "{count} left out: {reasons}", count)
            parts.append(
                words.format(count=count, reasons=self._reasons(names_orders=names_orders))
            )
        if not parts:
            return _("There is nothing to start.")
        return ". ".join(part.rstrip(".") for part in parts) + "."

    def _reasons(self, *, names_orders: bool) -> str:
        commonest = sorted(self.skipped.items(), key=lambda item: -len(item[1]))
        told = []
        for reason, numbers in commonest[:_REASONS_TOLD]:
            words = reason.rstrip(".")
            orders = list(dict.fromkeys(map(clean_line, numbers)))
            if names_orders:
                more = ", …" if len(orders) > _NUMBERS_TOLD else ""
                words += f" ({', '.join(orders[:_NUMBERS_TOLD])}{more})"
            elif len(numbers) > 1:
                words += f" ({len(numbers)}×)"
            told.append(words)
        return "; ".join(told) + ("; …" if len(commonest) > _REASONS_TOLD else "")


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
    """Make colourings of all photos that need one.

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
            return Outcome.of(kind, row.number, await service.create_for_order(row.id))

    return act


def retries(backend: Backend) -> Command:
    """Try again what failed: of both kinds, and the order itself.

    Args:
        backend: The services.
    """
    from fototui.services.ingest.imports import SyncService  # here: the list is drawn without it

    async def act(row: OrderRow) -> Outcome:
        outcome = Outcome()
        if row.status is OrderStatus.ERROR:
            async with backend.transaction(SyncService) as orders:
                status = await orders.retry(row.id)
            if (lane := _LANE_OF.get(status)) is not None:
                outcome.start(lane, row.number)
            else:
                outcome.notes[_("Nothing is missing; the order can be worked on.")] += 1
        for kind in VersionType:
            async with backend.transaction(version_service(kind)) as service:
                reports = await service.retry_failed(row.id)
            # Of most images nothing failed, and that is no news.
            started = [report for report in reports if report.version is not None]
            outcome.add(Outcome.of(kind, row.number, started))
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
    from fototui.services.ingest.imports import SyncService

    async def act(row: OrderRow) -> Outcome:
        async with backend.transaction(SyncService) as orders:
            await orders.request(row.id)
        return Outcome(Counter([JobKind.INGEST]), {row.number})

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
        for row, result in zip(batch, results, strict=True):
            _count(row, result, outcome)
        done += len(batch)
        progress(done)
    return outcome


def _count(row: OrderRow, result: Outcome | BaseException, outcome: Outcome) -> None:
    if isinstance(result, Outcome):
        outcome.add(result)
    elif isinstance(result, FototuiError) and result.code in _OF_ONE_ORDER:
        outcome.skip(result, row.number)
    else:
        raise result
