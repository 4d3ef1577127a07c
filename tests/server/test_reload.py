"""A whole server: HTTP and an engine, changing its settings, and stopping."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from fototui.config.settings import Settings
from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.statuses import JobKind
from fototui.net.asgi import bind
from fototui.sandbox.shopify.shop import Shop, book
from fototui.sandbox.shopify.webhook_sender import WebhookSender
from fototui.server.reload import Server, open_server
from tests.server.conftest import SECRET, WEBHOOKS, MakeOrder
from tests.systemd import ends_well, listening, started
from tests.waiting import PATIENCE, in_time, until

LANES = frozenset({JobKind.INGEST})


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=SecretStr(database_url),
        storage_path=tmp_path / "files",
        shopify_webhook_secret=SECRET,
        operator="server",
    )


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    async with open_server(settings, lanes=LANES, grace=1) as server:
        yield server


class Slow:
    """A request whose body takes its time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def finish(self) -> str:
        """Send the rest, and read the answer."""
        self._writer.write(b"}")
        async with in_time():
            answer = await self._reader.readuntil(b"\r\n\r\n")
            return (answer + await self._reader.read(1000)).decode()


@asynccontextmanager
async def slow_request(url: str, key: str, path: str) -> AsyncIterator[Slow]:
    """Begin to send a request."""
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nExpect: 100-continue\r\n"
        "Content-Length: 2\r\n\r\n".encode()
    )
    async with in_time():
        # The server asks for the body as soon as it wants to read it: the request is inside.
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"{")
    try:
        yield Slow(reader, writer)
    finally:
        writer.close()


async def test_a_webhook_s_order_is_ready_with_nobody_s_help(
    server: Server, key: str, shop: Shop
) -> None:
    placed = shop.place([book([])])
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        WebhookSender(f"{server.url}{WEBHOOKS}", SECRET, seconds=PATIENCE) as sender,
        httpx.AsyncClient(
            base_url=server.url, headers=headers, trust_env=False, timeout=PATIENCE
        ) as api,
    ):
        (answer,) = await sender.tell(placed, "orders/create")
        assert answer.status == 200

        async def is_ready() -> bool:
            (order,) = (await api.get("/api/v1/orders")).json()["orders"]
            return bool(order["status"] == "ready_for_review")

        await until(is_ready)
        metrics = (await api.get("/metrics")).text
    assert 'fototui_claims_total{kind="ingest"} 1.0' in metrics
    assert 'fototui_attempts_total{kind="ingest",outcome="ready_for_review"} 1.0' in metrics
    assert 'fototui_step_seconds_count{kind="ingest",status="pending"}' in metrics


async def test_new_settings_drop_no_request(
    server: Server, settings: Settings, key: str, shop_order: MakeOrder
) -> None:
    before, after = [(await shop_order()).line_items[0].images[0].id for _ in range(2)]
    path = "/api/v1/images/{}/generate-coloring"
    headers = {"Authorization": f"Bearer {key}"}
    first_engine = server.engine_id
    async with (
        slow_request(server.url, key, path.format(before)) as slow,
        httpx.AsyncClient(
            base_url=server.url, headers=headers, trust_env=False, timeout=PATIENCE
        ) as api,
    ):
        changing = asyncio.create_task(
            server.open(settings.model_copy(update={"default_steps": 9}))
        )
        await until(lambda: server.engine_id != first_engine)
        made = (await api.post(path.format(after))).json()
        assert made["options"]["steps"] == 9
        assert (await api.get("/readyz")).status_code == 200
        assert not changing.done()
        # Who was inside before is answered by what was there before.
        answer = await slow.finish()
        assert "202 Accepted" in answer
        assert '"steps":4' in answer
        await changing
        assert (await api.get("/metrics")).text.count("fototui_database_up 1.0") == 1


async def test_settings_that_cannot_be_used_change_nothing(
    server: Server, settings: Settings
) -> None:
    for wrong in (
        {"storage_path": None},
        {"database_url": SecretStr("postgresql://x@127.0.0.1:1/x")},
    ):
        with pytest.raises(FototuiError):
            await server.open(settings.model_copy(update=wrong))
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=PATIENCE) as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_a_server_that_cannot_begin_frees_its_port(settings: Settings) -> None:
    sock = bind()
    nothing = settings.model_copy(update={"storage_path": None})
    with pytest.raises(ConfigurationError, match="STORAGE_PATH"):
        async with open_server(nothing, sock=sock, lanes=LANES):
            raise AssertionError
    assert sock.fileno() == -1


async def test_the_program_serves_reloads_and_drains(
    tmp_path: Path, database_url: str, key: str, shop_order: MakeOrder
) -> None:
    image = (await shop_order()).line_items[0].images[0]
    path = f"/api/v1/images/{image.id}/generate-coloring"
    serve = ("serve", "--port", "0", "--lanes", "download")
    with listening(tmp_path / "notify") as systemd:
        async with started(systemd, tmp_path, database_url, *serve) as process:
            assert process.stderr is not None
            async with in_time():
                while "listens on" not in (line := (await process.stderr.readline()).decode()):
                    assert line, "it ended"
            url = line.split()[-1]
            await systemd.hear("READY=1")
            systemd.told.clear()
            process.send_signal(signal.SIGHUP)
            await systemd.hear("RELOADING=1")
            await systemd.hear("READY=1")
            await systemd.hear("WATCHDOG=1")
            async with slow_request(url, key, path) as slow:
                process.send_signal(signal.SIGTERM)
                await systemd.hear("STOPPING=1")
                assert "202 Accepted" in await slow.finish()
            assert key.encode() not in await ends_well(process)
