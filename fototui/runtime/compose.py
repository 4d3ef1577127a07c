"""Puts the parts together as the settings say; everything that runs is made here."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from fototui.clients.download import PhotoDownload
from fototui.clients.runpod import RunPodService
from fototui.clients.shopify import ShopifyClient
from fototui.clients.vectorizer import VectorizerApiService, VectorizerMode
from fototui.config.settings import Settings, required
from fototui.db.database import Database
from fototui.domain.errors import ConfigurationError
from fototui.domain.events import ListUpdateEvent
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import JobKind
from fototui.engine.engine import AnyPipeline, Engine, EngineSettings, engine_actor
from fototui.engine.execution.context import RetryPolicy
from fototui.engine.maintenance.duty import Duty
from fototui.engine.maintenance.outside_cancels import OutsideCancels
from fototui.engine.maintenance.rules import Rules, RuleSettings
from fototui.engine.observer import EngineObserver
from fototui.engine.pipelines.coloring import ColoringGenerationService
from fototui.engine.pipelines.download import DownloadPipeline
from fototui.engine.pipelines.ingest import IngestPipeline
from fototui.engine.pipelines.svg import SvgGenerationService
from fototui.mercure.publisher import MercurePublishService
from fototui.storage.base import Storage
from fototui.storage.directory import DirectoryStorage
from fototui.storage.s3 import S3StorageService


@dataclass(frozen=True, slots=True)
class Parts:
    """What services stand on.

    Args:
        settings: The settings they were made from.
        database: The database, checked: it answers and its schema is right.
        publisher: Sends the live events; does nothing where no hub is configured.
    """

    settings: Settings
    database: Database
    publisher: MercurePublishService


@asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open the database and the way to the hub.

    Args:
        settings: The settings.

    Yields:
        The parts.

    Raises:
        ConfigurationError: A setting is missing or wrong, or migrations have not run.
        DatabaseUnavailableError: The database does not answer.
    """
    async with (
        open_publisher(settings) as publisher,
        open_database(settings, publisher) as database,
    ):
        await database.check()
        yield Parts(settings=settings, database=database, publisher=publisher)


def open_database(
    settings: Settings,
    publisher: MercurePublishService | None = None,
    *,
    statement_seconds: float = 30.0,
) -> Database:
    """Make the database's pool; nothing is connected yet.

    Args:
        settings: The settings.
        publisher: Takes the events of each commit.
        statement_seconds: Longest a statement may take.

    Raises:
        ConfigurationError: DATABASE_URL is missing or wrong.
    """
    # Each running job holds a connection only for its own writes; the pool leaves room for those
    # that write at the same moment.
    jobs = sum(settings.engine_concurrency.values())
    return Database(
        required(settings.database_url, "database_url"),
        publish=None if publisher is None else publisher.publish,
        pool_size=max(5, min(jobs + 2, 20)),
        statement_seconds=statement_seconds,
    )


def open_publisher(settings: Settings) -> MercurePublishService:
    """Make the publisher.

    Raises:
        ConfigurationError: There is a hub, but no key for it.
    """
    if settings.mercure_url is None:
        return MercurePublishService(None, SecretStr(""))
    key = required(settings.mercure_publisher_jwt_key, "mercure_publisher_jwt_key")
    # Readers that missed something refetch: an empty list says that anything may have changed.
    return MercurePublishService(settings.mercure_url, key, after_loss=ListUpdateEvent())


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """Open the place where files are kept.

    Raises:
        ConfigurationError: None is configured, or only half of one.
    """
    if settings.storage_backend == "directory":
        root = required(settings.storage_path, "storage_path")
        yield DirectoryStorage(root, settings.static_url)
        return
    is_aws = settings.s3_endpoint is None or ".amazonaws.com" in settings.s3_endpoint
    async with S3StorageService(
        required(settings.s3_bucket, "s3_bucket"),
        endpoint=settings.s3_endpoint,
        # What is no AWS takes any region; AWS itself has none of this name.
        region=required(settings.s3_region, "s3_region")
        if is_aws
        else settings.s3_region or "auto",
        access_key=required(settings.s3_access_key_id, "s3_access_key_id"),
        secret_key=required(settings.s3_secret_access_key, "s3_secret_access_key"),
        path_style=not is_aws
        if settings.s3_force_path_style is None
        else settings.s3_force_path_style,
        public_url=settings.s3_public_url,
    ) as storage:
        yield storage


def open_runpod(settings: Settings) -> RunPodService:
    """Make the RunPod client.

    Raises:
        ConfigurationError: It is not configured.
    """
    return RunPodService(
        settings.runpod_api_url,
        required(settings.runpod_endpoint_id, "runpod_endpoint_id"),
        required(settings.runpod_api_key, "runpod_api_key"),
        poll_interval=settings.runpod_poll_interval,
    )


def open_vectorizer(settings: Settings) -> VectorizerApiService:
    """Make the Vectorizer.ai client.

    Raises:
        ConfigurationError: It is not configured.
    """
    return VectorizerApiService(
        settings.vectorizer_url,
        required(settings.vectorizer_api_key, "vectorizer_api_key").get_secret_value(),
        required(settings.vectorizer_api_secret, "vectorizer_api_secret"),
    )


