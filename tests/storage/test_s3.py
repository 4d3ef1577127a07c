from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from fototui.domain.errors import (
    ConfigurationError,
    FototuiError,
    OutsideError,
    PermanentError,
    TransientError,
)
from fototui.net.asgi import serving
from fototui.storage.base import FileMissingError
from fototui.storage.s3 import S3StorageService
from tests.storage.conftest import AtOnce
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.storage.conftest import S3Server, ScriptedStore

KEY = "01ARZ3NDEKTSV4RRFFQ69G5FAV/7/image 1.png"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _storage(endpoint: str, *, call_seconds: float = 20) -> S3StorageService:
    return S3StorageService(
        "photos",
        access_key="key",
        secret_key=SecretStr("the-secret"),
        endpoint=endpoint,
        retry=AtOnce(),
        call_seconds=call_seconds,
    )


async def _put(storage: S3StorageService, data: bytes = b"x") -> None:
    await storage.put(KEY, data, content_type="image/png")


async def test_headers_that_some_stores_leave_out_are_not_needed(store: ScriptedStore) -> None:
    store.bare = True
    async with _storage(store.endpoint) as storage:
        stored = await storage.put(KEY, b"content", content_type="image/png")
        assert (stored.size, stored.etag) == (7, None)
        assert stored.sha256 is not None
        found = await storage.head(KEY)
        assert found is not None
        assert (found.key, found.size, found.etag, found.sha256) == (KEY, None, None, None)
        assert await storage.get(KEY) == b"content"


