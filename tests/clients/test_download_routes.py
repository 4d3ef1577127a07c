from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fototui.clients.download import DownloadLimits, PhotoDownload
from fototui.config.settings import Proxy
from fototui.domain.errors import ConfigurationError, OutsideError, PermanentError, TransientError
from fototui.net.asgi import bind
from fototui.net.ssrf import resolve
from fototui.retry import RetryPolicy
from tests.clients.photo_net import PASSWORD, ForwardProxy, Names, certify, forward_proxy
from tests.logs import capture_logs

if TYPE_CHECKING:
    from tests.clients.conftest import Picture, Service

pytestmark = pytest.mark.usefixtures("only_loopback")

ONCE = RetryPolicy(attempts=1)
TWICE = RetryPolicy(attempts=2, first_wait=0.01, longest_wait=0.05)


@dataclass
class PhotoServer:
    """Gives one photo to everybody."""

    data: bytes
    port: int = 0
    hosts: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                self.hosts += [line[6:] for line in head if line.startswith("Host: ")]
                length = b"Content-Length: %d\r\n\r\n" % len(self.data)
                begin = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"
                writer.write(begin + length + self.data)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def _photo_server(
    data: bytes, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[PhotoServer]:
    photos = PhotoServer(data)
    server = await asyncio.start_server(photos.serve, host, port, ssl=tls)
    photos.port = server.sockets[0].getsockname()[1]
    try:
        yield photos
    finally:
        server.close()


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    async with forward_proxy() as proxy:
        yield proxy


@pytest.fixture
async def second_proxy() -> AsyncIterator[ForwardProxy]:
    async with forward_proxy() as proxy:
        yield proxy


def _dead_proxy() -> Proxy:
    sock = bind()
    port = sock.getsockname()[1]
    sock.close()
    return ForwardProxy(port).settings()


# --- the address that was checked ----------------------------------------------------------------


async def test_the_connection_is_made_to_what_was_checked(picture: Picture) -> None:
    checked, rebound = picture(60, 40), picture(40, 60)
    async with (
        _photo_server(rebound) as trap,
        _photo_server(checked, "127.0.0.2", trap.port) as server,
    ):
        # The system, and a second question, would both lead into the trap.
        names = Names().set("localhost", ["127.0.0.2"], ["127.0.0.1"])
        trusted = frozenset({f"localhost:{server.port}"})
        async with PhotoDownload(trusted_hosts=trusted, resolver=names, retry=ONCE) as download:
            photo = await download.fetch(f"http://localhost:{server.port}/a.jpg")
        assert photo.data == checked
        assert names.asked == ["localhost"]
        assert server.hosts == [f"localhost:{server.port}"]
        assert trap.hosts == []


async def test_every_address_of_a_name_is_tried(picture: Picture) -> None:
    async with _photo_server(picture()) as server:
        names = Names().set("localhost", ["::1", "127.0.0.2", "127.0.0.1"])
        trusted = frozenset({f"localhost:{server.port}"})
        async with PhotoDownload(trusted_hosts=trusted, resolver=names, retry=ONCE) as download:
            await download.fetch(f"http://localhost:{server.port}")
        assert len(server.hosts) == 1


async def test_each_attempt_looks_up_anew(picture: Picture) -> None:
    async with _photo_server(picture()) as server:
        names = Names().set("localhost", ["127.0.0.2"], ["127.0.0.1"])
        trusted = frozenset({f"localhost:{server.port}"})
        async with PhotoDownload(trusted_hosts=trusted, resolver=names, retry=TWICE) as download:
            await download.fetch(f"http://localhost:{server.port}")
        assert names.asked == ["localhost", "localhost"]


async def test_the_systems_own_look_up(picture: Picture) -> None:
    assert "127.0.0.1" in await resolve("localhost", 80)
    async with _photo_server(picture()) as server:
        trusted = frozenset({f"localhost:{server.port}"})
        async with PhotoDownload(trusted_hosts=trusted, retry=ONCE) as download:
            await download.fetch(f"http://localhost:{server.port}")


async def test_an_address_inside_is_refused_before_any_connection(
    picture: Picture, proxy: ForwardProxy, only_loopback: list[object]
) -> None:
    async with _photo_server(picture(), "127.0.0.2") as server:
        names = Names().set("localhost", ["127.0.0.2"])
        async with PhotoDownload(resolver=names, proxies=[proxy.settings()]) as download:
            for url in (f"http://localhost:{server.port}", f"https://127.0.0.2:{server.port}"):
                with pytest.raises(PermanentError, match="private network"):
                    await download.fetch(url)
        assert (server.hosts, proxy.asked, only_loopback) == ([], [], [])


# --- TLS -----------------------------------------------------------------------------------------


async def test_tls_proves_the_name_not_the_address(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify(tmp_path, "cdn.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    names = Names().set("cdn.test", ["127.0.0.1"]).set("other.test", ["127.0.0.1"])
    async with _photo_server(picture(), tls=certificate.server) as server:
        trusted = frozenset(f"{name}:{server.port}" for name in ("cdn.test", "other.test"))
        async with PhotoDownload(trusted_hosts=trusted, resolver=names, retry=ONCE) as download:
            await download.fetch(f"https://cdn.test:{server.port}/a.jpg")
            # The same address, and no connection is kept that was proved for another name.
            with pytest.raises(TransientError, match="ConnectError"):
                await download.fetch(f"https://other.test:{server.port}/a.jpg")
        assert certificate.shown_names == ["cdn.test", "other.test"]
        assert server.hosts == [f"cdn.test:{server.port}"]


ONE_AT_A_TIME = DownloadLimits(per_host=1)
"""Whoever waits for a place keeps the host's connection for itself."""


async def test_photos_of_one_host_share_a_connection(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify(tmp_path, "cdn.test", "other.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    names = Names().set("cdn.test", ["127.0.0.1"]).set("other.test", ["127.0.0.1"])
    async with _photo_server(picture(), tls=certificate.server) as server:
        hosts = [f"{name}:{server.port}" for name in ("cdn.test", "other.test")]
        async with PhotoDownload(
            trusted_hosts=frozenset(hosts), resolver=names, retry=ONCE, limits=ONE_AT_A_TIME
        ) as download:
            await asyncio.gather(*(download.fetch(f"https://{host}/a") for host in hosts * 4))
            # One for each name, although both lead to the same address.
            assert sorted(str(name) for name in certificate.shown_names) == [
                "cdn.test",
                "other.test",
            ]
            assert server.connections == 2
            assert sorted(server.hosts) == sorted(hosts * 4)
            assert len(names.asked) == 8
            # None is kept for whoever may come.
            await download.fetch(f"https://{hosts[0]}/a")
            assert server.connections == 3


async def test_a_kept_connection_is_proved_for_no_other_name(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify(tmp_path, "cdn.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    names = Names().set("cdn.test", ["127.0.0.1"]).set("other.test", ["127.0.0.1"])
    async with _photo_server(picture(), tls=certificate.server) as server:
        ours, strange = f"cdn.test:{server.port}", f"other.test:{server.port}"
        async with PhotoDownload(
            trusted_hosts=frozenset({ours, strange}),
            resolver=names,
            retry=ONCE,
            limits=ONE_AT_A_TIME,
        ) as download:
            asked = [f"https://{host}/a" for host in (ours, ours, strange, ours)]
            *came, refused, last = await asyncio.gather(
                *map(download.fetch, asked), return_exceptions=True
            )
    assert isinstance(refused, TransientError)
    assert not any(isinstance(each, BaseException) for each in (*came, last))
    assert server.hosts == [ours] * 3


async def test_a_kept_connection_is_used_only_where_the_name_leads_now(picture: Picture) -> None:
    before, after = picture(60, 40), picture(40, 60)
    async with (
        _photo_server(before) as first,
        _photo_server(after, "127.0.0.2", first.port) as second,
    ):
        host = f"cdn.test:{first.port}"
        names = Names().set("cdn.test", ["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"])
        async with PhotoDownload(
            trusted_hosts=frozenset({host}), resolver=names, retry=ONCE, limits=ONE_AT_A_TIME
        ) as download:
            photos = await asyncio.gather(*(download.fetch(f"http://{host}/a") for _ in range(3)))
        assert [photo.data for photo in photos] == [before, before, after]
        assert (first.connections, second.connections) == (1, 1)


async def test_connections_that_died_unseen_are_not_tried_one_after_the_other(
    picture: Picture,
) -> None:
    photo, may_end, slow = picture(), asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # It says that it keeps connections, and hangs up at the second request.
        with suppress(asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/slow" in head:
                slow.set()
                await may_end.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(photo) + photo)
            await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, PhotoDownload(trusted_hosts=frozenset({host}), retry=TWICE) as download:
        keeping = asyncio.create_task(download.fetch(f"http://{host}/slow"))
        await slow.wait()
        await asyncio.gather(*(download.fetch(f"http://{host}/{each}") for each in "ab"))
        assert (await download.fetch(f"http://{host}/c")).data == photo
        may_end.set()
        await keeping


async def test_a_name_that_leads_inside_by_now_is_refused_also_while_one_is_kept(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server's own address counts as public; 10.0.0.1 does not.
    public = ipaddress.ip_address("127.0.0.1")
    monkeypatch.setattr("fototui.net.ssrf.is_public", lambda address: address == public)
    async with _photo_server(picture()) as server:
        names = Names().set("cdn.test", ["127.0.0.1"], ["10.0.0.1"])
        async with PhotoDownload(resolver=names, retry=ONCE, limits=ONE_AT_A_TIME) as download:
            url = f"http://cdn.test:{server.port}/a"
            came, refused = await asyncio.gather(
                download.fetch(url), download.fetch(url), return_exceptions=True
            )
    assert not isinstance(came, BaseException)
    assert isinstance(refused, PermanentError)
    assert len(server.hosts) == 1


async def test_an_unknown_authority_is_not_believed(picture: Picture, tmp_path: Path) -> None:
    certificate = certify(tmp_path, "localhost")
    async with _photo_server(picture(), tls=certificate.server) as server:
        trusted = frozenset({f"localhost:{server.port}"})
        async with PhotoDownload(trusted_hosts=trusted, retry=ONCE) as download:
            with pytest.raises(TransientError, match="ConnectError"):
                await download.fetch(f"https://localhost:{server.port}/a.jpg")
        assert server.hosts == []


# --- proxies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 429, 525, 526, 530])
async def test_a_proxy_is_tried_where_another_way_may_help(
    service: Service, proxy: ForwardProxy, picture: Picture, status: int
) -> None:
    service.will(b"", status=status)
    service.will(picture())
    port = service.url.rpartition(":")[2]
    names = Names().set("cdn.test", ["127.0.0.1"])
    async with PhotoDownload(
        trusted_hosts=frozenset({f"cdn.test:{port}"}),
        proxies=[proxy.settings()],
        resolver=names,
        retry=ONCE,
    ) as download:
        await download.fetch(f"http://cdn.test:{port}/a.jpg?key=1")
    assert proxy.asked == [f"GET http://cdn.test:{port}/a.jpg?key=1"]
    assert names.asked == ["cdn.test"]
    direct, through = service.received
    assert direct.headers["host"] == through.headers["host"] == f"cdn.test:{port}"
    assert "Chrome/" in through.headers["user-agent"]


@pytest.mark.parametrize("status", [404, 500, 503, 401])
async def test_a_proxy_is_not_tried_where_it_would_not_help(
    service: Service, proxy: ForwardProxy, status: int
) -> None:
    service.will(b"", status=status)
    trusted = frozenset({service.url.removeprefix("http://")})
    async with PhotoDownload(
        trusted_hosts=trusted, proxies=[proxy.settings()], retry=TWICE
    ) as download:
        with pytest.raises(OutsideError):
            await download.fetch(service.url)
    assert proxy.asked == []


async def test_a_network_that_fails_is_gone_round_by_proxies_in_turn(
    proxy: ForwardProxy, second_proxy: ForwardProxy, picture: Picture
) -> None:
    proxy.refuses_with = 502
    async with _photo_server(picture()) as server:
        names = Names().set("cdn.test", ["127.0.0.2"])  # where nobody listens
        async with PhotoDownload(
            trusted_hosts=frozenset({f"cdn.test:{server.port}"}),
            proxies=[_dead_proxy(), proxy.settings(), second_proxy.settings()],
            resolver=names,
            retry=ONCE,
        ) as download:
            await download.fetch(f"http://cdn.test:{server.port}/a.jpg")
        assert len(proxy.asked) == len(second_proxy.asked) == len(server.hosts) == 1


async def test_the_direct_failure_is_told_and_no_password_is(
    service: Service, proxy: ForwardProxy, second_proxy: ForwardProxy
) -> None:
    service.will(b"", status=429)
    second_proxy.refuses_with = 403
    trusted = frozenset({service.url.removeprefix("http://")})
    wrong = proxy.settings(password="hunter2-mistyped")
    proxies = [wrong, second_proxy.settings(), _dead_proxy()]
    with capture_logs() as lines:
        async with PhotoDownload(trusted_hosts=trusted, proxies=proxies, retry=TWICE) as download:
            with pytest.raises(TransientError) as caught:
                await download.fetch(service.url)
    assert caught.value.status == 429
    assert [line["route"] for line in lines] == [
        "direct",
        *(f"127.0.0.1:{proxy.port}" for proxy in proxies),
    ] * 2
    assert "hunter2" not in f"{caught.value!r} {caught.value.__context__!r} {lines} {proxies}"


async def test_https_goes_through_a_tunnel_with_the_proxys_own_certificate(
    proxy: ForwardProxy, picture: Picture, tmp_path: Path
) -> None:
    certificate = certify(tmp_path, "cdn.test")
    names = Names().set("cdn.test", ["127.0.0.1"])
    text = certificate.authority.read_text()
    async with _photo_server(picture(), tls=certificate.server) as server:
        url = f"https://cdn.test:{server.port}/a.jpg"
        trusted = frozenset({f"cdn.test:{server.port}"})
        for known in (str(certificate.authority), text, text.replace("\n", "\\n")):
            async with PhotoDownload(
                trusted_hosts=trusted,
                proxies=[proxy.settings(certificate=known)],
                resolver=names,
                retry=ONCE,
            ) as download:
                await download.fetch(url)
        assert proxy.asked == [f"CONNECT cdn.test:{server.port}"] * 3
        async with PhotoDownload(
            trusted_hosts=trusted, proxies=[proxy.settings()], resolver=names, retry=ONCE
        ) as download:
            with pytest.raises(TransientError):
                await download.fetch(url)
        assert server.hosts == [f"cdn.test:{server.port}"] * 3
        assert set(certificate.shown_names) == {"cdn.test"}


async def test_tls_through_a_proxy_proves_the_name(
    proxy: ForwardProxy, picture: Picture, tmp_path: Path
) -> None:
    certificate = certify(tmp_path, "other.test")
    async with _photo_server(picture(), tls=certificate.server) as server:
        async with PhotoDownload(
            trusted_hosts=frozenset({f"cdn.test:{server.port}"}),
            proxies=[proxy.settings(certificate=str(certificate.authority))],
            resolver=Names().set("cdn.test", ["127.0.0.1"]),
            retry=ONCE,
        ) as download:
            with pytest.raises(TransientError):
                await download.fetch(f"https://cdn.test:{server.port}/a.jpg")
        assert (len(proxy.asked), server.hosts) == (1, [])


@pytest.mark.parametrize("refuses_with", [403, 407, 500])
async def test_a_proxy_that_refuses_a_tunnel_is_passed_by(
    proxy: ForwardProxy,
    second_proxy: ForwardProxy,
    picture: Picture,
    tmp_path: Path,
    refuses_with: int,
) -> None:
    proxy.refuses_with = refuses_with
    certificate = certify(tmp_path, "cdn.test")
    known = str(certificate.authority)
    async with _photo_server(picture(), tls=certificate.server) as server:
        async with PhotoDownload(
            trusted_hosts=frozenset({f"cdn.test:{server.port}"}),
            proxies=[one.settings(certificate=known) for one in (proxy, second_proxy)],
            resolver=Names().set("cdn.test", ["127.0.0.1"]),
            retry=ONCE,
        ) as download:
            await download.fetch(f"https://cdn.test:{server.port}/a.jpg")
        assert len(proxy.asked) == len(second_proxy.asked) == 1


async def test_redirects_through_a_proxy_are_checked_alike(
    service: Service, proxy: ForwardProxy
) -> None:
    service.will(b"", status=403)
    service.will(b"", status=302, Location="http://10.0.0.1/admin")
    trusted = frozenset({service.url.removeprefix("http://")})
    async with PhotoDownload(
        trusted_hosts=trusted, proxies=[proxy.settings()], retry=ONCE
    ) as download:
        with pytest.raises(PermanentError, match="private network"):
            await download.fetch(service.url)
    assert len(proxy.asked) == 1


async def test_proxies_of_the_environment_are_not_used(
    service: Service, proxy: ForwardProxy, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://printer:{PASSWORD}@127.0.0.1:{proxy.port}")
    service.will(picture())
    trusted = frozenset({service.url.removeprefix("http://")})
    async with PhotoDownload(trusted_hosts=trusted, retry=ONCE) as download:
        await download.fetch(service.url)
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            Proxy(host="proxy.test", port=1, certificate="/nowhere.pem"),
            "proxy.test:1 cannot be read",
        ),
        (
            Proxy(host="proxy.test", port=1, certificate="-----BEGIN CERTIFICATE-----\nx"),
            "proxy.test:1 cannot be read",
        ),
        (Proxy(host="user:hunter2@proxy.test", port=1), "no proper host name"),
    ],
)
async def test_wrong_proxies_are_a_matter_of_the_settings(settings: Proxy, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        async with PhotoDownload(proxies=[settings]):
            raise AssertionError
    assert "hunter2" not in str(caught.value)
