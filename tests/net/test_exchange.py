from __future__ import annotations

import asyncio
import email.utils
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from fototui.domain.errors import ConfigurationError, TransientError
from fototui.net.asgi import bind
from fototui.net.exchange import (
    Answer,
    credential,
    exchange,
    passing_error,
    retry_after,
    web_address,
)
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.clients.conftest import RawServer, Service


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=httpx.Timeout(5.0)) as made:
        yield made


async def _get(
    client: httpx.AsyncClient, url: str, *, max_bytes: int = 1_000_000, seconds: float = 10.0
) -> Answer:
    request = client.build_request("GET", url)
    return await exchange(client, request, service="Oracle", max_bytes=max_bytes, seconds=seconds)


async def _failure(client: httpx.AsyncClient, url: str, **limits: float) -> TransientError:
    with pytest.raises(TransientError) as caught:
        await _get(client, url, seconds=limits.get("seconds", 10.0))
    assert caught.value.service == "Oracle"
    assert "Oracle" in str(caught.value)
    return caught.value


async def test_an_answer_is_read_whole(client: httpx.AsyncClient, service: Service) -> None:
    service.will(b"x" * 500_000, status=418, X_Name="teapot")
    answer = await _get(client, service.url)
    assert (answer.status, len(answer.body), answer.headers["x-name"]) == (418, 500_000, "teapot")
    assert not answer.is_success
    assert not answer.is_passing


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 524, 599])
def test_statuses_that_may_pass(status: int) -> None:
    assert Answer(status, httpx.Headers(), b"").is_passing


@pytest.mark.parametrize("status", [200, 302, 400, 401, 402, 403, 404, 409, 413, 422])
def test_statuses_that_do_not(status: int) -> None:
    assert not Answer(status, httpx.Headers(), b"").is_passing


@pytest.mark.parametrize(
    ("status", "ambiguous"),
    [(429, False), (500, False), (502, True), (503, False), (504, True), (522, False), (524, True)],
)
def test_a_gateway_does_not_know_the_outcome(status: int, ambiguous: bool) -> None:
    answer = Answer(status, httpx.Headers({"Retry-After": "7"}), b"<b>busy\x1b[31m</b>")
    error = passing_error(answer, "Oracle")
    assert error.ambiguous is ambiguous
    assert (error.status, error.retry_after) == (status, 7.0)
    assert "<b>busy[31m</b>" in str(error)


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ({"Date": "Sat, 28 Nov 2026 10:00:00 GMT"}, datetime(2026, 11, 28, 10, tzinfo=UTC)),
        ({"date": "Sat, 28 Nov 2026 10:00:00 -0000"}, datetime(2026, 11, 28, 10, tzinfo=UTC)),
        ({"Date": "today"}, None),
        ({"Date": ""}, None),
        ({}, None),
    ],
)
def test_when_an_answer_was_given(date: dict[str, str], moment: datetime | None) -> None:
    assert Answer(200, httpx.Headers(date), b"").date == moment


async def test_a_refused_connection_is_not_ambiguous(client: httpx.AsyncClient) -> None:
    sock = bind()
    port = sock.getsockname()[1]
    sock.close()
    assert not (await _failure(client, f"http://127.0.0.1:{port}")).ambiguous


async def test_a_name_that_leads_nowhere_is_not_ambiguous(client: httpx.AsyncClient) -> None:
    assert not (await _failure(client, "http://nowhere.invalid")).ambiguous


async def test_a_full_pool_is_not_ambiguous(raw_server: RawServer) -> None:
    asked, done = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader, writer
        asked.set()
        await done.wait()

    limits = httpx.Limits(max_connections=1)
    async with (
        raw_server(silent) as url,
        httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(5, pool=0.05)) as client,
    ):
        first = asyncio.create_task(_get(client, url))
        await asyncio.wait_for(asked.wait(), PATIENCE)
        error = await _failure(client, url)
        assert not error.ambiguous
        assert "PoolTimeout" in str(error)
        done.set()
        with pytest.raises(TransientError):
            await first


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_a_broken_answer_is_ambiguous(
    client: httpx.AsyncClient, raw_server: RawServer, answer: bytes
) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with raw_server(broken) as url:
        assert (await _failure(client, url)).ambiguous


async def test_a_reset_while_sending_is_ambiguous(
    client: httpx.AsyncClient, raw_server: RawServer
) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with raw_server(reset) as url:
        request = client.build_request("POST", url, content=bytes(20_000_000))
        with pytest.raises(TransientError) as caught:
            await exchange(client, request, service="Oracle", max_bytes=1, seconds=10)
    assert caught.value.ambiguous


