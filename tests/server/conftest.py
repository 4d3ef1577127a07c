"""A server on loopback, over a real database, a folder for files, and the sandbox's shop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from copy import copy
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from fototui.config.settings import Settings
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Order, SvgVersion
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus
from fototui.net.asgi import serving
from fototui.sandbox.shopify.shop import Shop
from fototui.sandbox.shopify.webhook_sender import WebhookSender
from fototui.server.app import create_server
from fototui.server.context import ServerContext
from fototui.services.operations.tokens import TokenService
from fototui.storage.directory import DirectoryStorage
from tests.factories import file_ref, make_coloring, make_order, make_svg
from tests.waiting import PATIENCE

SECRET = SecretStr("a webhook secret")
WEBHOOKS = "/api/v1/webhooks/shopify"

MakeOrder = Callable[..., Awaitable[Order]]


def with_parts(context: ServerContext, **parts: object) -> ServerContext:
    """The same context with other parts, which are not closed with it."""
    changed = copy(context)
    for name, part in parts.items():
        setattr(changed, name, part)
    return changed


@pytest.fixture
def shop() -> Shop:
    """The orders of the imitated shop."""
    return Shop()


@pytest.fixture
def context(database: Database, tmp_path: Path) -> ServerContext:
    """What the server stands on; the shop's webhooks are signed with `SECRET`."""
    settings = Settings(
        shopify_webhook_secret=SECRET, storage_path=tmp_path / "files", operator="server"
    )
    storage = DirectoryStorage(tmp_path / "files", "https://files.example.com")
    return with_parts(ServerContext(settings), database=database, storage=storage)


@pytest.fixture
def app(context: ServerContext) -> FastAPI:
    """The server's app."""
    return create_server(context)


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    """Where the server listens."""
    async with serving(app) as url:
        yield url


@pytest.fixture
async def key(database: Database) -> str:
    """A key to the API."""
    async with database.session() as session:
        token = await TokenService(session, operator="jana").create("skript")
    return token.key.get_secret_value()


@pytest.fixture
async def api(url: str, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=PATIENCE, trust_env=False
    ) as client:
        yield client


@pytest.fixture
async def stranger(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as client:
        yield client


@pytest.fixture
async def sender(url: str) -> AsyncIterator[WebhookSender]:
    """The shop's webhooks."""
    async with WebhookSender(f"{url}{WEBHOOKS}", SECRET, seconds=PATIENCE) as sender:
        yield sender


@pytest.fixture
async def shop_order(database: Database) -> MakeOrder:
    """Makes committed orders; takes what `make_order` takes."""

    async def make(**fields: object) -> Order:
        async with database.session() as session, session.begin():
            # mypy cannot know which of the factory's arguments are among them.
            return await make_order(session, **fields)  # type: ignore[arg-type]

    return make


class Finished:
    """An order of one image, with a colouring and an SVG of it, both completed."""

    order: Order
    coloring: ColoringVersion
    svg: SvgVersion

    @property
    def image_id(self) -> int:
        return self.order.line_items[0].images[0].id


@pytest.fixture
async def finished(database: Database) -> Finished:
    """An order that is done."""
    done = Finished()
    async with database.session() as session, session.begin():
        done.order = await make_order(session)
        image = done.order.line_items[0].images[0]
        done.coloring = await make_coloring(
            session,
            image,
            status=ColoringProcessingStatus.COMPLETED,
            file_ref=file_ref("a/1/coloring/v1/image 1.png"),
        )
        done.svg = await make_svg(
            session,
            done.coloring,
            status=SvgProcessingStatus.COMPLETED,
            file_ref=file_ref("a/1/svg/v1/image_1.svg"),
        )
    return done


# Any: JSON.
def error(answer: httpx.Response) -> Any:
    """What an answer says went wrong, in the one form that all errors have."""
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert "Traceback" not in answer.text
    return body["error"]
