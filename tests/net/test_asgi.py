import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fototui.net.asgi import bind, serving
from tests.waiting import PATIENCE


async def _hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def test_an_app_is_served_while_the_block_runs() -> None:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        async with serving(Starlette(routes=[Route("/", _hello)])) as url:
            assert (await client.get(url)).text == "hello"
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_answers_are_not_held_back() -> None:
    # Without TCP_NODELAY each answer waits some 40 ms for the reader's acknowledgement.
    clock = asyncio.get_running_loop().time
    async with (
        serving(Starlette(routes=[Route("/", _hello)])) as url,
        httpx.AsyncClient(timeout=PATIENCE) as client,
    ):
        await client.get(url)
        began = clock()
        for _ in range(25):
            await client.get(url)
        assert clock() - began < 0.8


async def test_a_taken_port_is_told() -> None:
    with bind() as taken:
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            bind(port=taken.getsockname()[1])


async def test_a_start_up_that_fails_raises_here() -> None:
    @asynccontextmanager
    async def broken(app: Starlette) -> AsyncIterator[None]:
        if not app.routes:
            raise ValueError("no")
        yield

    with pytest.raises(RuntimeError, match="start-up"):
        async with serving(Starlette(lifespan=broken)):
            pass
