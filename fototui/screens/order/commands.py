"""What an operator does to versions from the order screen, through the services."""

from __future__ import annotations

from collections.abc import Sequence

from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.statuses import OrderStatus, VersionType
from fototui.i18n import _
from fototui.screens.orders.bulk import Outcome
from fototui.services.backend import Backend
from fototui.services.ingest.imports import SyncService
from fototui.services.versions.kinds import version_service
from fototui.services.views.orders import StartReport, VersionView


async def create(
    backend: Backend,
    kind: VersionType,
    image_id: int,
    options: ColoringOptions | SvgOptions | None = None,
) -> VersionView:
    """Ask for a new version of an image; see `VersionService.create`."""
    async with backend.transaction(version_service(kind)) as service:
        return await service.create_with(image_id, options)


async def create_all(backend: Backend, kind: VersionType, order_id: str) -> Sequence[StartReport]:
    """Ask for a version of each image that needs one; see `VersionService.create_for_order`."""
    async with backend.transaction(version_service(kind)) as service:
        return await service.create_for_order(order_id)


async def retry(backend: Backend, view: VersionView) -> VersionView:
    """Have a failed version made again; see `VersionService.retry`."""
    async with backend.transaction(version_service(view.kind)) as service:
        return await service.retry(view.id)


async def retry_failed(backend: Backend, order_id: str) -> Sequence[StartReport]:
    """Have all that failed in an order made again, of both kinds."""
    reports: list[StartReport] = []
    for kind in VersionType:
        async with backend.transaction(version_service(kind)) as service:
            reports += await service.retry_failed(order_id)
    return reports


async def retry_order(backend: Backend, order_id: str) -> str:
    """Have an order go on that failed; see `SyncService.retry`. Gives words for a toast."""
    async with backend.transaction(SyncService) as service:
        status = await service.retry(order_id)
    if status is OrderStatus.DOWNLOADING:
        return _("The missing photos are downloaded again.")
    if status is OrderStatus.PENDING:
        return _("The order will be fetched from Shopify again.")
    return _("Nothing is missing; the order can be worked on.")


async def cancel(backend: Backend, view: VersionView) -> VersionView:
    """Stop the making of a version; see `VersionService.cancel`."""
    async with backend.transaction(version_service(view.kind)) as service:
        return await service.cancel(view.id)


def in_words(reports: Sequence[StartReport]) -> str:
    """What became of many images, for a toast."""
    return Outcome.of(reports).in_words()
