"""Starts everything that the product stands on, in one folder and on loopback."""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from fototui.assembly import open_database
from fototui.config import Settings
from fototui.db import migrate
from fototui.mercure.hub import HubSettings, serving_hub
from fototui.sandbox.app import SandboxSettings, create_sandbox
from fototui.sandbox.outcomes import Latency, Script
from fototui.sandbox.postgres import EmbeddedPostgres
from fototui.serving import serving

Say = Callable[[str], None]
"""Tells the newcomer, in one line, what just happened."""

DATABASE = "fototui"


@contextmanager
def state_folder(chosen: Path | None) -> Iterator[Path]:
    """The folder that holds the database and the files.

    Args:
        chosen: A folder to keep; where none is given, a temporary one that is removed at the end.

    Yields:
        The folder.
    """
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="fototui-demo-"))
    # PostgreSQL will not run as root; another user then has to pass through to its own folder.
    if os.name == "posix" and os.geteuid() == 0:
        folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def open_house(
    folder: Path, *, say: Say, operator: str, seed: int, latency: Latency, durable: bool
) -> AsyncIterator[Settings]:
    """Start PostgreSQL, a hub, storage and the sandbox; all ends with the block.

    Args:
        folder: Where state is kept.
        say: Told of each part that stands.
        operator: Who acts.
        seed: Makes the sandbox's chances repeatable.
        latency: How long the imitated services take.
        durable: Whether the database must survive a crash of the machine.

    Yields:
        Settings that name all parts.
    """
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(
            EmbeddedPostgres(folder / "postgres", durable=durable)
        )
        say(f"PostgreSQL listens on port {postgres.port}")
        await _ensure_database(postgres)

        publisher_key, subscriber_key, runpod_key, vectorizer_key, vectorizer_secret = (
            SecretStr(secrets.token_urlsafe(32)) for _ in range(5)
        )
        hub_url = await stack.enter_async_context(
            serving_hub(HubSettings(publisher_key=publisher_key, subscriber_key=subscriber_key))
        )
        say(f"the Mercure hub listens on {hub_url}")

        sandbox = SandboxSettings(
            runpod_key=runpod_key,
            vectorizer_key=vectorizer_key,
            vectorizer_secret=vectorizer_secret,
            runpod=Script(seed=seed, latency=latency),
            vectorizer=Script(seed=seed + 1, latency=latency),
        )
        sandbox_url = await stack.enter_async_context(serving(create_sandbox(sandbox)))
        say(f"the sandbox plays RunPod and Vectorizer.ai on {sandbox_url}")

        files = folder / "files"
        files.mkdir(exist_ok=True)
        settings = Settings(
            database_url=SecretStr(postgres.url(DATABASE)),
            mercure_url=hub_url,
            mercure_publisher_jwt_key=publisher_key,
            mercure_subscriber_jwt_key=subscriber_key,
            storage_path=files,
            runpod_api_url=f"{sandbox_url}/runpod/v2",
            runpod_endpoint_id="sandbox",
            runpod_api_key=runpod_key,
            runpod_poll_interval=0.5,
            vectorizer_url=f"{sandbox_url}/vectorizer/api/v1/vectorize",
            vectorizer_api_key=vectorizer_key,
            vectorizer_api_secret=vectorizer_secret,
            operator=operator,
        )
        async with open_database(settings) as database:
            await migrate.upgrade(database.engine)
        say(f"the database stands at revision {migrate.head()}")
        yield settings


async def _ensure_database(postgres: EmbeddedPostgres) -> None:
    # The folder of an earlier run has it already.
    with suppress(asyncpg.DuplicateDatabaseError):
        await postgres.create_database(DATABASE)
