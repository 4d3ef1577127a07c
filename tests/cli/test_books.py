"""Books on the command line: asked for, listed, saved, retried."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, update

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.orders import LineItem
from fototui.storage.directory import DirectoryStorage
from tests.cli.conftest import Command
from tests.factories import choose_svgs, make_order


@pytest.fixture
def number(database_url: str) -> str:
    """The number of an order of two books, of which each picture has its SVG."""

    async def work() -> str:
        async with Database(database_url) as database, database.session() as session:
            async with session.begin():
                order = await make_order(session, images=2, line_items=2, order_number="#1270")
                await choose_svgs(session, order)
            return order.order_number

    return asyncio.run(work())


def _finish(url: str, folder: Path) -> None:
    """Have all books made."""

    async def work() -> None:
        storage = DirectoryStorage(folder)
        async with Database(url) as database, database.session() as session, session.begin():
            for book in await session.scalars(select(Book)):
                key = f"{book.order_id}/{book.line_item_id}/book/v{book.version}/1270-{book.id}.pdf"
                data = f"%PDF {book.id}".encode()
                book.file_ref = await storage.put(key, data, content_type="application/pdf")
                book.status = "completed"  # type: ignore[assignment]  # as the database has it
                book.pages = 3

    asyncio.run(work())


def _dedicate(url: str) -> None:
    async def work() -> None:
        async with Database(url) as database, database.session() as session, session.begin():
            await session.execute(
                update(LineItem).where(LineItem.position == 2).values(dedication="Pro Evu")
            )

    asyncio.run(work())


def test_books_from_an_order_to_a_folder(
    fototui: Command, number: str, database_url: str, tmp_path: Path
) -> None:
    made = fototui("books", "make", number, "--item", "1", "--bleed", "3", "--json")
    assert made.code == 0
    [report] = made.json
    assert report["book"]["options"] == {
        "bleed": 3.0,
        "crop_marks": False,
        "blank_backs": False,
        "page_numbers": False,
    }
    again = fototui("books", "make", "1270", BOOK_CROP_MARKS="true")
    assert again.code == 0
    assert "line item 1: Book v1 of Omalovánka 1 is being made already." in again.err
    assert "line item 2: book v1 (2) is queued." in again.err
    listed = fototui("books", "list", "1270", "--json").json
    assert [(b["position"], b["version"], b["status"], b["current"]) for b in listed] == [
        (1, 1, "queued", True),
        (2, 1, "queued", True),
    ]
    assert listed[1]["options"]["crop_marks"] is True

    nothing = fototui("books", "save", "1270")
    assert nothing.code == 1
    assert "fototui books make 1270" in nothing.err

    _finish(database_url, tmp_path / "files")
    _dedicate(database_url)
    saved = fototui("books", "save", "1270", "--to", str(tmp_path / "print" / "today"))
    assert saved.code == 0
    paths = [Path(line) for line in saved.out.splitlines()]
    assert [path.name for path in paths] == ["1270-1.pdf", "1270-2.pdf"]
    assert [path.read_bytes() for path in paths] == [b"%PDF 1", b"%PDF 2"]
    assert saved.err.strip() == "line item 2: something else is chosen by now; make it again."
    told = fototui("books", "save", "1270", "--json").json
    assert [each["book"]["id"] for each in told] == [1, 2]

    table = fototui("books", "list", "1270").out
    assert "Completed" in table
    renewed = fototui("books", "make", "1270")
    assert "nothing has changed since" in renewed.err
    assert "line item 2: book v2 (3) is queued." in renewed.err
    refused = fototui("books", "retry", "3")
    assert (refused.code, refused.out) == (1, "")
    assert "has not failed" in refused.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("books", "make", "#9999"), 1, "no order #9999"),
        (("books", "make"), 2, "numbers"),
        (("books", "make", "1270", "--item", "7"), 1, "no line item 7"),
        (("books", "make", "1270", "--bleed", "50"), 2, "bleed"),
        (("books", "list", "#9999"), 1, "no order #9999"),
        (("books", "save", "#9999"), 1, "no order #9999"),
        (("books", "retry", "77"), 1, "no book 77"),
    ],
)
def test_bad_input_gets_a_clear_sentence(
    fototui: Command, number: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = fototui(*arguments)
    assert (result.code, result.out) == (code, "")
    assert words in result.err.lower()
    assert "Traceback" not in result.err


def test_a_folder_that_is_none_is_named(
    fototui: Command, number: str, database_url: str, tmp_path: Path
) -> None:
    fototui("books", "make", number)
    _finish(database_url, tmp_path / "files")
    (tmp_path / "taken").write_bytes(b"")
    result = fototui("books", "save", number, "--to", str(tmp_path / "taken"))
    assert (result.code, result.out) == (2, "")
    assert "Choose another folder with --to." in result.err
