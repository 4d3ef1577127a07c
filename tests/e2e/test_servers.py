"""`fototui hub` and `fototui sandbox` as processes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from fototui.clients.download import PhotoDownload
from fototui.clients.shopify import ShopifyClient
from fototui.domain.events import ListUpdateEvent, parse_event
from fototui.mercure.publisher import MercurePublishService
from fototui.mercure.subscriber import LinkState, MercureSubscriber, Message, StateChange
from tests.waiting import PATIENCE, in_time

KEY = "a-key-of-at-least-thirty-two-bytes"


@asynccontextmanager
async def server(
    folder: Path, *arguments: str, **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command that serves until it is told to stop, and ends well then."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fototui",
        *arguments,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _line(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await asyncio.wait_for(stream.readline(), PATIENCE)).decode()


async def test_the_hub_carries_an_event(tmp_path: Path) -> None:
    keys = {"MERCURE_PUBLISHER_JWT_KEY": KEY, "MERCURE_SUBSCRIBER_JWT_KEY": KEY}
    async with server(tmp_path, "hub", "--port", "0", **keys) as process:
        url = (await _line(process.stderr)).split()[-1]
        subscriber = MercureSubscriber(url, SecretStr(KEY), parse_event)
        event = ListUpdateEvent(order_ids=("01M7VXVZ81QV366GBKMJXSFGDA",))
        async with (
            in_time(),
            MercurePublishService(url, SecretStr(KEY)) as publisher,
        ):
            async for item in subscriber.stream():
                if isinstance(item, StateChange) and item.state is LinkState.LIVE:
                    publisher.publish(event)
                if isinstance(item, Message):
                    assert item.event == event
                    break


async def test_the_sandbox_tells_how_to_reach_it(tmp_path: Path) -> None:
    async with server(tmp_path, "sandbox", "--port", "0") as process:
        told = json.loads(await _line(process.stdout))
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.get(
                f"{told['RUNPOD_API_URL']}/{told['RUNPOD_ENDPOINT_ID']}/health",
                headers={"Authorization": f"Bearer {told['RUNPOD_API_KEY']}"},
            )
            assert answer.status_code == 200
            assert "workers" in answer.json()


async def test_the_sandbox_has_a_shop_whose_orders_can_be_imported(tmp_path: Path) -> None:
    async with server(tmp_path, "sandbox", "--port", "0", "--orders", "3") as process:
        told = json.loads(await _line(process.stdout))
        token = SecretStr(told["SHOPIFY_ACCESS_TOKEN"])
        hosts = frozenset({told["PHOTO_TRUSTED_HOSTS"]})
        async with (
            in_time(),
            ShopifyClient(told["SHOPIFY_STORE_URL"], token, api_version="2026-10") as shop,
            PhotoDownload(
                proxies=(), trusted_hosts=hosts, referer=told["SHOPIFY_STORE_URL"]
            ) as download,
        ):
            [heads] = [page async for page in shop.order_heads()]
            wanted = [head.shopify_id for head in heads]
            orders = [order async for order in shop.whole_orders(wanted)]
            photo = await download.fetch(orders[0].items[0].photos[0].url or "")
        assert [order.number for order in orders] == ["#1003", "#1002", "#1001"]
        assert photo.info.content_type == "image/jpeg"
