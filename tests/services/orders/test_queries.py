import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, text, update

from fototui.db.database import Database
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.badges import Badge
from fototui.domain.errors import InvalidInputError, NotFoundError
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)
from fototui.services.orders.manual import OrderService
from fototui.services.views import as_json
from fototui.services.views.orders import ImageBadges, OrderPage
from tests.factories import file_ref, make_coloring, make_order, make_svg
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder

NEWEST = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


@pytest.fixture
async def service(database: Database) -> AsyncIterator[OrderService]:
    async with database.autocommit() as session:
        yield OrderService(session, operator="eva")


def numbers(page: OrderPage) -> list[str]:
    return [row.number for row in page.orders]


# --- the list --------------------------------------------------------------------------------


async def test_pages_follow_each_other_newest_first_also_at_equal_times(
    service: OrderService, shop_order: MakeOrder
) -> None:
    times = [NEWEST, NEWEST, NEWEST, NEWEST - timedelta(days=1), NEWEST - timedelta(days=2)]
    made = [await shop_order(created_at=time) for time in times]
    by_age = sorted(made, key=lambda order: (order.created_at, order.id), reverse=True)
    expected = [order.order_number for order in by_age]
    assert numbers(await service.list_orders()) == expected
    first = await service.list_orders(limit=2)
    second = await service.list_orders(limit=2, before=first.next)
    third = await service.list_orders(limit=2, before=second.next)
    assert [numbers(first), numbers(second), numbers(third)] == [
        expected[:2],
        expected[2:4],
        expected[4:],
    ]
    assert second.next is not None
    assert third.next is None


async def test_a_page_that_ends_with_the_list_has_none_after_it(
    service: OrderService, shop_order: MakeOrder
) -> None:
    for _ in range(2):
        await shop_order()
    assert (await service.list_orders(limit=2)).next is None
    assert (await service.list_orders(status=OrderStatus.ERROR)).orders == ()


async def test_row_tells_what_the_list_shows(service: OrderService, shop_order: MakeOrder) -> None:
    order = await shop_order(line_items=2, images=2, created_at=NEWEST)
    (row,) = (await service.list_orders()).orders
    assert (row.id, row.number, row.created_at) == (str(order.id), order.order_number, NEWEST)
    assert (row.customer_name, row.payment_status, row.items) == ("Jana Nováková", "PAID", 2)
    assert row.status is OrderStatus.READY_FOR_REVIEW
    assert [badges.image_id for badges in row.images] == [
        image.id for item in order.line_items for image in item.images
    ]
    assert {badges.coloring for badges in row.images} == {None}


async def test_order_without_images_or_books_is_listed(
    service: OrderService, shop_order: MakeOrder
) -> None:
    await shop_order(line_items=1, images=0, created_at=NEWEST)
    await shop_order(line_items=0, created_at=NEWEST - timedelta(days=1))
    assert [(row.items, row.images) for row in (await service.list_orders()).orders] == [
        (1, ()),
        (0, ()),
    ]


async def test_badges_tell_of_the_chosen_version_else_of_the_latest(
    service: OrderService, database: Database, shop_order: MakeOrder
) -> None:
    order = await shop_order(images=2)
    chosen, latest = order.line_items[0].images
    done, failed = ColoringProcessingStatus.COMPLETED, ColoringProcessingStatus.ERROR
    async with database.session() as session, session.begin():
        best = await make_coloring(session, chosen, status=done, file_ref=file_ref())
        await make_coloring(session, chosen, version=2, status=failed)
        await make_coloring(session, latest, status=done)
        newest = await make_coloring(session, latest, version=2, status=failed)
        svg = await make_svg(session, best, status=SvgProcessingStatus.VECTORIZER_PROCESSING)
        await session.execute(
            update(Image).where(Image.id == chosen.id).values(selected_coloring_id=best.id)
        )
    (row,) = (await service.list_orders()).orders
    assert row.images == (
        ImageBadges(
            chosen.id,
            best.id,
            done,
            svg.id,
            SvgProcessingStatus.VECTORIZER_PROCESSING,
            has_svg=True,
        ),
        ImageBadges(latest.id, newest.id, failed, None, None),
    )


