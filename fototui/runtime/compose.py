"""Puts the parts together as the settings say: each is made here, when it is first needed.

It is imported then too: S3, HTTP and the engine take longer to import than most commands to run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from fototui.config.settings import Settings, required
from fototui.db.database import Database
from fototui.domain.books import BookOptions
from fototui.domain.errors import ConfigurationError
from fototui.domain.options import ColoringOptions
from fototui.net.closing import Closing

if TYPE_CHECKING:
    from fototui.clients.runpod import RunPodService
    from fototui.clients.shopify import ShopifyClient
    from fototui.clients.vectorizer import VectorizerApiService
    from fototui.domain.events import BaseMercureEvent
    from fototui.domain.statuses import JobKind
    from fototui.engine.engine import AnyPipeline, Engine
    from fototui.engine.execution.context import Rescheduling
    from fototui.engine.maintenance.duty import Duty
    from fototui.engine.maintenance.rules import RuleSettings
    from fototui.engine.observer import EngineObserver
    from fototui.mercure.publisher import MercurePublishService
    from fototui.services.ingest.imports import ShopSource
    from fototui.storage.base import Storage

Part = TypeVar("Part", bound=Closing)


class Runtime(Closing):
    """What the program stands on: each part is opened when it is first needed.

    At the end of the `async with` block all are closed, the last one first. Parts are needed on the
    event loop only. One that is set before it is needed is used in its stead, and not closed.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = AsyncExitStack()

    def _keep(self, part: Part) -> Part:
        self._stack.push_async_callback(part.aclose)
        return part

    async def aclose(self) -> None:
        """Close what was opened."""
        await self._stack.aclose()

    @cached_property
    def database(self) -> Database:
        """The database's pool; nothing is connected yet, and nothing checked.

        Raises:
            ConfigurationError: DATABASE_URL is missing or wrong, or there is a hub without a key.
        """
        # Without a hub no events are made for it. The publisher is opened before the database, and
        # so closed after it.
        publish = None if self.settings.mercure_url is None else self.publisher.publish
        return self._keep(open_database(self.settings, publish))

    @cached_property
    def publisher(self) -> MercurePublishService:
        """Sends the live events; does nothing where no hub is configured.

        Raises:
            ConfigurationError: There is a hub, but no key for it.
        """
        from fototui.domain.events import ListUpdateEvent
        from fototui.mercure.publisher import MercurePublishService

        settings = self.settings
        if settings.mercure_url is None:
            return MercurePublishService(None, SecretStr(""))
        publisher = MercurePublishService(
            settings.mercure_url,
            required(settings.mercure_publisher_jwt_key, "mercure_publisher_jwt_key"),
            # Readers that missed something refetch: an empty list says that anything may have
            # changed.
            after_loss=ListUpdateEvent(),
        )
        publisher.start()
        return self._keep(publisher)

    @cached_property
    def storage(self) -> Storage:
        """The place where files are kept.

        Raises:
            ConfigurationError: None is configured, or only half of one.
        """
        settings = self.settings
        if settings.storage_backend == "directory":
            from fototui.storage.directory import DirectoryStorage

            root = required(settings.storage_path, "storage_path")
            return DirectoryStorage(root, settings.static_url)
        from fototui.storage.s3 import S3StorageService

        is_aws = settings.s3_endpoint is None or ".amazonaws.com" in settings.s3_endpoint
        return self._keep(
            S3StorageService(
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
            )
        )

    @cached_property
    def runpod(self) -> RunPodService:
        """The RunPod client.

        Raises:
            ConfigurationError: It is not configured.
        """
        from fototui.clients.runpod import RunPodService

        settings = self.settings
        return self._keep(
            RunPodService(
                settings.runpod_api_url,
                required(settings.runpod_endpoint_id, "runpod_endpoint_id"),
                required(settings.runpod_api_key, "runpod_api_key"),
                poll_interval=settings.runpod_poll_interval,
            )
        )

    @cached_property
    def vectorizer(self) -> VectorizerApiService:
        """The Vectorizer.ai client.

        Raises:
            ConfigurationError: It is not configured.
        """
        from fototui.clients.vectorizer import VectorizerApiService

        settings = self.settings
        return self._keep(
            VectorizerApiService(
                settings.vectorizer_url,
                required(settings.vectorizer_api_key, "vectorizer_api_key").get_secret_value(),
                required(settings.vectorizer_api_secret, "vectorizer_api_secret"),
            )
        )

    @cached_property
    def shopify(self) -> ShopifyClient:
        """The Shopify client.

        Raises:
            ConfigurationError: It is not configured.
        """
        from fototui.clients.shopify import ShopifyClient

        settings = self.settings
        return self._keep(
            ShopifyClient(
                required(settings.shopify_store_url, "shopify_store_url"),
                required(settings.shopify_access_token, "shopify_access_token"),
                api_version=settings.shopify_api_version,
            )
        )

    @cached_property
    def shop(self) -> ShopSource | None:
        """Where orders can be asked for; None where no shop is configured."""
        return self.shopify if self.settings.has_shop else None


