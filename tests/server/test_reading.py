"""Reading orders, images and versions over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.domain.events import BATCH_EVENT_REGISTRY, EVENT_REGISTRY
from fototui.domain.statuses import OrderStatus
from fototui.server.context import ServerContext
from tests.factories import make_call
from tests.server.conftest import Finished, MakeOrder, error

_START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.quick
async def test_the_list_is_newest_first_and_goes_by_skip_and_limit(
    api: httpx.AsyncClient, shop_order: MakeOrder
) -> None:
    numbers: list[str] = []
    newest = ""
    for day in range(5):
        order = await shop_order(created_at=_START + timedelta(days=day), line_items=2, images=3)
        numbers.insert(0, order.order_number)
        newest = str(order.id)
    everything = (await api.get("/api/v1/orders")).json()
    assert [row["order_number"] for row in everything["orders"]] == numbers
    assert everything["total"] == 5
    assert everything["orders"][0] == {
        "id": newest,
        "order_number": numbers[0],
        "status": "ready_for_review",
        "stage": "to colour",
        "stage_count": 6,
        "customer_name": "Jana Nováková",
        "customer_email": "jana@example.com",
        "payment_status": "PAID",
        "customer_note": None,
        "created_at": "2026-11-05T00:00:00Z",
        "line_items": 2,
        "images": 6,
    }
    page = (await api.get("/api/v1/orders", params={"skip": 1, "limit": 2})).json()
    assert [row["order_number"] for row in page["orders"]] == numbers[1:3]
    assert page["total"] == 5
    beyond = (await api.get("/api/v1/orders", params={"skip": 5})).json()
    assert beyond == {"orders": [], "total": 5}


async def test_the_list_goes_by_stage(api: httpx.AsyncClient, shop_order: MakeOrder) -> None:
    bare = [await shop_order(created_at=_START + timedelta(days=day)) for day in range(3)]
    failed = await shop_order(status=OrderStatus.ERROR)
    done = await shop_order(finished_at=_START, finished_by="jana")

    async def ask(stage: str, **params: object) -> tuple[list[str], int]:
        query = {"stage": stage, **params}
        found = (await api.get("/api/v1/orders", params=query)).json()  # type: ignore[arg-type]  # plain values
        return [row["order_number"] for row in found["orders"]], found["total"]

    assert await ask("to colour") == ([order.order_number for order in bare[::-1]], 3)
    assert await ask("to colour", skip=1, limit=1) == ([bare[1].order_number], 3)
    assert await ask("error") == ([failed.order_number], 1)
    assert await ask("done") == ([done.order_number], 1)
    assert await ask("to hand over") == ([], 0)
    unknown = await api.get("/api/v1/orders", params={"stage": "to frame"})
    assert unknown.status_code == 422
    shown = (await api.get(f"/api/v1/orders/{done.id}")).json()
    assert (shown["stage"], shown["stage_count"], shown["finished_by"]) == ("done", 0, "jana")
    assert shown["finished_at"] == "2026-11-01T00:00:00Z"
    shown = (await api.get(f"/api/v1/orders/{bare[0].id}")).json()
    assert (shown["stage"], shown["stage_count"]) == ("to colour", 1)
    assert shown["finished_at"] is None


async def test_the_list_is_bounded(api: httpx.AsyncClient) -> None:
    for wrong in ({"limit": 0}, {"limit": 201}, {"skip": -1}, {"skip": 100_001}, {"limit": "x"}):
        answer = await api.get("/api/v1/orders", params=wrong)
        assert answer.status_code == 422, wrong
        assert error(answer)["code"] == "invalid_input"
        assert next(iter(wrong)) in error(answer)["message"]


async def test_an_order_goes_by_id_and_by_number(
    api: httpx.AsyncClient, shop_order: MakeOrder
) -> None:
    order = await shop_order(line_items=2, images=2, shipping_method="Zásilkovna")
    answers = [
        (await api.get(f"/api/v1/orders/{name}")).json()
        for name in (
            str(order.id),
            str(order.id).lower(),
            order.order_number.removeprefix("#"),
            order.order_number.replace("#", "%23"),
        )
    ]
    assert all(answer == answers[0] for answer in answers)
    found = answers[0]
    assert found["id"] == str(order.id)
    assert found["shopify_id"] == order.shopify_id
    assert found["shipping_method"] == "Zásilkovna"
    assert [item["position"] for item in found["line_items"]] == [1, 2]
    assert [image["position"] for image in found["line_items"][1]["images"]] == [1, 2]


@pytest.mark.parametrize("is_priced", [False, True])
async def test_an_order_tells_what_it_cost(
    context: ServerContext,
    api: httpx.AsyncClient,
    database: Database,
    shop_order: MakeOrder,
    is_priced: bool,
) -> None:
    order = await shop_order()
    if is_priced:
        priced = {"runpod_price_per_second": Decimal("0.001"), "currency": "CZK"}
        context.settings = context.settings.model_copy(update=priced)
    async with database.session() as session, session.begin():
        session.add(make_call(order, execution_ms=20_000))
        session.add(make_call(order, execution_ms=4_500, wasted=True, outcome="failed"))
        session.add(make_call(order, kind="svg", service="Vectorizer.ai", credits=Decimal("1.2")))
    costs = (await api.get(f"/api/v1/orders/{order.id}")).json()["costs"]
    assert costs == {
        "total": {
            "calls": 3,
            "seconds": 24.5,
            "credits": 1.2,
            "cost": 0.0245 if is_priced else None,
        },
        "wasted": {
            "calls": 1,
            "seconds": 4.5,
            "credits": 0.0,
            "cost": 0.0045 if is_priced else None,
        },
        "currency": "CZK" if is_priced else None,
    }


async def test_an_image_has_the_form_that_scripts_know(
    api: httpx.AsyncClient, finished: Finished
) -> None:
    order, coloring, svg = finished.order, finished.coloring, finished.svg
    await api.post(f"/api/v1/images/{finished.image_id}/select-coloring/{coloring.id}")
    answer = await api.get(f"/api/v1/orders/{order.id}/images/{finished.image_id}")
    found = answer.json()
    times = [
        found["versions"]["coloring"][0].pop("created_at"),
        found["versions"]["svg"][0].pop("created_at"),
    ]
    assert [datetime.fromisoformat(time) for time in times] == [
        coloring.created_at,
        svg.created_at,
    ]
    number = order.order_number.removeprefix("#")
    assert found == {
        "id": finished.image_id,
        "position": 1,
        "url": f"https://files.example.com/{number}/1/image_1.jpg",
        "downloaded_at": None,
        "selected_version_ids": {"coloring": coloring.id, "svg": None},
        "versions": {
            "coloring": [
                {
                    "id": coloring.id,
                    "version": 1,
                    "url": "https://files.example.com/a/1/coloring/v1/image%201.png",
                    "status": "completed",
                    "options": {"megapixels": 1.0, "steps": 4},
                }
            ],
            "svg": [
                {
                    "id": svg.id,
                    "version": 1,
                    "url": "https://files.example.com/a/1/svg/v1/image_1.svg",
                    "status": "completed",
                    "coloring_version_id": coloring.id,
                    "options": {"shape_stacking": "stacked", "group_by": "color"},
                }
            ],
        },
    }
    whole = (await api.get(f"/api/v1/orders/{order.id}")).json()
    assert whole["line_items"][0]["images"] == [answer.json()]


async def test_versions_are_listed(api: httpx.AsyncClient, finished: Finished) -> None:
    image = (await api.get(f"/api/v1/orders/{finished.order.id}/images/{finished.image_id}")).json()
    for kind in ("coloring", "svg"):
        answer = await api.get(f"/api/v1/images/{finished.image_id}/{kind}-versions")
        assert answer.json() == image["versions"][kind] != []


async def test_an_option_that_nobody_knows_today_hides_nothing(
    api: httpx.AsyncClient, finished: Finished, database: Database
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE coloring_versions SET megapixels = 50"))
        await session.execute(text("UPDATE svg_versions SET shape_stacking = 'none'"))
    found = (await api.get(f"/api/v1/images/{finished.image_id}/coloring-versions")).json()
    assert found[0]["options"] is None
    found = (await api.get(f"/api/v1/images/{finished.image_id}/svg-versions")).json()
    assert found[0]["options"] == {"shape_stacking": "cutouts", "group_by": "color"}


async def test_what_is_not_there_is_said_to_be_missing(
    api: httpx.AsyncClient, shop_order: MakeOrder, finished: Finished
) -> None:
    other = await shop_order()
    for path in (
        "/api/v1/orders/999999",
        "/api/v1/orders/01M7VXVZ81QV366GBKMJXSFGDA",
        "/api/v1/orders/%00",
        f"/api/v1/orders/{other.id}/images/{finished.image_id}",
        "/api/v1/images/999999/coloring-versions",
        "/api/v1/images/999999/svg-versions",
        "/api/v1/nothing",
        "/",
    ):
        answer = await api.get(path)
        assert answer.status_code == 404, path
        assert error(answer)["code"] == "not_found"
    for path in ("/api/v1/images/0/svg-versions", "/api/v1/images/99999999999/svg-versions"):
        answer = await api.get(path)
        assert answer.status_code == 422, path
    answer = await api.delete("/api/v1/orders")
    assert answer.status_code == 405
    assert error(answer)["code"] == "method_not_allowed"
    assert "GET" in answer.headers["allow"]


async def test_the_event_union_is_described_for_generated_clients(api: httpx.AsyncClient) -> None:
    schema = (await api.get("/api/v1/events/schema")).json()
    types = set(EVENT_REGISTRY) | set(BATCH_EVENT_REGISTRY)
    assert set(schema["discriminator"]["mapping"]) == types
    status = schema["$defs"]["ImageStatusEvent"]
    assert set(status["required"]) == {
        "type",
        "order_id",
        "image_id",
        "status_type",
        "version_id",
        "status",
    }
    assert status["properties"]["type"]["const"] == "image_status"
    described = (await api.get("/api/v1/openapi.json")).json()
    parts = described["components"]["schemas"]
    assert parts["ImageStatusEvent"] == {
        **status,
        "properties": {
            **status["properties"],
            "status_type": {"$ref": "#/components/schemas/VersionType"},
        },
    }
    assert {part["$ref"].rsplit("/", 1)[1] for part in parts["Event"]["oneOf"]} <= set(parts)
