from __future__ import annotations

import asyncio
import gzip
import io
import re
import time
import zlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from PIL import Image

from fototui.clients.download import (
    DownloadLimits,
    PhotoDownload,
)
from fototui.clients.photos import PhotoInfo, prepare_photo
from fototui.domain.errors import ConfigurationError, OutsideError, PermanentError, TransientError
from fototui.net.asgi import bind
from fototui.net.ssrf import Resolver, resolve
from fototui.retry import RetryPolicy
from tests.logs import capture_logs
from tests.waiting import PATIENCE, in_time

if TYPE_CHECKING:
    from tests.clients.conftest import Picture, RawServer, Service

pytestmark = pytest.mark.usefixtures("only_loopback")

QUICK = RetryPolicy(attempts=3, first_wait=0.01, longest_wait=0.05)


def _downloading(
    *urls: str,
    limits: DownloadLimits | None = None,
    retry: RetryPolicy = QUICK,
    referer: str | None = None,
    resolver: Resolver = resolve,
) -> PhotoDownload:
    """A download that trusts some servers."""
    trusted = frozenset(urlsplit(url).netloc for url in urls)
    return PhotoDownload(
        trusted_hosts=trusted,
        limits=limits,
        retry=retry,
        referer=referer,
        resolver=resolver,
    )


async def _refused(url: str, *trusted: str, limits: DownloadLimits | None = None) -> OutsideError:
    """How a download fails."""
    async with _downloading(*trusted, limits=limits) as download:
        with pytest.raises(OutsideError) as caught:
            await download.fetch(url)
    assert str(caught.value).endswith(".")
    assert "topsecret" not in str(caught.value)
    return caught.value


# --- what comes ----------------------------------------------------------------------------------


@pytest.mark.quick
async def test_a_photo_comes_as_it_is(service: Service, picture: Picture) -> None:
    data = picture(kind="JPEG")
    service.will(data, content_type="text/plain")
    async with _downloading(service.url) as download:
        photo = await download.fetch(f"{service.url}/customers/1/photo.png?size=1")
    assert photo.data == data
    assert photo.info == PhotoInfo("image/jpeg", "jpg", 60, 40)
    assert repr(data) not in repr(photo)


async def test_it_is_asked_for_like_a_browser_would(service: Service, picture: Picture) -> None:
    service.will(picture())
    async with _downloading(service.url, referer="https://shop.test/č") as download:
        await download.fetch(service.url)
    headers = service.received[0].headers
    assert headers["host"] == urlsplit(service.url).netloc
    assert headers["referer"] == "https://shop.test/%C4%8D"
    assert "Chrome/" in headers["user-agent"]
    assert headers["accept-encoding"] == "identity"
    assert "webp" not in headers["accept"]
    assert "cookie" not in headers


async def test_cookies_of_strangers_are_not_kept(service: Service, picture: Picture) -> None:
    service.will(picture(), Set_Cookie="who=me; Path=/")
    async with _downloading(service.url) as download:
        await download.fetch(service.url)
        await download.fetch(service.url)
    assert "cookie" not in service.received[1].headers


async def test_a_wrong_referer_is_a_matter_of_the_settings() -> None:
    with pytest.raises(ConfigurationError, match="SHOPIFY_STORE_URL"):
        PhotoDownload(referer="shop")


@pytest.mark.parametrize(
    ("kind", "mode", "ext"),
    [("JPEG", "CMYK", "jpg"), ("PNG", "I;16", "png"), ("WEBP", "RGB", "webp")],
)
async def test_unusual_photos_are_photos(
    service: Service, picture: Picture, kind: str, mode: str, ext: str
) -> None:
    if mode == "I;16":
        target = io.BytesIO()
        Image.new("I;16", (60, 40), 32_896).save(target, "PNG")
        data = target.getvalue()
    else:
        data = picture(kind=kind, mode=mode)
    service.will(data)
    async with _downloading(service.url) as download:
        photo = await download.fetch(service.url)
    assert (photo.data, photo.info.ext) == (data, ext)
    with Image.open(io.BytesIO(prepare_photo(photo.data))) as ready:
        assert (ready.mode, ready.size) == ("RGB", (1200, 800))