def open_database(
    settings: Settings,
    publish: Callable[[BaseMercureEvent], None] | None = None,
    *,
    statement_seconds: float = 30.0,
) -> Database:
    """Make the database's pool; nothing is connected yet.

    Args:
        settings: The settings.
        publish: Takes the events of each commit.
        statement_seconds: Longest a statement may take.

    Raises:
        ConfigurationError: DATABASE_URL is missing or wrong.
    """
    # Each running job holds a connection only for its own writes; the pool leaves room for those
    # that write at the same moment.
    jobs = sum(settings.engine_concurrency.values())
    return Database(
        required(settings.database_url, "database_url"),
        publish=publish,
        pool_size=max(5, min(jobs + 2, 20)),
        statement_seconds=statement_seconds,
    )


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """A runtime whose database was checked.

    Args:
        settings: The settings.

    Yields:
        The runtime.

    Raises:
        ConfigurationError: A setting is missing or wrong, or migrations have not run.
        DatabaseUnavailableError: The database does not answer.
    """
    async with Runtime(settings) as runtime:
        await runtime.database.check()
        yield runtime


@asynccontextmanager
async def open_engine(
    runtime: Runtime,
    *,
    lanes: frozenset[JobKind] | None = None,
    grace: float = 5.0,
    rescheduling: Rescheduling | None = None,
    observer: EngineObserver | None = None,
) -> AsyncIterator[Engine]:
    """Run an engine on the configured services.

    Args:
        runtime: What it stands on.
        lanes: The kinds of jobs it does; each needs its service configured. None for all, but for
            fetching orders' details where no shop is configured.
        grace: Seconds that jobs under way are given when it stops.
        rescheduling: How jobs are rescheduled that failed for now.
        observer: Told of its jobs.

    Yields:
        The running engine.

    Raises:
        ConfigurationError: A service that a lane needs is not configured.
    """
    from fototui.engine.engine import Engine, EngineSettings
    from fototui.engine.execution.context import Rescheduling

    settings = runtime.settings
    wanted = configured_lanes(settings) if lanes is None else lanes
    concurrency = {lane: settings.engine_concurrency.get(lane, 0) for lane in wanted}
    if not any(concurrency.values()):
        raise ConfigurationError("ENGINE_CONCURRENCY leaves no lane to work in; raise one above 0.")
    async with AsyncExitStack() as stack:
        pipelines, duties = await _open_work(runtime, concurrency, stack)
        engine = Engine(
            runtime.database,
            EngineSettings(
                operator=settings.operator,
                concurrency=concurrency,
                lease=settings.engine_lease,
                grace=grace,
                rescheduling=rescheduling or Rescheduling(),
            ),
            pipelines,
            duties=duties,
            observer=observer,
        )
        yield await stack.enter_async_context(engine)


async def _open_work(
    runtime: Runtime, concurrency: Mapping[JobKind, int], stack: AsyncExitStack
) -> tuple[list[AnyPipeline], list[Duty]]:
    """How the lanes work, and duties; both need what is open as long as the stack."""
    from fototui.engine.engine import engine_actor
    from fototui.engine.maintenance.budget import Budget
    from fototui.engine.maintenance.duty import Duty
    from fototui.engine.maintenance.left_photos import SWEEP_SECONDS, LeftPhotos
    from fototui.engine.pipelines.registry import PIPELINES

    settings = runtime.settings
    storage = runtime.storage  # where none is configured that is told first, whatever the lanes
    pipelines: list[AnyPipeline] = []
    duties: list[Duty] = []
    for kind, entry in PIPELINES.items():
        if concurrency.get(kind):
            lane = await entry.open(runtime, stack)
            pipelines.append(lane.pipeline)
            duties.extend(lane.duties)
    if settings.auto_coloring or settings.auto_svg or settings.auto_book:
        from fototui.engine.maintenance.rules import Rules

        rules = rule_settings(settings)
        due = Rules(runtime.database, rules, actor=engine_actor(settings.operator))
        duties.append(Duty("rules", due.apply, when=due.when))
    budget = Budget(
        runtime.database,
        settings.timezone,
        prices=settings.prices,
        limit=settings.daily_budget,
        actor=engine_actor(settings.operator),
        lanes=[kind for kind, count in concurrency.items() if count],
    )
    duties.append(Duty("budget", budget.keep, when=budget.when))
    left = LeftPhotos(runtime.database, storage)
    duties.append(Duty("left photos", left.sweep, every=SWEEP_SECONDS))
    return pipelines, duties


def configured_lanes(settings: Settings) -> frozenset[JobKind]:
    """Lanes whose jobs this machine has a way to do; the others it leaves to others."""
    from fototui.engine.pipelines.registry import PIPELINES

    return frozenset(kind for kind, entry in PIPELINES.items() if entry.is_configured(settings))


def rule_settings(settings: Settings) -> RuleSettings:
    """What is asked for without an operator."""
    from fototui.engine.maintenance.rules import RuleSettings

    return RuleSettings(
        coloring=settings.auto_coloring,
        svg=settings.auto_svg,
        book=settings.auto_book,
        paid_only=settings.auto_paid_only,
        options=default_options(settings),
        book_options=book_options(settings),
    )


def default_options(settings: Settings) -> ColoringOptions:
    """Options of a colouring where the operator gives none."""
    return ColoringOptions(megapixels=settings.default_megapixels, steps=settings.default_steps)


def book_options(settings: Settings) -> BookOptions:
    """How a book is typeset where the operator says nothing."""
    return BookOptions(
        bleed=settings.book_bleed,
        crop_marks=settings.book_crop_marks,
        blank_backs=settings.book_blank_backs,
        page_numbers=settings.book_page_numbers,
    )
