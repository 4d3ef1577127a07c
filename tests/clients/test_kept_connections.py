"""Connections that are used for several photos, and what photo servers may do to them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fototui.clients.download import DownloadLimits, PhotoDownload
from fototui.domain.errors import OutsideError, TransientError
from fototui.retry import RetryPolicy
from tests.clients.photo_net import ForwardProxy, Names, certify, forward_proxy
from tests.waiting import in_time

if TYPE_CHECKING:
    from tests.clients.conftest import Picture

pytestmark = pytest.mark.usefixtures("only_loopback")

ONCE = RetryPolicy(attempts=1)
ONE_AT_A_TIME = DownloadLimits(per_host=1)

Answer = Callable[[str, int], Awaitable[bytes | None]]
"""What a path is answered with, as the connection's such-and-such request; None hangs up."""


class Server:
    """Answers with bytes."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[list[str]] = []
        self.host = ""

    @property
    def port(self) -> str:
        """The TCP port."""
        return self.host.partition(":")[2]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        asked: list[str] = []
        self.asked.append(asked)
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                asked.append(head.split(" ")[1])
                answer = await self.answer(asked[-1], len(asked))
                if answer is None:
                    break
                writer.write(answer)
        writer.transport.abort()


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server while the block runs."""
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.host = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()


def found(data: bytes) -> bytes:
    """An answer that gives a photo."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    async with forward_proxy() as proxy:
        yield proxy


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.3", "127.0.0.1"]], ids=len)
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("size", [(60, 40), (200, 120)], ids=["small", "bigger than one read"])
async def test_a_server_that_answers_twice_mixes_no_photos_up(
    picture: Picture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    size: tuple[int, int],
    addresses: list[str],
) -> None:
    certificate = certify(tmp_path, "cdn.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    photos = {f"/{n}": picture(*size, noise=True) for n in range(4)}

    async def answer(path: str, _number: int) -> bytes:
        return found(photos[path]) * 2

    async with serving(answer, certificate.server if scheme == "https" else None) as server:
        host = f"cdn.test:{server.port}"
        async with PhotoDownload(
            trusted_hosts=frozenset({host}),
            resolver=Names().set("cdn.test", addresses),
            retry=ONCE,
            limits=ONE_AT_A_TIME,
        ) as download:
            came = await asyncio.gather(
                *(download.fetch(f"{scheme}://{host}{path}") for path in photos)
            )
    assert [photo.data for photo in came] == list(photos.values())


@pytest.mark.parametrize(
    "surplus",
    [b"\r\n" * 3, b"more of it", found(b"x")[:9], b"\0" * 200_000],
    ids=["empty lines", "text", "half an answer", "much"],
)
async def test_a_body_longer_than_it_says_harms_no_other(picture: Picture, surplus: bytes) -> None:
    photo = picture()

    async def answer(_path: str, _number: int) -> bytes:
        return found(photo) + surplus

    async with (
        serving(answer) as server,
        PhotoDownload(
            trusted_hosts=frozenset({server.host}), retry=ONCE, limits=ONE_AT_A_TIME
        ) as download,
    ):
        urls = [f"http://{server.host}/{n}" for n in range(4)]
        came = await asyncio.gather(*map(download.fetch, urls))
    assert [each.data for each in came] == [photo] * 4


async def test_a_kept_connection_that_is_closed_costs_no_try_and_no_proxy(
    picture: Picture, proxy: ForwardProxy
) -> None:
    photo = picture()

    async def answer(_path: str, number: int) -> bytes | None:
        return found(photo) if number == 1 else None

    async with (
        serving(answer) as server,
        PhotoDownload(
            trusted_hosts=frozenset({server.host}),
            proxies=[proxy.settings()],
            retry=ONCE,
            limits=ONE_AT_A_TIME,
        ) as download,
    ):
        urls = [f"http://{server.host}/{n}" for n in range(3)]
        came = await asyncio.gather(*map(download.fetch, urls))
    assert [each.data for each in came] == [photo] * 3
    assert proxy.asked == []


async def test_a_new_connection_that_is_closed_is_a_try() -> None:
    async def answer(_path: str, _number: int) -> None:
        return None

    async with (
        serving(answer) as server,
        PhotoDownload(trusted_hosts=frozenset({server.host}), retry=ONCE) as download,
    ):
        with pytest.raises(TransientError):
            await download.fetch(f"http://{server.host}/a")
    assert server.asked == [["/a"]]


async def test_who_is_sent_on_to_a_host_keeps_its_connections(picture: Picture) -> None:
    photo, may_end, slow = picture(), asyncio.Event(), asyncio.Event()
    here, there = "shop.test", "cdn.test"

    async def answer(path: str, _number: int) -> bytes:
        if path == "/moved":
            on = f"http://{there}:{server.port}/slow"
            return f"HTTP/1.1 302 Found\r\nLocation: {on}\r\nContent-Length: 0\r\n\r\n".encode()
        if path == "/first":
            await slow.wait()
        if path == "/slow":
            slow.set()
            await may_end.wait()
        return found(photo)

    names = Names().set(here, ["127.0.0.1"]).set(there, ["127.0.0.1"])
    async with serving(answer) as server, in_time():
        hosts = frozenset(f"{name}:{server.port}" for name in (here, there))
        async with PhotoDownload(trusted_hosts=hosts, resolver=names, retry=ONCE) as download:
            first = asyncio.create_task(download.fetch(f"http://{there}:{server.port}/first"))
            moved = asyncio.create_task(download.fetch(f"http://{here}:{server.port}/moved"))
            await first  # nobody else asked for the host by itself
            may_end.set()
            assert (await moved).data == photo


async def test_all_connections_are_closed_at_the_end_whoever_is_inside() -> None:
    inside, closed = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        inside.release()
        with suppress(ConnectionError):
            await reader.read()
        closed.release()
        writer.transport.abort()

    many = 5
    names = Names()
    for n in range(many):
        names.set(f"h{n}.test", ["127.0.0.1"])
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, in_time():
        hosts = [f"h{n}.test:{port}" for n in range(many)]
        download = PhotoDownload(trusted_hosts=frozenset(hosts), resolver=names, retry=ONCE)
        async with download:
            asked = [asyncio.create_task(download.fetch(f"http://{host}/a")) for host in hosts]
            for _ in range(many):
                await inside.acquire()
            await download.aclose()
            for error in await asyncio.gather(*asked, return_exceptions=True):
                assert isinstance(error, OutsideError)
        for _ in range(many):
            await closed.acquire()
