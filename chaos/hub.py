"""A hub that can be well, away, silent, refusing, or without a memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fototui.mercure.address import HUB_PATH
from fototui.mercure.hub import HubSettings, create_hub
from fototui.net.asgi import bind, serving

KEY = SecretStr("chaos-hub-key-of-more-than-32-bytes!!")


class HubMode(StrEnum):
    """How the hub behaves."""

    WELL = "well"
    REFUSING = "refusing"
    """401 to everybody."""
    FAILING = "failing"
    """502 to everybody."""
    SILENT = "silent"
    """Takes requests and never answers."""


class Hub:
    """The embedded hub behind a switch; `mode` may be changed at any time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.mode = HubMode.WELL
        self.url = ""
        self._released = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as the mode says."""
        if scope["type"] == "lifespan" or self.mode is HubMode.WELL:
            await self._app(scope, receive, send)
            return
        if self.mode is HubMode.SILENT:
            await self._released.wait()
        status = 401 if self.mode is HubMode.REFUSING else 502
        await PlainTextResponse("no", status)(scope, receive, send)

    def release(self) -> None:
        """Let go of those who wait for an answer."""
        self._released.set()


@asynccontextmanager
async def serving_hub() -> AsyncIterator[Hub]:
    """Serve a hub while the block runs."""
    app = create_hub(HubSettings(publisher_key=KEY, subscriber_key=KEY))
    hub = Hub(app)
    async with serving(hub, sock=bind()) as base:
        hub.url = base + HUB_PATH
        try:
            yield hub
        finally:
            hub.release()
            app.state.broker.close()
