"""Taking a choice back: the picture is as it was, and is judged again."""

from __future__ import annotations

import uuid
from datetime import datetime

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.models.orders import Image, Order
from fototui.domain.errors import ConflictError
from fototui.domain.events import BaseMercureEvent, ImageUpdateEvent
from fototui.domain.statuses import ColoringProcessingStatus, VersionType
from fototui.services.orders.queries import read_rows
from fototui.services.review.service import ReviewService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.undo import TakenBack, UndoService
from tests.factories import file_ref, make_coloring, make_order

HERE = uuid.uuid4()


@pytest.fixture
async def order(database: Database, published: list[BaseMercureEvent]) -> Order:
    """One picture with two colourings; its completion chose the second."""
    async with database.session() as session, session.begin():
        order = await make_order(session)
        (image,) = order.line_items[0].images
        for version in (1, 2):
            row = await make_coloring(
                session,
                image,
                version=version,
                status=ColoringProcessingStatus.COMPLETED,
                file_ref=file_ref(f"v{version}.png"),
            )
            image.selected_coloring_id = row.id
    published.clear()
    return order


def image_of(order: Order) -> Image:
    return order.line_items[0].images[0]


async def choose(database: Database, version_id: int, operator: str = "jana") -> None:
    async with database.session() as session:
        await ColoringService(session, operator=operator).select(version_id)


async def take_back(
    database: Database, order: Order, chosen: int, previous: int | None
) -> TakenBack:
    async with database.session() as session:
        return await UndoService(session, operator="jana").take_back(
            VersionType.COLORING, image_of(order).id, chosen_id=chosen, previous_id=previous
        )


async def state(database: Database) -> tuple[int | None, datetime | None]:
    async with database.session() as session:
        query = text("SELECT selected_coloring_id, coloring_chosen_at FROM images")
        selected, chosen_at = (await session.execute(query)).one()
        return selected, chosen_at


async def waiting(database: Database, order: Order) -> int:
    async with database.session() as session:
        (row,) = await read_rows(session, [str(order.id)])
        return row.waiting


async def test_the_picture_waits_again_and_is_as_it_was(
    database: Database, order: Order, published: list[BaseMercureEvent]
) -> None:
    first, second = 1, 2
    assert await waiting(database, order) == 1
    await choose(database, first)
    assert await waiting(database, order) == 0
    published.clear()

    done = await take_back(database, order, first, second)

    assert done == TakenBack(str(order.id), waits=True)
    assert await waiting(database, order) == 1
    # As if no operator had chosen: a later completion may choose again.
    assert await state(database) == (second, None)
    assert [type(event) for event in published] == [ImageUpdateEvent]
    async with database.session() as session:
        item = await ReviewService(session, operator="petr").next(HERE)
    assert item is not None
    assert item.image.id == image_of(order).id


async def test_what_was_accepted_as_it_stood_is_taken_back_too(
    database: Database, order: Order
) -> None:
    async with database.session() as session:
        review = ReviewService(session, operator="jana")
        item = await review.next(HERE)
        assert item is not None
        await review.accept(item, 2)
    assert await waiting(database, order) == 0

    done = await take_back(database, order, 2, 2)

    assert done.waits
    assert await waiting(database, order) == 1
    assert await state(database) == (2, None)


async def test_an_earlier_decision_stands(database: Database, order: Order) -> None:
    await choose(database, 1, "petr")
    await choose(database, 2)

    done = await take_back(database, order, 2, 1)

    assert not done.waits
    assert await waiting(database, order) == 0
    selected, chosen_at = await state(database)
    # It was an operator's choice before, and is again.
    assert selected == 1
    assert chosen_at is not None


async def test_a_first_choice_leaves_nothing_chosen(database: Database, order: Order) -> None:
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE images SET selected_coloring_id = NULL"))
    await choose(database, 2)
    await take_back(database, order, 2, None)
    assert await state(database) == (None, None)


async def test_what_waits_for_another_reason_still_waits(database: Database, order: Order) -> None:
    await choose(database, 1)
    async with database.session() as session, session.begin():
        await make_coloring(
            session,
            image_of(order),
            version=3,
            status=ColoringProcessingStatus.COMPLETED,
            file_ref=file_ref("v3.png"),
        )
    assert await waiting(database, order) == 1

    done = await take_back(database, order, 1, 2)

    assert done.waits
    assert await waiting(database, order) == 1


async def test_anothers_newer_choice_stands(database: Database, order: Order) -> None:
    await choose(database, 1)
    await choose(database, 2, "petr")
    with pytest.raises(ConflictError, match="petr chose another"):
        await take_back(database, order, 1, 2)
    assert (await state(database))[0] == 2
    assert await waiting(database, order) == 0


async def test_anothers_choice_of_the_same_version_stands(database: Database, order: Order) -> None:
    await choose(database, 1)
    await choose(database, 2, "petr")
    await choose(database, 1, "eva")
    with pytest.raises(ConflictError, match="eva chose this version as well"):
        await take_back(database, order, 1, 2)
    assert (await state(database))[0] == 1
