"""Books on the order screen and on their own: made by a key, seen page by page, saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select, update
from textual.widgets import Input, Static

from fototui.app import FototuiApp
from fototui.books.request import TypesetBook
from fototui.books.typesetter import Typesetter
from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.orders import LineItem
from fototui.domain.books import BookOptions, Finding, FindingKind
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.stages import BookState
from fototui.domain.statuses import BookProcessingStatus
from fototui.pictures.errors import PictureBrokenError
from fototui.pictures.loader import PdfPage, PictureLoader
from fototui.screens.book import BookScreen
from fototui.screens.dialogs import AskText
from fototui.screens.order.screen import OrderScreen
from fototui.storage.directory import DirectoryStorage
from fototui.widgets.picture.widget import PictureState
from tests.books.conftest import drawing, request
from tests.cases import case
from tests.factories import choose_svgs, make_order
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import lines, messages
from tests.waiting import until_shown

KEY = "order/1/book/v1/1001-1.pdf"
THIN = Finding(page=2, kind=FindingKind.THIN_LINES, sentence=Sentence.make("Lines are thin."))
WHOLE = Finding(kind=FindingKind.UNKNOWN_LAYOUT, sentence=Sentence.make("It is upright."))


@dataclass
class Shelf:
    """An order that is ready for its book, and the file that the book will have."""

    database: Database
    order_id: str
    file: S3ObjectRefData
    pages: int
    pdf: bytes

    async def finish(self, *, findings: tuple[Finding, ...] = ()) -> None:
        """What the engine does with a queued book."""
        async with self.database.session() as session, session.begin():
            book = (await session.scalars(select(Book).order_by(Book.id.desc()).limit(1))).one()
            book.status = BookProcessingStatus.COMPLETED
            book.pages, book.file_ref = self.pages, self.file
            book.completed_at = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
            book.findings = [finding.model_dump(mode="json") for finding in findings]

    async def add(self, *, findings: tuple[Finding, ...] = ()) -> None:
        """A finished book."""
        async with self.database.session() as session, session.begin():
            item = (await session.scalars(select(LineItem))).one()
            session.add(
                Book(
                    line_item_id=item.id,
                    order_id=item.order_id,
                    version=1,
                    svg_ids=self.svg_ids,
                    title=item.title,
                    dedication=item.dedication,
                    layout=item.layout,
                    options=BookOptions().model_dump(mode="json"),
                )
            )
        await self.finish(findings=findings)

    svg_ids: list[int]


_MADE: list[TypesetBook] = []
"""The same file for all tests, once it is made."""


@pytest.fixture
async def shelf(database: Database, storage: DirectoryStorage) -> Shelf:
    if not _MADE:
        async with Typesetter() as typesetter:
            _MADE.append(await typesetter.typeset(request(drawing("cat"), drawing("cat"))))
    (made,) = _MADE
    file = await storage.put(KEY, made.pdf, content_type="application/pdf")
    async with database.session() as session, session.begin():
        order = await make_order(session, images=2)
        svg_ids = await choose_svgs(session, order)
    return Shelf(database, str(order.id), file, made.pages, made.pdf, svg_ids)


def order_screen(app: FototuiApp) -> OrderScreen:
    return cast("OrderScreen", app.screen)


def line(app: FototuiApp) -> str:
    """What the order screen says of books."""
    return str(app.screen.query_one("#books", Static).render()).strip()


def no_page(app: FototuiApp) -> str:
    """What stands where a page would be."""
    return "\n".join(lines(app)[1:-1])


def book_states(app: FototuiApp, shelf: Shelf) -> tuple[BookState, ...]:
    """How far the list says that the books are."""
    return app.store.orders[shelf.order_id].books


def found(app: FototuiApp) -> str:
    """What the book's screen says of the page."""
    return str(app.screen.query_one("#findings", Static).render()).strip()


async def go_to_order(app: FototuiApp, pilot: AppPilot) -> None:
    await until_shown(
        pilot,
        lambda: (
            isinstance(app.screen, OrderScreen)
            and bool(app.context.store.orders)
            and app.screen.selection.detail is not None
        ),
    )


async def until_drawn(app: FototuiApp, pilot: AppPilot) -> None:
    await until_shown(
        pilot,
        lambda: (
            isinstance(app.screen, BookScreen) and app.screen.picture.state is PictureState.SHOWN
        ),
    )


