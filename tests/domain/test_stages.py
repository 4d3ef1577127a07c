"""What an order wants next, case by case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from fototui.domain.stages import BookState, Stage, Step, next_step, stage_of
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import OrderStatus
from fototui.domain.statuses import SvgProcessingStatus as Svg

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Picture:
    coloring: Coloring | None = None
    svg: Svg | None = None
    is_wanted: bool = True
    has_photo: bool = True
    has_svg: bool = False
    is_svg_chosen: bool = False


@dataclass(frozen=True)
class Facts:
    status: OrderStatus = OrderStatus.READY_FOR_REVIEW
    images: tuple[Picture, ...] = ()
    books: tuple[BookState, ...] = field(default=(BookState.NONE,))
    waiting: int = 0
    running: int = 0
    lacks_photos: bool = False
    cancelled_at: datetime | None = None
    finished_at: datetime | None = None


BARE = Picture()
COLOURED = Picture(Coloring.COMPLETED)
DRAWN = Picture(Coloring.COMPLETED, Svg.COMPLETED, has_svg=True, is_svg_chosen=True)
READY = Facts(images=(DRAWN, DRAWN))
MADE = replace(READY, books=(BookState.CURRENT,))

CASES: dict[str, tuple[Facts, str, Step | None]] = {
    "known only": (Facts(OrderStatus.PENDING, books=()), "coming in", None),
    "asked for": (Facts(OrderStatus.PROCESSING, books=()), "coming in", None),
    "downloading": (
        Facts(OrderStatus.DOWNLOADING, (replace(BARE, has_photo=False), BARE)),
        "coming in 1",
        None,
    ),
    "photos are there": (Facts(images=(BARE, BARE, BARE)), "to colour 3", Step.COLOUR),
    "a colouring was cancelled": (
        Facts(images=(Picture(Coloring.RUNPOD_CANCELLED), DRAWN)),
        "to colour 1",
        Step.COLOUR,
    ),
    "a new photo under review": (
        Facts(images=(COLOURED, BARE), waiting=1),
        "to colour 1",
        Step.COLOUR,
    ),
    "being coloured": (
        Facts(images=(Picture(Coloring.RUNPOD_QUEUED), Picture(Coloring.QUEUED)), running=2),
        "running 2",
        None,
    ),
    "one is coloured, one is not yet": (
        Facts(images=(COLOURED, Picture(Coloring.QUEUED)), waiting=1, running=1),
        "to review 1",
        Step.REVIEW,
    ),
    "made anew beside the chosen one": (
        Facts(images=(replace(DRAWN, has_svg=False),), running=1),
        "running 1",
        None,
    ),
    "coloured": (Facts(images=(COLOURED, COLOURED), waiting=2), "to review 2", Step.REVIEW),
    "chosen": (Facts(images=(COLOURED, DRAWN)), "to vectorise 1", Step.VECTORISE),
    "another colouring is chosen since": (
        Facts(images=(replace(DRAWN, has_svg=False), DRAWN)),
        "to vectorise 1",
        Step.VECTORISE,
    ),
    "being vectorised": (
        Facts(images=(Picture(Coloring.COMPLETED, Svg.VECTORIZER_PROCESSING, has_svg=True),)),
        "running 1",
        None,
    ),
    "an old SVG is not chosen": (
        Facts(images=(replace(DRAWN, is_svg_chosen=False),)),
        "to review 1",
        Step.REVIEW,
    ),
    "all is chosen": (READY, "to typeset 1", Step.TYPESET),
    "a book is out of date": (
        replace(READY, books=(BookState.CURRENT, BookState.STALE)),
        "to typeset 1",
        Step.TYPESET,
    ),
    "being typeset": (replace(READY, books=(BookState.RUNNING,)), "running 1", None),
    "typesetting failed": (replace(READY, books=(BookState.ERROR,)), "error 1", Step.RETRY),
    "books are made": (MADE, "to hand over", Step.FINISH),
    "no books were ordered": (Facts(books=()), "to hand over", Step.FINISH),
    "handed over": (replace(MADE, finished_at=NOW), "done", None),
    "handed over as it was": (Facts(OrderStatus.ERROR, finished_at=NOW), "done", None),
    "handed over, then cancelled": (
        replace(MADE, finished_at=NOW, cancelled_at=NOW),
        "done",
        None,
    ),
    "the order failed": (Facts(OrderStatus.ERROR), "error", Step.RETRY),
    "a colouring failed beside one to review": (
        Facts(images=(Picture(Coloring.ERROR), COLOURED), waiting=1),
        "error 1",
        Step.RETRY,
    ),
    "an SVG failed": (
        Facts(images=(Picture(Coloring.COMPLETED, Svg.ERROR),)),
        "error 1",
        Step.RETRY,
    ),
    "a photo has no address": (
        Facts(images=(replace(BARE, has_photo=False), COLOURED), waiting=1),
        "error 1",
        Step.RETRY,
    ),
    "the shop names no photos": (Facts(books=(), lacks_photos=True), "error", Step.RETRY),
    "cancelled by the shop": (
        Facts(images=(BARE,), cancelled_at=NOW),
        "error",
        Step.FINISH,
    ),
    "a line item was taken out": (
        replace(MADE, images=(DRAWN, replace(BARE, is_wanted=False, has_photo=False))),
        "to hand over",
        Step.FINISH,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_order_stands_where_it_should(case: str) -> None:
    facts, words, step = CASES[case]
    assert str(stage_of(facts)) == words
    assert next_step(facts) is step


def test_every_stage_is_among_the_cases() -> None:
    assert {stage_of(facts).stage for facts, _, _ in CASES.values()} == set(Stage)


@pytest.mark.parametrize("stage", Stage)
def test_a_stage_has_a_label_and_a_colour(stage: Stage) -> None:
    assert str(stage.label)
    assert stage.colour
