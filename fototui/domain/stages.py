"""What an order wants next: its stage, decided in one place for lists, API, commands and metrics.

A shop's own status tells how an order comes in. The stage goes on from there to the day on which it
is handed over. It is never stored: it follows from the order's row and its badges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from fototui.domain.badges import Badge
from fototui.domain.flags import Colour
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus, SvgProcessingStatus


class Stage(StrEnum):
    """What an order wants next, in the order of its way."""

    COMING_IN = "coming in"
    """Its details or photos are on their way."""
    TO_COLOUR = "to colour"
    """Photos are there without a colouring."""
    RUNNING = "running"
    """Something is being made, and nothing else is to be done meanwhile."""
    TO_REVIEW = "to review"
    """Pictures of it wait for an operator's judgement."""
    TO_VECTORISE = "to vectorise"
    """Colourings have no SVG made of them."""
    TO_TYPESET = "to typeset"
    """All is chosen, and a line item has no book that is still true."""
    TO_HAND_OVER = "to hand over"
    """Its books are made."""
    DONE = "done"
    """It was handed over."""
    ERROR = "error"
    """It cannot go on by itself: something failed, is missing, or the shop cancelled it."""

    @property
    def label(self) -> Sentence:
        """What operators call it."""
        return _LABELS[self]

    @property
    def colour(self) -> Colour:
        """The colour that it is shown in."""
        return _COLOURS[self]


_LABELS = {
    Stage.COMING_IN: Sentence.make("Coming in"),
    Stage.TO_COLOUR: Sentence.make("To colour"),
    Stage.RUNNING: Sentence.make("Running"),
    Stage.TO_REVIEW: Sentence.make("To review"),
    Stage.TO_VECTORISE: Sentence.make("To vectorise"),
    Stage.TO_TYPESET: Sentence.make("To typeset"),
    Stage.TO_HAND_OVER: Sentence.make("To hand over"),
    Stage.DONE: Sentence.make("Done"),
    Stage.ERROR: Sentence.make("Error"),
}
_COLOURS = {
    **dict.fromkeys(Stage, Colour.ORANGE),  # it wants an operator
    Stage.COMING_IN: Colour.BLUE,
    Stage.RUNNING: Colour.BLUE,
    Stage.TO_HAND_OVER: Colour.GREEN,
    Stage.DONE: Colour.GREY,
    Stage.ERROR: Colour.RED,
}


class BookState(StrEnum):
    """How far the newest book of a line item is."""

    NONE = "none"
    """There is none, or its making was cancelled."""
    RUNNING = "running"
    CURRENT = "current"
    """It shows what is chosen today, under today's title, dedication and layout."""
    STALE = "stale"
    """It was true once."""
    ERROR = "error"


class ImageFacts(Protocol):
    """What is to be known of an image; its badges tell of the chosen version, else the latest."""

    @property
    def coloring(self) -> ColoringProcessingStatus | None:
        """Status of its colouring; None where there is none."""

    @property
    def svg(self) -> SvgProcessingStatus | None:
        """Status of its SVG; None where there is none."""

    @property
    def is_wanted(self) -> bool:
        """Its line item is still in the order."""

    @property
    def has_photo(self) -> bool:
        """Its photo is in storage."""

    @property
    def has_svg(self) -> bool:
        """An SVG was made of that very colouring, or is being made."""

    @property
    def is_svg_chosen(self) -> bool:
        """An SVG of the chosen colouring is chosen, by an operator or by its completion."""


class OrderFacts(Protocol):
    """What is to be known of an order."""

    @property
    def status(self) -> OrderStatus:
        """The shop's own status."""

    @property
    def images(self) -> Sequence[ImageFacts]:
        """Its images."""

    @property
    def books(self) -> Sequence[BookState]:
        """The newest book of each line item that has photos and is still in the order."""

    @property
    def waiting(self) -> int:
        """Pictures that wait in the review."""

    @property
    def running(self) -> int:
        """Versions that wait or are being made, whatever the badges show."""

    @property
    def lacks_photos(self) -> bool:
        """It should have photos, and the shop names none."""

    @property
    def cancelled_at(self) -> datetime | None:
        """When the shop cancelled it."""

    @property
    def finished_at(self) -> datetime | None:
        """When it was handed over."""