@asynccontextmanager
async def _raw_server(handle: Handler) -> AsyncIterator[str]:
    """A server that speaks (or does not) as a test writes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()


# --- what is refused ---------------------------------------------------------------------------


async def test_a_wrong_secret_is_told_by_name(rclone: S3Server) -> None:
    async with rclone.storage(secret="not-the-secret-of-the-shop") as storage:
        for call in (_put(storage), storage.get(KEY), storage.delete(KEY), storage.check()):
            with pytest.raises(PermanentError, match="S3_SECRET_ACCESS_KEY") as caught:
                await call
            assert "not-the-secret" not in str(caught.value)
            assert caught.value.status == 403
        with pytest.raises(PermanentError, match="S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY"):
            await storage.head(KEY)


async def test_an_unknown_access_key_is_told_by_name(rclone: S3Server) -> None:
    async with rclone.storage(access_key="nobody-we-know") as storage:
        with pytest.raises(PermanentError, match="S3_ACCESS_KEY_ID"):
            await storage.check()


@pytest.mark.parametrize("server", ["rclone", "moto"])
async def test_a_missing_bucket_is_told_by_name(
    server: str, request: pytest.FixtureRequest
) -> None:
    real: S3Server = request.getfixturevalue(server)
    async with real.storage("no-such-bucket") as storage:
        for call in (_put(storage), storage.get(KEY), storage.delete(KEY), storage.check()):
            with pytest.raises(PermanentError, match="S3_BUCKET") as caught:
                await call
            assert not isinstance(caught.value, FileMissingError)
        with pytest.raises(PermanentError, match="S3_BUCKET"):
            _ = [key async for key in storage.list_keys()]


async def test_a_bucket_name_that_is_none_is_told(rclone: S3Server) -> None:
    async with rclone.storage("not a bucket!") as storage:
        with pytest.raises(PermanentError, match="S3_BUCKET"):
            await storage.check()


def test_an_endpoint_must_be_an_address() -> None:
    with pytest.raises(ConfigurationError, match="S3_ENDPOINT"):
        _storage("store.example.com")


async def test_settings_that_the_library_refuses_are_told() -> None:
    async with _storage("http://") as storage:
        with pytest.raises(ConfigurationError, match="S3_ENDPOINT"):
            await _put(storage)


@pytest.mark.parametrize(
    ("status", "code", "kind", "sentence"),
    [
        (403, "AccessDenied", PermanentError, "rights on the bucket"),
        (403, "InvalidAccessKeyId", PermanentError, "S3_ACCESS_KEY_ID"),
        (401, "Unauthorized", PermanentError, "S3_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", PermanentError, "S3_SECRET_ACCESS_KEY"),
        (403, "RequestTimeTooSkewed", PermanentError, "clock"),
        (404, "NoSuchBucket", PermanentError, "S3_BUCKET"),
        (404, "NoSuchKey", FileMissingError, "fetch or generate it again"),
        (400, "AuthorizationHeaderMalformed", PermanentError, "S3_REGION"),
        (400, "InvalidArgument", PermanentError, "so it is"),
        (413, "EntityTooLarge", PermanentError, "too big"),
        (400, "RequestTimeout", TransientError, "try again later"),
        (409, "OperationAborted", TransientError, "try again later"),
        (429, "TooManyRequests", TransientError, "try again later"),
        (500, "InternalError", TransientError, "try again later"),
        (503, "SlowDown", TransientError, "try again later"),
        (507, "XMinioStorageFull", TransientError, "try again later"),
    ],
)
async def test_refusals_are_told_apart_by_code(
    store: ScriptedStore, status: int, code: str, kind: type[OutsideError], sentence: str
) -> None:
    store.answers.extend([(status, code)] * 3)
    async with _storage(store.endpoint) as storage:
        with pytest.raises(kind, match=sentence) as caught:
            await storage.get(KEY)
    assert type(caught.value) is kind
    assert caught.value.service == "Storage"
    assert "the-secret" not in str(caught.value)
    assert len(store.received) == (3 if kind is TransientError else 1)


async def test_an_answer_from_something_else_is_no_success(store: ScriptedStore) -> None:
    store.answers.extend([(502, "<html>")] * 3)
    async with _storage(store.endpoint) as storage:
        with pytest.raises(TransientError):
            await storage.get(KEY)


# --- what may pass -----------------------------------------------------------------------------


async def test_retries_are_not_multiplied(store: ScriptedStore) -> None:
    store.answers.extend([(503, "SlowDown"), (500, "InternalError")])
    async with _storage(store.endpoint) as storage:
        ref = await storage.put(KEY, b"x", content_type="image/png")
    assert ref.etag == "done"
    assert len(store.received) == 3


async def test_a_store_that_is_down_is_transient_after_three_tries(mortal: S3Server) -> None:
    failed: list[int] = []
    async with mortal.storage(retry=AtOnce(on_failure=failed.append)) as storage:
        await _put(storage)
        mortal.kill()
        for call in (_put(storage), storage.get(KEY), storage.head(KEY), storage.delete(KEY)):
            with pytest.raises(TransientError, match="S3_ENDPOINT"):
                await call
    assert failed == [1, 2, 3] * 4


async def test_a_store_that_comes_back_is_used_again(mortal: S3Server) -> None:
    def start(attempt: int) -> None:
        if attempt == 2:
            mortal.start()

    async with mortal.storage(retry=AtOnce(on_failure=start)) as storage:
        await _put(storage, b"before")
        mortal.kill()
        await _put(storage, b"after")
        assert await storage.get(KEY) == b"after"


async def test_a_store_killed_within_an_upload_gets_it_whole_later(mortal: S3Server) -> None:
    data = bytes(range(256)) * 40_000
    passed = 0

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the upload on, and kill the store in the middle of it, once."""
        nonlocal passed
        try:
            there, back = await asyncio.open_connection("127.0.0.1", mortal.port)
        except ConnectionRefusedError:
            return
        answers = asyncio.create_task(_copy(there, writer))
        while chunk := await reader.read(65_536):
            killing = passed < len(data) // 2 <= passed + len(chunk)
            passed += len(chunk)
            if killing:
                mortal.kill()
                break
            back.write(chunk)
            await back.drain()
        back.transport.abort()
        await answers

    def start(attempt: int) -> None:
        if attempt == 1:
            mortal.start()

    async with _raw_server(forward) as endpoint:
        storage = S3StorageService(
            "photos",
            access_key="shop-access-key",
            secret_key=SecretStr("shop-secret-of-the-tests"),
            endpoint=endpoint,
            region="us-east-1",
            retry=AtOnce(on_failure=start),
        )
        async with storage:
            await _put(storage, data)
    assert passed > len(data)
    async with mortal.storage() as direct:
        assert await direct.get(KEY) == data


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        return


async def test_a_body_that_breaks_off_is_transient() -> None:
    tries = 0

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 1000\r\n\r\nonly this')
        await writer.drain()

    async with _raw_server(half) as endpoint, _storage(endpoint) as storage:
        with pytest.raises(TransientError):
            await storage.get(KEY)
    assert tries == 3


async def test_a_store_that_drips_or_stalls_is_given_up() -> None:
    tries = 0

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 1000\r\n\r\n')
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with _raw_server(drip) as endpoint, _storage(endpoint, call_seconds=0.2) as storage:
        with pytest.raises(TransientError, match="TimeoutError"):
            await storage.get(KEY)
    assert 1 <= tries <= 3  # a busy machine may not have come to it


