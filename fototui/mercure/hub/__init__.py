"""A hub inside this process, for a demo, tests, and shops that run no hub of their own."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fototui.mercure.address import HUB_PATH
from fototui.mercure.hub.app import create_hub
from fototui.mercure.hub.settings import HubSettings
from fototui.net.asgi import serving

__all__ = ["HubSettings", "create_hub", "serving_hub"]


@asynccontextmanager
async def serving_hub(
    settings: HubSettings, *, sock: socket.socket | None = None
) -> AsyncIterator[str]:
    """Serve a hub while the block runs.

    A server that stops waits for open responses before it tells the app, and a hub's never end by
    themselves: they are ended here, first.

    Args:
        settings: How the hub behaves.
        sock: A bound socket; a free loopback port where none is given.

    Yields:
        The hub's full URL.
    """
    app = create_hub(settings)
    async with serving(app, sock=sock) as base_url:
        try:
            yield base_url + HUB_PATH
        finally:
            app.state.broker.close()
