"""What is looked at on the order screen: which image, which kind, which version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import MADE_FROM, VersionType
from fototui.i18n import N_, _
from fototui.services.views.books import BookView
from fototui.services.views.orders import ImageView, OrderDetail
from fototui.services.views.versions import VersionView
from fototui.widgets.version_words import kind_word

_AHEAD = 2  # images that are loaded before they are looked at

_NONE_YET = {
    VersionType.COLORING: N_("No colouring yet. Press g to make one."),
    VersionType.SVG: N_("No SVG yet. Press s to make one."),
}
_NOT_YET_POSSIBLE = {
    VersionType.SVG: N_("No SVG yet. Make a colouring first; then press s here."),
}


@dataclass(slots=True)
class Selection:
    """Where the eyes are in an order.

    What is not there (any more) falls back to what is: the first image; the chosen version, else
    the newest.

    Args:
        detail: The order; None while it is not there.
        image_id: The image the cursor was put on.
        kind: Colouring or SVG.
        cursor: The version the cursor was put on, by image and kind.
    """

    detail: OrderDetail | None = None
    image_id: int | None = None
    kind: VersionType = VersionType.COLORING
    cursor: dict[tuple[int, VersionType], int] = field(default_factory=dict)

    @property
    def image(self) -> ImageView | None:
        """The image."""
        images = () if self.detail is None else self.detail.images
        found = [image for image in images if image.id == self.image_id] or images[:1]
        return found[0] if found else None

    @property
    def versions(self) -> tuple[VersionView, ...]:
        """The image's versions of the kind."""
        return () if self.image is None else self.image.versions(self.kind)

    @property
    def version(self) -> VersionView | None:
        """The version."""
        image, views = self.image, self.versions
        if image is None:
            return None
        for wanted in (self.cursor.get((image.id, self.kind)), image.chosen_id(self.kind)):
            for view in views:
                if view.id == wanted:
                    return view
        return views[-1] if views else None

    @property
    def file(self) -> S3ObjectRefData | None:
        """The version's file; the photo where it has none."""
        if self.version is not None and self.version.file is not None:
            return self.version.file
        return None if self.image is None else self.image.file

    @property
    def book(self) -> BookView | None:
        """The newest book of the image's line item."""
        detail, image = self.detail, self.image
        if detail is None or image is None:
            return None
        item = next(item.id for item in detail.line_items if image in item.images)
        made = [v for v in detail.books or () if v.line_item_id == item]
        return made[-1] if made else None

    @property
    def caption(self) -> str:
        """What the picture is, in words."""
        return self.naming()

    @property
    def naming(self) -> Callable[[], str]:
        """Says what the picture is, in the language of the moment."""
        version, image = self.version, self.image
        if image is None or self.file is None:
            return str
        number = None if version is None or version.file is None else version.version
        return partial(_caption, image.position, self.kind, number)

    @property
    def no_versions(self) -> str:
        """What to do where there are no versions."""
        source, image = MADE_FROM.get(self.kind), self.image
        if source and image is not None:
            made = any(version.status == "completed" for version in image.versions(source))
            return _(_NONE_YET[self.kind] if made else _NOT_YET_POSSIBLE[self.kind])
        return _(_NONE_YET[self.kind])

    def put_on(self, version_id: int) -> None:
        """Put the cursor on a version of the image."""
        if (image := self.image) is not None:
            self.cursor[image.id, self.kind] = version_id

    def follow(self, view: VersionView) -> None:
        """Look at a version that was just started, which may not be in `detail` yet."""
        self.cursor[view.image_id, view.kind] = view.id
        if self.detail is not None and any(i.id == view.image_id for i in self.detail.images):
            self.kind = view.kind

    def ahead(self) -> list[S3ObjectRefData]:
        """The pictures that the next keys are likely to ask for."""
        detail, image = self.detail, self.image
        if detail is None or image is None:
            return []
        place = detail.images.index(image)
        files = [view.file for view in reversed(self.versions)]
        nearby = detail.images[place + 1 : place + 1 + _AHEAD]
        others = (*nearby, *detail.images[max(0, place - 1) : place])
        files.extend(Selection(detail, other.id, self.kind, self.cursor).file for other in others)
        return [file for file in files if file is not None]


def _caption(position: int, kind: VersionType, version: int | None) -> str:
    photo = _("Photo {position}").format(position=position)
    if version is None:
        return photo + " · " + _("original")
    return f"{photo} · {kind_word(kind)} v{version}"