async def test_an_upload_that_nobody_reads_is_given_up() -> None:
    done = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader, writer
        await done.wait()

    async with _raw_server(stall) as endpoint, _storage(endpoint, call_seconds=0.2) as storage:
        with pytest.raises(TransientError, match="TimeoutError"):
            await _put(storage, bytes(20_000_000))
        done.set()


async def test_cancelling_an_upload_is_not_swallowed() -> None:
    asked = asyncio.Event()
    done = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await done.wait()

    async with _raw_server(silent) as endpoint, _storage(endpoint) as storage:
        task = asyncio.create_task(_put(storage))
        await asyncio.wait_for(asked.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        done.set()


# --- addresses, listing, the client ------------------------------------------------------------


@pytest.mark.parametrize("server", ["rclone", "moto"])
async def test_a_presigned_address_needs_no_key(
    server: str, request: pytest.FixtureRequest
) -> None:
    real: S3Server = request.getfixturevalue(server)
    async with real.storage() as storage, httpx.AsyncClient(timeout=PATIENCE) as browser:
        await _put(storage, b"seen")
        url = await storage.url(KEY, expires_seconds=77)
        assert "X-Amz-Expires=77" in url
        answer = await browser.get(url)
        assert (answer.status_code, answer.content) == (200, b"seen")
        assert answer.headers["content-type"] == "image/png"
        assert (await browser.get(url.split("?")[0])).status_code >= 400


async def test_a_presigned_address_cannot_be_changed(rclone: S3Server) -> None:
    async with rclone.storage() as storage, httpx.AsyncClient(timeout=PATIENCE) as browser:
        await _put(storage)
        url = await storage.url(KEY)
        answer = await browser.get(url.replace("image%201.png", "image%202.png"))
        assert answer.status_code == 403


async def test_a_public_address_is_plain(mortal: S3Server, tmp_path: Path) -> None:
    web = Starlette(routes=[Mount("/", StaticFiles(directory=tmp_path / "photos"))])
    async with (
        serving(web) as address,
        mortal.storage(public_url=f"{address}/") as storage,
        httpx.AsyncClient(timeout=PATIENCE) as browser,
    ):
        await _put(storage, b"published")
        url = await storage.url(KEY)
        assert url == f"{address}/01ARZ3NDEKTSV4RRFFQ69G5FAV/7/image%201.png"
        assert (await browser.get(url)).content == b"published"


async def test_more_keys_than_one_page_are_listed(mortal: S3Server, tmp_path: Path) -> None:
    keys = [f"many/{number:04}.png" for number in range(1_100)]
    (tmp_path / "photos" / "many").mkdir()
    for key in keys:
        (tmp_path / "photos" / key).write_bytes(b"")
    async with mortal.storage() as storage:
        assert sorted([key async for key in storage.list_keys("many/")]) == keys


async def test_what_is_sent_is_what_old_servers_understand(store: ScriptedStore) -> None:
    async with _storage(store.endpoint) as storage:
        await storage.put(KEY, b"x", content_type="image/png", original_filename="ž.png")
    headers = store.received[0].headers
    assert not [name for name in headers if name.startswith("x-amz-checksum")]
    assert "x-amz-trailer" not in headers
    assert "content-encoding" not in headers
    assert headers["x-amz-meta-original_filename"] == "%C5%BE.png"
    assert headers["content-length"] == "1"
    assert "the-secret" not in str(headers)


async def test_one_client_serves_the_first_calls_together(rclone: S3Server) -> None:
    async with rclone.storage() as storage:
        assert (
            await asyncio.gather(*(storage.head(f"none/{n}.png") for n in range(20))) == [None] * 20
        )


async def test_a_closed_storage_may_be_used_again(rclone: S3Server) -> None:
    storage = rclone.storage()
    await _put(storage)
    await storage.aclose()
    await storage.aclose()
    assert await storage.get(KEY) == b"x"
    await storage.aclose()


def test_the_library_is_imported_only_when_it_is_used() -> None:
    code = "import sys, fototui.storage.s3; sys.exit('aioboto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_secret_is_not_shown() -> None:
    storage = _storage("https://store.example.com")
    assert "the-secret" not in repr(storage)
    assert "the-secret" not in repr(vars(storage))
    with pytest.raises(FototuiError) as caught:
        _storage("ftp://store.example.com")
    assert "the-secret" not in str(caught.value)
