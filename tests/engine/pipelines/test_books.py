"""How a book is claimed, made and stored, and what becomes of it when something fails."""

import asyncio
import os
import signal
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text, update

from fototui.books.request import BookRequest, TypesetBook
from fototui.books.typesetter import Typesetter
from fototui.db.models.books import Book
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order, SvgVersion
from fototui.domain.books import BookOptions
from fototui.domain.events import BaseMercureEvent, ListUpdateEvent, OrderUpdateEvent
from fototui.engine.jobs.claims import Claims
from fototui.engine.maintenance.rules import Rules, RuleSettings
from fototui.engine.pipelines.book import BookPipeline
from fototui.services.books.service import BookService
from tests.books.processes import working
from tests.engine.conftest import QUICK, PlainTypesetter, World
from tests.engine.one_life import register
from tests.waiting import until


async def _drain(world: World) -> None:
    async with world.engine() as engine:
        await engine.drain()


async def _set(world: World, book_id: int, **values: object) -> None:
    async with world.database.session() as session, session.begin():
        await session.execute(update(Book).where(Book.id == book_id).values(**values))


async def test_a_book_is_made_of_the_chosen_svgs_in_the_order_of_their_pages(
    world: World, published: list[BaseMercureEvent]
) -> None:
    [book_id] = await world.queue_books(
        1,
        pages=3,
        dedication="Pro Jana",
        layout="Na šířku",
        options={"bleed": 3.0, "of_another_program": True},
    )
    svg_ids = (await world.book(book_id)).svg_ids
    await _set(world, book_id, svg_ids=[svg_ids[1], svg_ids[0], svg_ids[2]])
    published.clear()
    await _drain(world)

    book = await world.book(book_id)
    [request] = world.typesetter.requests
    async with world.database.session() as session:
        order = await session.get_one(Order, book.order_id)
        item = await session.get_one(LineItem, book.line_item_id)
        files = {svg.id: svg.file_ref for svg in await session.scalars(select(SvgVersion))}
    wanted = [await world.stored(files[svg_id]) for svg_id in book.svg_ids]
    assert list(request.pages) == wanted
    assert (request.order_number, request.title) == (order.order_number, item.title)
    assert (request.dedication, request.layout) == ("Pro Jana", "Na šířku")
    assert request.options.bleed == 3.0
    assert (book.status, book.pages, book.error) == ("completed", 4, None)
    assert book.findings is not None
    assert [finding["kind"] for finding in book.findings] == ["nearly_empty"]
    assert book.started_at is not None
    assert book.completed_at is not None
    assert (book.claimed_by, book.attempts) == (None, 1)
    assert book.file_ref is not None
    number = order.order_number.removeprefix("#")
    assert book.file_ref.key == f"{order.id}/{item.id}/book/v1/{number}-1.pdf"
    assert book.file_ref.content_type == "application/pdf"
    assert (await world.stored(book.file_ref)).startswith(b"%PDF")
    # processing, storage_upload, completed: each is told once, to the order and to the list.
    assert (
        published
        == [
            OrderUpdateEvent(order_id=str(order.id)),
            ListUpdateEvent(order_ids=(str(order.id),)),
        ]
        * 3
    )


async def test_books_of_urgent_orders_go_first_then_the_longest_waiting(world: World) -> None:
    late, early, urgent, other, held, waits = await world.queue_books(6, pages=1)
    now = datetime.now(UTC)
    for book_id, minutes in ((late, 1), (early, 9), (urgent, 0), (other, 5), (held, 30)):
        await _set(world, book_id, queued_at=now - timedelta(minutes=minutes))
    await _set(world, held, held_at=now)
    await _set(world, waits, queued_at=now - timedelta(hours=1), not_before=now + timedelta(days=1))
    async with world.database.session() as session, session.begin():
        its_order = select(Book.order_id).where(Book.id == urgent).scalar_subquery()
        await session.execute(
            update(Order).where(Order.id == its_order).values(urgent_at=func.now())
        )
    claims = Claims(world.database, await register(world))
    claimed = [await claims.claim(BookPipeline.jobs, 1, limited=False) for _ in range(5)]
    assert [job.row_id for jobs in claimed for job in jobs] == [urgent, early, other, late]
    [job] = claimed[0]
    assert job.labels == {"order": job.order_number}
    assert (job.version, job.position, len(job.svgs)) == (1, 1, 1)


async def test_a_broken_svg_fails_its_book_and_no_other(world: World) -> None:
    broken, whole = await world.queue_books(2)
    book = await world.book(broken)
    async with world.database.session() as session:
        svg = await session.get_one(SvgVersion, book.svg_ids[1])
    assert svg.file_ref is not None
    await world.storage.put(svg.file_ref.key, b"\x89PNG", content_type="image/svg+xml")
    await _drain(world)
    book = await world.book(broken)
    assert (book.status, book.error) == ("error", "Picture 2 is no SVG.")
    assert book.completed_at is not None
    assert book.file_ref is None
    assert (await world.book(whole)).status == "completed"
    async with world.database.session() as session:
        [entry] = await session.scalars(select(Activity).where(Activity.action == "failed"))
    assert (entry.version_type, entry.version_id, entry.order_id) == ("book", broken, book.order_id)
    assert entry.detail == book.error