@pytest.mark.parametrize("packing", ["gzip", "x-gzip", "deflate", "bare deflate", "gzip, deflate"])
async def test_a_photo_that_comes_packed_is_unpacked(
    service: Service, picture: Picture, packing: str
) -> None:
    data = picture(kind="JPEG")
    packed = data
    for name in packing.replace("bare ", "").split(", "):
        if "gzip" in name:
            packed = gzip.compress(packed)
        else:
            packed = zlib.compress(packed)[2:-4] if "bare" in packing else zlib.compress(packed)
    service.will(packed, content_encoding=packing.replace("bare ", ""))
    async with _downloading(service.url) as download:
        assert (await download.fetch(service.url)).data == data


async def test_a_photo_that_is_said_to_be_packed_and_is_not(
    service: Service, picture: Picture
) -> None:
    data = picture()
    service.will(data, content_encoding="gzip")
    async with _downloading(service.url) as download:
        assert (await download.fetch(service.url)).data == data


async def test_a_packed_photo_has_the_same_limit(service: Service) -> None:
    service.will(gzip.compress(bytes(50_000_000)), content_encoding="gzip")
    limits = DownloadLimits(max_bytes=1_000_000)
    async with _downloading(service.url, limits=limits) as download:
        with pytest.raises(PermanentError, match="more than 1 MB"):
            await download.fetch(service.url)


@pytest.mark.parametrize(
    ("body", "packing"),
    [
        (gzip.compress(b"x" * 1000, mtime=0)[:-20], "gzip"),
        (b"anything", "br"),
        (b"anything", "gzip, gzip, gzip, gzip"),
    ],
)
async def test_what_cannot_be_unpacked_is_said(service: Service, body: bytes, packing: str) -> None:
    service.will(body, content_encoding=packing)
    async with _downloading(service.url) as download:
        with pytest.raises(TransientError, match="cannot be unpacked"):
            await download.fetch(service.url)


async def test_a_photo_taken_on_its_side_stays_so_and_is_told_upright(
    service: Service, picture: Picture
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture(kind="JPEG", exif=exif)
    service.will(data)
    async with _downloading(service.url) as download:
        photo = await download.fetch(service.url)
    assert photo.data == data
    assert (photo.info.width, photo.info.height) == (40, 60)
    with Image.open(io.BytesIO(prepare_photo(photo.data))) as ready:
        assert ready.size == (800, 1200)


# --- what is no photo ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n <!DOCTYPE html><title>Log in</title>", "a web page, not a photo"),
        (b"<HTML><body>gone</body></HTML>", "a web page, not a photo"),
        (b'{"error": "no such file"}', "not a JPEG, PNG, WebP or GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG, PNG, WebP or GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\xd8\xff\xe0" + b"x" * 500, "not a JPEG|damaged"),
    ],
)
async def test_what_is_no_photo_is_told_at_once(
    service: Service, body: bytes, sentence: str
) -> None:
    service.will(body, content_type="image/jpeg")
    error = await _refused(service.url, service.url)
    assert isinstance(error, PermanentError)
    assert re.search(sentence, str(error))
    assert len(service.received) == 1


