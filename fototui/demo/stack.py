"""Starts everything that the product stands on, in one folder and on loopback."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from fototui.config.export import exported
from fototui.config.file import write_atomically
from fototui.config.settings import Settings
from fototui.db.schema import migrate
from fototui.i18n import _
from fototui.mercure.hub import HubSettings, serving_hub
from fototui.net.asgi import serving
from fototui.runtime.compose import Runtime
from fototui.sandbox.app import SandboxSettings, create_sandbox
from fototui.sandbox.outcomes import Latency, Outcome, Script
from fototui.sandbox.pictures.generator import GeneratorKind
from fototui.sandbox.postgres.server import EmbeddedPostgres
from fototui.sandbox.shopify.app import ShopSettings
from fototui.sandbox.shopify.shop import Shop

Say = Callable[[str], None]
"""Tells the newcomer, in one line, what just happened."""

DATABASE = "fototui"


def _key() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(32))


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of one stack, new each time."""

    publisher: SecretStr = field(default_factory=_key)
    subscriber: SecretStr = field(default_factory=_key)
    runpod: SecretStr = field(default_factory=_key)
    vectorizer: SecretStr = field(default_factory=_key)
    vectorizer_secret: SecretStr = field(default_factory=_key)
    shop: SecretStr = field(default_factory=_key)
    webhooks: SecretStr = field(default_factory=_key)


@dataclass(frozen=True, slots=True)
class DemoStack:
    """What was started.

    Args:
        runtime: Of settings that name all parts.
        shop: The shop, for orders to be placed at.
        cdn_url: Where the customers' photos are.
        runpod: What becomes of RunPod's jobs.
        vectorizer: What becomes of calls of Vectorizer.ai.
    """

    runtime: Runtime
    shop: Shop
    cdn_url: str
    runpod: Script
    vectorizer: Script

    @property
    def settings(self) -> Settings:
        """Settings that name all parts."""
        return self.runtime.settings


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
async def open_stack(
    folder: Path,
    *,
    say: Say,
    operator: str,
    seed: int,
    latency: Latency,
    failing: Mapping[Outcome, float] | None = None,
    durable: bool,
    webhook_url: str | None = None,
    generator: GeneratorKind = GeneratorKind.LINEART,
) -> AsyncIterator[DemoStack]:
    """Start PostgreSQL, a hub, storage, a shop and the sandbox; all ends with the block.

    Args:
        folder: Where state is kept.
        say: Told of each part that stands.
        operator: Who acts.
        seed: Makes the sandbox's chances repeatable.
        latency: How long the imitated services take.
        failing: Share of their jobs that meets each outcome.
        durable: Whether the database must survive a crash of the machine.
        webhook_url: Who is told of orders that are placed at the shop over HTTP.
        generator: Real pictures, or tiny ones.

    Yields:
        What was started.
    """
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(_postgres(folder / "postgres", durable=durable))
        say(_("PostgreSQL listens on port {port}").format(port=postgres.port))

        keys = _Keys()
        hub_url = await stack.enter_async_context(
            serving_hub(HubSettings(publisher_key=keys.publisher, subscriber_key=keys.subscriber))
        )
        say(_("The hub listens on {url}").format(url=hub_url))

        runpod = Script(seed=seed, latency=latency, rates=failing)
        vectorizer = Script(seed=seed + 1, latency=latency, rates=failing)
        sandbox = _sandbox(keys, runpod, vectorizer, webhook_url, generator)
        sandbox_url = await stack.enter_async_context(serving(create_sandbox(sandbox)))
        words = _("The sandbox plays Shopify, RunPod and Vectorizer.ai on {url}")
        say(words.format(url=sandbox_url))

        files = folder / "files"
        files.mkdir(exist_ok=True)
        settings = _settings(
            SecretStr(postgres.url(DATABASE)), hub_url, sandbox_url, files, keys, operator
        )
        join = folder / "join.toml"
        await asyncio.to_thread(
            write_atomically, join, exported(settings, for_operator=True).encode(), private=True
        )
        runtime = await stack.enter_async_context(Runtime(settings))
        await migrate.upgrade(runtime.database.engine)
        say(_("The database stands at revision {revision}.").format(revision=migrate.head()))
        words = _("A second terminal joins with: {command}")
        say(words.format(command=f"FOTOTUI_CONFIG={join} OPERATOR=eva fototui"))
        yield DemoStack(runtime, sandbox.shop.shop, f"{sandbox_url}/cdn", runpod, vectorizer)


@asynccontextmanager
async def _postgres(folder: Path, *, durable: bool) -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL with the demo's database."""
    async with EmbeddedPostgres(folder, durable=durable) as postgres:
        # The folder of an earlier run has it already.
        with suppress(asyncpg.DuplicateDatabaseError):
            await postgres.create_database(DATABASE)
        yield postgres


def _sandbox(
    keys: _Keys,
    runpod: Script,
    vectorizer: Script,
    webhook_url: str | None,
    generator: GeneratorKind,
) -> SandboxSettings:
    return SandboxSettings(
        runpod_key=keys.runpod,
        vectorizer_key=keys.vectorizer,
        vectorizer_secret=keys.vectorizer_secret,
        runpod=runpod,
        vectorizer=vectorizer,
        generator=generator,
        shop=ShopSettings(token=keys.shop, webhook_secret=keys.webhooks, webhook_url=webhook_url),
    )


def _settings(
    database_url: SecretStr,
    hub_url: str,
    sandbox_url: str,
    files: Path,
    keys: _Keys,
    operator: str,
) -> Settings:
    return Settings(
        database_url=database_url,
        mercure_url=hub_url,
        mercure_publisher_jwt_key=keys.publisher,
        mercure_subscriber_jwt_key=keys.subscriber,
        storage_path=files,
        shopify_store_url=f"{sandbox_url}/shopify",
        shopify_access_token=keys.shop,
        shopify_webhook_secret=keys.webhooks,
        photo_trusted_hosts=frozenset({urlsplit(sandbox_url).netloc}),
        runpod_api_url=f"{sandbox_url}/runpod/v2",
        runpod_endpoint_id="sandbox",
        runpod_api_key=keys.runpod,
        runpod_poll_interval=0.5,
        vectorizer_url=f"{sandbox_url}/vectorizer/api/v1/vectorize",
        vectorizer_api_key=keys.vectorizer,
        vectorizer_api_secret=keys.vectorizer_secret,
        operator=operator,
    )