async def test_what_operators_made_of_versions(
    database: Database, service: OrderService, shop_order: MakeOrder
) -> None:
    """The list and the opened order tell the same, by other ways."""
    order = await shop_order(images=5)
    made, chosen, judged, changed, remade = order.line_items[0].images
    moment = func.now()
    done, svg_done = ColoringProcessingStatus.COMPLETED, SvgProcessingStatus.COMPLETED
    async with database.session() as session, session.begin():
        for image in (made, chosen, judged, changed, remade):
            first = await make_coloring(session, image, status=done)
            svg = await make_svg(session, first, status=svg_done)
            choice: dict[str, object] = {}
            if image is not made:
                choice = {"selected_coloring_id": first.id, "selected_svg_id": svg.id}
            if image in (judged, changed, remade):
                choice |= {"coloring_chosen_at": moment, "svg_chosen_at": moment}
            if image in (changed, remade):
                second = await make_coloring(session, image, version=2, status=done)
                choice["selected_coloring_id"] = second.id
                if image is remade:
                    second.queued_at = func.now() + timedelta(seconds=1)
            if choice:
                await session.execute(update(Image).where(Image.id == image.id).values(choice))
    (row,) = (await service.list_orders()).orders
    badges = [tuple(image.badge(kind) for kind in VersionType) for image in row.images]
    assert badges == [
        (Badge.MADE, Badge.MADE),
        (Badge.MADE, Badge.MADE),  # chosen by the job's end, which is no judgement
        (Badge.APPROVED, Badge.APPROVED),
        (Badge.APPROVED, Badge.OUT_OF_DATE),
        # Asked for after the operator's choice, and chosen by its end: nobody approved that one.
        (Badge.MADE, Badge.OUT_OF_DATE),
    ]
    detail = await service.get_order(str(order.id))
    images = detail.line_items[0].images
    assert badges == [
        tuple(image.badge(image.told(kind)) for kind in VersionType) for image in images
    ]
    assert images[3].badge(images[3].coloring[0]) is Badge.MADE
    assert [image.coloring_chosen_at is None for image in images[2:]] == [False, False, True]
    assert images[3].badge(None) is Badge.NONE


async def test_filter_by_status_and_count(service: OrderService, shop_order: MakeOrder) -> None:
    wrong = await shop_order(status=OrderStatus.ERROR)
    await shop_order()
    await shop_order()
    assert numbers(await service.list_orders(status=OrderStatus.ERROR)) == [wrong.order_number]
    assert await service.count_by_status() == {
        OrderStatus.PENDING: 0,
        OrderStatus.PROCESSING: 0,
        OrderStatus.DOWNLOADING: 0,
        OrderStatus.READY_FOR_REVIEW: 2,
        OrderStatus.ERROR: 1,
    }


async def test_search_in_number_name_address_and_dedication(
    service: OrderService, database: Database, shop_order: MakeOrder
) -> None:
    await shop_order(order_number="#7001", customer_name="Jana Nováková", created_at=NEWEST)
    other = await shop_order(
        order_number="#7002",
        customer_name=None,
        customer_email="eva@example.com",
        created_at=NEWEST + timedelta(hours=1),
    )
    async with database.session() as session, session.begin():
        await session.execute(
            update(LineItem)
            .where(LineItem.order_id == other.id)
            .values(dedication="Pro Aničku na 100%")
        )
    for search, found in (
        ("#7001", ["#7001"]),
        ("700", ["#7002", "#7001"]),
        ("NOVÁK", ["#7001"]),
        ("eva@", ["#7002"]),
        ("aničku", ["#7002"]),
        ("anicku pro", ["#7002"]),
        ("novakova JANA", ["#7001"]),
        ("jana eva", []),
        ("100%", ["#7002"]),
        ("%", ["#7002"]),
        ("_", []),
        ("  ", ["#7002", "#7001"]),
        ("novák\x00", ["#7001"]),
        ("nothing", []),
    ):
        assert numbers(await service.list_orders(search=search)) == found, search


async def test_a_page_has_a_sensible_length(service: OrderService) -> None:
    for limit in (0, -1, 1001):
        with pytest.raises(InvalidInputError, match="A page holds"):
            await service.list_orders(limit=limit)