async def test_an_svg_that_is_gone_is_named_by_its_picture(world: World) -> None:
    [book_id] = await world.queue_books(1)
    svg_ids = (await world.book(book_id)).svg_ids
    await _set(world, book_id, svg_ids=[svg_ids[0], 99_999])
    await _drain(world)
    book = await world.book(book_id)
    assert book.status == "error"
    assert book.error is not None
    assert "The SVG of picture 2 has no file any more." in book.error
    assert world.typesetter.requests == []


async def test_a_badly_written_row_fails_alone(world: World) -> None:
    bad, good = await world.queue_books(2)
    await _set(world, bad, options={"bleed": "wide"})
    await _drain(world)
    book = await world.book(bad)
    assert (book.status, book.error) == (
        "error",
        "Its stored options cannot be read. Make a new book.",
    )
    assert (await world.book(good)).status == "completed"


async def test_storage_that_refuses_is_waited_for_with_the_book_in_hand(world: World) -> None:
    [book_id] = await world.queue_books(1)
    book = await world.book(book_id)
    # A file stands where the folder of the result has to be.
    blocker = world.folder / str(book.order_id) / str(book.line_item_id) / "book"
    blocker.write_bytes(b"")
    async with world.engine() as engine:

        async def waits() -> bool:
            return (await world.book(book_id)).storage_away_since is not None

        await until(waits)
        assert (await world.book(book_id)).status == "storage_upload"
        blocker.unlink()
        await engine.drain()
    book = await world.book(book_id)
    assert (book.status, book.storage_away_since, book.retries) == ("completed", None, 0)
    assert len(world.typesetter.requests) == 1


async def test_storage_that_stays_away_fails_the_book_in_time(world: World) -> None:
    [book_id] = await world.queue_books(1)
    book = await world.book(book_id)
    blocker = world.folder / str(book.order_id) / str(book.line_item_id) / "book"
    blocker.write_bytes(b"")
    async with world.engine(rescheduling=replace(QUICK, storage_seconds=0.2)) as engine:
        await engine.drain()
    book = await world.book(book_id)
    assert (book.status, book.retries) == ("error", 0)
    assert book.error is not None
    assert "minutes for storage" in book.error


async def test_a_result_that_is_lost_is_typeset_again(world: World) -> None:
    [book_id] = await world.queue_books(1)
    await _set(world, book_id, status="storage_upload", pages=7)
    await _drain(world)
    book = await world.book(book_id)
    assert (book.status, book.pages) == ("completed", 2)
    assert len(world.typesetter.requests) == 1


async def test_a_result_that_was_stored_is_not_typeset_again(world: World) -> None:
    [book_id] = await world.queue_books(1)
    await _drain(world)
    made = await world.book(book_id)
    await _set(world, book_id, status="storage_upload", file_ref=None)
    await _drain(world)
    book = await world.book(book_id)
    assert (book.status, book.file_ref) == ("completed", made.file_ref)
    assert len(world.typesetter.requests) == 1


class Killed(PlainTypesetter):
    """The real one, whose processes are killed at the first try."""

    def __init__(self, real: Typesetter) -> None:
        super().__init__()
        self._real = real
        self._others = working()

    async def typeset(self, request: BookRequest) -> TypesetBook:
        self.requests.append(request)
        task = asyncio.create_task(self._real.typeset(request))
        for _ in range(2 if len(self.requests) == 1 else 0):
            await until(lambda: working() - self._others)
            for pid in working() - self._others:
                os.kill(pid, signal.SIGKILL)
                self._others.add(pid)
        return await task


async def test_a_book_whose_process_is_killed_is_tried_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    first, second = await world.queue_books(2)
    async with Typesetter() as real:
        world.typesetter = Killed(real)
        async with world.engine(rescheduling=QUICK, books=1) as engine:
            await engine.drain()
    for book_id, retries in ((first, 1), (second, 0)):
        book = await world.book(book_id)
        assert (book.status, book.error, book.retries) == ("completed", None, retries)
        assert (await world.stored(book.file_ref)).startswith(b"%PDF-")
    assert list(temporary.iterdir()) == []


async def test_a_book_that_is_cancelled_is_dropped_at_once(world: World) -> None:
    [book_id] = await world.queue_books(1)
    world.typesetter.hold = asyncio.Event()
    async with world.engine() as engine:
        await world.until_book(book_id, "processing")
        await until(lambda: engine.running)
        async with world.database.session() as session:
            await BookService(session, operator="eva").cancel(book_id)
        await until(lambda: not engine.running)
    book = await world.book(book_id)
    assert (book.status, book.error_code, book.error) == (
        "error",
        "cancelled",
        "Cancelled by eva.",
    )
    assert book.file_ref is None


