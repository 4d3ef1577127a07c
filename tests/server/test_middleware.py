"""Sizes, times and what nobody thought of."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fototui.db.database import Database
from fototui.db.errors import (
    DatabaseError,
    DatabaseUnavailableError,
    RecordLockedError,
    RecordNotFoundError,
    UnexpectedStatusError,
)
from fototui.domain.errors import (
    AccountError,
    ConfigurationError,
    ConflictError,
    FototuiError,
    InvalidInputError,
    NotFoundError,
    PermanentError,
    TransientError,
)
from fototui.net.asgi import ConnectionLimits, serving
from fototui.server.app import create_server
from fototui.server.context import ServerContext
from fototui.server.errors import answer
from fototui.server.middleware import RequestLimits
from tests.logs import capture_logs
from tests.server.conftest import WEBHOOKS, error, with_parts
from tests.waiting import PATIENCE, in_time

_GENERATE = "/api/v1/images/1/generate-coloring"


class StrangeError(Exception):
    """What nobody thought of."""


@pytest.fixture
async def tight(context: ServerContext, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with little patience, and with routes that go wrong."""
    seconds_of = {"/hangs": 0.3, _GENERATE: 0.3}
    app = create_server(context, limits=RequestLimits(seconds=PATIENCE, seconds_of=seconds_of))

    async def breaks(_: Request) -> Response:
        secret = "a local variable"  # noqa: F841 - nobody may see it
        raise StrangeError("a customer's name")

    async def hangs(_: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def refused(request: Request) -> Response:
        raise DatabaseError(
            "column no_such_thing does not exist", state=request.query_params["state"]
        )

    async def failed(_: Request) -> Response:
        raise FototuiError("It failed for a reason that has no status.")

    app.router.routes += [
        Route("/breaks", breaks),
        Route("/hangs", hangs),
        Route("/refused", refused),
        Route("/failed", failed),
    ]
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        serving(app, limits=ConnectionLimits()) as url,
        httpx.AsyncClient(
            base_url=url, headers=headers, trust_env=False, timeout=PATIENCE
        ) as client,
    ):
        yield client


