"""Who may call what: every route is closed but those that are named here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from fototui.db.database import Database
from fototui.server.auth import admit
from fototui.server.context import ServerContext
from fototui.services.operations.tokens import TokenService
from tests.server.conftest import error

# Whatever else is added is closed, or this file goes red.
OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/api/v1/health"),
    ("POST", "/api/v1/webhooks/shopify"),
}
# A proxy on this machine passes on what comes from elsewhere.
FROM_ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}


def all_routes(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Every method and path that an app answers."""
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield from all_routes(router.routes)
        else:
            path, methods = getattr(route, "path", ""), getattr(route, "methods", None)
            assert path, f"this test does not know what {route!r} is"
            yield from ((method, path) for method in methods or ())


def called(path: str) -> str:
    """A path with something in each of its places."""
    return re.sub(r"{\w+}", "1", path)


async def statuses(client: httpx.AsyncClient, app: FastAPI, **headers: str) -> dict[int, set[str]]:
    """What every closed route answers."""
    found: dict[int, set[str]] = {}
    for method, path in all_routes(app.routes):
        if (method, path) not in OPEN:
            answer = await client.request(
                method, called(path), headers={**FROM_ELSEWHERE, **headers}
            )
            if answer.status_code in (401, 403) and method != "HEAD":
                assert "fototui token create" in error(answer)["message"]
            found.setdefault(answer.status_code, set()).add(f"{method} {path}")
    return found


async def test_every_route_is_seen(app: FastAPI) -> None:
    routes = set(all_routes(app.routes))
    described = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    assert described <= routes
    assert len(routes) > 20
    assert routes >= OPEN


async def test_no_route_but_those_is_open(
    stranger: httpx.AsyncClient, app: FastAPI, key: str
) -> None:
    assert set(await statuses(stranger, app)) == {401}
    for wrong in (
        {"Authorization": "Bearer fototui_" + "x" * 43},
        {"Authorization": f"Basic {key}"},
        {"Authorization": key},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {key}x"},
        {"Authorization": "Bearer " + "x" * 5000},
    ):
        assert set(await statuses(stranger, app, **wrong)) == {401}, wrong


async def test_without_any_token_the_api_is_closed(
    stranger: httpx.AsyncClient, app: FastAPI
) -> None:
    assert set(await statuses(stranger, app)) == {403}


async def test_a_revoked_token_opens_nothing(
    stranger: httpx.AsyncClient, app: FastAPI, key: str, database: Database
) -> None:
    mine = {"Authorization": f"Bearer {key}"}
    assert not {401, 403} & set(await statuses(stranger, app, **mine))
    async with database.session() as session:
        tokens = TokenService(session, operator="jana")
        await tokens.create("another")
        await tokens.revoke("skript")
    assert set(await statuses(stranger, app, **mine)) == {401}


async def test_a_new_route_is_closed_without_a_thought(
    context: ServerContext, app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    async def forgotten(_: object) -> None:
        raise AssertionError("this was to be closed")

    app.router.routes.append(Route("/api/v1/forgotten", forgotten))
    assert (await stranger.get("/api/v1/forgotten")).status_code == 403


async def test_what_is_open_stays_open_without_a_token(stranger: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/api/v1/health"):
        assert (await stranger.get(path)).status_code == 200
    answer = await stranger.post("/api/v1/webhooks/shopify", content=b"{}")
    assert error(answer)["code"] == "wrong_signature"


async def test_no_spelling_of_a_path_gets_past(stranger: httpx.AsyncClient) -> None:
    for path in (
        b"/healthz/",
        b"//healthz",
        b"/healthz/../api/v1/orders",
        b"/API/V1/ORDERS",
        b"/api/v1/health%2F",
        b"/api/v1/webhooks/shopify/../../orders",
    ):
        url = stranger.base_url.copy_with(raw_path=path)
        assert (await stranger.send(httpx.Request("GET", url))).status_code == 403, path


async def test_metrics_are_open_on_this_machine_only(
    stranger: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    assert (await stranger.get("/metrics")).status_code == 200
    # A stranger may claim any address, and a proxy may pass the claim on.
    claimed = {"X-Forwarded-For": "127.0.0.1"}
    for passed_on in (FROM_ELSEWHERE, claimed, {"Forwarded": "for=127.0.0.1"}):
        assert (await stranger.get("/metrics", headers=passed_on)).status_code == 401
        assert (await api.get("/metrics", headers=passed_on)).status_code == 200


@pytest.mark.parametrize(
    ("client", "is_open"),
    [
        (("127.0.0.1", 1), True),
        (("::1", 1), True),
        (("10.0.0.1", 1), False),
        (("testclient", 1), False),
        (None, False),
    ],
)
async def test_who_is_on_this_machine(
    context: ServerContext, client: tuple[str, int] | None, is_open: bool
) -> None:
    scope: Scope = {"type": "http", "path": "/metrics", "headers": [], "client": client}
    if is_open:
        assert await admit(scope, context) is None
    else:
        with pytest.raises(Exception, match="fototui token create"):
            await admit(scope, context)
