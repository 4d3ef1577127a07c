"""How a pipeline says what it needs to be opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a pipeline imports those clients that are its own
    from fototui.clients.runpod import RunPodService
    from fototui.clients.shopify import ShopifyClient
    from fototui.clients.vectorizer import VectorizerApiService
    from fototui.config.settings import Settings
    from fototui.db.database import Database
    from fototui.domain.statuses import JobKind
    from fototui.engine.engine import AnyPipeline
    from fototui.engine.maintenance.duty import Duty
    from fototui.services.ingest.imports import ShopSource
    from fototui.storage.base import Storage


class Parts(Protocol):
    """What pipelines stand on; each part is opened, and its settings are missed, when asked for."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def storage(self) -> Storage:
        """Where files are kept."""

    @property
    def runpod(self) -> RunPodService:
        """The RunPod client."""

    @property
    def vectorizer(self) -> VectorizerApiService:
        """The Vectorizer.ai client."""

    @property
    def shopify(self) -> ShopifyClient:
        """The Shopify client."""

    @property
    def shop(self) -> ShopSource | None:
        """Where orders can be asked for; None where no shop is configured."""


@dataclass(frozen=True, slots=True)
class OpenLane:
    """A lane that an engine can work in.

    Args:
        pipeline: How its jobs are done.
        duties: What an engine that works in it does for all engines.
    """

    pipeline: AnyPipeline
    duties: tuple[Duty, ...] = ()


def _always(settings: Settings) -> bool:
    del settings
    return True


@dataclass(frozen=True, slots=True)
class PipelineEntry:
    """What the registry knows of a pipeline: each module here has one, its `ENTRY`.

    Args:
        kind: The kind of job.
        open: Opens what its jobs are done with; what has to be closed goes onto the stack.
        is_configured: Whether this machine has a way to do them; one that has none leaves them to
            others, unless it was asked for the lane by name.
    """

    kind: JobKind
    open: Callable[[Parts, AsyncExitStack], Awaitable[OpenLane]]
    is_configured: Callable[[Settings], bool] = _always