async def test_a_key_makes_the_book_and_the_line_follows_it_to_its_end(
    open_app: OpenApp, shelf: Shelf
) -> None:
    async with open_app(lambda context: OrderScreen(context, shelf.order_id)) as (app, pilot):
        await go_to_order(app, pilot)
        assert not app.screen.query_one("#books").display
        await pilot.press("B")
        assert "no book yet" in messages(app)
        await pilot.press("b")
        await until_shown(pilot, lambda: line(app).startswith("Book v1 · "))
        assert "page" not in line(app)
        await shelf.finish(findings=(WHOLE, THIN))
        # Nobody tells the screen: the store hears of it, as of an engine's work elsewhere.
        await until_shown(pilot, lambda: "pages" in line(app))
        assert line(app).splitlines() == [
            f"Book v1 · {shelf.pages} pages · made 20 Nov 14:05 · 2 warnings",
            "  It is upright.",
            "  Page 2: Lines are thin.",
        ]
        await until_shown(pilot, lambda: book_states(app, shelf) == (BookState.CURRENT,))
        await pilot.press("b")
        await until_shown(pilot, lambda: "nothing has changed since" in messages(app))


async def test_a_book_that_shows_no_longer_what_is_chosen_says_so(
    open_app: OpenApp, shelf: Shelf
) -> None:
    await shelf.add()
    async with open_app(lambda context: OrderScreen(context, shelf.order_id)) as (app, pilot):
        await go_to_order(app, pilot)
        assert "out of date" not in line(app)
        await pilot.press("B")
        await until_drawn(app, pilot)
        assert order_screen(app).heading() == f"Book v1 · page 1 of {shelf.pages}"
        async with shelf.database.session() as session, session.begin():
            await session.execute(update(LineItem).values(dedication="Pro Evu"))
        await app.store.refresh(shelf.order_id)
        words = f"Book v1 · page 1 of {shelf.pages} · out of date"
        await until_shown(pilot, lambda: order_screen(app).heading() == words)
        await pilot.press("escape")
        await until_shown(pilot, lambda: "out of date" in line(app))
        await pilot.press("b")
        await until_shown(pilot, lambda: line(app).startswith("Book v2 · "))
        await until_shown(pilot, lambda: "Queued: 1 book" in messages(app))
        # Until the new one is made, the old one can be looked at, and after it, too.
        await pilot.press("B")
        await until_shown(pilot, lambda: isinstance(app.screen, BookScreen))
        assert order_screen(app).heading() == "Book v2 · Queued"
        await pilot.press("d")
        assert messages(app).splitlines()[-1] == "Book v2 is not made yet."
        await pilot.press("right_square_bracket")
        assert messages(app).splitlines()[-1] == "This is the newest book."
        await pilot.press("left_square_bracket")
        await until_drawn(app, pilot)
        old = f"Book v1 · the newest is v2 · page 1 of {shelf.pages} · out of date"
        assert order_screen(app).heading() == old
        await pilot.press("left_square_bracket")
        assert messages(app).splitlines()[-1] == "There is no older book."
        await shelf.finish()
        await app.store.refresh(shelf.order_id)
        assert order_screen(app).heading() == old
        await pilot.press("end", "right_square_bracket")
        await until_drawn(app, pilot)
        assert order_screen(app).heading() == f"Book v2 · page 1 of {shelf.pages}"


async def test_one_book_is_cancelled_and_retried_and_shown_when_it_is_there(
    open_app: OpenApp, shelf: Shelf, database: Database
) -> None:
    async with open_app(lambda context: OrderScreen(context, shelf.order_id)) as (app, pilot):
        await go_to_order(app, pilot)
        await pilot.press("b")
        await until_shown(pilot, lambda: line(app).startswith("Book v1 · "))
        await pilot.press("B")
        await until_shown(pilot, lambda: isinstance(app.screen, BookScreen))
        await pilot.press("r")
        assert messages(app).splitlines()[-1] == "Book v1 did not fail."
        await pilot.press("x")
        await until_shown(pilot, lambda: "Book v1 is cancelled." in messages(app))
        await until_shown(pilot, lambda: "Cancelled by jana." in no_page(app))
        await pilot.press("x")
        assert "Book v1 is finished; there is nothing to cancel." in messages(app)
        await pilot.press("r")
        await until_shown(pilot, lambda: "Book v1 is being retried." in messages(app))
        await until_shown(pilot, lambda: "Queued" in no_page(app))
        async with database.session() as session:
            (book,) = (await session.scalars(select(Book))).all()
        assert (book.version, book.status, book.error) == (1, BookProcessingStatus.QUEUED, None)
        await shelf.finish(findings=(WHOLE,))
        await until_drawn(app, pilot)
        assert found(app) == "It is upright."


async def test_retrying_all_that_failed_in_an_order_has_its_book_made(
    open_app: OpenApp, shelf: Shelf, database: Database
) -> None:
    await shelf.add()
    async with database.session() as session, session.begin():
        await session.execute(update(Book).values(status=BookProcessingStatus.ERROR, error="No."))
    async with open_app(lambda context: OrderScreen(context, shelf.order_id)) as (app, pilot):
        await go_to_order(app, pilot)
        await pilot.press("R")
        await until_shown(pilot, lambda: "Queued: 1 book" in messages(app))
        await until_shown(pilot, lambda: line(app).startswith("Book v2 · "))
        await pilot.press("R")
        assert messages(app).splitlines()[-1] == "Nothing failed in this order."


