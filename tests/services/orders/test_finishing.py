"""The end of orders, and their coming back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from ulid import ULID

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.operations import Activity
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.db.models.reviews import Review
from fototui.domain.books import BookOptions
from fototui.domain.errors import ConflictError, NotFoundError
from fototui.domain.events import BaseMercureEvent, ListUpdateEvent, OrderUpdateEvent
from fototui.domain.stages import Stage
from fototui.domain.statuses import (
    BookProcessingStatus,
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)
from fototui.services.books.service import BookService
from fototui.services.orders import finishing
from fototui.services.orders.by_stage import StageService
from fototui.services.orders.finishing import FinishReport, FinishService
from fototui.services.orders.manual import OrderService
from fototui.services.orders.queries import read_rows
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.undo import UndoService
from fototui.services.views.orders import OrderRow
from tests.factories import choose_svgs, file_ref, make_coloring, make_svg
from tests.services.conftest import MakeOrder
from tests.waiting import until_a_lock_is_waited_for

PLACED = datetime(2026, 11, 1, tzinfo=UTC)
ReadActivity = Callable[[], Awaitable[list[Activity]]]


@pytest.fixture
async def service(database: Database) -> AsyncIterator[FinishService]:
    async with database.session() as session:
        yield FinishService(session, operator="eva")


async def row(database: Database, order: Order) -> Order:
    async with database.session() as session:
        return await session.get_one(Order, order.id)


async def waiting(database: Database) -> int:
    async with database.session() as session:
        statement = select(func.count()).select_from(Review).where(Review.decision.is_(None))
        return await session.scalar(statement) or 0


async def test_orders_are_finished_and_reopened(
    database: Database,
    service: FinishService,
    shop_order: MakeOrder,
    activity: ReadActivity,
    published: list[BaseMercureEvent],
) -> None:
    one = await shop_order(status=OrderStatus.ERROR)
    other = await shop_order()
    report = await service.finish([one.order_number, str(one.id)])
    assert (report.changed, report.unchanged) == ((one.order_number,), ())
    report = await service.finish([one.order_number, other.order_number])
    assert (report.changed, report.unchanged) == ((other.order_number,), (one.order_number,))
    found = await row(database, one)
    assert (found.finished_by, found.status) == ("eva", OrderStatus.ERROR)
    assert found.finished_at is not None
    async with database.autocommit() as session:
        detail = await OrderService(session, operator="eva").get_order(one.order_number)
        assert (detail.finished_by, detail.finished_at) == ("eva", found.finished_at)
        done = await StageService(session, operator="eva").list_orders(Stage.DONE)
        assert {order.number for order in done.orders} == {one.order_number, other.order_number}

    report = await service.reopen([one.order_number])
    assert report.changed == (one.order_number,)
    assert (await service.reopen([one.order_number])).unchanged == (one.order_number,)
    found = await row(database, one)
    assert (found.finished_at, found.finished_by) == (None, None)
    assert str(found.reopened_words) == "Reopened by eva."
    log = [(entry.action, entry.operator, entry.order_id) for entry in await activity()]
    assert log == [
        ("finished", "eva", one.id),
        ("finished", "eva", other.id),
        ("reopened", "eva", one.id),
    ]
    told = [event.order_id for event in published if isinstance(event, OrderUpdateEvent)]
    assert told == [str(one.id), str(other.id), str(one.id)]
    assert ListUpdateEvent(order_ids=(str(one.id),)) in published


async def test_a_name_that_is_unknown_leaves_the_others_alone(
    database: Database, service: FinishService, shop_order: MakeOrder
) -> None:
    order = await shop_order()
    with pytest.raises(NotFoundError):
        await service.finish([order.order_number, "#1"])
    assert (await row(database, order)).finished_at is None


async def test_old_orders_are_finished_in_portions(
    database: Database,
    service: FinishService,
    shop_order: MakeOrder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(finishing, "_AT_ONCE", 2)
    old = [await shop_order(created_at=PLACED - timedelta(days=day)) for day in range(1, 6)]
    new = await shop_order(created_at=PLACED)
    report = await service.finish_before(PLACED)
    assert sorted(report.changed) == sorted(order.order_number for order in old)
    assert report.unchanged == ()
    assert (await row(database, new)).finished_at is None
    assert await service.finish_before(PLACED) == FinishReport()


async def made(database: Database, shop_order: MakeOrder) -> OrderRow:
    """An order whose book is made, as the list shows it."""
    order = await shop_order(images=2)
    async with database.session() as session, session.begin():
        await choose_svgs(session, order)
        await session.execute(update(Review).values(decision="chosen"))
    await make_book(database, order)
    return await seen(database, str(order.id))


async def make_book(database: Database, order: Order | OrderRow, bleed: float = 0.0) -> None:
    async with database.session() as session:
        books = BookService(session, operator="petr")
        await books.create_for_order(str(order.id), BookOptions(bleed=bleed), exactly=True)
    async with database.session() as session, session.begin():
        await session.execute(
            update(Book).values(status=BookProcessingStatus.COMPLETED, file_ref=file_ref("x.pdf"))
        )


async def seen(database: Database, order_id: str) -> OrderRow:
    async with database.session() as session:
        (found,) = await read_rows(session, [order_id])
        return found


async def choose_other(session: AsyncSession, order_id: str) -> None:
    """Have a second SVG of the first picture, and choose it."""
    image = (
        await session.scalars(
            select(Image)
            .join(LineItem)
            .where(LineItem.order_id == ULID.from_str(order_id))
            .order_by(Image.id)
            .with_for_update(key_share=True)
        )
    ).first()
    assert image is not None
    coloring = await session.get_one(ColoringVersion, image.selected_coloring_id)
    svg = await make_svg(
        session, coloring, version=2, status=SvgProcessingStatus.COMPLETED, file_ref=file_ref("2")
    )
    image.selected_svg_id, image.svg_chosen_at = svg.id, datetime.now(UTC)


@pytest.mark.quick
async def test_an_order_that_changed_since_it_was_seen_is_not_handed_over(
    database: Database, service: FinishService, shop_order: MakeOrder
) -> None:
    rows = [await made(database, shop_order) for _ in range(5)]
    assert {str(row.stage) for row in rows} == {"to hand over"}
    same, chosen, remade, again, done = rows
    for other in (chosen, remade):
        async with database.session() as session, session.begin():
            await choose_other(session, other.id)
    await make_book(database, remade)
    await make_book(database, again, bleed=3.0)
    await service.finish([done.id])

    report = await service.finish_seen(rows)
    assert (report.changed, report.unchanged) == ((same.number,), (done.number,))
    another = "another version was chosen or another book made meanwhile. Look at it again."
    assert list(map(str, report.passed_over)) == [
        f"{again.number} was not handed over: {another}",
        f"{remade.number} was not handed over: {another}",
        (
            f"{chosen.number} was not handed over, for it changed meanwhile (now: To typeset). "
            "Look at it again."
        ),
    ]
    for other in (chosen, remade, again):
        assert (await seen(database, other.id)).finished_at is None
    # As it is now it may be handed over.
    report = await service.finish_seen([await seen(database, again.id)])
    assert (report.changed, report.passed_over) == ((again.number,), ())


async def test_a_choice_under_way_is_waited_for_before_an_order_is_handed_over(
    database: Database, service: FinishService, shop_order: MakeOrder
) -> None:
    row = await made(database, shop_order)
    async with database.session() as session:
        async with session.begin():
            await choose_other(session, row.id)
            await session.flush()
            finishing_now = asyncio.create_task(service.finish_seen([row]))
            await until_a_lock_is_waited_for(database)
        report = await finishing_now
    assert report.changed == ()
    assert "(now: To typeset)" in str(report.passed_over[0])


async def test_a_finished_order_waits_in_no_review_until_it_comes_back(
    database: Database, service: FinishService, shop_order: MakeOrder
) -> None:
    order = await shop_order(images=2)
    other = await shop_order()
    images = (*order.line_items[0].images, *other.line_items[0].images)
    async with database.session() as session, session.begin():
        for image in images:
            await make_coloring(
                session,
                image,
                status=ColoringProcessingStatus.COMPLETED,
                file_ref=file_ref(),
            )
    assert await waiting(database) == 3
    await service.finish([order.order_number])
    assert await waiting(database) == 1
    await service.reopen([order.order_number])
    assert await waiting(database) == 3
    await service.take_back(await service.finish([order.order_number]))
    assert await waiting(database) == 3


Status = ColoringProcessingStatus


async def end_version(session: AsyncSession, order: Order, status: Status) -> None:
    """What an engine does at the end of a job."""
    await session.execute(
        update(ColoringVersion)
        .where(ColoringVersion.order_id == order.id, ColoringVersion.status == Status.QUEUED)
        .values(status=status, file_ref=file_ref("made.png"))
    )


async def test_what_ends_after_an_order_was_handed_over_is_judged_when_it_comes_back(
    database: Database, service: FinishService, shop_order: MakeOrder
) -> None:
    there = 0
    for status, was_waiting in product((Status.COMPLETED, Status.ERROR), (True, False)):
        order = await shop_order()
        image = order.line_items[0].images[0]
        async with database.session() as session, session.begin():
            if was_waiting:
                await make_coloring(session, image, status=Status.COMPLETED, file_ref=file_ref("1"))
            await make_coloring(session, image, version=2)
        await service.finish([order.order_number])
        async with database.session() as session, session.begin():
            await end_version(session, order, status)
        assert await waiting(database) == there, (status, was_waiting)
        assert (await seen(database, str(order.id))).waiting == 0
        await service.reopen([order.order_number])
        there += was_waiting or status is Status.COMPLETED
        assert await waiting(database) == there, (status, was_waiting)


@pytest.mark.parametrize("is_done_first", [False, True])
async def test_what_ends_while_an_order_is_handed_over_or_comes_back_is_judged_once(
    database: Database, service: FinishService, shop_order: MakeOrder, is_done_first: bool
) -> None:
    order = await shop_order()
    async with database.session() as session, session.begin():
        await make_coloring(session, order.line_items[0].images[0])
    if is_done_first:
        await service.finish([order.order_number])
    async with database.session() as session:
        async with session.begin():
            await end_version(session, order, Status.COMPLETED)
            act = service.reopen if is_done_first else service.finish
            acting = asyncio.create_task(act([order.order_number]))
            await until_a_lock_is_waited_for(database)
        await acting
    assert await waiting(database) == is_done_first


async def test_a_choice_that_is_undone_after_the_end_waits_in_no_review(
    database: Database, service: FinishService, shop_order: MakeOrder
) -> None:
    order = await shop_order()
    image = order.line_items[0].images[0]
    async with database.session() as session, session.begin():
        made = await make_coloring(
            session, image, status=Status.COMPLETED, file_ref=file_ref("1.png")
        )
    async with database.session() as session:
        await ColoringService(session, operator="petr").select(made.id)
    await service.finish([order.order_number])
    async with database.session() as session:
        done = await UndoService(session, operator="petr").take_back(
            VersionType.COLORING, image.id, chosen_id=made.id, previous_id=None
        )
    assert not done.waits
    assert await waiting(database) == 0
    await service.reopen([order.order_number])
    assert await waiting(database) == 1


async def test_a_finishing_is_taken_back_as_if_it_had_not_been(
    database: Database, service: FinishService, shop_order: MakeOrder, activity: ReadActivity
) -> None:
    orders = [await shop_order(), await shop_order()]
    numbers = [order.order_number for order in orders]
    report = await service.finish(numbers)
    back = await service.take_back(report)
    assert sorted(back.changed) == sorted(numbers)
    found = await row(database, orders[0])
    assert (found.finished_at, found.finished_by, found.reopened_words) == (None, None, None)
    assert [str(entry.detail) for entry in (await activity())[2:]] == [
        "The handing over was undone."
    ] * 2


async def test_what_others_did_since_is_not_taken_back(
    database: Database, service: FinishService, shop_order: MakeOrder
) -> None:
    one, other = await shop_order(), await shop_order()
    report = await service.finish([one.order_number, other.order_number])
    async with database.session() as session:
        petr = FinishService(session, operator="petr")
        await petr.reopen([one.order_number])
        await petr.finish([one.order_number])
    assert (await service.take_back(report)).changed == (other.order_number,)
    assert (await row(database, one)).finished_by == "petr"
    with pytest.raises(ConflictError, match="reopened meanwhile"):
        await service.take_back(report)


async def test_as_many_orders_as_a_shop_has_are_named_at_once(service: FinishService) -> None:
    # The protocol takes 32,767 parameters.
    report = FinishReport((), order_ids=tuple(str(ULID()) for _ in range(33_000)))
    with pytest.raises(ConflictError, match="nothing is left"):
        await service.take_back(report)
