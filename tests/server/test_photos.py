"""Photos and marks for the customer over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import select

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Order
from fototui.domain.statuses import OrderStatus
from fototui.engine.maintenance.rules import Rules, RuleSettings
from fototui.sandbox.samples import sample_photos
from fototui.server.middleware import RequestLimits
from tests.server.conftest import MakeOrder, error

PHOTO = next(photo.data for photo in sample_photos() if photo.name == "cat.jpg")


async def activity(database: Database) -> list[tuple[str, str, str]]:
    async with database.session() as session:
        entries = await session.scalars(select(Activity).order_by(Activity.id))
        return [(each.operator, each.action, str(each.detail)) for each in entries]


async def test_a_missing_photo_is_attached(
    api: httpx.AsyncClient, shop_order: MakeOrder, database: Database
) -> None:
    order = await shop_order(uploaded=False, status=OrderStatus.ERROR)
    number = order.order_number.removeprefix("#")
    path = f"/api/v1/orders/{number}/images/{order.line_items[0].images[0].id}/photo"
    answer = await api.post(path, content=PHOTO, params={"filename": "kočka.jpg"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["url"]
    assert answer.json()["downloaded_at"]
    assert await activity(database) == [("skript (API)", "photo_attached", "kočka.jpg")]
    shown = (await api.get(f"/api/v1/orders/{number}")).json()
    assert shown["status"] == "ready_for_review"
    again = await api.post(path, content=PHOTO)
    assert (again.status_code, error(again)["code"]) == (409, "conflict")


async def test_a_cancelled_order_takes_a_photo_and_stays_cancelled(
    api: httpx.AsyncClient, shop_order: MakeOrder, database: Database
) -> None:
    order = await shop_order(uploaded=False, cancelled_at=datetime(2026, 11, 20, tzinfo=UTC))
    image = order.line_items[0].images[0].id
    path = f"/api/v1/orders/{order.id}/images/{image}/photo"
    assert (await api.post(path, content=PHOTO)).status_code == 200
    await Rules(database, RuleSettings(coloring=True), actor="rule").apply()
    shown = (await api.get(path.removesuffix("/photo"))).json()
    assert shown["url"]
    assert not shown["versions"]["coloring"]
    async with database.session() as session:
        assert (await session.get_one(Order, order.id)).cancelled_at == order.cancelled_at


async def test_a_photo_more_is_added_to_a_book(
    api: httpx.AsyncClient, shop_order: MakeOrder
) -> None:
    order = await shop_order(images=2)
    book = order.line_items[0].id
    answer = await api.post(f"/api/v1/orders/{order.id}/line-items/{book}/photos", content=PHOTO)
    assert (answer.status_code, answer.json()["position"]) == (201, 3)


async def test_what_is_no_photo_or_not_of_the_order_is_refused(
    api: httpx.AsyncClient, shop_order: MakeOrder
) -> None:
    order, other = await shop_order(uploaded=False), await shop_order(uploaded=False)
    image, strange = order.line_items[0].images[0].id, other.line_items[0].images[0].id
    path = f"/api/v1/orders/{order.id}/images"
    for body in (b"", b"<svg/>", PHOTO[:2000]):
        answer = await api.post(f"{path}/{image}/photo", content=body)
        assert (answer.status_code, error(answer)["code"]) == (422, "invalid_input")
    answer = await api.post(f"{path}/{strange}/photo", content=PHOTO)
    assert (answer.status_code, error(answer)["code"]) == (404, "not_found")
    book = other.line_items[0].id
    answer = await api.post(f"/api/v1/orders/{order.id}/line-items/{book}/photos", content=PHOTO)
    assert (answer.status_code, error(answer)["code"]) == (404, "not_found")


@pytest.mark.usefixtures("key")
async def test_photos_need_a_token(stranger: httpx.AsyncClient, shop_order: MakeOrder) -> None:
    order = await shop_order(uploaded=False)
    image = order.line_items[0].images[0].id
    answer = await stranger.post(f"/api/v1/orders/{order.id}/images/{image}/photo", content=PHOTO)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "is_photo"),
    [
        ("/api/v1/orders/1270/images/1/photo", True),
        ("/api/v1/orders/1270/line-items/1/photos", True),
        ("/api/v1/orders/1270/images/1/photo/more", False),
        ("/api/v1/orders/1270/x/1/photo", False),
        ("/api/v1/orders", False),
    ],
)
def test_only_photos_may_be_big(path: str, is_photo: bool) -> None:
    limits = RequestLimits()
    assert (limits.body_for(path) > 1_000_000) is is_photo
    assert (limits.seconds_for(path) > limits.seconds) is is_photo


async def test_an_order_waits_for_its_customer_and_no_longer(
    api: httpx.AsyncClient, shop_order: MakeOrder, database: Database
) -> None:
    order = await shop_order()
    path = f"/api/v1/orders/{order.id}"
    asked = await api.post(f"{path}/ask-customer", json={"note": "which photo?"})
    assert asked.status_code == 200
    assert asked.json()["customer_note"] == "which photo?"
    assert asked.json()["customer_asked_by"] == "skript (API)"
    (listed,) = (await api.get("/api/v1/orders")).json()["orders"]
    assert listed["customer_note"] == "which photo?"
    answered = (await api.post(f"{path}/customer-answered")).json()
    assert (answered["customer_note"], answered["customer_asked_at"]) == (None, None)
    assert (await api.post(f"{path}/ask-customer")).json()["customer_note"] == ""
    actions = [action for _who, action, _detail in await activity(database)]
    assert actions == ["customer_asked", "customer_answered", "customer_asked"]
    long = await api.post(f"{path}/ask-customer", json={"note": "x" * 301})
    assert long.status_code == 422
    assert (await api.post("/api/v1/orders/99999999/ask-customer")).status_code == 404