async def test_the_footer_tells_of_books_where_there_is_something_to_do(
    open_app: OpenApp, shelf: Shelf
) -> None:
    async def at_each_width(look: Callable[[str, int], bool]) -> None:
        for width in (60, 80, 120):
            with case(width):
                await pilot.resize_terminal(width, 24)
                await until_shown(pilot, lambda: look(lines(app)[-1], width))  # noqa: B023

    screen = open_app(lambda context: OrderScreen(context, shelf.order_id), language="cs")
    async with screen as (app, pilot):
        await go_to_order(app, pilot)
        await at_each_width(lambda footer, _: " b Knihy " in footer and " B Kniha " not in footer)
        await shelf.add()
        await app.store.refresh(shelf.order_id)
        always = (" esc Zpět ", " ? Nápověda ")
        await at_each_width(
            lambda footer, _: (
                " B Kniha " in footer
                and " b Knihy " not in footer
                and all(words in footer for words in always)
            )
        )
        await pilot.press("B")
        await until_drawn(app, pilot)
        await at_each_width(
            lambda footer, width: (
                " r " not in footer
                and all(words in footer for words in always)
                and (" d Uložit " in footer or width < 80)
            )
        )


async def test_pages_are_turned_with_what_was_found_on_each_and_the_file_is_saved(
    open_app: OpenApp, shelf: Shelf, storage: DirectoryStorage, tmp_path: Path
) -> None:
    await shelf.add(findings=(WHOLE, THIN))
    async with open_app(lambda context: OrderScreen(context, shelf.order_id)) as (app, pilot):
        await go_to_order(app, pilot)
        await pilot.press("B")
        await until_drawn(app, pilot)
        assert found(app) == "It is upright."
        await pilot.press("left")
        assert messages(app).splitlines()[-1] == "This is the first page."
        await pilot.press("right")
        await until_drawn(app, pilot)
        assert found(app) == "Page 2: Lines are thin."
        assert f"page 2 of {shelf.pages}" in order_screen(app).heading()
        await pilot.press("plus")
        assert order_screen(app).heading().endswith("1.5×")
        await pilot.press("end", "right")
        assert messages(app).splitlines()[-1] == "This is the last page."
        await pilot.press("home")
        assert f"page 1 of {shelf.pages}" in order_screen(app).heading()
        await _save_and_copy(app, pilot, tmp_path / "book.pdf")
        assert app.clipboard == await storage.url(KEY)
        assert (tmp_path / "book.pdf").read_bytes() == shelf.pdf
        await pilot.press("escape")
        assert isinstance(app.screen, OrderScreen)


async def _save_and_copy(app: FototuiApp, pilot: AppPilot, path: Path) -> None:
    await pilot.press("y")
    await until_shown(pilot, lambda: app.clipboard)
    await pilot.press("d")
    await until_shown(pilot, lambda: isinstance(app.screen, AskText))
    entry = app.screen.query_one(Input)
    assert entry.value == str(Path.cwd() / "1001-1.pdf")
    entry.value = str(path)
    await pilot.press("enter")
    await until_shown(pilot, lambda: "Saved as" in messages(app))


async def test_a_read_only_terminal_sees_books_and_makes_none(
    open_app: OpenApp, shelf: Shelf
) -> None:
    await shelf.add()
    screen = open_app(lambda context: OrderScreen(context, shelf.order_id), read_only=True)
    async with screen as (app, pilot):
        await go_to_order(app, pilot)
        await pilot.press("b")
        assert messages(app).splitlines()[-1] == "This terminal is read-only."
        await pilot.press("B")
        await until_drawn(app, pilot)


async def test_a_page_is_drawn_as_the_file_has_it(
    shelf: Shelf, storage: DirectoryStorage, tmp_path: Path
) -> None:
    async with PictureLoader(storage, cache_folder=tmp_path / "cache") as loader:
        pages = [
            await loader.load(PdfPage(shelf.file, number), width_px=210, height_px=297)
            for number in range(1, shelf.pages + 1)
        ]
        for width, height in (page.size for page in pages):  # A4, upright, but for a rounded pixel
            assert abs(width - 210) <= 1
            assert abs(height - 297) <= 1
        for page in pages:
            greys = page.convert("L").histogram()
            assert greys[255] > sum(greys) / 2  # paper
            assert sum(greys[:100])  # and ink
        with pytest.raises(PictureBrokenError):
            await loader.load(PdfPage(shelf.file, 99), width_px=10, height_px=10)
        broken = await storage.put("broken.pdf", b"%PDF-1.7\n", content_type="application/pdf")
        with pytest.raises(PictureBrokenError):
            await loader.load(PdfPage(broken, 1), width_px=10, height_px=10)