async def test_a_pages_cost_does_not_grow_with_the_list(
    service: OrderService, database: Database
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO orders (id, order_number, status, created_at, updated_at) SELECT "
                "gen_random_uuid(), '#' || n, 'ready_for_review', now() - n * interval '1 hour', "
                "now() "
                "FROM generate_series(1, 5000) n"
            )
        )
    async with database.autocommit() as session:
        await session.execute(text("ANALYZE"))
    asked: list[tuple[str, object]] = []

    def note(*arguments: object) -> None:
        asked.append((str(arguments[2]), arguments[3]))

    middle = (await service.list_orders(limit=1000)).next
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    await service.list_orders(limit=50, before=middle)
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    ((statement, values),) = asked
    assert isinstance(values, tuple)
    async with database.engine.connect() as connection:
        explained = await connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        plan = "\n".join(line for (line,) in explained)
    assert "Index Scan using ix_orders_newest" in plan
    assert "Seq Scan on orders" not in plan


# --- one order -------------------------------------------------------------------------------


async def test_order_is_found_by_its_number(service: OrderService, shop_order: MakeOrder) -> None:
    await shop_order(order_number="#12700")
    order = await shop_order(order_number="#1270")
    manual = await shop_order(order_number="#M1000")
    for ref in ("#1270", "1270", " 1270 "):
        assert (await service.get_order(ref)).id == str(order.id), ref
    for ref in ("#M1000", "M1000", "m1000"):
        assert (await service.get_order(ref)).id == str(manual.id), ref


async def test_order_is_found_by_any_number_in_any_case(
    service: OrderService, shop_order: MakeOrder
) -> None:
    for number in ("sk-1001", "#1-a", "Foto1003CZ", "EXP-12/2026", "#žluť-7"):
        order = await shop_order(order_number=number)
        bare = number.removeprefix("#")
        for ref in (number, bare, bare.upper(), bare.lower(), f"#{bare.swapcase()}"):
            assert (await service.get_order(ref)).id == str(order.id), ref


async def test_order_is_found_by_its_id(service: OrderService, shop_order: MakeOrder) -> None:
    await shop_order()
    order = await shop_order()
    for ref in (str(order.id), str(order.id).lower()):
        assert (await service.get_order(ref)).number == order.order_number


async def test_unknown_order_is_said_to_be_missing(
    service: OrderService, shop_order: MakeOrder
) -> None:
    await shop_order()
    injected, ulid = "'; DROP TABLE orders --", "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for ref in ("", "#", "99999", ulid, "U" * 26, injected, "\x00"):
        with pytest.raises(NotFoundError, match="There is no order"):
            await service.get_order(ref)


async def test_order_holds_everything_in_it(
    service: OrderService, database: Database, shop_order: MakeOrder
) -> None:
    order = await shop_order(line_items=2, images=2, shipping_method="Zásilkovna")
    image = order.line_items[1].images[0]
    start = NEWEST
    async with database.session() as session, session.begin():
        first = await make_coloring(
            session,
            image,
            status=ColoringProcessingStatus.COMPLETED,
            file_ref=file_ref("c.png"),
            started_at=start,
            completed_at=start + timedelta(seconds=12.5),
        )
        second = await make_coloring(
            session,
            image,
            version=2,
            status=ColoringProcessingStatus.ERROR,
            error="RunPod ran out of memory.",
            error_code="permanent",
            megapixels=2.0,
            attempts=2,
        )
        svgs = [
            await make_svg(
                session,
                coloring,
                version=version,
                status=SvgProcessingStatus.COMPLETED,
                credits_charged=1.5,
            )
            for version, coloring in ((2, first), (1, second), (3, first))
        ]
        await session.execute(
            update(Image).where(Image.id == image.id).values(selected_coloring_id=first.id)
        )
    detail = await service.get_order(order.order_number)
    assert (detail.number, detail.shipping_method) == (order.order_number, "Zásilkovna")
    assert [item.title for item in detail.line_items] == ["Omalovánka 1", "Omalovánka 2"]
    assert [len(item.images) for item in detail.line_items] == [2, 2]
    assert len(detail.images) == 4
    view = detail.line_items[1].images[0]
    assert (view.id, view.position, view.selected_coloring_id) == (image.id, 1, first.id)
    assert view.file == image.file_ref
    done, failed = view.coloring
    assert (done.id, done.version, done.selected, done.elapsed_seconds) == (first.id, 1, True, 12.5)
    assert done.file == file_ref("c.png")
    assert (str(failed.error), failed.error_code) == ("RunPod ran out of memory.", "permanent")
    assert (failed.options, failed.attempts) == (ColoringOptions(megapixels=2.0), 2)
    assert (failed.selected, failed.elapsed_seconds) == (False, None)
    assert [(svg.version, svg.coloring_version_id) for svg in view.svg] == [
        (1, second.id),
        (2, first.id),
        (3, first.id),
    ]
    assert [svg.id for svg in view.svg] == [svgs[1].id, svgs[0].id, svgs[2].id]
    assert {svg.credits_charged for svg in view.svg} == {1.5}


