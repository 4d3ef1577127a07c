"""One key takes an order on, from photos to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import select, text

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.orders import ColoringVersion, Image, Order, SvgVersion
from fototui.domain.books import BookOptions
from fototui.domain.stages import BookState
from fototui.domain.statuses import BookProcessingStatus, OrderStatus
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import SvgProcessingStatus as Svg
from fototui.live.state import Changed
from fototui.screens.help import HelpScreen
from fototui.screens.order.screen import OrderScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.screens.review.screen import ReviewScreen
from fototui.services.books.service import BookService
from fototui.services.orders.queries import read_rows
from fototui.services.views.orders import ImageBadges, OrderRow
from fototui.storage.directory import DirectoryStorage
from fototui.widgets.key_bar import KeyBar
from tests.cases import case
from tests.factories import choose_svgs, file_ref, make_coloring, make_order
from tests.ui.conftest import OpenApp
from tests.ui.orders_app import App, AppPilot, orders_app, row
from tests.ui.pages import ReviewPage, messages
from tests.waiting import until_shown

Opened = AbstractAsyncContextManager[tuple[App, AppPilot]]
OpenOrders = Callable[..., Opened]

DRAWN = ImageBadges(1, 1, Coloring.COMPLETED, 1, Svg.COMPLETED, has_svg=True, is_svg_chosen=True)
LATELY = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def open_orders(database: Database, storage: DirectoryStorage) -> OpenOrders:
    return partial(orders_app, database, storage)


def footer(app: App) -> str:
    return str(app.home.query_one(KeyBar).render())


ROWS: dict[str, OrderRow] = {
    "Colourings": row(1, images=(ImageBadges(1, None, None, None, None),)),
    "Review": row(2, waiting=1),
    "SVG": row(3),
    "Books": row(4, images=(DRAWN,), books=(BookState.STALE,)),
    "Hand over": row(5, images=(DRAWN,), books=(BookState.CURRENT,)),
    "Retry": row(6, status=OrderStatus.ERROR),
}


async def test_footer_and_help_say_what_the_key_would_do(open_orders: OpenOrders) -> None:
    async with open_orders(ROWS.values(), size=(200, 20)) as (app, pilot):
        for label in reversed(ROWS):
            with case(label):
                assert app.under_cursor == ROWS[label].number
                assert [each for each in ROWS if f" . {each} " in footer(app)] == [label]
                assert app.home.reason_against("orders.next_step") is None
                told = app.home.tooltip_of("orders.next_step")
                assert told.startswith("The next step: ")
                if label in ("Retry", "Books"):
                    await _is_told_in_help(app, pilot, told)
                await pilot.press("down")
        await pilot.press("ctrl+a")
        assert " . Next step " in footer(app)
        app.home.table.unmark(app.home.table.marked.copy())
        app.held.change(row(1, images=(DRAWN,)))
        assert " . Hand over " in footer(app)


async def _is_told_in_help(app: App, pilot: AppPilot, told: str) -> None:
    await pilot.press("question_mark")
    await until_shown(pilot, lambda: isinstance(app.screen, HelpScreen))
    assert told in "\n".join(str(static.render()) for static in app.screen.query("Static"))
    await pilot.press("escape")
    await until_shown(pilot, lambda: app.screen is app.home)


async def test_where_there_is_no_next_step_the_key_says_why(open_orders: OpenOrders) -> None:
    running = (ImageBadges(3, 1, Coloring.QUEUED, None, None),)
    rows = [
        row(1, finished_at=LATELY),
        row(2, status=OrderStatus.DOWNLOADING, images=()),
        row(3, images=running),
    ]
    async with open_orders(rows) as (app, pilot):
        await pilot.press("shift+tab", ".", "down", ".", "down", ".", "ctrl+a", ".")
        assert app.messages == [
            "It is being worked on; wait until that is done.",
            "It is still coming in; wait for its photos.",
            "It is done; there is no next step.",
            "None of these orders has a next step now.",
        ]


async def test_a_read_only_terminal_takes_nothing_on(open_orders: OpenOrders) -> None:
    async with open_orders([row(3)], read_only=True) as (app, pilot):
        await pilot.press(".")
        assert app.messages == ["This terminal is read-only."]


async def test_marked_orders_are_taken_on_together(
    open_orders: OpenOrders, database: Database
) -> None:
    async with database.session() as session, session.begin():
        bare = await make_order(session, images=2)
        coloured = await make_order(session)
        image = coloured.line_items[0].images[0]
        await make_coloring(session, image, status=Coloring.COMPLETED, file_ref=file_ref())
        cancelled = await make_order(session, cancelled_at=LATELY)
        failed = await make_order(session)
        await make_coloring(session, failed.line_items[0].images[0], status=Coloring.ERROR)
    async with open_orders() as (app, pilot):
        await pilot.press("ctrl+a", ".")
        await until_shown(pilot, lambda: app.messages and len(app.opened) == 2)
        assert app.messages == [
            (
                "Queued: 3 colourings in 2 orders; no engine is running. "
                f"{cancelled.order_number} is handed over."
            )
        ]
        assert app.opened == ["review", str(coloured.id)]
        assert not app.home.table.marked
        async with database.session() as session:
            versions = (await session.scalars(select(ColoringVersion))).all()
            assert len(versions) == 4
            assert (await session.get_one(Order, cancelled.id)).finished_by == "jana"
            assert (await session.get_one(Order, bare.id)).finished_at is None
        # What was handed over may be taken back.
        await pilot.press("ctrl+z")
        await until_shown(pilot, lambda: len(app.messages) == 2)
        assert app.messages[1] == "1 order is open again."
        async with database.session() as session:
            assert (await session.get_one(Order, cancelled.id)).finished_at is None


async def test_many_images_are_asked_about(open_orders: OpenOrders, database: Database) -> None:
    async with database.session() as session, session.begin():
        await make_order(session, images=3)
    async with open_orders(ask_above=2) as (app, pilot):
        await pilot.press(".")
        await until_shown(pilot, lambda: len(app.screen_stack) == 3)
        await pilot.press("n")
        await until_shown(pilot, lambda: len(app.screen_stack) == 2)
        async with database.session() as session:
            assert (await session.scalars(select(ColoringVersion))).all() == []


async def _run(database: Database, *statements: str) -> None:
    """What engines do."""
    async with database.session() as session, session.begin():
        for statement in statements:
            await session.execute(text(statement))


async def test_by_one_key_an_order_goes_from_photos_to_its_end(
    open_app: OpenApp, database: Database
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        older = await make_order(session)
        await make_coloring(
            session,
            older.line_items[0].images[0],
            status=Coloring.COMPLETED,
            file_ref=file_ref(),
        )
    order_id = str(order.id)
    pictures = {image.id for item in order.line_items for image in item.images}
    async with open_app(OrdersScreen) as (app, pilot):

        async def wants(words: str) -> None:
            await app.store.refresh(order_id)
            await until_shown(pilot, lambda: str(app.store.orders[order_id].stage) == words)

        async def accept() -> None:
            """In the review, where its picture comes first; then back to the order."""
            await until_shown(
                pilot,
                lambda: isinstance(app.screen, ReviewScreen) and ReviewPage(app).shown in pictures,
            )
            await pilot.press("enter")
            review = ReviewPage(app)
            await until_shown(
                pilot,
                lambda: (
                    isinstance(app.screen, ReviewScreen)
                    and (review.is_empty or (review.is_ready and review.shown not in pictures))
                ),
            )
            await pilot.press("escape")
            await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
            app.open_order(order_id)
            await until_shown(pilot, lambda: _is_open(app, order_id))

        app.open_order(order_id)
        await until_shown(pilot, lambda: _is_open(app, order_id))
        await wants("to colour 1")
        assert " . Colourings " in str(app.screen.query_one(KeyBar).render())
        await pilot.press(".")
        await wants("running 1")
        await pilot.press(".")
        await until_shown(pilot, lambda: "wait until that is done" in messages(app))
        await _run(
            database,
            "UPDATE coloring_versions SET status = 'completed', completed_at = now(), "
            """file_ref = '{"key": "c", "bucket": "b"}'""",
        )
        await wants("to review 1")
        await pilot.press(".")
        await accept()
        await wants("to vectorise 1")
        await pilot.press(".")
        await wants("running 1")
        await _run(
            database,
            "UPDATE svg_versions SET status = 'completed', completed_at = now(), "
            """file_ref = '{"key": "s", "bucket": "b"}'""",
        )
        await wants("to review 1")
        await pilot.press(".")
        await accept()
        await wants("to typeset 1")
        await pilot.press(".")
        await wants("running 1")
        async with database.session() as session:
            (book,) = (await session.scalars(select(Book))).all()
            assert book.status is BookProcessingStatus.QUEUED
            (svg,) = (await session.scalars(select(SvgVersion))).all()
            assert book.svg_ids == [svg.id]
        await _run(database, "UPDATE books SET status = 'completed'")
        await wants("to hand over")
        await pilot.press(".")
        await wants("done")
        await until_shown(pilot, lambda: f"{order.order_number} is handed over." in messages(app))
        await pilot.press("ctrl+z")
        await wants("to hand over")
        image = await _image(database, order)
        assert image.selected_svg_id == svg.id


def _is_open(app: object, order_id: str) -> bool:
    screen = app.screen  # type: ignore[attr-defined] # an app
    return isinstance(screen, OrderScreen) and screen.selection.detail is not None


async def _image(database: Database, order: Order) -> Image:
    async with database.session() as session:
        return await session.get_one(Image, order.line_items[0].images[0].id)


async def test_old_versions_that_wait_in_no_review_are_chosen_on_the_order(
    open_orders: OpenOrders,
) -> None:
    old = ImageBadges(1, 1, Coloring.COMPLETED, 1, Svg.COMPLETED, has_svg=True)
    async with open_orders([row(1, images=(old,))]) as (app, pilot):
        await pilot.press(".")
        await until_shown(pilot, lambda: app.opened)
        assert app.opened == [row(1).id]
        assert app.messages == ["Choose a version of each picture."]


async def test_a_row_of_another_time_is_not_acted_on(
    open_orders: OpenOrders, database: Database
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
    stale = row(1, id=str(order.id), images=(ImageBadges(1, None, None, None, None),))
    async with open_orders([stale]) as (app, pilot):
        async with database.session() as session, session.begin():
            await make_coloring(session, order.line_items[0].images[0])
        await pilot.press(".")
        await until_shown(pilot, lambda: app.messages)
        assert "being made already" in app.messages[0]
        app.held.tell(Changed(rows=frozenset({stale.id})))


async def test_what_changed_since_it_was_painted_is_not_handed_over(
    open_orders: OpenOrders, database: Database
) -> None:
    async with database.session() as session, session.begin():
        order, other = await make_order(session), await make_order(session)
        for each in (order, other):
            await choose_svgs(session, each)
    async with database.session() as session:
        for each in (order, other):
            books = BookService(session, operator="petr")
            await books.create_for_order(str(each.id), BookOptions())
    await _run(
        database,
        "UPDATE books SET status = 'completed'",
        "UPDATE reviews SET decision = 'chosen', decided_at = now()",
    )
    async with database.session() as session:
        rows = await read_rows(session, [str(order.id), str(other.id)])
    async with open_orders(rows) as (app, pilot):
        assert {str(row.stage) for row in app.store.orders.values()} == {"to hand over"}
        # Somebody did something, and the news have not come yet.
        item = order.line_items[0].id
        await _run(database, f"UPDATE line_items SET dedication = 'Pro Evu' WHERE id = {item}")
        await pilot.press("ctrl+a", ".")
        await until_shown(pilot, lambda: app.messages)
        assert app.messages == [
            (
                f"{other.order_number} is handed over. {order.order_number} was not handed over, "
                "for it changed meanwhile (now: To typeset). Look at it again."
            )
        ]
        async with database.session() as session:
            assert (await session.get_one(Order, order.id)).finished_at is None
            assert (await session.get_one(Order, other.id)).finished_by == "jana"
