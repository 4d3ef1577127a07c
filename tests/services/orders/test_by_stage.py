"""The facts behind a stage, as the database tells them, and orders by their stage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.orders import Image, LineItem, Order, SvgVersion
from fototui.domain.stages import BookState, Stage
from fototui.domain.statuses import NO_PHOTOS, OrderStatus
from fototui.domain.statuses import BookProcessingStatus as BookStatus
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import SvgProcessingStatus as Svg
from fototui.services.orders.by_stage import StageService
from fototui.services.orders.manual import OrderService
from fototui.services.orders.queries import read_rows
from fototui.services.orders.search import read_order_search
from fototui.services.views.orders import OrderRow
from tests.factories import file_ref, make_coloring, make_svg
from tests.services.conftest import MakeOrder

NEWEST = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
Look = Callable[[Order], Awaitable[OrderRow]]


@pytest.fixture
async def service(database: Database) -> AsyncIterator[StageService]:
    async with database.autocommit() as session:
        yield StageService(session, operator="eva")


@pytest.fixture
def look(database: Database) -> Look:
    async def look(order: Order) -> OrderRow:
        async with database.autocommit() as session:
            (row,) = await read_rows(session, [str(order.id)])
        return row

    return look


async def judge_all(database: Database) -> None:
    """Everything that waits is accepted."""
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE reviews SET decision = 'accepted'"))


async def draw(database: Database, image: Image, *, version: int = 1) -> SvgVersion:
    """A colouring and an SVG of an image, both completed, chosen and judged."""
    async with database.session() as session, session.begin():
        coloring = await make_coloring(
            session, image, status=Coloring.COMPLETED, version=version, file_ref=file_ref()
        )
        svg = await make_svg(
            session, coloring, status=Svg.COMPLETED, version=version, file_ref=file_ref()
        )
        await session.execute(
            update(Image)
            .where(Image.id == image.id)
            .values(selected_coloring_id=coloring.id, selected_svg_id=svg.id)
        )
    await judge_all(database)
    return svg


async def bind(database: Database, order: Order, item: LineItem, **fields: object) -> None:
    """A book of a line item, of what it is today."""
    values: dict[str, object] = {
        "line_item_id": item.id,
        "order_id": order.id,
        "version": 1,
        "status": BookStatus.COMPLETED,
        "title": item.title,
        "dedication": item.dedication,
        "layout": item.layout,
        "options": {},
    }
    async with database.session() as session, session.begin():
        session.add(Book(**values | fields))


async def change(database: Database, statement: str) -> None:
    async with database.session() as session, session.begin():
        await session.execute(text(statement))


# --- the facts -------------------------------------------------------------------------------


async def test_an_order_goes_from_photos_to_its_end(
    database: Database, shop_order: MakeOrder, look: Look
) -> None:
    order = await shop_order(images=2)
    item = order.line_items[0]
    stages = [str((await look(order)).stage)]
    async with database.session() as session, session.begin():
        made = [await make_coloring(session, image) for image in item.images]
    stages.append(str((await look(order)).stage))
    await change(
        database, "UPDATE coloring_versions SET status = 'completed', file_ref = '{\"key\": \"a\"}'"
    )
    await change(
        database,
        "UPDATE images i SET selected_coloring_id = v.id FROM coloring_versions v "
        "WHERE v.image_id = i.id",
    )
    stages.append(str((await look(order)).stage))
    await judge_all(database)
    stages.append(str((await look(order)).stage))
    async with database.session() as session, session.begin():
        svgs = [await make_svg(session, coloring) for coloring in made]
    stages.append(str((await look(order)).stage))
    await change(
        database,
        "WITH v AS (UPDATE svg_versions SET status = 'completed', file_ref = '{\"key\": \"a\"}' "
        "RETURNING id, image_id) "
        "UPDATE images i SET selected_svg_id = v.id FROM v WHERE v.image_id = i.id",
    )
    await judge_all(database)
    stages.append(str((await look(order)).stage))
    ids = [svg.id for svg in svgs]
    await bind(database, order, item, svg_ids=ids, status=BookStatus.QUEUED)
    stages.append(str((await look(order)).stage))
    await change(database, "UPDATE books SET status = 'completed'")
    stages.append(str((await look(order)).stage))
    await change(database, "UPDATE orders SET finished_at = now()")
    stages.append(str((await look(order)).stage))
    assert stages == [
        "to colour 2",
        "running 2",
        "to review 2",
        "to vectorise 2",
        "running 2",
        "to typeset 1",
        "running 1",
        "to hand over",
        "done",
    ]


async def test_a_book_is_stale_when_what_it_shows_is_another(
    database: Database, shop_order: MakeOrder, look: Look
) -> None:
    for changed in (
        "UPDATE line_items SET title = 'Jiná' WHERE order_id = '{order}'",
        "UPDATE line_items SET dedication = 'Pro Aničku' WHERE order_id = '{order}'",
        "UPDATE line_items SET layout = 'na šířku' WHERE order_id = '{order}'",
        "UPDATE images SET position = 3 - position + 10 WHERE line_item_id = {item}",
        """UPDATE images SET selected_svg_id = NULL
        WHERE position = 1 AND line_item_id = {item}""",
        """INSERT INTO images (line_item_id, position, file_ref)
        VALUES ({item}, 9, '{{"key": "a"}}')""",
    ):
        order = await shop_order(images=2)
        item = order.line_items[0]
        svgs = [await draw(database, image) for image in item.images]
        await bind(database, order, item, svg_ids=[svg.id for svg in svgs])
        assert (await look(order)).books == (BookState.CURRENT,)
        await change(database, changed.format(order=order.id.to_uuid(), item=item.id))
        assert (await look(order)).books == (BookState.STALE,), changed


async def test_the_newest_book_counts_and_one_for_each_line_item(
    database: Database, shop_order: MakeOrder, look: Look
) -> None:
    order = await shop_order(line_items=4)
    first, second, third, gone = order.line_items
    for item in (first, second, third):
        svg = await draw(database, item.images[0])
        await bind(database, order, item, svg_ids=[svg.id])
    await bind(database, order, second, svg_ids=[], version=2, status=BookStatus.ERROR)
    await bind(database, order, third, svg_ids=[], version=2, status=BookStatus.STORAGE_UPLOAD)
    await change(database, f"UPDATE line_items SET quantity = 0 WHERE id = {gone.id}")
    row = await look(order)
    assert row.books == (BookState.CURRENT, BookState.ERROR, BookState.RUNNING)
    assert [image.is_wanted for image in row.images] == [True, True, True, False]


async def test_an_svg_of_another_colouring_is_none(
    database: Database, shop_order: MakeOrder, look: Look
) -> None:
    order = await shop_order()
    (image,) = order.line_items[0].images
    await draw(database, image)
    async with database.session() as session, session.begin():
        other = await make_coloring(session, image, status=Coloring.COMPLETED, version=2)
        await session.execute(
            update(Image).where(Image.id == image.id).values(selected_coloring_id=other.id)
        )
    await judge_all(database)
    row = await look(order)
    assert (row.images[0].has_svg, row.images[0].is_svg_chosen) == (False, False)
    assert str(row.stage) == "to vectorise 1"
    async with database.session() as session, session.begin():
        await make_svg(session, other, version=2)
    row = await look(order)
    assert (row.running, str(row.stage)) == (1, "running 1")


async def test_a_chosen_svg_of_another_colouring_is_to_be_chosen_again(
    database: Database, shop_order: MakeOrder, look: Look
) -> None:
    order = await shop_order()
    (item,) = order.line_items
    (image,) = item.images
    first = await draw(database, image)
    second = await draw(database, image, version=2)
    await bind(database, order, item, svg_ids=[second.id])
    assert str((await look(order)).stage) == "to hand over"
    async with database.session() as session, session.begin():
        await session.execute(
            update(Image)
            .where(Image.id == image.id)
            .values(selected_coloring_id=first.coloring_version_id)
        )
    await judge_all(database)
    row = await look(order)
    assert (row.images[0].has_svg, row.images[0].is_svg_chosen) == (True, False)
    assert str(row.stage) == "to review 1"


async def test_photos_that_are_missing_are_told(shop_order: MakeOrder, look: Look) -> None:
    coming = await shop_order(uploaded=False, images=3, status=OrderStatus.DOWNLOADING)
    stuck = await shop_order(uploaded=False, images=2)
    bare = await shop_order(line_items=0, error_code=NO_PHOTOS, error="…")
    cancelled = await shop_order(cancelled_at=NEWEST)
    stages = [str((await look(order)).stage) for order in (coming, stuck, bare, cancelled)]
    assert stages == ["coming in 3", "error 2", "error", "error"]


# --- by stage ----------------------------------------------------------------------------------


async def test_orders_of_a_stage_are_found_beyond_a_page(
    service: StageService, shop_order: MakeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fototui.services.orders.by_stage._PAGE", 2)
    made = [
        await shop_order(images=place % 2, created_at=NEWEST - timedelta(hours=place))
        for place in range(7)
    ]
    wanted = [order.order_number for order in made if order.line_items[0].images]
    page = await service.list_orders(Stage.TO_COLOUR)
    assert [row.number for row in page.orders] == wanted
    assert page.total == 3
    page = await service.list_orders(Stage.TO_COLOUR, skip=1, limit=1)
    assert ([row.number for row in page.orders], page.total) == (wanted[1:2], 3)
    page = await service.list_orders(Stage.TO_COLOUR, search=wanted[2])
    assert ([row.number for row in page.orders], page.total) == (wanted[2:], 1)


async def test_orders_are_found_by_words_and_fields_beyond_a_page(
    service: StageService, shop_order: MakeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fototui.services.orders.by_stage._PAGE", 2)
    made = [
        await shop_order(
            customer_name="Jana Nováková" if place % 3 else "Eva Straßová",
            payment_status="PAID" if place % 2 else "PENDING",
            created_at=NEWEST - timedelta(days=place),
        )
        for place in range(7)
    ]
    numbers = [order.order_number for order in made]

    async def find(text: str, limit: int = 50, stage: Stage | None = None) -> list[str]:
        search = read_order_search(text, zone=UTC, now=NEWEST)
        rows = await service.find(search, limit=limit, stage=stage)
        return [row.number for row in rows]

    assert await find("") == numbers
    assert await find("", limit=3) == numbers[:3]
    assert await find("novak") == [numbers[place] for place in (1, 2, 4, 5)]
    assert await find("novak", limit=1) == numbers[1:2]
    assert await find('"jana no"', stage=Stage.TO_COLOUR, limit=2) == [numbers[1], numbers[2]]
    assert await find("straßová") == [numbers[place] for place in (0, 3, 6)]
    assert await find("paid:yes") == numbers[1::2]
    assert await find("paid:no novak") == [numbers[2], numbers[4]]
    assert await find("before:2026-11-20 after:2026-11-17") == numbers[1:4]
    assert await find("is:done") == await find("", stage=Stage.DONE) == []


async def test_done_orders_are_listed_by_their_end(
    service: StageService, shop_order: MakeOrder
) -> None:
    early = await shop_order(created_at=NEWEST, finished_at=NEWEST + timedelta(hours=1))
    late = await shop_order(
        created_at=NEWEST - timedelta(days=9), finished_at=NEWEST + timedelta(hours=2)
    )
    await shop_order()
    page = await service.list_orders(Stage.DONE)
    assert [row.number for row in page.orders] == [late.order_number, early.order_number]
    assert page.total == 2
    page = await service.list_orders(Stage.DONE, skip=1, search=early.order_number)
    assert (page.orders, page.total) == ((), 1)


async def test_every_stage_is_counted(service: StageService, shop_order: MakeOrder) -> None:
    await shop_order()
    await shop_order()
    await shop_order(status=OrderStatus.ERROR)
    await shop_order(finished_at=NEWEST)
    assert await service.count() == {
        **dict.fromkeys(Stage, 0),
        Stage.TO_COLOUR: 2,
        Stage.ERROR: 1,
        Stage.DONE: 1,
    }


async def test_the_working_day_is_read_from_its_own_index(
    database: Database, shop_order: MakeOrder
) -> None:
    async with database.autocommit() as session:
        plans = []
        await shop_order()
        async with session.begin():
            await session.execute(text("SET enable_seqscan = off"))
            for where, by in (("IS NULL", "created_at"), ("IS NOT NULL", "finished_at")):
                plan = await session.scalars(
                    text(
                        f"EXPLAIN SELECT id FROM orders WHERE finished_at {where} "
                        f"ORDER BY {by} DESC, id DESC LIMIT 50"
                    )
                )
                plans.append("\n".join(plan))
    assert "ix_orders_working" in plans[0]
    assert "ix_orders_finished" in plans[1]


async def test_the_list_has_the_same_rows(
    database: Database, service: StageService, shop_order: MakeOrder
) -> None:
    order = await shop_order()
    async with database.autocommit() as session:
        (row,) = (await OrderService(session, operator="eva").list_orders()).orders
    assert (await service.list_orders(Stage.TO_COLOUR)).orders == (row,)
    assert await service.stage_of(str(order.id)) == row.stage
