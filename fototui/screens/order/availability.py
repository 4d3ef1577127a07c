"""Why something cannot be done on the order screen now, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import OrderStatus, VersionType
from fototui.i18n import _
from fototui.services.views.orders import ImageView, OrderDetail, VersionView


@dataclass(frozen=True, slots=True)
class InView:
    """What the order screen shows now.

    Args:
        order: The order.
        image: The image under the cursor.
        kind: The kind of versions shown.
        version: The version under the cursor.
        file: The file that is shown as the picture.
        is_first: The list has no order before this one.
        is_last: The list has no order after this one.
    """

    order: OrderDetail | None
    image: ImageView | None
    kind: VersionType
    version: VersionView | None
    file: S3ObjectRefData | None
    is_first: bool
    is_last: bool


def reason_against(command: str, view: InView) -> str | None:
    """Why a command cannot be done now.

    Args:
        command: An action's id without its scope.
        view: What the screen shows.

    Returns:
        A translated sentence; None where it can be done.
    """
    if command == "back":
        return None
    if command == "next_order":
        return _("This is the last order of the list.") if view.is_last else None
    if command == "previous_order":
        return _("This is the first order of the list.") if view.is_first else None
    if view.order is None:
        return _("The order is still loading.")
    if command == "fetch":
        by_hand = _("This order was made by hand; Shopify does not know it.")
        return by_hand if view.order.shopify_id is None else None
    if command == "retry" and view.order.status is OrderStatus.ERROR:
        return None  # where the version did not fail, the order goes on
    if command.endswith("_all") or command == "switch_kind":
        return _for_order(command, view.order)
    if view.image is None:
        return _("The order has no photo yet.")
    return _for_image(command, view, view.image)


def is_retryable(version: VersionView | None) -> bool:
    """Whether a version failed or was cancelled, so that it can be tried again."""
    return version is not None and version.status.meta.is_retryable


def _for_order(command: str, order: OrderDetail) -> str | None:
    if command == "retry_all" and order.status is OrderStatus.ERROR:
        return None
    if not order.images:
        return _("The order has no photo yet.")
    if command == "retry_all":
        newest = [
            image.versions(kind)[-1]
            for image in order.images
            for kind in VersionType
            if image.versions(kind)
        ]
        if not any(view.status == "error" for view in newest):
            return _("Nothing failed in this order.")
    return None


def _for_image(command: str, view: InView, image: ImageView) -> str | None:
    if command in ("generate_coloring", "generate_coloring_options"):
        return _("The photo is not in storage yet.") if image.file is None else None
    if command in ("generate_svg", "generate_svg_options"):
        chosen = image.selected_coloring_id
        return _("Choose a colouring first; an SVG is made from it.") if chosen is None else None
    if command == "compare":
        views = image.versions(view.kind)
        is_any = any(v.status == "completed" for v in views)
        return None if is_any else _("There is no completed version to compare.")
    if command in ("picture", "browse", "copy", "save"):
        return _("There is no picture yet.") if view.file is None else None
    if view.version is None:
        return _("There is no version yet.")
    return _for_version(command, view.version, len(image.versions(view.kind)), image, view.kind)


def _for_version(
    command: str, version: VersionView, count: int, image: ImageView, kind: VersionType
) -> str | None:
    meta = version.status.meta
    name = f"v{version.version}"
    if command == "choose":
        if version.status != "completed" or version.file is None:
            return _("{version} is not completed; there is nothing to choose.").format(version=name)
        if version.selected:
            return _("{version} is the chosen one already.").format(version=name)
    if command == "retry" and not is_retryable(version):
        return _("{version} did not fail.").format(version=name)
    if command == "cancel" and meta.is_final:
        return _("{version} is finished; there is nothing to cancel.").format(version=name)
    if command in ("previous_version", "next_version") and count == 1:
        return _("There is no other version.")
    if command.startswith("version_"):
        numbers = {str(v.version) for v in image.versions(kind)}
        number = command.removeprefix("version_")
        if number not in numbers:
            return _("There is no v{number}.").format(number=number)
    return None
