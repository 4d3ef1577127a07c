"""What an `image_status` event tells by itself, without a query."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from fototui.domain.events import ImageStatusEvent
from fototui.domain.statuses import (
    PROCESSING_STATUS,
    ColoringProcessingStatus,
    SvgProcessingStatus,
)
from fototui.services.views.orders import ImageBadges, ImageView, OrderDetail, OrderRow
from fototui.services.views.versions import VersionView

AnyStatus = ColoringProcessingStatus | SvgProcessingStatus
T = TypeVar("T")


def shown_version(row: OrderRow, event: ImageStatusEvent) -> int | None:
    """The version that the badge shows of which an event speaks; None where there is none."""
    for image in row.images:
        if image.image_id == event.image_id:
            return image.version_id(event.status_type)
    return None


def paint_row(row: OrderRow, event: ImageStatusEvent) -> OrderRow | None:
    """Paint a badge.

    Args:
        row: The order.
        event: Must speak of the version that the badge shows.

    Returns:
        The row with that status; None where the event does not tell enough, and one has to ask.
    """
    for place, image in enumerate(row.images):
        if image.image_id == event.image_id:
            badge = _paint_badge(image, event)
            return None if badge is None else replace(row, images=_with(row.images, place, badge))
    return None


def _paint_badge(image: ImageBadges, event: ImageStatusEvent) -> ImageBadges | None:
    status = _next(image.status(event.status_type), event)
    if isinstance(status, ColoringProcessingStatus):
        return replace(image, coloring=status)
    if isinstance(status, SvgProcessingStatus):
        return replace(image, svg=status)
    return None


def paint_detail(detail: OrderDetail, event: ImageStatusEvent) -> OrderDetail | None:
    """Paint a version of an opened order.

    Args:
        detail: The order.
        event: Of any of its versions.

    Returns:
        The order with that status; None where the event does not tell enough, and one has to ask.
    """
    for line, item in enumerate(detail.line_items):
        for page, image in enumerate(item.images):
            if image.id == event.image_id:
                painted = _paint_image(image, event)
                if painted is None:
                    return None
                book = replace(item, images=_with(item.images, page, painted))
                return replace(detail, line_items=_with(detail.line_items, line, book))
    return None


def _paint_image(image: ImageView, event: ImageStatusEvent) -> ImageView | None:
    versions = image.versions(event.status_type)
    for place, version in enumerate(versions):
        if version.id == event.version_id:
            painted = _paint_version(version, event)
            if painted is None:
                return None
            return image.with_versions(event.status_type, _with(versions, place, painted))
    return None


def _paint_version(version: VersionView, event: ImageStatusEvent) -> VersionView | None:
    status = _next(version.status, event)
    # Back in the queue: why, and until when, is not in the event.
    if status is None or (status.meta.is_startable and status != version.status):
        return None
    if version.started_at is None and not status.meta.is_startable:
        # It began a moment ago; the next reading brings the database's own time.
        began = datetime.now(UTC)
        return replace(version, status=status, started_at=began, elapsed_seconds=0.0)
    return replace(version, status=status)


def _next(shown: AnyStatus | None, event: ImageStatusEvent) -> AnyStatus | None:
    """The status an event tells of; None where it must not be taken from the event.

    What is final is not painted over: the event may have been overtaken on its way by the end of
    the job. An end comes with more than its status.
    """
    try:
        status: AnyStatus = PROCESSING_STATUS[event.status_type](event.status)
    except ValueError:  # of a newer program
        return None
    if shown is None or shown.meta.is_final or status.meta.is_final:
        return None
    return status


def _with(items: tuple[T, ...], place: int, item: T) -> tuple[T, ...]:
    return (*items[:place], item, *items[place + 1 :])