async def test_a_big_body_is_refused(api: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    path = _GENERATE
    for client, where, size in ((api, path, 64_001), (stranger, WEBHOOKS, 2_000_001)):
        refused = await client.post(where, content=b" " * size)
        assert refused.status_code == 413
        assert error(refused)["code"] == "too_large"
        taken = await client.post(where, content=b" " * (size - 1))
        assert taken.status_code in (401, 422)


async def test_a_body_that_does_not_say_how_big_it_is(api: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 10_000
            yield b" " * 10_000

    try:
        answer = await api.post(_GENERATE, content=endless())
    except (httpx.WriteError, httpx.ReadError):  # the server hung up while it was sent
        pass
    else:
        assert answer.status_code == 413
    assert sent < 50_000_000


async def test_a_stranger_s_body_is_not_even_read(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post(_GENERATE, content=b" " * 64_001)
    assert answer.status_code == 403


async def test_big_headers_are_refused(tight: httpx.AsyncClient) -> None:
    for size in (16_384, 1_000_000):
        answer = await tight.get("/healthz", headers={"X-Big": "x" * size})
        assert answer.status_code in (400, 431)  # the latter where it came all at once
    assert (await tight.get("/healthz", headers={"X-Big": "x" * 16_000})).status_code == 200


_POST = "POST /api/v1/webhooks/shopify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "beginning",
    ["GET /healthz HTTP/1.1\r\nX-Big: ", "GET /", "X: ", f"{_POST}1\r\nx\r\n0\r\nX-Big: "],
    ids=["header", "path", "nonsense", "trailer"],
)
async def test_what_has_no_end_is_cut_off(tight: httpx.AsyncClient, beginning: str) -> None:
    reader, writer = await asyncio.open_connection(tight.base_url.host, tight.base_url.port)
    sent = len(beginning)
    writer.write(beginning.encode())
    with suppress(ConnectionError):
        async with in_time():
            while not reader.at_eof() and sent < 5_000_000:
                writer.write(b"x" * 1000)
                await writer.drain()
                sent += 1000
                await asyncio.sleep(0)
    assert sent < 5_000_000
    writer.close()
    assert (await tight.get("/healthz")).status_code == 200


async def test_a_body_in_small_chunks_is_taken(tight: httpx.AsyncClient) -> None:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(6_000):  # of which the chunks' own lines are more than headers may be
            yield b" "

    answer = await tight.post(WEBHOOKS, content=drops())
    assert error(answer)["code"] == "wrong_signature"
    trailed = f"{_POST}1\r\n \r\n0\r\nX-Shopify-Topic: orders/paid\r\n\r\n"
    reader, writer = await asyncio.open_connection(tight.base_url.host, tight.base_url.port)
    for _ in range(2):
        writer.write(trailed.encode())
        async with in_time():
            assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
    writer.close()


async def test_a_request_that_takes_too_long_is_given_up(tight: httpx.AsyncClient) -> None:
    answer = await tight.get("/hangs")
    assert answer.status_code == 503
    assert error(answer)["code"] == "timeout"
    assert "retry-after" in answer.headers


def test_a_webhook_is_answered_before_shopify_gives_it_up() -> None:
    assert RequestLimits().seconds_of[WEBHOOKS] < 5.0


async def test_a_body_that_drips_is_given_up(tight: httpx.AsyncClient) -> None:
    key = tight.headers["authorization"]
    path = _GENERATE
    reader, writer = await asyncio.open_connection(tight.base_url.host, tight.base_url.port)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
        "Content-Length: 50\r\n\r\n{".encode()
    )
    async with in_time():
        answer = await reader.read()  # to its end: the connection is closed as well
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"timeout"' in answer
    writer.close()


async def test_what_nobody_thought_of_is_logged_and_not_told(
    tight: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await tight.get("/breaks")
    assert answer.status_code == 500
    assert error(answer)["code"] == "failed"
    for hidden in ("StrangeError", "customer", "local variable", ".py"):
        assert hidden not in answer.text
    out, err = capsys.readouterr()
    assert "StrangeError" in out + err + caplog.text
    assert (await tight.get("/healthz")).status_code == 200


async def test_a_statement_that_is_refused_is_logged_and_not_told(tight: httpx.AsyncClient) -> None:
    for state, status, code in (("42703", 500, "failed"), ("57P01", 503, "database_unavailable")):
        with capture_logs() as lines:
            answer = await tight.get("/refused", params={"state": state})
        assert answer.status_code == status
        assert error(answer)["code"] == code
        assert "no_such_thing" not in answer.text
        (line,) = (line for line in lines if line["log_level"] == "error")
        assert "no_such_thing" in str(line["exc_info"])
        assert line["path"] == "/refused"


async def test_no_500_without_its_reason_in_the_log(tight: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        answer = await tight.get("/failed")
    assert answer.status_code == 500
    assert "no status" in str(next(line for line in lines if line["log_level"] == "error"))


async def test_an_outage_says_when_to_come_again(context: ServerContext) -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/none") as nowhere:
        app = create_server(with_parts(context, database=nowhere))
        async with (
            serving(app) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client,
        ):
            answer = await client.get("/api/v1/orders")
            assert answer.status_code == 503
            assert error(answer)["code"] == "database_unavailable"
            assert int(answer.headers["retry-after"]) >= 1
            assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("problem", "status", "wait"),
    [
        (NotFoundError("x"), 404, None),
        (RecordNotFoundError("x"), 404, None),
        (InvalidInputError("x"), 422, None),
        (ConflictError("x"), 409, None),
        (UnexpectedStatusError(frozenset({"a"}), "b"), 409, None),
        (RecordLockedError("x"), 409, "1"),
        (DatabaseUnavailableError("x"), 503, "5"),
        (ConfigurationError("x"), 503, None),
        (TransientError("x", service="Shopify"), 503, "30"),
        (TransientError("x", service="Shopify", retry_after=7.2), 503, "8"),
        (PermanentError("x", service="Shopify"), 502, None),
        (AccountError("x", service="Shopify"), 502, None),
        (FototuiError("x"), 500, None),
    ],
)
def test_each_error_has_its_status(problem: FototuiError, status: int, wait: str | None) -> None:
    told = answer(problem)
    assert told.status_code == status
    assert told.headers.get("retry-after") == wait


async def test_the_log_tells_who_asked_for_what_and_no_secret(
    api: httpx.AsyncClient, key: str
) -> None:
    with capture_logs() as lines:
        await api.get("/api/v1/orders/1270", params={"key": "a secret"})
        await api.get("/healthz")
    asked, checked = (line for line in lines if line["event"] == "request")
    assert asked.pop("ms") > 0
    assert asked == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "path": "/api/v1/orders/{order_id}",
        "status": 404,
        "token": "skript",
    }
    assert checked["log_level"] == "debug"
    assert "a secret" not in str(lines)
    assert key not in str(lines)
