"""What an operator does to versions from the order screen, through the services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ulid import ULID

from fototui.domain.errors import ConflictError
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.statuses import OrderStatus, VersionType
from fototui.i18n import _
from fototui.screens.compare import choose_version, chosen_id
from fototui.screens.orders.bulk import Outcome
from fototui.services.ingest.imports import SyncService
from fototui.services.operations.activity import ActivityService
from fototui.services.orders.manual import OrderService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from fototui.services.views.orders import OrderDetail, StartReport, VersionView
from fototui.widgets.version_list import versions_of

if TYPE_CHECKING:
    from fototui.app import FototuiApp
    from fototui.services.backend import Backend


async def create(
    backend: Backend,
    kind: VersionType,
    image_id: int,
    options: ColoringOptions | SvgOptions | None = None,
) -> VersionView:
    """Ask for a new version of an image; see `VersionService.create`."""
    if kind is VersionType.COLORING:
        coloring = options if isinstance(options, ColoringOptions) else None
        return await backend.act(ColoringService, lambda s: s.create(image_id, coloring))
    svg = options if isinstance(options, SvgOptions) else None
    return await backend.act(VectorizerService, lambda s: s.create(image_id, svg))


async def create_all(backend: Backend, kind: VersionType, order_id: str) -> Sequence[StartReport]:
    """Ask for a version of each image that needs one; see `VersionService.create_for_order`."""
    if kind is VersionType.COLORING:
        return await backend.act(ColoringService, lambda s: s.create_for_order(order_id))
    return await backend.act(VectorizerService, lambda s: s.create_for_order(order_id))


async def retry(backend: Backend, view: VersionView) -> VersionView:
    """Have a failed version made again; see `VersionService.retry`."""
    if view.kind is VersionType.COLORING:
        return await backend.act(ColoringService, lambda s: s.retry(view.id))
    return await backend.act(VectorizerService, lambda s: s.retry(view.id))


async def retry_failed(backend: Backend, order_id: str) -> Sequence[StartReport]:
    """Have all that failed in an order made again, of both kinds."""
    colorings = await backend.act(ColoringService, lambda s: s.retry_failed(order_id))
    svgs = await backend.act(VectorizerService, lambda s: s.retry_failed(order_id))
    return (*colorings, *svgs)


async def retry_order(backend: Backend, order_id: str) -> str:
    """Have an order go on that failed; see `SyncService.retry`. Gives words for a toast."""
    status = await backend.act(SyncService, lambda s: s.retry(order_id))
    if status is OrderStatus.DOWNLOADING:
        return _("The missing photos are downloaded again.")
    if status is OrderStatus.PENDING:
        return _("The order will be fetched from Shopify again.")
    return _("Nothing is missing; the order can be worked on.")


async def cancel(backend: Backend, view: VersionView) -> VersionView:
    """Stop the making of a version; see `VersionService.cancel`."""
    if view.kind is VersionType.COLORING:
        return await backend.act(ColoringService, lambda s: s.cancel(view.id))
    return await backend.act(VectorizerService, lambda s: s.cancel(view.id))


async def choose(
    app: FototuiApp, order: OrderDetail, view: VersionView, *, expected: int | None
) -> VersionView | None:
    """Choose a version; asks where another was chosen since this view. To be called in a worker.

    Args:
        app: The app.
        order: The version's order.
        view: The version.
        expected: What the operator saw as the chosen one.

    Returns:
        The version, chosen; None where the operator left the other's choice.

    Raises:
        FototuiError: It cannot be chosen, or the database does not answer.
    """
    while True:
        try:
            chosen = await choose_version(app.backend, view.kind, view.id, expected=expected)
        except ConflictError:
            present, question = await _chosen_meanwhile(app.backend, order, view)
            if present == expected:
                raise  # it is something else that stands against it
            if not await app.ask(question, yes=_("Choose")):
                return None
            expected = present
        else:
            app.remember_choice(view.kind, view.image_id, expected, chosen.id)
            return chosen


async def _chosen_meanwhile(
    backend: Backend, order: OrderDetail, view: VersionView
) -> tuple[int | None, str]:
    """What is chosen by now, and how to ask about it."""
    detail = await backend.read(OrderService, lambda s: s.get_order(order.id))
    image = next((image for image in detail.images if image.id == view.image_id), None)
    present = None if image is None else chosen_id(image, view.kind)
    views = () if image is None else versions_of(image, view.kind)
    other = next((v for v in views if v.id == present), None)
    if other is None:
        return present, _("The choice was taken back meanwhile. Choose v{number}?").format(
            number=view.version
        )
    ulid = ULID.from_str(order.id)
    who = await backend.read(ActivityService, lambda s: s.who_chose(view.kind, other.id, ulid))
    words = (
        _("{operator} chose v{other} meanwhile. Choose v{number} anyway?")
        if who
        else _("v{other} was chosen meanwhile. Choose v{number} anyway?")
    )
    return present, words.format(operator=who, other=other.version, number=view.version)


def in_words(reports: Sequence[StartReport]) -> str:
    """What became of many images, for a toast."""
    return Outcome.of(reports).in_words()
