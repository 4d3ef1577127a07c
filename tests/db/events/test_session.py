"""Which events come of which changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, update

from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.domain.events import (
    BaseMercureEvent,
    Change,
    ImageStatusEvent,
    ImageUpdateEvent,
    ListUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)
from tests.factories import file_ref, make_coloring, make_order, make_svg
from tests.logs import capture_logs

ALL = (OrderUpdateEvent, ImageUpdateEvent, ImageStatusEvent, ListUpdateEvent)
Published = list[BaseMercureEvent]


async def _existing_order(database: Database) -> Order:
    """An order that is in the database; no event tells of it."""
    async with database.session() as session, session.begin():
        return await make_order(session)


async def _existing_coloring(
    database: Database, status: ColoringProcessingStatus = ColoringProcessingStatus.QUEUED
) -> tuple[Order, Image, int]:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        image = order.line_items[0].images[0]
        coloring = await make_coloring(session, image, status=status)
        return order, image, coloring.id


async def test_a_session_that_tracks_nothing_makes_nothing(
    database: Database, published: Published
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        order.status = OrderStatus.ERROR
        session.report(Change("Order", str(order.id), Operation.DELETE))

    assert published == []


async def test_a_new_order_means_that_the_list_may_have_changed_anywhere(
    database: Database, published: Published
) -> None:
    async with database.session() as session, session.begin():
        session.track_changes(ListUpdateEvent)
        await make_order(session)

    assert published == [ListUpdateEvent(order_ids=())]


async def test_a_deleted_order_means_the_same(database: Database, published: Published) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, line_items=0)
    async with database.session() as session, session.begin():
        session.track_changes(*ALL)
        found = await session.get_one(Order, order.id)
        await session.delete(found)

    assert published == [ListUpdateEvent(order_ids=())]


@pytest.mark.quick
async def test_an_orders_data_make_an_order_update_and_a_list_update_with_its_id(
    database: Database, published: Published
) -> None:
    order = await _existing_order(database)
    async with database.session() as session, session.begin():
        session.track_changes(*ALL)
        found = await session.get_one(Order, order.id)
        found.customer_name = "Petr Svoboda"

    assert published == [
        OrderUpdateEvent(order_id=str(order.id)),
        ListUpdateEvent(order_ids=(str(order.id),)),
    ]


async def test_a_line_items_data_are_order_data(database: Database, published: Published) -> None:
    order = await _existing_order(database)
    async with database.session() as session, session.begin():
        session.track_changes(OrderUpdateEvent)
        item = await session.get_one(LineItem, order.line_items[0].id)
        item.dedication = "Babičce"

    assert published == [OrderUpdateEvent(order_id=str(order.id))]


async def test_columns_that_trigger_nothing_make_nothing(
    database: Database, published: Published
) -> None:
    order, image, coloring_id = await _existing_coloring(database)
    async with database.session() as session, session.begin():
        session.track_changes(*ALL)
        (await session.get_one(Order, order.id)).updated_at = datetime.now(UTC)
        (await session.get_one(Image, image.id)).original_url = "https://example.com/other.jpg"
        (await session.get_one(ColoringVersion, coloring_id)).attempts = 3

    assert published == []


async def test_writing_the_value_that_is_there_makes_nothing(
    database: Database, published: Published
) -> None:
    order = await _existing_order(database)
    async with database.session() as session, session.begin():
        session.track_changes(*ALL)
        found = await session.get_one(Order, order.id)
        found.customer_name = str(found.customer_name)
        found.status = OrderStatus.READY_FOR_REVIEW

    assert published == []


async def test_an_arrived_photo_and_a_new_choice_are_image_updates(
    database: Database, published: Published
) -> None:
    order, image, coloring_id = await _existing_coloring(database)
    expected = ImageUpdateEvent(order_id=str(order.id), image_id=image.id)
    for column, value in (("file_ref", file_ref("new.jpg")), ("selected_coloring_id", coloring_id)):
        async with database.session() as session, session.begin():
            session.track_changes(*ALL)
            setattr(await session.get_one(Image, image.id), column, value)
        assert published == [expected], column
        published.clear()


async def test_creating_completing_and_failing_a_version_are_image_updates(
    database: Database, published: Published
) -> None:
    order = await _existing_order(database)
    image = order.line_items[0].images[0]
    expected = [ImageUpdateEvent(order_id=str(order.id), image_id=image.id)]
    async with database.session() as session, session.begin():
        session.track_changes(*ALL)
        # The status comes from the column's default.
        coloring = ColoringVersion(image_id=image.id, version=1)
        session.add(coloring)
    assert published == expected
    for status in ColoringProcessingStatus.final_states():
        published.clear()
        async with database.session() as session, session.begin():
            session.track_changes(*ALL)
            (await session.get_one(ColoringVersion, coloring.id)).status = status
        assert published == expected, status


async def test_a_step_of_a_version_is_an_image_status_with_all_that_a_badge_needs(
    database: Database, published: Published
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        image = order.line_items[0].images[0]
        coloring = await make_coloring(session, image)
        svg = await make_svg(session, coloring)
    async with database.session() as session, session.begin():
        session.track_changes(*ALL)
        found = await session.get_one(ColoringVersion, coloring.id)
        found.status = ColoringProcessingStatus.RUNPOD_QUEUED
        (await session.merge(svg)).status = SvgProcessingStatus.VECTORIZER_PROCESSING

    by_type = {e.status_type: e for e in published if isinstance(e, ImageStatusEvent)}
    assert len(published) == 2
    assert by_type[VersionType.COLORING].model_dump(mode="json") == {
        "type": "image_status",
        "order_id": str(order.id),
        "image_id": image.id,
        "status_type": "coloring",
        "version_id": coloring.id,
        "status": "runpod_queued",
    }
    assert by_type[VersionType.SVG].version_id == svg.id
    assert by_type[VersionType.SVG].status == "vectorizer_processing"


async def test_several_changes_of_one_entity_are_one_event_and_the_last_wins(
    database: Database, published: Published
) -> None:
    order, image, coloring_id = await _existing_coloring(database)
    async with database.session() as session, session.begin():
        session.track_changes(*ALL)
        coloring = await session.get_one(ColoringVersion, coloring_id)
        found = await session.get_one(Order, order.id)
        found.status = OrderStatus.PROCESSING
        for status in (
            ColoringProcessingStatus.PROCESSING,
            ColoringProcessingStatus.RUNPOD_SUBMITTING,
            ColoringProcessingStatus.RUNPOD_SUBMITTED,
        ):
            coloring.status = status
            await session.flush()
        found.status = OrderStatus.DOWNLOADING

    assert [e for e in published if isinstance(e, ImageStatusEvent)] == [
        ImageStatusEvent(
            order_id=str(order.id),
            image_id=image.id,
            status_type=VersionType.COLORING,
            version_id=coloring_id,
            status="runpod_submitted",
        )
    ]
    assert [type(e) for e in published] == [ImageStatusEvent, OrderUpdateEvent, ListUpdateEvent]


async def test_events_come_in_the_order_of_their_last_occurrence(
    database: Database, published: Published
) -> None:
    orders = [await _existing_order(database) for _ in range(3)]
    ids = [str(order.id) for order in orders]
    async with database.session() as session, session.begin():
        session.track_changes(OrderUpdateEvent)
        for place in (0, 1, 2, 0):
            session.report(
                Change("Order", ids[place], Operation.UPDATE, {"status": OrderStatus.ERROR})
            )

    assert [e.order_id for e in published if isinstance(e, OrderUpdateEvent)] == [
        ids[1],
        ids[2],
        ids[0],
    ]


async def test_a_list_update_names_the_orders_sorted_and_once(
    database: Database, published: Published
) -> None:
    orders = [await _existing_order(database) for _ in range(3)]
    async with database.session() as session, session.begin():
        session.track_changes(ListUpdateEvent)
        for order in (*reversed(orders), orders[1]):
            found = await session.get_one(Order, order.id)
            found.customer_name = f"{found.customer_name} ml."
            await session.flush()

    # Its parts are collected although they are not tracked, and so not sent, themselves.
    assert published == [ListUpdateEvent(order_ids=tuple(sorted(str(o.id) for o in orders)))]


async def test_a_bare_statement_is_seen_when_it_is_reported(
    database: Database, published: Published
) -> None:
    order, image, coloring_id = await _existing_coloring(database)
    async with database.session() as session, session.begin():
        session.track_changes(*ALL)
        await session.execute(
            update(ColoringVersion)
            .where(ColoringVersion.id == coloring_id)
            .values(status=ColoringProcessingStatus.PROCESSING)
        )
        session.report(
            Change("ColoringVersion", coloring_id, Operation.UPDATE, {"status": "processing"})
        )

    assert published == [
        ImageStatusEvent(
            order_id=str(order.id),
            image_id=image.id,
            status_type=VersionType.COLORING,
            version_id=coloring_id,
            status="processing",
        )
    ]


async def test_a_report_about_a_row_that_never_was_is_logged_and_makes_nothing(
    database: Database, published: Published
) -> None:
    with capture_logs() as logs:
        async with database.session() as session, session.begin():
            session.track_changes(*ALL)
            session.report(Change("ColoringVersion", 99, Operation.UPDATE, {"status": "queued"}))

    assert published == []
    assert [entry["log_level"] for entry in logs] == ["warning"]


async def test_a_publisher_that_fails_is_logged_and_does_not_fail_the_work(
    database_url: str,
) -> None:
    taken: Published = []

    def publish(event: BaseMercureEvent) -> None:
        if event.get_topics() != ["orders"]:
            raise RuntimeError("no hub")
        taken.append(event)

    async with Database(database_url, publish=publish) as database:
        order = await _existing_order(database)
        with capture_logs() as logs:
            async with database.session() as session, session.begin():
                session.track_changes(*ALL)
                (await session.get_one(Order, order.id)).customer_name = "Eva Malá"
        async with database.session() as session:
            assert (await session.get_one(Order, order.id)).customer_name == "Eva Malá"

    assert taken == [ListUpdateEvent(order_ids=(str(order.id),))]
    assert [(e["log_level"], e["event_type"]) for e in logs] == [("warning", "OrderUpdateEvent")]


async def test_a_publisher_may_start_tasks(database_url: str) -> None:
    taken: Published = []
    tasks = []

    async def take(event: BaseMercureEvent) -> None:
        await asyncio.sleep(0)
        taken.append(event)

    def publish(event: BaseMercureEvent) -> None:
        tasks.append(asyncio.create_task(take(event)))

    async with Database(database_url, publish=publish) as database:
        async with database.session() as session, session.begin():
            session.track_changes(ListUpdateEvent)
            await make_order(session)
        await asyncio.gather(*tasks)

    assert taken == [ListUpdateEvent()]


async def test_without_a_publisher_nothing_is_asked_or_made(database_url: str) -> None:
    async with Database(database_url) as database:
        order = await _existing_order(database)
        statements = []
        event.listen(
            database.engine.sync_engine,
            "before_cursor_execute",
            lambda *args: statements.append(args[2]),
        )
        async with database.session() as session, session.begin():
            session.track_changes(*ALL)
            session.report(
                Change("Image", order.line_items[0].images[0].id, Operation.UPDATE, {"file_ref": 1})
            )

    assert statements == []


async def test_two_sessions_do_not_hear_each_other(
    database: Database, published: Published
) -> None:
    order = await _existing_order(database)
    async with database.session() as curious, database.session() as silent:
        curious.track_changes(*ALL)
        async with silent.begin():
            (await silent.get_one(Order, order.id)).customer_name = "Nikdo"
        async with curious.begin():
            await curious.get_one(Order, order.id)

    assert published == []


async def test_listeners_are_registered_once_per_process(database: Database) -> None:
    names = ["before_flush", "after_flush", "before_commit", "after_commit"]
    names += ["after_transaction_create", "after_transaction_end"]
    sessions = [database.session() for _ in range(50)]
    for session in sessions:
        session.track_changes(*ALL)

    for session in (sessions[0], sessions[-1], database.session()):
        dispatch = session.sync_session.dispatch
        assert [len(list(getattr(dispatch, name))) for name in names] == [1] * 6
