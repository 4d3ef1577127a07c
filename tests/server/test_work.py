"""Asking for versions, retrying and choosing them over HTTP."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select, text

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.server.context import ServerContext
from tests.server.conftest import Finished, MakeOrder, error


async def test_a_colouring_is_asked_for_by_the_token_s_name(
    api: httpx.AsyncClient, shop_order: MakeOrder, database: Database
) -> None:
    image = (await shop_order()).line_items[0].images[0]
    answer = await api.post(f"/api/v1/images/{image.id}/generate-coloring", json={"steps": 9})
    assert answer.status_code == 202
    made = answer.json()
    assert made["status"] == "queued"
    assert made["url"] is None
    assert made["options"] == {"megapixels": 1.0, "steps": 9}
    listed = (await api.get(f"/api/v1/images/{image.id}/coloring-versions")).json()
    assert listed == [made]
    async with database.session() as session:
        (entry,) = await session.scalars(select(Activity))
    assert (entry.operator, entry.action) == ("skript (API)", "requested")


async def test_options_left_out_are_the_server_s(
    api: httpx.AsyncClient, shop_order: MakeOrder, context: ServerContext
) -> None:
    context.settings = context.settings.model_copy(
        update={"default_megapixels": 2.5, "default_steps": 7}
    )
    image = (await shop_order()).line_items[0].images[0]
    answer = await api.post(f"/api/v1/images/{image.id}/generate-coloring")
    assert answer.json()["options"] == {"megapixels": 2.5, "steps": 7}


async def test_wrong_options_are_refused(api: httpx.AsyncClient, shop_order: MakeOrder) -> None:
    image = (await shop_order()).line_items[0].images[0]
    path = f"/api/v1/images/{image.id}/generate-coloring"
    wrong: list[object] = [
        {"megapixels": 0.4},
        {"megapixels": 8.1},
        {"steps": 0},
        {"steps": 21},
        {"steps": 1.5},
        {"step": 4},
        [],
        "megapixels",
    ]
    for each in wrong:
        answer = await api.post(path, json=each)
        assert answer.status_code == 422, each
        assert error(answer)["code"] == "invalid_input"
    assert (await api.get(f"/api/v1/images/{image.id}/coloring-versions")).json() == []


async def test_not_a_number_is_no_option(api: httpx.AsyncClient, finished: Finished) -> None:
    answer = await api.post(
        f"/api/v1/images/{finished.image_id}/generate-coloring",
        content=b'{"megapixels": NaN}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422


async def test_a_body_that_is_no_json_is_malformed(
    api: httpx.AsyncClient, finished: Finished
) -> None:
    answer = await api.post(
        f"/api/v1/images/{finished.image_id}/generate-coloring",
        content=b"{megapixels",
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert error(answer)["code"] == "malformed"


async def test_an_svg_needs_a_colouring(
    api: httpx.AsyncClient, finished: Finished, shop_order: MakeOrder
) -> None:
    bare = await shop_order()
    refused = await api.post(f"/api/v1/images/{bare.line_items[0].images[0].id}/generate-svg")
    assert refused.status_code == 409
    assert error(refused)["code"] == "conflict"
    path = f"/api/v1/images/{finished.image_id}/generate-svg"
    chosen = await api.post(
        f"/api/v1/images/{finished.image_id}/select-coloring/{finished.coloring.id}"
    )
    assert chosen.status_code == 200
    assert chosen.json()["selected_version_ids"]["coloring"] == finished.coloring.id
    answer = await api.post(path, json={"shape_stacking": "cutouts"})
    assert answer.status_code == 202
    assert answer.json()["options"] == {"shape_stacking": "cutouts", "group_by": "color"}
    assert answer.json()["coloring_version_id"] == finished.coloring.id


async def test_an_order_s_images_get_what_they_lack(
    api: httpx.AsyncClient, shop_order: MakeOrder
) -> None:
    order = await shop_order(images=3)
    images = [image.id for image in order.line_items[0].images]
    await api.post(f"/api/v1/images/{images[1]}/generate-coloring")
    path = f"/api/v1/orders/{order.order_number.removeprefix('#')}/generate-coloring"
    report = await api.post(path, json={"megapixels": 2})
    assert report.status_code == 202
    started, skipped = report.json()["started"], report.json()["skipped"]
    assert [each["image_id"] for each in started] == [images[0], images[2]]
    assert all(each["version"]["options"]["megapixels"] == 2 for each in started)
    assert [each["image_id"] for each in skipped] == [images[1]]
    assert "being made already" in skipped[0]["reason"]
    svgs = await api.post(f"/api/v1/orders/{order.id}/generate-svg")
    assert svgs.json()["started"] == []
    assert len(svgs.json()["skipped"]) == 3


@pytest.mark.parametrize("kind", ["coloring", "svg"])
async def test_only_what_failed_is_retried(
    api: httpx.AsyncClient, finished: Finished, database: Database, kind: str
) -> None:
    version = finished.coloring if kind == "coloring" else finished.svg
    path = f"/api/v1/{kind}-versions/{version.id}/retry"
    refused = await api.post(path)
    assert refused.status_code == 409
    async with database.session() as session, session.begin():
        await session.execute(text(f"UPDATE {kind}_versions SET status = 'error'"))
    answer = await api.post(path)
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    missing = await api.post(f"/api/v1/{kind}-versions/999999/retry")
    assert missing.status_code == 404


@pytest.mark.parametrize("kind", ["coloring", "svg"])
async def test_a_version_is_chosen_for_its_own_image_only(
    api: httpx.AsyncClient, finished: Finished, shop_order: MakeOrder, kind: str
) -> None:
    version = finished.coloring if kind == "coloring" else finished.svg
    other = (await shop_order()).line_items[0].images[0].id
    for image_id, version_id in ((other, version.id), (finished.image_id, 999_999)):
        answer = await api.post(f"/api/v1/images/{image_id}/select-{kind}/{version_id}")
        assert answer.status_code == 404
        assert error(answer)["code"] == "not_found"
    answer = await api.post(f"/api/v1/images/{finished.image_id}/select-{kind}/{version.id}")
    assert answer.json()["selected_version_ids"][kind] == version.id