async def test_time_that_a_running_job_takes_goes_by_the_databases_clock(
    service: OrderService, database: Database, shop_order: MakeOrder
) -> None:
    order = await shop_order()
    async with database.session() as session, session.begin():
        await make_coloring(session, order.line_items[0].images[0])
        await session.execute(
            text("UPDATE coloring_versions SET started_at = now() - interval '90 s'")
        )
    (image,) = (await service.get_order(order.order_number)).images
    assert image.coloring[0].elapsed_seconds == pytest.approx(90, abs=30)


async def test_what_an_older_program_wrote_hides_no_order(
    service: OrderService, database: Database, shop_order: MakeOrder
) -> None:
    order = await shop_order()
    async with database.session() as session, session.begin():
        coloring = await make_coloring(session, order.line_items[0].images[0], megapixels=99.0)
        await make_svg(session, coloring, shape_stacking="none", group_by="rainbow")
    (image,) = (await service.get_order(order.order_number)).images
    assert (image.coloring[0].options, image.svg[0].options) == (None, None)


async def test_views_become_json(
    service: OrderService, database: Database, shop_order: MakeOrder
) -> None:
    order = await shop_order(created_at=NEWEST)
    async with database.session() as session, session.begin():
        await make_coloring(session, order.line_items[0].images[0])
    detail = json.loads(json.dumps(as_json(await service.get_order(order.order_number))))
    assert detail["id"] == str(order.id)
    assert detail["created_at"] == "2026-11-20T14:02:00Z"
    assert detail["status"] == "ready_for_review"
    image = detail["line_items"][0]["images"][0]
    assert image["coloring"][0]["options"] == {"megapixels": 1.0, "steps": 4}
    assert image["coloring"][0]["kind"] == "coloring"
    assert image["file"]["bucket"] == "test"


# --- round trips -----------------------------------------------------------------------------


@pytest.mark.parametrize(("transactional", "overhead"), [(False, 0), (True, 2)])
async def test_reading_takes_one_round_trip_beside_the_transactions_own(
    database: Database, database_url: str, *, transactional: bool, overhead: int
) -> None:
    async with database.session() as session, session.begin():
        orders = [await make_order(session, images=3, line_items=2) for _ in range(20)]
        for order in orders:
            await make_coloring(session, order.line_items[0].images[0])
    async with (
        PgProxy(database_url) as proxy,
        Database(proxy.url) as far,
        far.session() if transactional else far.autocommit() as session,
    ):
        service = OrderService(session, operator="eva")
        page = await service.list_orders(limit=10)
        await service.get_order(orders[0].order_number)
        # Statements are prepared by now, as they are in any terminal that just started.
        with proxy.counting() as listing:
            await service.list_orders(limit=10)
        with proxy.counting() as opening:
            await service.get_order(orders[1].order_number)
        with proxy.counting() as next_page:
            await service.list_orders(limit=10, before=page.next)
    assert listing.total == 1 + overhead
    assert opening.total == 1 + overhead
    assert next_page.total <= 2 + overhead  # another statement, prepared on its first use


async def test_session_is_read_anew_each_time(
    service: OrderService, database: Database, shop_order: MakeOrder
) -> None:
    order = await shop_order()
    async with service.session.begin():
        held = await service.session.get_one(Order, order.id)

    async def rename(name: str) -> None:
        async with database.session() as session, session.begin():
            await session.execute(update(Order).values(customer_name=name))

    await rename("Eva Malá")
    assert held.customer_name != "Eva Malá"
    assert (await service.get_order(order.order_number)).customer_name == "Eva Malá"
    await rename("Petr Dvořák")
    assert (await service.list_orders()).orders[0].customer_name == "Petr Dvořák"