async def test_a_silent_server_is_given_up(raw_server: RawServer) -> None:
    done = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader, writer
        await done.wait()

    async with (
        raw_server(silent) as url,
        httpx.AsyncClient(timeout=httpx.Timeout(5, read=0.05)) as client,
    ):
        error = await _failure(client, url)
        assert error.ambiguous
        assert "ReadTimeout" in str(error)
        done.set()


async def test_an_answer_that_drips_is_given_up(
    client: httpx.AsyncClient, raw_server: RawServer
) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw_server(drip) as url:
        error = await _failure(client, url, seconds=1)
    assert error.ambiguous
    assert "within 1 s" in str(error)


async def test_an_answer_that_is_too_big_is_not_read_to_its_end(
    client: httpx.AsyncClient, raw_server: RawServer
) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(65_536))
            await writer.drain()
            sent += 65_536

    async with raw_server(endless) as url:
        with pytest.raises(TransientError, match=r"more than 0\.1 MB"):
            await _get(client, url, max_bytes=100_000)
    assert sent < 50_000_000


async def test_a_packed_answer_counts_unpacked(client: httpx.AsyncClient, service: Service) -> None:
    service.will(gzip.compress(bytes(5_000_000)), Content_Encoding="gzip")
    with pytest.raises(TransientError, match="more than 1 MB"):
        await _get(client, service.url)
    assert len((await _get(client, service.url, max_bytes=5_000_000)).body) == 5_000_000


async def test_redirects_are_not_followed(
    client: httpx.AsyncClient, service: Service, elsewhere: Service
) -> None:
    service.will("", status=302, Location=elsewhere.url)
    assert (await _get(client, service.url)).status == 302
    assert elsewhere.received == []


async def test_a_header_that_cannot_be_sent_does_not_give_the_secret_away(
    client: httpx.AsyncClient, service: Service
) -> None:
    request = client.build_request("GET", service.url, headers={"Authorization": "Bearer s3cret\n"})
    with pytest.raises(TransientError) as caught:
        await exchange(client, request, service="Oracle", max_bytes=1, seconds=5)
    assert not caught.value.ambiguous
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_cancelling_is_not_swallowed(
    client: httpx.AsyncClient, raw_server: RawServer
) -> None:
    asked, done = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader, writer
        asked.set()
        await done.wait()

    async with raw_server(silent) as url:
        task = asyncio.create_task(_get(client, url))
        await asyncio.wait_for(asked.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        done.set()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("inf", 3600.0),
        ("999999", 3600.0),
        ("nan", None),
        ("", None),
        ("soon", None),
        ("Fri, 99 Foo 2026", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 0.0),
    ],
)
def test_retry_after_is_read(value: str, seconds: float | None) -> None:
    assert retry_after(httpx.Headers({"retry-after": value})) == seconds


def test_retry_after_may_be_a_date() -> None:
    then = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    seconds = retry_after(httpx.Headers({"Retry-After": then}))
    assert seconds is not None
    assert 80 < seconds <= 90


def test_no_retry_after_is_none() -> None:
    assert retry_after(httpx.Headers()) is None


def test_an_excerpt_is_one_safe_short_line() -> None:
    body = b"<h1>no\r\nway</h1>\x1b]0;title\x07\xff" + b"x" * 100_000
    excerpt = Answer(400, httpx.Headers(), body).excerpt
    assert excerpt.startswith("<h1>no way</h1>]0;title")
    assert len(excerpt) <= 200
    assert Answer(400, httpx.Headers(), b" \n").excerpt == "–"


def test_a_credential_is_trimmed() -> None:
    assert credential(SecretStr(" rpa_123\n"), "RUNPOD_API_KEY") == "rpa_123"


@pytest.mark.parametrize("value", ["", "  ", "klíč", "two\nlines", "a\0b"])
def test_a_credential_that_is_none_is_told_by_name_alone(value: str) -> None:
    with pytest.raises(ConfigurationError, match="RUNPOD_API_KEY") as caught:
        credential(SecretStr(value), "RUNPOD_API_KEY")
    assert "klíč" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "api.example.com", "ftp://example.com/", "https://", "http://[::1", "https:///x"]
)
def test_an_address_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match="SOME_URL"):
        web_address(text, "SOME_URL")