async def test_a_corrupt_photo_is_told(service: Service, picture: Picture) -> None:
    data = picture(300, 200, kind="JPEG", noise=True)
    service.will(data[: len(data) // 2])
    error = await _refused(service.url, service.url)
    assert isinstance(error, PermanentError)
    assert "damaged or incomplete" in str(error)


async def test_a_bomb_of_pixels_is_refused(service: Service) -> None:
    target = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(target, "PNG")
    service.will(target.getvalue())
    error = await _refused(service.url, service.url)
    assert isinstance(error, PermanentError)
    assert "64 megapixels" in str(error)


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_gone_is_gone(service: Service, status: int) -> None:
    service.will(b"", status=status)
    error = await _refused(f"{service.url}/a/b.jpg?key=topsecret", service.url)
    assert isinstance(error, PermanentError)
    assert error.status == status
    assert "127.0.0.1/…/b.jpg is no longer there" in str(error)
    assert len(service.received) == 1


@pytest.mark.parametrize("status", [304, 400, 401, 402, 405, 451])
async def test_other_refusals_are_final(service: Service, status: int) -> None:
    service.will(b"", status=status)
    error = await _refused(service.url, service.url)
    assert isinstance(error, PermanentError)
    assert len(service.received) == 1


# --- trying again --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 525, 526, 530])
async def test_what_may_pass_is_tried_three_times(service: Service, status: int) -> None:
    service.will(b"", status=status)
    error = await _refused(service.url, service.url)
    assert isinstance(error, TransientError)
    assert error.status == status
    assert len(service.received) == 3


async def test_a_refusal_of_robots_is_tried_three_times_and_then_final(service: Service) -> None:
    service.will(b"", status=403)
    error = await _refused(service.url, service.url)
    assert isinstance(error, PermanentError)
    assert "(HTTP 403)" in str(error)
    assert len(service.received) == 3


async def test_the_third_attempt_may_succeed(service: Service, picture: Picture) -> None:
    service.will(b"", b"", status=503)
    service.will(picture())
    with capture_logs() as lines:
        async with _downloading(service.url) as download:
            assert (await download.fetch(f"{service.url}?key=topsecret")).info.ext == "png"
    assert [line["event"] for line in lines] == ["a photo did not come"] * 2
    assert "topsecret" not in str(lines)


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    sock = bind()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    sock.close()
    error = await _refused(f"{url}/a.jpg?key=topsecret", url)
    assert isinstance(error, TransientError)
    assert "(ConnectError)" in str(error)


async def test_a_server_is_waited_for_as_long_as_it_asks(
    service: Service, picture: Picture
) -> None:
    service.will(b"", status=429, Retry_After="1")
    service.will(picture())
    retry = RetryPolicy(first_wait=0.01, longest_wait=1.5)
    began = time.monotonic()
    async with _downloading(service.url, retry=retry) as download:
        await download.fetch(service.url)
    assert time.monotonic() - began >= 1.0


async def test_a_server_that_asks_for_too_long_is_left_to_the_caller(service: Service) -> None:
    service.will(b"", status=429, Retry_After="120")
    error = await _refused(service.url, service.url)
    assert isinstance(error, TransientError)
    assert error.retry_after == 120
    assert len(service.received) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x15\x03\x01 this is no HTTP",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\n\xff\xfe: x\r\n\r\n",
    ],
)
async def test_broken_answers_may_be_whole_another_time(
    raw_server: RawServer, answer: bytes
) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with raw_server(broken) as url:
        assert isinstance(await _refused(url, url), TransientError)


# --- limits --------------------------------------------------------------------------------------


async def test_a_body_too_big_by_its_own_word_is_not_read(raw_server: RawServer) -> None:
    sent = asyncio.Event()

    async def huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n")
        await writer.drain()
        assert await reader.read() == b""  # the connection is closed before any byte of the body
        sent.set()

    async with raw_server(huge) as url:
        error = await _refused(url, url)
        await asyncio.wait_for(sent.wait(), PATIENCE)
    assert isinstance(error, PermanentError)
    assert "more than 100 MB" in str(error)


@pytest.mark.parametrize("framing", ["", "Transfer-Encoding: chunked\r\n"])
async def test_five_gigabytes_are_cut_off(raw_server: RawServer, framing: str) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n".encode())
        block = bytes(65_536)
        while sent < 5_000_000_000:
            writer.write(b"10000\r\n" + block + b"\r\n" if framing else block)
            await writer.drain()
            sent += len(block)

    async with raw_server(endless) as url:
        error = await _refused(url, url, limits=DownloadLimits(max_bytes=2_000_000))
    assert isinstance(error, PermanentError)
    assert "more than 2 MB" in str(error)
    assert 2_000_000 <= sent < 20_000_000  # what is more than the limit filled the sockets


async def test_a_photo_may_have_just_as_many_bytes(service: Service, picture: Picture) -> None:
    data = picture()
    service.will(data)
    limits = DownloadLimits(max_bytes=len(data))
    async with _downloading(service.url, limits=limits) as download:
        assert (await download.fetch(service.url)).data == data
    fewer = DownloadLimits(max_bytes=len(data) - 1)
    assert isinstance(await _refused(service.url, service.url, limits=fewer), PermanentError)


async def test_a_drip_is_cut_off(raw_server: RawServer) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)  # a drip is what it is about

    async with raw_server(drip) as url:
        error = await _refused(url, url, limits=DownloadLimits(seconds=0.4, idle_seconds=60))
    assert isinstance(error, TransientError)
    assert "within 0.4 s" in str(error)


async def test_silence_is_cut_off(raw_server: RawServer) -> None:
    asked = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await reader.read()

    async with raw_server(silent) as url:
        error = await _refused(url, url, limits=DownloadLimits(idle_seconds=0.5))
    assert isinstance(error, TransientError)
    assert "(ReadTimeout)" in str(error)
    assert 1 <= asked <= 3


