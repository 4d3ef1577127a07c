"""Finding out what changed rows belong to: by themselves, and with as few queries as can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, update

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.events import (
    BaseMercureEvent,
    Change,
    ChangeContext,
    ImageStatusEvent,
    ImageUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus
from tests.factories import file_ref, make_coloring, make_order, make_svg
from tests.logs import capture_logs
from tests.pgproxy import PgProxy

Published = list[BaseMercureEvent]


@contextmanager
def _queries(database: Database) -> Iterator[list[str]]:
    """SELECT statements sent while the block runs."""
    statements: list[str] = []

    def note(*args: object) -> None:
        if str(args[2]).startswith("SELECT"):
            statements.append(str(args[2]))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
async def orders(database: Database) -> list[Order]:
    """Two orders with two photos each, a colouring of each photo and an SVG of each colouring."""
    async with database.session() as session, session.begin():
        orders = [await make_order(session, images=2) for _ in range(2)]
        for order in orders:
            for image in order.line_items[0].images:
                coloring = await make_coloring(session, image)
                image.coloring_versions.append(coloring)
                image.svg_versions.append(await make_svg(session, coloring))
        return orders


def _report_everything(session: TrackedAsyncSession, orders: list[Order]) -> None:
    """Report a change of every row below some orders."""
    for order in orders:
        item = order.line_items[0]
        session.report(Change("LineItem", item.id, Operation.UPDATE, {"title": "?"}))
        for image in item.images:
            session.report(Change("Image", image.id, Operation.UPDATE, {"selected_svg_id": 1}))
            coloring, svg = image.coloring_versions[0], image.svg_versions[0]
            for model, row in (("ColoringVersion", coloring), ("SvgVersion", svg)):
                session.report(Change(model, row.id, Operation.UPDATE, {"status": "processing"}))


async def test_every_row_finds_its_order_and_image_by_one_query_per_model(
    database: Database, published: Published, orders: list[Order]
) -> None:
    async with database.session() as session:
        session.track_changes(OrderUpdateEvent, ImageUpdateEvent, ImageStatusEvent)
        with _queries(database) as queries:
            async with session.begin():
                _report_everything(session, orders)

    assert len(queries) == 4
    images = {image.id: str(order.id) for order in orders for image in order.line_items[0].images}
    told = {(e.image_id, e.order_id) for e in published if isinstance(e, ImageUpdateEvent)}
    assert told == set(images.items())
    badges = [e for e in published if isinstance(e, ImageStatusEvent)]
    assert {(e.image_id, e.order_id) for e in badges} == set(images.items())
    assert len(badges) == 8
    assert {e.order_id for e in published if isinstance(e, OrderUpdateEvent)} == {
        str(order.id) for order in orders
    }


async def test_savepoints_ask_nothing_only_the_commit_does(
    database: Database, published: Published, orders: list[Order]
) -> None:
    async with database.session() as session:
        session.track_changes(ImageStatusEvent)
        with _queries(database) as queries:
            async with session.begin():
                for order in orders:
                    async with session.begin_nested():
                        _report_everything(session, [order])
                assert queries == []

    assert len(queries) == 2
    assert len(published) == 8


async def test_rows_that_trigger_no_tracked_event_are_not_asked_about(
    database: Database, published: Published, orders: list[Order]
) -> None:
    async with database.session() as session:
        session.track_changes(ImageStatusEvent)
        with _queries(database) as queries:
            async with session.begin():
                session.report(
                    Change("Image", 1, Operation.UPDATE, {"original_url": "https://example.com"})
                )
                session.report(
                    Change("ColoringVersion", 1, Operation.UPDATE, {"status": "completed"})
                )

    assert (queries, published) == ([], [])


async def test_what_the_session_holds_in_memory_is_not_asked_for(
    database: Database, published: Published
) -> None:
    async with database.session() as session:
        session.track_changes(ImageUpdateEvent, ImageStatusEvent)
        with _queries(database) as queries:
            async with session.begin():
                order = await make_order(session)
                image = order.line_items[0].images[0]
                coloring = await make_coloring(session, image)
                svg = await make_svg(session, coloring)
            async with session.begin():
                coloring.status = ColoringProcessingStatus.PROCESSING
                svg.status = SvgProcessingStatus.PROCESSING

    assert queries == []
    assert {(e.order_id, e.image_id) for e in published if isinstance(e, ImageUpdateEvent)} == {
        (str(order.id), image.id)
    }
    assert len([e for e in published if isinstance(e, ImageStatusEvent)]) == 2


@pytest.mark.parametrize("hinted", [False, True])
async def test_a_hint_saves_the_query_and_a_missing_one_only_costs_it(
    database: Database, published: Published, orders: list[Order], *, hinted: bool
) -> None:
    order = orders[0]
    image = order.line_items[0].images[0]
    async with database.session() as session:
        session.track_changes(ImageStatusEvent)
        async with session.begin():
            session.report(
                Change(
                    "ColoringVersion",
                    image.coloring_versions[0].id,
                    Operation.UPDATE,
                    {"status": ColoringProcessingStatus.PROCESSING},
                ),
                ChangeContext(order_id=str(order.id), image_id=image.id) if hinted else None,
            )
            with _queries(database) as queries:
                await session.commit()

    assert len(queries) == (0 if hinted else 1)
    assert [(e.order_id, e.image_id) for e in published if isinstance(e, ImageStatusEvent)] == [
        (str(order.id), image.id)
    ]


async def test_half_a_hint_is_completed_by_the_query(
    database: Database, published: Published, orders: list[Order]
) -> None:
    image = orders[0].line_items[0].images[0]
    async with database.session() as session, session.begin():
        session.track_changes(ImageUpdateEvent)
        session.report(
            Change("Image", image.id, Operation.UPDATE, {"file_ref": None}),
            ChangeContext(order_id=str(orders[0].id)),
        )

    assert published == [ImageUpdateEvent(order_id=str(orders[0].id), image_id=image.id)]


async def test_a_wrong_hint_does_not_stand_against_the_rows_in_memory(
    database: Database, published: Published, orders: list[Order]
) -> None:
    image = orders[0].line_items[0].images[0]
    async with database.session() as session, session.begin():
        session.track_changes(ImageUpdateEvent)
        session.report(
            Change("Image", image.id, Operation.UPDATE, {"file_ref": None}),
            ChangeContext("WRONG", image_id=77),
        )
        found = await session.get_one(Image, image.id)
        item = await session.get_one(LineItem, found.line_item_id)
        found.file_ref = file_ref("x")
        assert item in session

    assert published == [ImageUpdateEvent(order_id=str(orders[0].id), image_id=image.id)]


async def test_a_row_forgotten_by_a_rolled_back_savepoint_is_asked_for(
    database: Database, published: Published, orders: list[Order]
) -> None:
    image = orders[0].line_items[0].images[0]
    async with database.session() as session, session.begin():
        session.track_changes(ImageUpdateEvent)
        found = await session.get_one(Image, image.id)
        await session.get_one(LineItem, found.line_item_id)
        savepoint = await session.begin_nested()
        found.file_ref = file_ref("lost")
        await session.flush()
        await savepoint.rollback()  # expires it
        session.report(Change("Image", image.id, Operation.UPDATE, {"file_ref": None}))

    assert published == [ImageUpdateEvent(order_id=str(orders[0].id), image_id=image.id)]


async def test_a_thousand_rows_are_asked_about_by_one_statement(
    database: Database, published: Published, image_id: int
) -> None:
    async with database.session() as session, session.begin():
        session.add_all(ColoringVersion(image_id=image_id, version=v) for v in range(1, 1001))
    async with database.session() as session, session.begin():
        session.track_changes(ImageStatusEvent)
        result = await session.scalars(
            update(ColoringVersion)
            .values(status=ColoringProcessingStatus.PROCESSING)
            .returning(ColoringVersion.id)
        )
        for key in result:
            session.report(Change("ColoringVersion", key, Operation.UPDATE, {"status": "x"}))
        with _queries(database) as queries:
            await session.commit()

    assert len(queries) == 1
    assert len(published) == 1000


async def test_autocommit_with_all_known_costs_the_statement_and_no_more(
    far: Database, proxy: PgProxy, published: Published, orders: list[Order]
) -> None:
    image = orders[0].line_items[0].images[0]
    svg = image.svg_versions[0]
    statement = (
        update(SvgVersion)
        .where(SvgVersion.id == svg.id, SvgVersion.status != SvgProcessingStatus.ERROR)
        .values(status=SvgProcessingStatus.PROCESSING)
        .returning(SvgVersion.id)
    )

    async def transition(context: ChangeContext | None) -> None:
        async with far.autocommit() as session:
            session.track_changes(ImageStatusEvent)
            assert await session.scalar(statement) == svg.id
            session.report(
                Change("SvgVersion", svg.id, Operation.UPDATE, {"status": "processing"}), context
            )

    known = ChangeContext(order_id=str(orders[0].id), image_id=image.id)
    for context in (known, None):
        await transition(context)  # prepares the statements
    with proxy.counting() as with_context:
        await transition(known)
    with proxy.counting() as without_context:
        await transition(None)

    assert (with_context.total, without_context.total) == (1, 2)
    assert len(published) == 4
    assert len(set(published)) == 1


async def test_an_autocommit_session_that_can_no_longer_ask_says_so_and_goes_on(
    database: Database, published: Published, orders: list[Order]
) -> None:
    with capture_logs() as logs:
        async with database.autocommit() as session:
            session.track_changes(ImageUpdateEvent)
            await session.execute(update(Image).values(original_url=None))
            session.report(Change("Image", 1, Operation.UPDATE, {"file_ref": None}))
            await (await session.connection()).invalidate()

    assert published == []
    assert [entry["log_level"] for entry in logs] == ["warning", "warning"]
