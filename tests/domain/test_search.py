"""A search as it is typed: words, fields, and what is said of those that mean nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import OrderStatus
from fototui.domain.statuses import SvgProcessingStatus as Svg
from fototui.services.orders.search import OrderSearch, read_order_search
from fototui.services.views.orders import ImageBadges, OrderRow

NOW = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # in Prague it is the 21st


def read(text: str) -> OrderSearch:
    return read_order_search(text, zone=ZoneInfo("Europe/Prague"), now=NOW)


def finds(search: OrderSearch, row: OrderRow) -> bool:
    return search.finds(row, row.search)


def order(**fields: object) -> OrderRow:
    values: dict[str, object] = {
        "id": f"{1:026}",
        "number": "#1270",
        "created_at": datetime(2026, 11, 1, 12, tzinfo=UTC),
        "customer_name": "Jana Nováková",
        "customer_email": None,
        "items": 1,
        "payment_status": "PAID",
        "status": OrderStatus.READY_FOR_REVIEW,
        "images": (ImageBadges(1, 1, Coloring.COMPLETED, None, None),),
        "waiting": 0,
        "search": "#1270\njana novakova\npro adelku: 14:02",
    }
    return OrderRow(**values | fields)  # type: ignore[arg-type] # the fields are right


def image(coloring: Coloring | None = Coloring.COMPLETED, **facts: object) -> ImageBadges:
    return ImageBadges(1, 1, coloring, facts.pop("svg_id", None), facts.pop("svg", None), **facts)  # type: ignore[arg-type] # as above


FAILED = order(images=(image(Coloring.ERROR),))
TO_REVIEW = order(waiting=2)
RUNNING = order(images=(image(Coloring.RUNPOD_PROCESSING),), running=1)
QUEUED = order(images=(image(Coloring.QUEUED),), running=1)
BARE = order(images=(image(None),))
DONE = order(finished_at=NOW)
STALE = order(images=(image(svg_id=4, svg=Svg.COMPLETED, has_svg=True, is_svg_out_of_date=True),))
APPROVED = order(images=(image(is_coloring_approved=True),))
CANCELLED = order(cancelled_at=NOW)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("  Nová  JANA ", ("nova", "jana")),
        ("#1270", ("#1270",)),
        ("14:02", ("14:02",)),
        ("https://example.com/a", ("https://example.com/a",)),
        ('"Jana Nov"', ("jana nov",)),
        ('"Jana Nov', ("jana nov",)),
        ('"is:failed"', ("is:failed",)),
        ('"" x', ("x",)),
        ("is:failed jana", ("jana",)),
        ("a\x1b[31mb", ("a[31mb",)),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    search = read(text)
    assert search.words == words
    assert search.complaints == ()


@pytest.mark.parametrize(
    ("text", "found", "left_out"),
    [
        ("is:failed", FAILED, TO_REVIEW),
        ("is:error", FAILED, TO_REVIEW),
        ("je:chyba", FAILED, TO_REVIEW),
        ("IS:Failed", FAILED, TO_REVIEW),
        ("is:fail", FAILED, TO_REVIEW),
        ("is:review", TO_REVIEW, FAILED),
        ("is:to-review", TO_REVIEW, FAILED),
        ('is:"to review"', TO_REVIEW, FAILED),
        ("je:kontrola", TO_REVIEW, FAILED),
        ("is:failed,review", TO_REVIEW, BARE),
        ("is:running", RUNNING, TO_REVIEW),
        ("je:běží", RUNNING, TO_REVIEW),
        ("is:waiting", QUEUED, RUNNING),
        ("je:čeká", QUEUED, RUNNING),
        ("is:colour", BARE, RUNNING),
        ("is:none", BARE, RUNNING),
        ("je:omalování", BARE, RUNNING),
        ("is:done", DONE, BARE),
        ("je:hotovo", DONE, BARE),
        ("is:stale", STALE, APPROVED),
        ("je:neaktuální", STALE, APPROVED),
        ("is:approved", APPROVED, STALE),
        ("je:schváleno", APPROVED, STALE),
        ("is:made", TO_REVIEW, APPROVED),
        ("is:cancelled", CANCELLED, APPROVED),
        ("je:zrušeno", order(images=(image(Coloring.RUNPOD_CANCELLED),)), APPROVED),
        ("is:urgent", order(urgent=True), order()),
        ("je:přednost", order(urgent=True), order()),
        ("is:customer", order(customer_note=""), order()),
        ("je:zákazník", order(customer_note="fotku"), order()),
        ("is:coming", order(status=OrderStatus.DOWNLOADING), order()),
        ("is:vectorise", order(), TO_REVIEW),
        ("is:urgent is:failed", order(urgent=True, images=FAILED.images), FAILED),
        ("paid:yes", order(), order(payment_status="PENDING")),
        ("placeno:ano", order(), order(payment_status=None)),
        ("paid:no", order(payment_status="VOIDED"), order()),
        ("placeno:ne", order(payment_status="NEW"), order(payment_status=None)),
        ("before:2026-11-02", order(), order(created_at=datetime(2026, 11, 2, tzinfo=UTC))),
        # A day begins where the shop is.
        (
            "before:2026-11-02",
            order(created_at=datetime(2026, 11, 1, 22, 59, tzinfo=UTC)),
            order(created_at=datetime(2026, 11, 1, 23, tzinfo=UTC)),
        ),
        ("před:2.11.2026", order(), order(created_at=datetime(2026, 11, 2, tzinfo=UTC))),
        ("do:2.11.", order(), order(created_at=datetime(2026, 11, 2, tzinfo=UTC))),
        ("after:2026-11-01", order(), order(created_at=datetime(2026, 10, 31, tzinfo=UTC))),
        ("od:1.11", order(), order(created_at=datetime(2026, 10, 31, tzinfo=UTC))),
        ("after:today", order(created_at=NOW), order(created_at=NOW.replace(hour=22))),
        ("od:včera", order(created_at=NOW.replace(hour=22)), order()),
        ("novak 1270", order(), order(search="novak")),
    ],
)
def test_fields(text: str, found: OrderRow, left_out: OrderRow) -> None:
    search = read(text)
    assert search.complaints == ()
    assert finds(search, found)
    assert not finds(search, left_out)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour:red", "There is no field “colour:”: is:failed, review, "),
        ("is:grand", "“is:grand” is not known there. is: takes failed, review, "),
        ("is:failed,grand", "“is:failed,grand” is not known there."),
        ("is:,", "“is:,” is not known there."),
        ("paid:maybe", "“paid:maybe” is not known there. paid: takes yes or no"),
        ("before:soon", "“before:soon” is not known there. A day is written 2026-11-01, 1.11., "),
        ("before:31.2.2026", "“before:31.2.2026” is not known there."),
        ("after:0001-01-01", "“after:0001-01-01” is not known there."),
    ],
)
def test_what_means_nothing_is_left_out_and_told(text: str, complaint: str) -> None:
    search = read(f"jana {text}")
    assert str(search.complaints[0]).startswith(complaint)
    assert finds(search, order())
    assert not finds(search, order(search="petr"))


def test_a_field_that_is_about_to_be_typed_tells_what_it_takes() -> None:
    search = read("jana is:")
    assert not search.complaints
    assert finds(search, order())
    assert str(search.hint).startswith("is: takes failed")
    assert read("is:failed").hint is None


@pytest.mark.parametrize(
    ("before", "after", "narrows"),
    [
        ("", "j", True),
        ("ja", "jan", True),
        ("jan", "ja", False),
        ("jan", "jan is:failed", True),
        ("is:failed", "", False),
        ("is:failed", "is:failed jana", True),
        ("is:fail", "is:failed", False),
    ],
)
def test_each_letter_more_may_narrow_what_was_found(before: str, after: str, narrows: bool) -> None:
    assert read(after).narrows(read(before)) is narrows


def test_the_days_bound_what_has_to_be_read() -> None:
    search = read("before:2026-11-02 before:2026-11-05 after:2026-10-01 after:2026-09-01")
    assert search.until is not None
    assert search.since is not None
    assert (search.since.date(), search.until.date()) == (date(2026, 10, 1), date(2026, 11, 2))
    assert (read("jana").since, read("jana").until) == (None, None)
    assert not read(" ")
    assert read("is:failed")


@given(st.text())
def test_whatever_is_typed_can_be_searched_for(text: str) -> None:
    finds(read(text), order())