async def test_a_name_server_that_is_silent_is_not_waited_for() -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        raise AssertionError(host, port)

    limits = DownloadLimits(idle_seconds=0.05)
    async with _downloading(limits=limits, resolver=silent) as download:
        with pytest.raises(TransientError, match="is not found"):
            await download.fetch("http://cdn.test/a.jpg")


class Crowd:
    """A server that serves nobody until it is told to, and counts who waits."""

    def __init__(self, data: bytes) -> None:
        self.most = 0
        self.open = asyncio.Event()
        self._data = data
        self._waiting = 0
        self._changed = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        async with self._changed:
            self._waiting += 1
            self.most = max(self.most, self._waiting)
            self._changed.notify_all()
        await self.open.wait()
        self._waiting -= 1
        length = b"Content-Length: %d\r\n\r\n" % len(self._data)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + length + self._data)
        await writer.drain()
        await reader.read()

    async def has(self, count: int) -> None:
        """Wait until so many wait at once."""
        async with in_time(), self._changed:
            await self._changed.wait_for(lambda: self._waiting >= count)


@pytest.mark.parametrize(
    ("limits", "most"),
    [(DownloadLimits(per_host=2, at_once=9), 4), (DownloadLimits(per_host=4, at_once=3), 3)],
)
async def test_few_downloads_run_at_once(
    raw_server: RawServer, picture: Picture, limits: DownloadLimits, most: int
) -> None:
    crowd = Crowd(picture())
    async with raw_server(crowd.serve) as url:
        other = url.replace("127.0.0.1", "localhost")
        async with _downloading(url, other, limits=limits) as download:
            tasks = [asyncio.create_task(download.fetch(one)) for one in (url, other) * 5]
            await crowd.has(most)
            crowd.open.set()
            assert len(await asyncio.gather(*tasks)) == 10
    assert crowd.most == most


async def test_a_download_given_up_leaves_its_place(
    raw_server: RawServer, picture: Picture
) -> None:
    crowd, limits = Crowd(picture()), DownloadLimits(per_host=1)
    async with raw_server(crowd.serve) as url, _downloading(url, limits=limits) as download:
        first = asyncio.create_task(download.fetch(url))
        await crowd.has(1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        crowd.open.set()
        assert (await asyncio.wait_for(download.fetch(url), PATIENCE)).info.ext == "png"


# --- redirects -----------------------------------------------------------------------------------


def _to(service: Service, *locations: str, status: int = 302) -> None:
    for location in locations:
        service.will(b"", status=status, Location=location)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(
    service: Service, elsewhere: Service, picture: Picture, status: int
) -> None:
    _to(service, "/b/", "c.jpg", f"{elsewhere.url}/d.jpg", status=status)
    elsewhere.will(picture())
    async with _downloading(service.url, elsewhere.url) as download:
        await download.fetch(f"{service.url}/a.jpg")
    assert [got.path for got in service.received] == ["/a.jpg", "/b/", "/b/c.jpg"]
    assert elsewhere.received[0].path == "/d.jpg"
    assert elsewhere.received[0].headers["host"] == urlsplit(elsewhere.url).netloc


async def test_five_redirects_are_enough(service: Service, picture: Picture) -> None:
    _to(service, *"12345")
    service.will(picture())
    async with _downloading(service.url) as download:
        await download.fetch(service.url)
    service.reset()
    _to(service, "/again.jpg")
    error = await _refused(service.url, service.url)
    assert isinstance(error, PermanentError)
    assert "on and on" in str(error)
    assert len(service.received) == 6


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/?key=topsecret",
        "http://[fd00:ec2::254]/latest/",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://127.0.0.1:1/",
        "//127.1/",
        "http://user:topsecret@127.0.0.1/",
        "http://[",
    ],
)
async def test_redirects_to_where_nobody_is_sent_are_refused(
    service: Service, location: str, only_loopback: list[object]
) -> None:
    _to(service, location)
    error = await _refused(service.url, service.url)
    assert isinstance(error, PermanentError)
    assert len(service.received) == 1
    assert only_loopback == []


async def test_a_redirect_to_another_server_of_this_machine_is_refused(
    service: Service, elsewhere: Service, picture: Picture
) -> None:
    _to(service, f"{elsewhere.url}/admin")
    elsewhere.will(picture())
    error = await _refused(service.url, service.url)
    assert "private network" in str(error)
    assert elsewhere.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
async def test_this_machine_is_refused(service: Service, picture: Picture, host: str) -> None:
    service.will(picture())
    error = await _refused(service.url.replace("127.0.0.1", host))
    assert isinstance(error, PermanentError)
    assert service.received == []
