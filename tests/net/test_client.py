"""What the environment says of proxies stops what needs HTTP, in a sentence, and nothing else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from fototui.clients.download import PhotoDownload
from fototui.clients.runpod import RunPodService
from fototui.clients.shopify import ShopifyClient
from fototui.clients.vectorizer import VectorizerApiService
from fototui.domain.errors import AccountError, ConfigurationError
from fototui.mercure.publisher import MercurePublishService
from fototui.mercure.subscriber import LinkState, MercureSubscriber, StateChange
from fototui.net.asgi import serving
from fototui.net.client import open_client

KEY = SecretStr("a-key-of-at-least-32-bytes-for-hmac")
WRONG = [
    ("ALL_PROXY", "socks://user:hunter2@127.0.0.1:1080"),
    ("HTTPS_PROXY", "ftp://user:hunter2@127.0.0.1:1"),
    ("SSL_CERT_FILE", "/nowhere/hunter2.pem"),
]


@pytest.fixture(params=WRONG, ids=lambda pair: pair[0])
def wrong(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name, value = request.param
    monkeypatch.setenv(name, value)
    return str(name)


async def test_a_client_is_made_and_its_requests_tell(wrong: str) -> None:
    async with ShopifyClient("https://shop.example", KEY, api_version="2026-10") as shop:
        with pytest.raises(AccountError, match=wrong) as caught:
            await shop.order(1)
    assert "hunter2" not in str(caught.value)
    async with RunPodService("https://runpod.example", "a1", KEY) as runpod:
        with pytest.raises(AccountError, match=wrong):
            await runpod.health()
    async with VectorizerApiService("https://vector.example", "key", KEY) as vectorizer:
        with pytest.raises(AccountError, match=wrong):
            await vectorizer.account()


async def test_the_hub_s_link_says_it(wrong: str) -> None:
    async with MercurePublishService("https://hub.example", KEY):
        pass  # what publishes nothing does not care
    stream = MercureSubscriber("https://hub.example", KEY, str).stream()
    async for item in stream:
        if isinstance(item, StateChange) and item.state is LinkState.DOWN:
            assert wrong in str(item.reason)
            break
    await stream.aclose()


async def test_photos_go_their_own_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1080")
    async with PhotoDownload():
        pass
    monkeypatch.delenv("ALL_PROXY")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        async with PhotoDownload():
            pass


@asynccontextmanager
async def _socks_proxy(asked: list[str]) -> AsyncIterator[int]:
    """A SOCKS5 proxy (RFC 1928) that answers in the place of whatever it is asked for."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\5\0")
        head = await reader.readexactly(4)
        length = (await reader.readexactly(1))[0] if head[3] == 3 else 4
        asked.append((await reader.readexactly(length)).decode("latin-1"))
        await reader.readexactly(2)
        writer.write(b"\5\0\0\1\0\0\0\0\0\0")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_socks_works(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    async with _socks_proxy(asked) as port:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{port}")
        async with open_client(httpx.AsyncClient) as client:
            assert (await client.get("http://shop.example/")).text == "hi"
    assert asked == ["shop.example"]


class _Sought:
    """Notes which modules are looked for, and finds none."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, name: str, *_: object) -> None:
        """See `importlib.abc.MetaPathFinder`."""
        self.names.append(name)


async def test_a_request_looks_for_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    sought = _Sought()
    app = Starlette(routes=[Route("/", lambda _request: JSONResponse({}))])
    async with serving(app) as url, httpx.AsyncClient() as client:
        await client.get(url)
        monkeypatch.setattr(sys, "meta_path", [sought, *sys.meta_path])
        await client.get(url)
    assert sought.names == []