async def test_books_take_no_longer_to_claim_however_many_were_made(world: World) -> None:
    [book_id] = await world.queue_books(1)
    async with world.database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO books (line_item_id, version, order_id, status, svg_ids, title, "
                "options, created_at, completed_at) "
                "SELECT b.line_item_id, n, b.order_id, 'completed', '{}', 'x', '{}', now(), now() "
                "FROM books b, generate_series(2, 5000) n"
            )
        )
        await session.execute(text("ANALYZE books"))
        plan = "\n".join(
            await session.scalars(
                text(
                    f"EXPLAIN SELECT v.id FROM books v WHERE {BookPipeline.jobs.active} "
                    f"ORDER BY {BookPipeline.jobs.turns} LIMIT 2"
                )
            )
        )
    assert "ix_books_turn" in plan
    assert "Sort" not in plan
    await _drain(world)
    assert (await world.book(book_id)).status == "completed"


# --- made without an operator -------------------------------------------------------------------


async def _ready(world: World, **order: object) -> int:
    """The line item of an order of which each picture has its SVG, without a book; its id."""
    [book_id] = await world.queue_books(1)
    book = await world.book(book_id)
    async with world.database.session() as session, session.begin():
        await session.execute(delete(Book).where(Book.id == book_id))
        await session.execute(
            update(SvgVersion)
            .where(SvgVersion.id.in_(book.svg_ids))
            .values(completed_at=func.now())
        )
        if order:
            await session.execute(update(Order).where(Order.id == book.order_id).values(**order))
    return book.line_item_id


async def _books_of(world: World, item_id: int) -> list[Book]:
    async with world.database.session() as session:
        found = await session.scalars(select(Book).where(Book.line_item_id == item_id))
        return list(found)


async def _apply(world: World, **rules: object) -> None:
    settings = RuleSettings(book=True, **rules)  # type: ignore[arg-type]  # of several types
    await Rules(world.database, settings, actor="test (engine)").apply()


async def test_the_book_of_an_order_that_is_ready_is_asked_for_once(world: World) -> None:
    item_id = await _ready(world)
    options = BookOptions(bleed=3, crop_marks=True)
    async with world.engine(rules=RuleSettings(book=True, book_options=options)):

        async def made() -> bool:
            return [book.status for book in await _books_of(world, item_id)] == ["completed"]

        await until(made)
    [book] = await _books_of(world, item_id)
    assert (book.requested_by, BookOptions.model_validate(book.options)) == (
        "test (engine)",
        options,
    )
    # What was made once is the operators', although it is true no more.
    async with world.database.session() as session, session.begin():
        await session.execute(update(LineItem).values(dedication="Pro Evu"))
    await _apply(world)
    assert len(await _books_of(world, item_id)) == 1


async def test_two_engines_that_apply_a_rule_at_once_ask_for_one_book(world: World) -> None:
    item_id = await _ready(world)
    await asyncio.gather(*(_apply(world) for _ in range(4)))
    assert len(await _books_of(world, item_id)) == 1


async def test_no_book_is_asked_for_an_order_that_is_not_to_go_on(world: World) -> None:
    ended: list[dict[str, object]] = [
        {"cancelled_at": datetime.now(UTC)},
        {"finished_at": datetime.now(UTC)},
        {"status": "downloading"},
    ]
    items = [await _ready(world, **order) for order in ended]
    going_on = await _ready(world)
    await _apply(world)
    assert [await _books_of(world, item_id) for item_id in items] == [[], [], []]
    assert len(await _books_of(world, going_on)) == 1


async def test_a_picture_without_an_svg_keeps_its_whole_order_waiting(world: World) -> None:
    item_id = await _ready(world)
    async with world.database.session() as session, session.begin():
        item = await session.get_one(LineItem, item_id)
        other = LineItem(order_id=item.order_id, position=2, title="Druhá")
        session.add(other)
        await session.flush()
        [some] = await session.scalars(
            select(Image).where(Image.line_item_id == item_id, Image.position == 1)
        )
        image = Image(line_item_id=other.id, position=1, file_ref=some.file_ref)
        session.add(image)
    await _apply(world)
    assert await _books_of(world, item_id) == []
    # It is another thing where that line item was taken out of the order.
    async with world.database.session() as session, session.begin():
        await session.execute(update(LineItem).where(LineItem.id == other.id).values(quantity=0))
    await _apply(world)
    assert len(await _books_of(world, item_id)) == 1


async def test_rules_for_paid_orders_hold_for_books_too(world: World) -> None:
    unpaid = await _ready(world, payment_status="PENDING")
    paid = await _ready(world, payment_status="PAID")
    await _apply(world, paid_only=True)
    assert (len(await _books_of(world, unpaid)), len(await _books_of(world, paid))) == (0, 1)


async def test_switching_the_rule_on_leaves_the_past_alone(world: World) -> None:
    item_id = await _ready(world)
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(SvgVersion).values(completed_at=datetime.now(UTC) - timedelta(days=8))
        )
    await _apply(world)
    assert await _books_of(world, item_id) == []
