"""The demo behind the HTTP server: everything runs on, for whoever wants to talk to it."""

import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fototui.config.settings import required
from fototui.demo.orders import place_orders
from fototui.demo.stack import Say, open_stack, state_folder
from fototui.i18n import _
from fototui.mercure.tokens import subscribe_token
from fototui.net.asgi import base_url
from fototui.sandbox.outcomes import Latency
from fototui.server.auth import WEBHOOK
from fototui.server.reload import open_server
from fototui.services.operations.tokens import TokenService

_OPERATOR = "demo"
_DAY = 86_400.0


class ServedDemo(BaseModel):
    """Where everything is, and its keys, which are new each time and die with the demo.

    Args:
        url: The server.
        token: A key to its API.
        webhook_secret: What webhooks are signed with.
        shopify_url: The imitated shop; `POST /orders` there places an order, as its customers do.
        mercure_url: The hub.
        database_url: The database.
        mercure_token: A key to the hub's events, which are private.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    token: str
    webhook_secret: str
    shopify_url: str
    mercure_url: str
    database_url: str
    mercure_token: str


@asynccontextmanager
async def served_demo(
    folder: Path | None,
    *,
    sock: socket.socket,
    orders: int,
    seed: int,
    latency: Latency,
    say: Say,
) -> AsyncIterator[ServedDemo]:
    """Run the shop behind the server while the block runs.

    Args:
        folder: Keeps all state; None for one that is removed at the end.
        sock: Where The server listens, bound.
        orders: How many orders the shop has from the beginning.
        seed: Makes it repeatable.
        latency: How long jobs take.
        say: Told what starts.

    Yields:
        Where everything is.
    """
    webhook_url = f"{base_url(sock)}{WEBHOOK}"
    with state_folder(folder) as state:
        async with open_stack(
            state,
            say=say,
            operator=_OPERATOR,
            seed=seed,
            latency=latency,
            durable=folder is not None,
            webhook_url=webhook_url,
        ) as stack:
            settings = stack.settings
            place_orders(stack.shop, stack.cdn_url, orders, seed=seed)
            async with open_server(settings, sock=sock) as server:
                say(_("The server listens on {url}").format(url=server.url))
                async with server.context.database.session() as session:
                    service = TokenService(session, operator=_OPERATOR)
                    token = await service.create(f"demo {uuid.uuid4().hex[:8]}")
                secret = required(settings.shopify_webhook_secret, "shopify_webhook_secret")
                database = required(settings.database_url, "database_url")
                listening = required(
                    settings.mercure_subscriber_jwt_key, "mercure_subscriber_jwt_key"
                )
                yield ServedDemo(
                    url=server.url,
                    token=token.key.get_secret_value(),
                    webhook_secret=secret.get_secret_value(),
                    shopify_url=required(settings.shopify_store_url, "shopify_store_url"),
                    mercure_url=required(settings.mercure_url, "mercure_url"),
                    database_url=database.get_secret_value(),
                    mercure_token=subscribe_token(listening, seconds=_DAY),
                )
