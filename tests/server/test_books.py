"""Books over HTTP."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import func, update

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.orders import Order
from fototui.domain.books import Finding, FindingKind
from fototui.domain.sentences import Sentence
from fototui.server.context import ServerContext
from tests.factories import choose_svgs, file_ref
from tests.server.conftest import MakeOrder, error


@pytest.fixture
async def order(shop_order: MakeOrder, database: Database) -> Order:
    """An order of two books, of which each picture has its SVG."""
    order = await shop_order(line_items=2)
    async with database.session() as session, session.begin():
        await choose_svgs(session, order)
    return order


async def _end(database: Database, **values: object) -> None:
    async with database.session() as session, session.begin():
        await session.execute(update(Book).values(completed_at=func.now(), **values))


async def test_books_are_asked_for_and_told(
    api: httpx.AsyncClient, order: Order, database: Database, context: ServerContext
) -> None:
    context.settings = context.settings.model_copy(update={"book_page_numbers": True})
    path = f"/api/v1/orders/{order.order_number.removeprefix('#')}/generate-books"
    answer = await api.post(path, json={"positions": [1], "bleed": 3})
    assert answer.status_code == 202
    [started] = answer.json()["started"]
    assert started["line_item_id"] == order.line_items[0].id
    assert started["book"]["options"] == {
        "bleed": 3.0,
        "crop_marks": False,
        "blank_backs": False,
        "page_numbers": True,
    }
    report = (await api.post(path)).json()
    assert [each["line_item_id"] for each in report["started"]] == [order.line_items[1].id]
    [skipped] = report["skipped"]
    assert skipped["line_item_id"] == order.line_items[0].id
    assert "is being made already" in skipped["reason"]
    finding = Finding(
        page=2,
        kind=FindingKind.NEARLY_EMPTY,
        sentence=Sentence.make("{count} line is on it.", count=1),
    )
    await _end(
        database,
        status="completed",
        file_ref=file_ref("1270-1.pdf"),
        pages=4,
        findings=[finding.model_dump(mode="json"), {"kind": "of tomorrow"}],
    )
    books = (await api.get(f"/api/v1/orders/{order.id}/books")).json()
    assert [(b["position"], b["version"], b["status"], b["current"]) for b in books] == [
        (1, 1, "completed", True),
        (2, 1, "completed", True),
    ]
    assert books[0]["url"] == "https://files.example.com/1270-1.pdf"
    assert books[0]["pages"] == 4
    assert books[0]["findings"] == [
        {"page": 2, "kind": "nearly_empty", "message": "1 line is on it."}
    ]


async def test_only_a_failed_book_is_retried(
    api: httpx.AsyncClient, order: Order, database: Database
) -> None:
    [started, _] = (await api.post(f"/api/v1/orders/{order.id}/generate-books")).json()["started"]
    path = f"/api/v1/books/{started['book']['id']}/retry"
    refused = await api.post(path)
    assert refused.status_code == 409
    assert "has not failed" in error(refused)["message"]
    await _end(database, status="error", error="Damaged.")
    [failed, _] = (await api.get(f"/api/v1/orders/{order.id}/books")).json()
    assert failed["error"] == "Damaged."
    answer = await api.post(path)
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["error"]) == ("queued", None)


async def test_what_is_not_there_or_not_understood_is_refused(
    api: httpx.AsyncClient, stranger: httpx.AsyncClient, order: Order
) -> None:
    path = f"/api/v1/orders/{order.id}/generate-books"
    assert (await stranger.post(path)).status_code == 401
    assert (await api.post("/api/v1/orders/9999/generate-books")).status_code == 404
    assert (await api.get("/api/v1/orders/9999/books")).status_code == 404
    assert (await api.post("/api/v1/books/77/retry")).status_code == 404
    for wrong in ({"bleed": 21}, {"bleed": -1}, {"positions": [0]}, {"blead": 3}):
        assert (await api.post(path, json=wrong)).status_code == 422, wrong
    assert (await api.get(f"/api/v1/orders/{order.id}/books")).json() == []
