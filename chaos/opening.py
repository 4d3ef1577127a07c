"""How a scenario's world is made, and what its processes are told of it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from chaos.hub import KEY as HUB_KEY
from chaos.hub import serving_hub
from chaos.processes import Processes
from chaos.world import KEY, LEASE, OPERATOR, World
from fototui.db.database import Database
from fototui.net.asgi import serving
from fototui.sandbox.app import SandboxSettings, create_sandbox
from fototui.sandbox.outcomes import Script
from fototui.sandbox.pictures.generator import GeneratorKind
from fototui.sandbox.postgres.server import EmbeddedPostgres
from fototui.sandbox.shopify.app import ShopSettings
from fototui.sandbox.shopify.cdn import Cdn
from fototui.storage.directory import DirectoryStorage


@asynccontextmanager
async def open_world(
    postgres: EmbeddedPostgres, template: str, folder: Path, *, seed: int, short: bool
) -> AsyncIterator[World]:
    """Make a world for one scenario; nothing of it is left afterwards.

    Args:
        postgres: The server.
        template: A migrated database to copy.
        folder: An empty folder.
        seed: Of chance.
        short: The form for the test suite.
    """
    name = folder.name.replace("-", "_")
    await postgres.create_database(name, template)
    url = postgres.url(name)
    runpod, vectorizer = Script(seed=seed), Script(seed=seed + 1)
    shop, cdn = ShopSettings(token=KEY, webhook_secret=KEY), Cdn({})
    sandbox = SandboxSettings(
        runpod_key=KEY,
        vectorizer_key=KEY,
        vectorizer_secret=KEY,
        runpod=runpod,
        vectorizer=vectorizer,
        generator=GeneratorKind.QUICK,
        shop=shop,
        cdn=cdn,
    )
    files, logs = folder / "files", folder / "logs"
    files.mkdir()
    logs.mkdir()
    async with AsyncExitStack() as stack:
        sandbox_url = await stack.enter_async_context(serving(create_sandbox(sandbox)))
        hub = await stack.enter_async_context(serving_hub())
        database = await stack.enter_async_context(Database(url, pool_size=5))
        chance = random.Random(seed)
        environment = _environment(url, files, sandbox_url, hub.url)
        processes = Processes(environment, logs, chance, forked=short)
        stack.push_async_callback(processes.kill_all)
        yield World(
            postgres=postgres,
            url=url,
            database=database,
            storage=DirectoryStorage(files),
            folder=folder,
            sandbox_url=sandbox_url,
            runpod=runpod,
            vectorizer=vectorizer,
            shop=shop,
            cdn=cdn,
            hub=hub,
            processes=processes,
            chance=chance,
            short=short,
        )


def _environment(url: str, files: Path, sandbox: str, hub: str) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "STORAGE_PATH": str(files),
        "MERCURE_URL": hub,
        "MERCURE_PUBLISHER_JWT_KEY": HUB_KEY.get_secret_value(),
        "MERCURE_SUBSCRIBER_JWT_KEY": HUB_KEY.get_secret_value(),
        "RUNPOD_API_URL": f"{sandbox}/runpod/v2",
        "RUNPOD_ENDPOINT_ID": "sandbox",
        "RUNPOD_API_KEY": KEY.get_secret_value(),
        "RUNPOD_POLL_INTERVAL": "0.2",
        "VECTORIZER_URL": f"{sandbox}/vectorizer/api/v1/vectorize",
        "VECTORIZER_API_KEY": KEY.get_secret_value(),
        "VECTORIZER_API_SECRET": KEY.get_secret_value(),
        "SHOPIFY_STORE_URL": f"{sandbox}/shopify",
        "SHOPIFY_ACCESS_TOKEN": KEY.get_secret_value(),
        "SHOPIFY_WEBHOOK_SECRET": KEY.get_secret_value(),
        "PHOTO_TRUSTED_HOSTS": sandbox.removeprefix("http://"),
        "MIN_IMAGE_SIZE": "1",
        "ENGINE_LEASE": str(LEASE),
        "ENGINE_CONCURRENCY": "coloring=6,svg=4,ingest=4,download=4",
        "OPERATOR": OPERATOR,
        "LOG_LEVEL": "INFO",
    }
