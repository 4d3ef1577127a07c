"""Answers and events that cross each other on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fototui.domain.events import ImageStatusEvent, ImageUpdateEvent
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import OrderStatus, VersionType
from fototui.live.model import Model
from fototui.live.notifier import Notifier
from fototui.services.views.orders import ImageBadges, OrderRow

ORDER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def _row(status: S | None, version_id: int | None = 7) -> OrderRow:
    return OrderRow(
        id=ORDER,
        number="#1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        customer_name="Jana",
        customer_email=None,
        items=1,
        payment_status=None,
        status=OrderStatus.READY_FOR_REVIEW,
        images=(ImageBadges(1, version_id, status, None, None),),
        waiting=0,
        search="",
    )


def _event(status: str, version_id: int = 7) -> ImageStatusEvent:
    return ImageStatusEvent(
        order_id=ORDER,
        image_id=1,
        status_type=VersionType.COLORING,
        version_id=version_id,
        status=status,
    )


@pytest.fixture
async def model() -> Model:
    """A model with one order whose badge shows version 7, and nothing left to do."""
    model = Model(Notifier(0.1))
    model.put_rows([_row(S.QUEUED)], model.next_tick())
    model.is_poll_asked = False
    return model


def _shown(model: Model) -> S | None:
    return model.table.rows[ORDER].images[0].coloring


async def test_an_older_row_brings_no_badge_back(model: Model) -> None:
    began = model.next_tick()
    model.hear(_event(S.PROCESSING))
    model.put_rows([replace(_row(S.QUEUED), customer_name="Petr")], began)

    assert _shown(model) is S.PROCESSING
    assert model.table.rows[ORDER].customer_name == "Petr"
    assert model.next_batch(9) == [ORDER]  # which of the two is older, the next reading tells
    began = model.next_tick()
    model.take_marks([ORDER])
    model.put_rows([_row(S.RUNPOD_SUBMITTED)], began)
    assert _shown(model) is S.RUNPOD_SUBMITTED
    assert not model.has_marks


async def test_an_end_that_was_fetched_stays_the_end(model: Model) -> None:
    began = model.next_tick()
    model.hear(_event(S.PROCESSING))
    model.put_rows([_row(S.COMPLETED)], began)
    assert _shown(model) is S.COMPLETED


async def test_a_mark_made_while_its_row_is_fetched_stays(model: Model) -> None:
    model.hear(ImageUpdateEvent(order_id=ORDER, image_id=1))
    taken = model.take_marks([ORDER])
    assert not model.has_marks
    model.hear(ImageUpdateEvent(order_id=ORDER, image_id=1))
    assert model.next_batch(9) == [ORDER]
    # A query that failed gives its marks back.
    model.take_marks([ORDER])
    model.restore_marks(taken)
    assert model.oldest_mark == taken[ORDER]


@pytest.mark.parametrize(
    ("event", "is_asked", "shown"),
    [
        (_event(S.PROCESSING), False, S.PROCESSING),
        (_event(S.PROCESSING, 6), False, S.QUEUED),  # an older version; the badge is another's
        (_event(S.PROCESSING, 8), True, S.QUEUED),  # a newer one: the badge may be its now
        (_event("of_a_newer_program"), True, S.QUEUED),
        (_event(S.COMPLETED), True, S.QUEUED),  # an end brings more than its status
    ],
)
async def test_what_an_event_tells_and_what_is_asked(
    model: Model, event: ImageStatusEvent, is_asked: bool, shown: S
) -> None:
    model.hear(event)
    assert model.has_marks is is_asked
    assert _shown(model) is shown


async def test_a_newer_version_is_asked_about_once(model: Model) -> None:
    model.hear(_event(S.PROCESSING, 8))
    assert model.take_marks([ORDER])
    model.put_rows([_row(S.QUEUED)], model.next_tick())  # version 7 is the chosen one
    model.hear(_event(S.RUNPOD_SUBMITTED, 8))
    assert not model.has_marks
    model.hear(_event(S.RUNPOD_SUBMITTED, 9))
    assert model.has_marks
