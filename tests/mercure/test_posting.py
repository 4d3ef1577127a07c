"""Events go to the hub over connections that are kept, or through a proxy where one is set."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fototui.mercure.address import HUB_PATH
from fototui.mercure.posting import NotAnsweredError, open_poster
from fototui.net.asgi import bind
from tests.clients.photo_net import PASSWORD, certify, forward_proxy
from tests.tcpproxy import TcpProxy
from tests.waiting import PATIENCE, until

TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nid"
FORM = b"topic=orders&data=1"


@dataclass
class Hub:
    """A server that gives each request the next of its answers, and then closes or not."""

    answers: Sequence[bytes]
    closes: bool = False
    port: int = 0
    connections: int = 0
    ended: int = 0
    last: asyncio.StreamWriter | None = None
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections, self.last = self.connections + 1, writer
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
                self.requests.append((head, await reader.readexactly(length)))
                writer.write(self.answers[min(len(self.requests), len(self.answers)) - 1])
                await writer.drain()
                if self.closes:
                    break
        self.ended += 1
        writer.close()

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{HUB_PATH}"


@asynccontextmanager
async def hub(
    *answers: bytes, closes: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Hub]:
    it = Hub(answers, closes)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
        await until(lambda: it.ended == it.connections)
    finally:
        server.close()


async def test_a_connection_is_kept() -> None:
    async with hub(TAKEN) as there:
        poster = open_poster(there.url(), seconds=PATIENCE)
        for token in ("one", "one", "other"):
            assert await poster.post(FORM, token) == 200
        await poster.aclose()
    assert there.connections == 1
    heads = [head for head, _ in there.requests]
    assert [body for _, body in there.requests] == [FORM] * 3
    assert heads[0].startswith(f"POST {HUB_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{there.port}\r\n")
    assert "\r\nContent-Type: application/x-www-form-urlencoded\r\n" in heads[0]
    tokens = [head.partition("Authorization: Bearer ")[2].split("\r\n")[0] for head in heads]
    assert tokens == ["one", "one", "other"]


@pytest.mark.parametrize(
    ("answer", "status", "is_kept"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nid\r\n0\r\n\r\n", 200, True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + TAKEN, 200, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, True),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 401, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nid", 200, False),
        (TAKEN + b"what nobody asked for", 200, False),
    ],
)
async def test_answers(answer: bytes, status: int, is_kept: bool) -> None:
    async with hub(answer) as there:
        poster = open_poster(there.url(), seconds=PATIENCE)
        for _ in range(2):
            assert await poster.post(FORM, "token") == status
        await poster.aclose()
    assert there.connections == (1 if is_kept else 2)


async def test_an_answer_may_end_with_its_connection() -> None:
    async with hub(b"HTTP/1.1 200 OK\r\n\r\nid", closes=True) as there:
        poster = open_poster(there.url(), seconds=PATIENCE)
        assert await poster.post(FORM, "token") == 200
        assert await poster.post(FORM, "token") == 200
        await poster.aclose()
    assert there.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 O",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nid",
        b"\0" * 1000,
    ],
)
async def test_what_is_no_answer(answer: bytes) -> None:
    async with hub(answer, closes=True) as there:
        poster = open_poster(there.url(), seconds=PATIENCE)
        with pytest.raises(NotAnsweredError, match="Connection"):
            await poster.post(FORM, "token")
        await poster.aclose()
    assert there.connections == 1


async def test_a_kept_connection_that_the_hub_ends_costs_no_event() -> None:
    async with hub(TAKEN, closes=True) as there:
        poster = open_poster(there.url(), seconds=PATIENCE)
        for _ in range(5):
            assert await poster.post(FORM, "token") == 200
        await poster.aclose()
    assert len(there.requests) == 5


async def test_a_connection_on_which_the_hub_speaks_unasked_is_left() -> None:
    async with hub(TAKEN) as there:
        poster = open_poster(there.url(), seconds=PATIENCE)
        assert await poster.post(FORM, "token") == 200
        assert there.last is not None
        there.last.write(b"HTTP/1.1 408 Too Slow\r\nContent-Length: 0\r\n\r\n")
        await until(lambda: there.ended == 1)
        assert await poster.post(FORM, "token") == 200
        await poster.aclose()
    assert there.connections == 2


async def test_a_request_that_is_given_up_is_not_answered_to_the_next_one() -> None:
    async with hub(b"", b"HTTP/1.1 204 No Content\r\n\r\n") as there:
        poster = open_poster(there.url(), seconds=PATIENCE)
        given_up = asyncio.create_task(poster.post(FORM, "token"))
        await until(lambda: len(there.requests) == 1)
        given_up.cancel()
        assert await poster.post(FORM, "token") == 204
        await poster.aclose()
    assert given_up.cancelled()
    assert there.connections == 2


async def test_as_many_connections_as_requests_at_once() -> None:
    async with hub(TAKEN) as there:
        poster = open_poster(there.url(), seconds=PATIENCE)
        for _ in range(3):
            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(poster.post(FORM, "token"))
        await poster.aclose()
    assert len(there.requests) == 12
    assert there.connections <= 4


async def test_nobody_there() -> None:
    with contextlib.closing(bind()) as sock:
        port = sock.getsockname()[1]
    poster = open_poster(f"http://127.0.0.1:{port}/hub", seconds=PATIENCE)
    with pytest.raises(NotAnsweredError, match="ConnectionRefusedError"):
        await poster.post(FORM, "token")
    await poster.aclose()


async def test_a_name_that_cannot_be_one() -> None:
    poster = open_poster("http://hub..example/hub", seconds=PATIENCE)
    with pytest.raises(NotAnsweredError, match="Unicode"):
        await poster.post(FORM, "token")
    await poster.aclose()


async def test_a_line_that_fell_silent_is_waited_for_once() -> None:
    async with hub(TAKEN) as there, TcpProxy(there.port) as proxy:
        poster = open_poster(f"http://127.0.0.1:{proxy.port}/hub", seconds=1)
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(poster.post(FORM, "token"))
        proxy.strand()
        with pytest.raises(NotAnsweredError, match="TimeoutError"):
            await poster.post(FORM, "token")
        assert await poster.post(FORM, "token") == 200
        await poster.aclose()


# --- certificates and proxies ------------------------------------------------------------------


async def test_certificates_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = certify(tmp_path, "localhost")
    async with hub(TAKEN, tls=certificate.server) as there:
        stranger = open_poster(there.url("https", "localhost"), seconds=PATIENCE)
        with pytest.raises(NotAnsweredError, match="SSLCertVerificationError"):
            await stranger.post(FORM, "token")
        await stranger.aclose()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
        poster = open_poster(there.url("https", "localhost"), seconds=PATIENCE)
        for _ in range(3):
            assert await poster.post(FORM, "token") == 200
        await poster.aclose()
        wrong_name = open_poster(there.url("https"), seconds=PATIENCE)
        with pytest.raises(NotAnsweredError, match="SSLCertVerificationError"):
            await wrong_name.post(FORM, "token")
        await wrong_name.aclose()
    assert len(there.requests) == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_of_the_environment_is_gone_through(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify(tmp_path, "localhost")
    tls = certificate.server if scheme == "https" else None
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    async with forward_proxy() as proxy, hub(TAKEN, tls=tls) as there:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://printer:{PASSWORD}@127.0.0.1:{proxy.port}")
        poster = open_poster(there.url(scheme, "localhost"), seconds=PATIENCE)
        assert await poster.post(FORM, "token") == 200
        await poster.aclose()
    assert len(proxy.asked) == len(there.requests) == 1
    head, body = there.requests[0]
    assert "authorization: bearer token" in head.lower()
    assert body == FORM


async def test_a_proxy_that_is_not_there_is_told_like_a_hub_that_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with contextlib.closing(bind()) as sock:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{sock.getsockname()[1]}")
    poster = open_poster("http://hub.example/hub", seconds=PATIENCE)
    with pytest.raises(NotAnsweredError, match="ConnectError"):
        await poster.post(FORM, "token")
    await poster.aclose()
