"""The server keeps what its OpenAPI description promises, whatever is sent to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from pydantic import SecretStr
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS

from fototui.clients.shopify import ShopifyClient
from fototui.net.asgi import serving
from fototui.sandbox.shopify.app import ShopSettings, create_shop
from fototui.sandbox.shopify.shop import Shop, book
from fototui.server.context import ServerContext
from tests.server.conftest import Finished

# From elsewhere, so that metrics need a token as described.
PASSED_ON = {"X-Forwarded-For": "203.0.113.9"}

few = settings(
    max_examples=3,
    derandomize=True,  # the same each time, and nothing is written down
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


async def test_every_operation_has_an_id_of_its_own(app: FastAPI) -> None:
    operations = [
        operation for methods in app.openapi()["paths"].values() for operation in methods.values()
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids) > 20
    assert all(each.isidentifier() and "api_v1" not in each for each in ids)
    assert all("default" in operation["responses"] for operation in operations)


@pytest.fixture
def names(finished: Finished) -> dict[str, object]:
    """Places in paths, with what is there."""
    return {
        "order_id": finished.order.order_number,
        "image_id": finished.image_id,
        "line_item_id": finished.order.line_items[0].id,
        "version_id": finished.coloring.id,
    }


async def test_the_description_is_kept(
    app: FastAPI, url: str, key: str, context: ServerContext, names: dict[str, object], shop: Shop
) -> None:
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.config.generation.update(with_security_parameters=False)
    headers = {"Authorization": f"Bearer {key}", **PASSED_ON}
    token = SecretStr("shpat_test")
    shop.place([book(["https://cdn.example.com/1.jpg"])])
    async with (
        serving(create_shop(ShopSettings(token=token, shop=shop))) as shop_url,
        ShopifyClient(shop_url, token, api_version="2026-10") as context.shop,
    ):
        calls = await asyncio.to_thread(_try_all, schema, url, headers, names)
    statuses = {status for _, status in calls}
    assert {200, 202, 404, 409, 422} <= statuses
    tried = {operation for operation, _ in calls}
    assert len(tried) == len([*_operations(schema)])


# Any: schemathesis' own type of what it read.
def _operations(schema: Any) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    for result in schema.get_all_operations():
        yield result.ok()


def _try_all(
    schema: Any, url: str, headers: dict[str, str], names: dict[str, object]
) -> list[tuple[str, int]]:
    """Call every operation: rightly with names that are there, rightly with any, and wrongly."""
    calls: list[tuple[str, int]] = []
    for operation in _operations(schema):
        own = {each: names[each] for each in names if f"{{{each}}}" in operation.path}
        ways: list[dict[str, Any]] = [{"path_parameters": own}] if own else []
        ways += [{}, {"generation_mode": GenerationMode.NEGATIVE}]
        for way in ways:
            statuses = _try(operation, way, url, headers)
            calls.extend((operation.label, status) for status in statuses)
    return calls


def _try(
    operation: APIOperation[Any, Any, Any, Any],
    way: dict[str, Any],
    url: str,
    headers: dict[str, str],
) -> list[int]:
    statuses: list[int] = []
    # Queries may hold more than is known, as those of older scripts do.
    # Any: the declared type leaves out the checks that are classes.
    excluded: list[Any] = [CHECKS.get_one("negative_data_rejection")] if operation.query else []
    # Any bytes are right by the description, and those that are no photo are refused.
    if any(each.media_type == "application/octet-stream" for each in operation.body):
        excluded.append(CHECKS.get_one("positive_data_acceptance"))

    @few
    @given(case=operation.as_strategy(**way))
    def call(case: Case[Any]) -> None:
        answer = case.call_and_validate(base_url=url, headers=headers, excluded_checks=excluded)
        statuses.append(answer.status_code)

    with contextlib.suppress(Unsatisfiable):  # there is nothing to be wrong about
        call()
    return statuses
