"""Asking for books: when one is made, when the present one does, and what is refused."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import func, select, update

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order, SvgVersion
from fototui.domain.books import BookOptions
from fototui.domain.errors import ConflictError, NotFoundError
from fototui.domain.events import BaseMercureEvent, ListUpdateEvent, OrderUpdateEvent
from fototui.domain.statuses import BookProcessingStatus as B
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import JobKind
from fototui.services.books.service import BookService
from fototui.services.changes import LiveService
from fototui.services.operations.jobs import JobService
from fototui.services.operations.stats import StatsService
from fototui.services.views.books import BookReport, BookView
from tests.factories import choose_svgs, file_ref, make_coloring
from tests.services.conftest import MakeOrder, Notifications

ReadActivity = Callable[[], Awaitable[list[Activity]]]
PLAIN = BookOptions()


@pytest.fixture
async def service(database: Database) -> AsyncIterator[BookService]:
    async with database.session() as session:
        yield BookService(session, operator="eva")


@pytest.fixture
def ready(
    database: Database, shop_order: MakeOrder, published: list[BaseMercureEvent]
) -> MakeOrder:
    """Makes orders of which each picture has its chosen SVG."""

    async def make(**fields: object) -> Order:
        order = await shop_order(**fields)
        async with database.session() as session, session.begin():
            await choose_svgs(session, order)
        published.clear()
        return order

    return make


async def end(database: Database, status: B = B.COMPLETED, **fields: object) -> None:
    """Have all unfinished books ended."""
    async with database.session() as session, session.begin():
        await session.execute(
            update(Book)
            .where(Book.status.not_in(B.final_states()))
            .values(status=status, completed_at=func.now(), file_ref=file_ref("x.pdf"), **fields)
        )


async def change(database: Database, model: type[Image | LineItem], **values: object) -> None:
    async with database.session() as session, session.begin():
        await session.execute(update(model).values(**values))


async def ask(service: BookService, order: Order, options: BookOptions = PLAIN) -> BookView:
    [report] = await service.create_for_order(str(order.id), options)
    assert report.book is not None, report.skipped
    return report.book


async def refusal(service: BookService, order: Order, options: BookOptions = PLAIN) -> str:
    [report] = await service.create_for_order(str(order.id), options)
    assert report.book is None
    return str(report.skipped)


async def in_sum(database: Database) -> int:
    async with database.session() as session:
        return await session.scalar(select(func.count()).select_from(Book)) or 0


# --- asking ----------------------------------------------------------------------------------


@pytest.mark.quick
async def test_each_line_item_gets_a_book_and_readers_and_engines_are_told(
    service: BookService,
    ready: MakeOrder,
    published: list[BaseMercureEvent],
    notifications: Notifications,
    activity: ReadActivity,
    database: Database,
) -> None:
    order = await ready(line_items=2, images=3)
    async with database.session() as session, session.begin():
        await session.execute(
            update(LineItem)
            .where(LineItem.id == order.line_items[1].id)
            .values(dedication="Pro Jana", layout="Na výšku")
        )
    options = BookOptions(bleed=3, crop_marks=True)
    reports = await service.create_for_order(order.order_number, options)
    assert [(r.line_item_id, r.position, r.skipped) for r in reports] == [
        (item.id, item.position, None) for item in order.line_items
    ]
    first, second = (report.book for report in reports)
    assert first is not None
    assert second is not None
    assert (first.version, first.status, first.current) == (1, B.QUEUED, True)
    assert (first.options, first.requested_by) == (options, "eva")
    assert (second.title, second.dedication, second.layout) == (
        "Omalovánka 2",
        "Pro Jana",
        "Na výšku",
    )
    async with database.session() as session:
        chosen = await session.execute(
            select(Image.selected_svg_id)
            .where(Image.line_item_id == second.line_item_id)
            .order_by(Image.position)
        )
        assert second.svg_ids == tuple(chosen.scalars())
    assert published == [
        OrderUpdateEvent(order_id=str(order.id)),
        ListUpdateEvent(order_ids=(str(order.id),)),
    ]
    assert await notifications.heard() == ["book"]
    assert [
        (e.operator, e.action, e.version_type, e.version_id, e.order_id, e.detail)
        for e in await activity()
    ] == [
        ("eva", "requested", "book", first.id, order.id, "Book v1 of Omalovánka 1"),
        ("eva", "requested", "book", second.id, order.id, "Book v1 of Omalovánka 2"),
    ]
    assert await service.list_books(str(order.id)) == (first, second)


async def test_pages_go_by_the_pictures_places(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    order = await ready(images=3)
    first, second, third = (image.id for image in order.line_items[0].images)
    async with database.session() as session, session.begin():
        for image_id, place in ((first, 9), (second, 1), (third, 5), (first, 3), (third, 2)):
            await session.execute(update(Image).where(Image.id == image_id).values(position=place))
        chosen = {image.id: image.selected_svg_id for image in await session.scalars(select(Image))}
    book = await ask(service, order)
    assert book.svg_ids == (chosen[second], chosen[third], chosen[first])


async def test_only_some_line_items_are_asked_for(service: BookService, ready: MakeOrder) -> None:
    order = await ready(line_items=3)
    reports = await service.create_for_order(str(order.id), PLAIN, positions=[3, 2])
    assert [report.position for report in reports if report.book] == [2, 3]
    with pytest.raises(NotFoundError, match="has no line item 7"):
        await service.create_for_order(str(order.id), PLAIN, positions=[1, 7])
    assert len(await service.list_books(str(order.id))) == 2


async def test_what_is_not_ready_is_refused_with_its_reason(
    service: BookService,
    ready: MakeOrder,
    shop_order: MakeOrder,
    database: Database,
    notifications: Notifications,
    published: list[BaseMercureEvent],
) -> None:
    order = await ready(images=2)
    async with database.session() as session, session.begin():
        await session.execute(update(SvgVersion).where(SvgVersion.id == 1).values(status="error"))
    published.clear()
    assert (
        await refusal(service, order)
        == "1 picture of Omalovánka 1 has no finished SVG of its colouring that is chosen; "
        "choose one first."
    )
    await change(database, Image, selected_svg_id=None)
    assert "2 pictures of Omalovánka 1 have no finished SVG" in await refusal(service, order)
    bare = await shop_order(uploaded=False)
    assert "Omalovánka 1 has no pictures yet" in await refusal(service, bare)
    published.clear()
    await change(database, LineItem, quantity=0)
    assert await service.create_for_order(str(order.id), PLAIN) == ()
    [report] = await service.create_for_order(str(order.id), PLAIN, positions=[1])
    assert "was taken out of the order" in str(report.skipped)
    assert await in_sum(database) == 0
    assert await notifications.heard() == []
    assert published == []


async def test_an_svg_of_another_colouring_is_not_printed(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    order = await ready(images=2)
    await ask(service, order)
    await end(database)
    [book] = await service.list_books(str(order.id))
    assert book.current
    [image, _] = order.line_items[0].images
    async with database.session() as session, session.begin():
        other = await make_coloring(session, image, status=Coloring.COMPLETED, version=2)
        await session.execute(
            update(Image).where(Image.id == image.id).values(selected_coloring_id=other.id)
        )
    [book] = await service.list_books(str(order.id))
    assert not book.current
    assert "1 picture of Omalovánka 1 has no finished SVG" in await refusal(service, order)


async def test_a_picture_without_a_photo_is_no_page(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    order = await ready(images=2)
    async with database.session() as session, session.begin():
        await session.execute(
            update(Image)
            .where(Image.id == order.line_items[0].images[0].id)
            .values(file_ref=None, selected_svg_id=None)
        )
    assert len((await ask(service, order)).svg_ids) == 1


async def test_an_order_that_is_not_there(service: BookService, shop_order: MakeOrder) -> None:
    with pytest.raises(NotFoundError, match="no order 9999"):
        await service.create_for_order("9999", PLAIN)
    with pytest.raises(NotFoundError, match="no order 9999"):
        await service.list_books("9999")
    empty = await shop_order(line_items=0)
    assert await service.create_for_order(str(empty.id), PLAIN) == ()
    assert await service.list_books(str(empty.id)) == ()


# --- once, and again when something changed -----------------------------------------------------


async def test_of_many_who_ask_at_once_one_makes_a_book(
    database: Database, ready: MakeOrder
) -> None:
    order = await ready(line_items=2)

    async def one() -> tuple[BookReport, ...]:
        async with database.session() as session:
            return await BookService(session, operator="eva").create_for_order(str(order.id), PLAIN)

    reports = await asyncio.gather(*(one() for _ in range(6)))
    assert sum(report.book is not None for each in reports for report in each) == 2
    assert await in_sum(database) == 2


async def test_a_book_that_is_true_is_not_made_again(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    order = await ready()
    await ask(service, order)
    assert await refusal(service, order) == "Book v1 of Omalovánka 1 is being made already."
    await end(database)
    words = "Book v1 of Omalovánka 1 is made already, and nothing has changed since."
    assert await refusal(service, order) == words
    # Other options are news only to who asks for these very ones.
    assert await refusal(service, order, BookOptions(bleed=3)) == words
    [report] = await service.create_for_order(str(order.id), BookOptions(bleed=3), exactly=True)
    assert report.book is not None
    assert (report.book.version, report.book.options) == (2, BookOptions(bleed=3))
    await end(database)
    [report] = await service.create_for_order(str(order.id), BookOptions(bleed=3), exactly=True)
    assert report.book is None


async def test_a_change_makes_a_book_stale_and_the_next_one_has_the_next_number(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    changes: list[tuple[type[Image | LineItem], dict[str, object]]] = [
        (LineItem, {"title": "Jiné omalovánky"}),
        (LineItem, {"dedication": "Pro Evu"}),
        (LineItem, {"layout": "Na šířku"}),
        (Image, {"position": Image.position * -1}),
    ]
    for model, values in changes:
        order = await ready(images=2)
        old = await ask(service, order)
        await end(database)
        [shown] = await service.list_books(str(order.id))
        assert shown.current
        await change(database, model, **values)
        [shown] = await service.list_books(str(order.id))
        assert not shown.current, values
        new = await ask(service, order)
        assert (new.version, new.current) == (2, True)
        views = await service.list_books(str(order.id))
        assert [(view.id, view.current) for view in views] == [(old.id, False), (new.id, True)]
        assert views[0].file is not None


async def test_another_choice_makes_a_book_stale_while_it_is_being_made(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    order = await ready(images=2)
    old = await ask(service, order)
    async with database.session() as session, session.begin():
        first = await session.get_one(SvgVersion, old.svg_ids[0])
        another = SvgVersion(
            image_id=first.image_id,
            coloring_version_id=first.coloring_version_id,
            version=2,
            status="completed",
            file_ref=file_ref("other.svg"),
        )
        session.add(another)
        await session.flush()
        image = await session.get_one(Image, first.image_id)
        image.selected_svg_id = another.id
    assert (await ask(service, order)).svg_ids == (another.id, old.svg_ids[1])
    # Choosing the first one again makes neither the old book the newest nor the new one true.
    async with database.session() as session, session.begin():
        (await session.get_one(Image, first.image_id)).selected_svg_id = first.id
    assert [view.current for view in await service.list_books(str(order.id))] == [False, False]


# --- again, or not at all -----------------------------------------------------------------------


async def test_a_failed_book_is_retried_and_a_new_one_may_be_asked_for(
    service: BookService,
    ready: MakeOrder,
    database: Database,
    notifications: Notifications,
    activity: ReadActivity,
) -> None:
    order = await ready()
    book = await ask(service, order)
    with pytest.raises(ConflictError, match="has not failed"):
        await service.retry(book.id)
    await end(
        database,
        B.ERROR,
        error="Damaged.",
        error_code="permanent",
        attempts=3,
        retries=2,
        takeovers=1,
        claim_token=uuid.uuid4(),
        storage_away_since=func.now(),
    )
    [failed] = await service.list_books(str(order.id))
    assert (str(failed.error), failed.current) == ("Damaged.", False)
    await notifications.heard()
    view = await service.retry(book.id)
    assert (view.status, view.error, view.completed_at, view.current) == (
        B.QUEUED,
        None,
        None,
        True,
    )
    assert await notifications.heard() == ["book"]
    async with database.session() as session:
        row = await session.get_one(Book, book.id)
        assert (row.attempts, row.retries, row.takeovers, row.claim_token) == (0, 0, 0, None)
        assert row.storage_away_since is None
    assert [entry.action for entry in await activity()] == ["requested", "retried"]
    await end(database, B.ERROR, error="Damaged.")
    assert (await ask(service, order)).version == 2
    with pytest.raises(ConflictError, match="is not what would be made today"):
        await service.retry(book.id)


async def test_a_failed_book_that_would_be_another_today_is_not_retried(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    order = await ready()
    book = await ask(service, order)
    await end(database, B.ERROR, error="Damaged.")
    await change(database, LineItem, dedication="Pro Evu")
    with pytest.raises(ConflictError, match="make a new book instead"):
        await service.retry(book.id)
    with pytest.raises(NotFoundError, match="no book 77"):
        await service.retry(77)


async def test_a_held_book_goes_on_where_it_stands(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    book = await ask(service, await ready())
    async with database.session() as session, session.begin():
        await session.execute(update(Book).values(status="storage_upload", held_at=func.now()))
    view = await service.retry(book.id)
    assert view.status == B.STORAGE_UPLOAD
    async with database.session() as session:
        assert (await session.get_one(Book, book.id)).held_at is None


async def test_a_book_is_cancelled_once(
    service: BookService,
    ready: MakeOrder,
    database: Database,
    notifications: Notifications,
    activity: ReadActivity,
    published: list[BaseMercureEvent],
) -> None:
    order = await ready()
    book = await ask(service, order)
    await notifications.heard()
    published.clear()
    await service.cancel(book.id)
    [view] = await service.list_books(str(order.id))
    assert (view.status, view.error_code) == (B.ERROR, "cancelled")
    assert await notifications.heard() == [f"cancel:book:{book.id}"]
    assert OrderUpdateEvent(order_id=str(order.id)) in published
    assert [entry.action for entry in await activity()] == ["requested", "cancelled"]
    with pytest.raises(ConflictError, match="nothing left to cancel"):
        await service.cancel(book.id)
    with pytest.raises(NotFoundError, match="no book 77"):
        await service.cancel(77)
    assert (await service.retry(book.id)).status == B.QUEUED


# --- in lists of jobs, in stats, for readers without a hub ----------------------------------------


async def test_books_are_jobs_like_others(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    order = await ready(line_items=2)
    await service.create_for_order(str(order.id), PLAIN, positions=[2])
    async with database.autocommit() as session:
        [job] = (await JobService(session, operator="eva").board()).active
        assert (job.kind, job.status, job.version) == (JobKind.BOOK, B.QUEUED, 1)
        assert (job.order_id, job.item_position, job.image_id) == (str(order.id), 2, None)
        assert job.key == f"book:{job.row_id}"
        assert not job.is_paid_for
        stats = await StatsService(session, operator="eva").read()
    assert [(each.kind, each.count) for each in stats.queue] == [(JobKind.BOOK, 1)]
    await end(database, B.ERROR, error="Damaged.", retries=1)
    async with database.autocommit() as session:
        board = await JobService(session, operator="eva").board()
        assert board.active == ()
        assert [(job.kind, str(job.error)) for job in board.failed] == [(JobKind.BOOK, "Damaged.")]
        assert board.throughput.failed[-1] == 1
        stats = await StatsService(session, operator="eva").read()
    [ended] = (each for each in stats.ended if each.kind is JobKind.BOOK)
    assert (ended.kind, ended.status, ended.count, ended.retries) == (JobKind.BOOK, "error", 1, 1)
    assert (ended.resubmissions, ended.credits) == (0, 0)


async def test_a_reader_without_a_hub_hears_of_a_book(
    service: BookService, ready: MakeOrder, database: Database
) -> None:
    order = await ready()

    async with database.autocommit() as session:
        live = LiveService(session, operator="eva")
        since = (await live.changes()).watermark
        await ask(service, order)
        changes = await live.changes(since)
    assert changes.order_ids == {str(order.id)}