def has_shop(settings: Settings) -> bool:
    """Whether the shop can be asked for orders."""
    return settings.shopify_store_url is not None and settings.shopify_access_token is not None


def open_shop(settings: Settings) -> ShopifyClient:
    """Make the Shopify client.

    Raises:
        ConfigurationError: It is not configured.
    """
    return ShopifyClient(
        required(settings.shopify_store_url, "shopify_store_url"),
        required(settings.shopify_access_token, "shopify_access_token"),
        api_version=settings.shopify_api_version,
    )


def open_photo_download(settings: Settings) -> PhotoDownload:
    """Make what fetches customers' photos."""
    return PhotoDownload(
        proxies=settings.proxies,
        trusted_hosts=settings.photo_trusted_hosts,
        referer=settings.shopify_store_url,
    )


@asynccontextmanager
async def open_engine(
    parts: Parts,
    *,
    lanes: frozenset[JobKind] | None = None,
    grace: float = 5.0,
    patience: RetryPolicy | None = None,
    observer: EngineObserver | None = None,
) -> AsyncIterator[Engine]:
    """Run an engine on the configured services.

    Args:
        parts: The database and the way to the hub.
        lanes: The kinds of jobs it does; each needs its service configured. None for all, but for
            fetching orders' details where no shop is configured.
        grace: Seconds that jobs under way are given when it stops.
        patience: How transient failures are met.
        observer: Told of its jobs.

    Yields:
        The running engine.

    Raises:
        ConfigurationError: A service that a lane needs is not configured.
    """
    settings = parts.settings
    wanted = frozenset(JobKind) - _unconfigured(settings) if lanes is None else lanes
    concurrency = {lane: settings.engine_concurrency.get(lane, 0) for lane in wanted}
    if not any(concurrency.values()):
        raise ConfigurationError("ENGINE_CONCURRENCY leaves no lane to work in; raise one above 0.")
    async with AsyncExitStack() as stack:
        pipelines, duties = await _open_work(parts, concurrency, stack)
        engine = Engine(
            parts.database,
            EngineSettings(
                operator=settings.operator,
                concurrency=concurrency,
                lease=settings.engine_lease,
                grace=grace,
                patience=patience or RetryPolicy(),
            ),
            pipelines,
            duties=duties,
            observer=observer,
        )
        yield await stack.enter_async_context(engine)


async def _open_work(
    parts: Parts, concurrency: Mapping[JobKind, int], stack: AsyncExitStack
) -> tuple[list[AnyPipeline], list[Duty]]:
    """Open what an engine's lanes stand on, for as long as the stack; how they work, and duties."""
    settings, actor = parts.settings, engine_actor(parts.settings.operator)
    storage = await stack.enter_async_context(open_storage(settings))
    pipelines: list[AnyPipeline] = []
    duties: list[Duty] = []
    if concurrency.get(JobKind.COLORING):
        runpod = await stack.enter_async_context(open_runpod(settings))
        cancels = OutsideCancels(parts.database, runpod)
        duties.append(Duty("outside cancels", cancels.tell))
        pipelines.append(
            ColoringGenerationService(
                runpod,
                storage,
                min_image_size=settings.min_image_size,
                timeout_seconds=settings.runpod_timeout,
            )
        )
    if concurrency.get(JobKind.SVG):
        vectorizer = await stack.enter_async_context(open_vectorizer(settings))
        mode = VectorizerMode(settings.vectorizer_mode)
        pipelines.append(SvgGenerationService(vectorizer, storage, mode=mode))
    if concurrency.get(JobKind.INGEST):
        shop = None
        # Webhooks may suffice; a lane that was asked for by name needs one or the other.
        if has_shop(settings) or settings.shopify_webhook_secret is None:
            shop = await stack.enter_async_context(open_shop(settings))
        pipelines.append(IngestPipeline(parts.database, shop, actor=actor))
    if concurrency.get(JobKind.DOWNLOAD):
        photos = await stack.enter_async_context(open_photo_download(settings))
        pipelines.append(DownloadPipeline(parts.database, storage, photos, actor=actor))
    rules = rule_settings(settings)
    if rules.coloring or rules.svg:
        due = Rules(parts.database, rules, actor=actor)
        duties.append(Duty("rules", due.apply))
    return pipelines, duties


def _unconfigured(settings: Settings) -> frozenset[JobKind]:
    """Lanes that this machine leaves to others because it has no way to do their jobs."""
    told = has_shop(settings) or settings.shopify_webhook_secret
    return frozenset() if told else frozenset({JobKind.INGEST})


def rule_settings(settings: Settings) -> RuleSettings:
    """What is asked for without an operator."""
    return RuleSettings(
        coloring=settings.auto_coloring,
        svg=settings.auto_svg,
        paid_only=settings.auto_paid_only,
        options=default_options(settings),
    )


def default_options(settings: Settings) -> ColoringOptions:
    """Options of a colouring where the operator gives none."""
    return ColoringOptions(megapixels=settings.default_megapixels, steps=settings.default_steps)
