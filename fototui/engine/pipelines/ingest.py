"""How an order's details are fetched: Shopify, or the last webhook → the database."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from typing import Protocol

from fototui.config.settings import Settings
from fototui.db.database import Database
from fototui.db.notify import lane_payload, notify
from fototui.domain.errors import OutsideError, PermanentError, TransientError
from fototui.domain.shop import ShopOrder
from fototui.domain.statuses import JobKind
from fototui.domain.statuses import OrderStatus as S
from fototui.engine.engine import engine_actor
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step
from fototui.engine.jobs.job import JobStatus, OrderJob, Reason
from fototui.engine.jobs.orders import INGESTS, claimed_order, finish
from fototui.engine.pipelines.opening import OpenLane, Parts, PipelineEntry


class OrderSource(Protocol):
    """Where one order can be asked for."""

    async def order(self, shopify_id: int) -> ShopOrder | None:
        """Read an order; None where the shop has none of this number."""


class IngestPipeline:
    """The steps of an order's details.

    The shop is asked, because webhooks come late and out of order. Where it cannot be asked, or
    does not know the order, the newest webhook tells. What webhooks told is kept until no request
    is left: else news that came while the shop was being asked could be lost with it.

    Args:
        database: The database.
        shop: The shop; None where it is not configured.
        actor: Who the activity log names.
    """

    jobs = INGESTS
    retry_from: Mapping[JobStatus, JobStatus] = {}
    doubtful: Collection[JobStatus] = ()

    def __init__(self, database: Database, shop: OrderSource | None, *, actor: str) -> None:
        self._database = database
        self._shop = shop
        self._actor = actor
        self.steps: Mapping[JobStatus, Step[OrderJob]] = {
            S.PENDING: self._start,
            S.PROCESSING: self._fetch,
            # The details of an order are fetched again while it stays where it is.
            S.READY_FOR_REVIEW: self._fetch,
            S.ERROR: self._fetch,
        }

    async def fail(self, work: Work[OrderJob], why: Reason) -> None:
        """Write that the details could not be fetched; an order that is ready stays ready."""
        is_ready = work.job.status is S.READY_FOR_REVIEW
        await work.end(S.READY_FOR_REVIEW if is_ready else S.ERROR, **why)

    async def _start(self, work: Work[OrderJob]) -> None:
        await work.move(S.PROCESSING)

    async def _fetch(self, work: Work[OrderJob]) -> None:
        shop, shopify_id = self._shop, work.job.shopify_id
        if shopify_id is None:
            raise PermanentError(
                "The order has no number of Shopify's, so its details cannot be fetched. "
                "See to it in the shop's own administration.",
                service="Shopify",
            )
        told: ShopOrder | None = None
        refused: OutsideError | None = None
        if shop is not None:
            try:
                told = await work.calls.call(lambda: shop.order(shopify_id))
            except (TransientError, PermanentError) as error:
                refused = error
        status = await work.persistently(lambda: self._apply(work.job, shopify_id, told, refused))
        work.ended_at(status)

    async def _apply(
        self,
        job: OrderJob,
        shopify_id: int,
        told: ShopOrder | None,
        refused: OutsideError | None,
    ) -> S:
        # Here: what reads the shop's answers is not small, and no engine needs it without a job.
        from fototui.clients.shopify import order_of
        from fototui.services.ingest.apply import IngestService, ask_anew, tell_lack
        from fototui.services.ingest.webhooks import WebhookService

        async with claimed_order(self._database, job) as (session, row):
            webhooks = WebhookService(session, operator=self._actor)
            if told is None:
                # Read under the order's lock: none that comes meanwhile is forgotten unread.
                payload = await webhooks.newest_payload(shopify_id)
                told = None if payload is None else order_of(payload)
            if told is None and refused is not None:
                raise refused
            if told is None:
                status, lacks_photos = self._without_news(job), False
            else:
                applied = await IngestService(session, operator=self._actor).apply_within(told, row)
                # A word of the shop is a reason to try again what failed.
                status = applied.status_after(job.status, asked=True)
                lacks_photos = applied.lacks_photos
            finish(row, job, status)
            tell_lack(row, is_so=lacks_photos)
            if row.sync_requested_at is None:
                await webhooks.forget_payloads(shopify_id)
            if status is S.DOWNLOADING:
                ask_anew(row)
                await notify(session, lane_payload(JobKind.DOWNLOAD))
        return status

    def _without_news(self, job: OrderJob) -> S:
        """Where an order stands of which nobody tells anything."""
        if job.status is S.READY_FOR_REVIEW and self._shop is None:
            return job.status  # a webhook that came late; a later one has told it all
        raise PermanentError(
            "Shopify does not know the order, or cannot be asked. See whether it was deleted "
            "there, and whether SHOPIFY_STORE_URL and SHOPIFY_ACCESS_TOKEN are set.",
            service="Shopify",
        )


async def _open(parts: Parts, stack: AsyncExitStack) -> OpenLane:
    del stack
    settings = parts.settings
    # Webhooks may suffice; a lane that was asked for by name needs one or the other.
    shop = parts.shop if settings.shopify_webhook_secret else parts.shopify
    actor = engine_actor(settings.operator)
    return OpenLane(IngestPipeline(parts.database, shop, actor=actor))


def _is_configured(settings: Settings) -> bool:
    return settings.has_shop or bool(settings.shopify_webhook_secret)


ENTRY = PipelineEntry(JobKind.INGEST, _open, _is_configured)
