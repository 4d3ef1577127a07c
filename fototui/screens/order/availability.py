"""Why a key of the order screen is dimmed: each function tells it of one command, or of several.

Each takes what is looked at and gives a translated sentence; None where the command can be done.
"""

from __future__ import annotations

from fototui.domain.stages import BookState
from fototui.domain.statuses import CANCELLED, OrderStatus, VersionType
from fototui.i18n import _
from fototui.screens.order.selection import Selection
from fototui.services.views.orders import OrderRow
from fototui.services.views.versions import VersionView


def without_order(view: Selection) -> str | None:
    """What stands against everything while the order is not there."""
    return _("The order is still loading.") if view.detail is None else None


def without_images(view: Selection) -> str | None:
    """What stands against commands on the whole order."""
    if view.detail is not None and not view.detail.images:
        return _("The order has no photo yet.")
    return without_order(view)


def without_image(view: Selection) -> str | None:
    """What stands against commands on an image."""
    return without_order(view) or (_("The order has no photo yet.") if not view.image else None)


def without_version(view: Selection) -> str | None:
    """What stands against commands on a version."""
    return without_image(view) or (_("There is no version yet.") if not view.version else None)


def against_fetching(view: Selection) -> str | None:
    """Fetch the order from Shopify again."""
    if view.detail is not None and view.detail.shopify_id is None:
        return _("This order was made by hand; Shopify does not know it.")
    return without_order(view)


def against_attaching(view: Selection) -> str | None:
    """Attach a photo from a file."""
    if view.detail is not None and not view.detail.line_items:
        return _("The order has no book that a photo could be for.")
    return without_order(view)


def against_coloring(view: Selection) -> str | None:
    """Make a colouring of the image."""
    if view.image is not None and view.image.file is None:
        return _("The photo is not in storage yet.")
    return without_image(view)


def against_svg(view: Selection) -> str | None:
    """Make an SVG of the chosen colouring, or of the newest."""
    colorings = () if view.image is None else view.image.coloring
    if view.image is not None and not any(version.status == "completed" for version in colorings):
        return _("Make a colouring first; an SVG is made from it.")
    return without_image(view)


def against_comparing(view: Selection) -> str | None:
    """See original and versions side by side."""
    if view.image is not None and not any(v.status == "completed" for v in view.versions):
        return _("There is no completed version to compare.")
    return without_image(view)


def without_file(view: Selection) -> str | None:
    """What stands against commands on the picture's file."""
    return without_image(view) or (_("There is no picture yet.") if view.file is None else None)


def without_book(view: Selection) -> str | None:
    """What stands against commands on the line item's book."""
    if view.image is not None and view.book is None:
        return _("This line item has no book yet; make one with b.")
    return without_image(view)


def against_books(view: Selection, row: OrderRow | None) -> str | None:
    """Make the books that are missing."""
    if reason := without_images(view):
        return reason
    if row is None or not row.books:
        return None
    if all(state is BookState.CURRENT for state in row.books):
        return _("All books are made already, and nothing has changed since.")
    if all(state in (BookState.CURRENT, BookState.RUNNING) for state in row.books):
        return _("The books are being made already.")
    if not any(image.is_wanted and image.is_svg_chosen for image in row.images):
        return _("No SVG is chosen yet; books are made of the chosen ones.")
    return None


def against_choosing(view: Selection) -> str | None:
    """Choose the version."""
    version = view.version
    if version is not None and (version.status != "completed" or version.file is None):
        words = _("{version} is not completed; there is nothing to choose.")
        return words.format(version=_name(version))
    if version is not None and version.selected:
        return _("{version} is the chosen one already.").format(version=_name(version))
    return without_version(view)


def is_retryable(version: VersionView | None) -> bool:
    """Whether a version failed or was cancelled, so that it can be tried again."""
    return version is not None and version.status.meta.is_retryable


def has_failed(view: Selection) -> bool:
    """Whether the order itself failed, so that it can be gone on with."""
    return view.detail is not None and view.detail.status is OrderStatus.ERROR


def against_retrying(view: Selection) -> str | None:
    """Try the version again; where it did not fail, an order that did."""
    if has_failed(view):
        return None
    if view.version is not None and not is_retryable(view.version):
        return _("{version} did not fail.").format(version=_name(view.version))
    return without_version(view)


def against_retrying_all(view: Selection) -> str | None:
    """Try again all that failed in the order, the order itself included."""
    if has_failed(view):
        return None
    if reason := without_images(view):
        return reason
    images = () if view.detail is None else view.detail.images
    books = () if view.detail is None else view.detail.books or ()
    failed_books = [
        book
        for book in {b.line_item_id: b for b in books}.values()
        if book.status == "error" and book.error_code != CANCELLED
    ]
    newest = [
        versions[-1] for image in images for k in VersionType if (versions := image.versions(k))
    ]
    is_any = bool(failed_books) or any(version.status == "error" for version in newest)
    return None if is_any else _("Nothing failed in this order.")


def against_cancelling(view: Selection) -> str | None:
    """Stop the making of the version."""
    if view.version is not None and view.version.status.meta.is_final:
        words = _("{version} is finished; there is nothing to cancel.")
        return words.format(version=_name(view.version))
    return without_version(view)


def against_stepping(view: Selection) -> str | None:
    """Go to the version before or after."""
    return without_version(view) or (
        _("There is no other version.") if len(view.versions) == 1 else None
    )


def against_jumping(view: Selection, number: int) -> str | None:
    """Go to the version with a number."""
    if reason := without_version(view):
        return reason
    is_there = any(version.version == number for version in view.versions)
    return None if is_there else _("There is no v{number}.").format(number=number)


def _name(version: VersionView) -> str:
    return f"v{version.version}"