@dataclass(frozen=True, slots=True)
class OrderStage:
    """An order's stage.

    Args:
        stage: Which.
        count: Of how many pictures, jobs or books it speaks; 0 where it speaks of the whole order.
    """

    stage: Stage
    count: int = 0

    def __str__(self) -> str:
        """In English, for instance "to review 3"."""
        return f"{self.stage.value} {self.count}" if self.count else self.stage.value


_COMING = frozenset({OrderStatus.PENDING, OrderStatus.PROCESSING, OrderStatus.DOWNLOADING})
_UNCOLOURED = frozenset({Badge.NONE, Badge.CANCELLED})


def stage_of(order: OrderFacts) -> OrderStage:
    """What an order wants next.

    What stops an order comes first, then what an operator can do now, from the beginning of its
    way on; that something is being made matters only where nothing is to be done meanwhile.

    Args:
        order: The order.
    """
    if order.finished_at is not None:
        return OrderStage(Stage.DONE)
    images = [image for image in order.images if image.is_wanted]
    missing = sum(not image.has_photo for image in images)
    is_coming = order.status in _COMING
    failed = _count_failed(images, order.books) + (0 if is_coming else missing)
    if failed or order.status is OrderStatus.ERROR or order.lacks_photos or order.cancelled_at:
        return OrderStage(Stage.ERROR, failed)
    if is_coming:
        return OrderStage(Stage.COMING_IN, missing)
    if bare := sum(Badge.of(image.coloring) in _UNCOLOURED for image in images):
        return OrderStage(Stage.TO_COLOUR, bare)
    if order.waiting:
        return OrderStage(Stage.TO_REVIEW, order.waiting)
    if running := _count_running(order, images):
        return OrderStage(Stage.RUNNING, running)
    if flat := sum(not image.has_svg for image in images):
        return OrderStage(Stage.TO_VECTORISE, flat)
    # An older program's SVGs wait for no review, and none of them may be chosen.
    if open_ := sum(not image.is_svg_chosen for image in images):
        return OrderStage(Stage.TO_REVIEW, open_)
    if unset := sum(book is not BookState.CURRENT for book in order.books):
        return OrderStage(Stage.TO_TYPESET, unset)
    return OrderStage(Stage.TO_HAND_OVER)


def _count_failed(images: Sequence[ImageFacts], books: Sequence[BookState]) -> int:
    failed = sum(book is BookState.ERROR for book in books)
    for image in images:
        failed += Badge.of(image.coloring) is Badge.ERROR
        failed += Badge.of(image.svg) is Badge.ERROR
    return failed


def _count_running(order: OrderFacts, images: Sequence[ImageFacts]) -> int:
    seen = 0
    for image in images:
        seen += Badge.of(image.coloring).is_active + Badge.of(image.svg).is_active
    # A badge may be newer than the count, or show another version than the one that is made.
    books = sum(book is BookState.RUNNING for book in order.books)
    return max(order.running, seen) + books


class Step(StrEnum):
    """What takes an order one stage on, where an operator can."""

    COLOUR = "colour"
    REVIEW = "review"
    VECTORISE = "vectorise"
    TYPESET = "typeset"
    FINISH = "finish"
    RETRY = "retry"


_STEPS = {
    Stage.TO_COLOUR: Step.COLOUR,
    Stage.TO_REVIEW: Step.REVIEW,
    Stage.TO_VECTORISE: Step.VECTORISE,
    Stage.TO_TYPESET: Step.TYPESET,
    Stage.TO_HAND_OVER: Step.FINISH,
    Stage.ERROR: Step.RETRY,
}


def next_step(order: OrderFacts) -> Step | None:
    """What takes an order one stage on.

    Args:
        order: The order.

    Returns:
        The step; None where nothing can be done but to wait, or nothing at all.
    """
    if order.cancelled_at and order.finished_at is None:
        return Step.FINISH  # nothing more is paid for it
    return _STEPS.get(stage_of(order).stage)
