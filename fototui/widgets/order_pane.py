"""The side pane: the order under the cursor, at a glance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fototui.domain.badges import Badge
from fototui.domain.stages import OrderStage
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean, clean_line
from fototui.i18n import _, full_time, ngettext, translate, who
from fototui.pictures.loader import PictureLoader
from fototui.pictures.terminal import Graphics
from fototui.services.views.orders import ImageView, LineItemView, OrderDetail
from fototui.widgets.badges import MUTED, badge_in_words, narrow_legend, sign
from fototui.widgets.contact_sheet import chosen_coloring
from fototui.widgets.picture.widget import Picture
from fototui.widgets.tables.order_columns import (
    Paint,
    cell_text,
    payment_label,
    stage_label,
    status_label,
)
from fototui.widgets.version_words import approval_words

_PICTURES_FROM = 30  # rows; in fewer, words matter more


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of an order: it, who else has it open, and what it wants next."""

    detail: OrderDetail
    viewers: Sequence[str]
    stage: OrderStage | None


class OrderPane(VerticalScroll, can_focus=False):
    """Shows an order with its items, and of each image how far it is, in words.

    Above it stand a photo and the colouring that is chosen for it, where there is room; below it,
    what the signs mean.

    Args:
        paint: Time zone, and which signs to use.
        now: The clock.
        pictures: Loads pictures.
    """

    DEFAULT_CSS = """
    OrderPane {
        width: 38; padding: 0 1; background: $surface; color: $foreground;
        border-left: vkey $panel; scrollbar-size-vertical: 1; scrollbar-background: $surface;
    }
    OrderPane.-broad { width: 52; }
    OrderPane .thumbnails { height: 9; margin-bottom: 1; display: none; }
    OrderPane.-broad .thumbnails { height: 12; }
    OrderPane .thumbnails Picture { margin-right: 1; }
    OrderPane .signs { dock: bottom; height: auto; padding-top: 1; background: $surface; }
    """

    def __init__(self, paint: Paint, now: Callable[[], datetime], pictures: PictureLoader) -> None:
        super().__init__()
        self._has_pictures = pictures.renderer.graphics is not Graphics.OFF
        self._photo, self._coloring = Picture(pictures), Picture(pictures)
        self._thumbnails = Horizontal(self._photo, self._coloring, classes="thumbnails")
        self._told: _Told | None = None
        self._paint = paint
        self._clock = now
        self._text = Static(Content())
        self._signs = Static(classes="signs")

    def compose(self) -> Iterator[Widget]:
        """The pictures, one text, and the signs."""
        yield self._thumbnails
        yield self._text
        yield self._signs

    def translate(self) -> None:
        """Tell the signs in the present language."""
        self._signs.update(narrow_legend(self._signs.size.width, self._paint.ascii))

    @property
    def plain(self) -> str:
        """What it shows, as plain text."""
        return str(self._text.content)

    def show_words(self, words: str) -> None:
        """Show a sentence in place of an order.

        Args:
            words: Translated; nothing leaves the pane empty.
        """
        self._told = None
        self._say(Content.styled(clean(words), MUTED))
        self._show_pictures()

    def show(
        self, detail: OrderDetail, viewers: Sequence[str], *, stage: OrderStage | None
    ) -> None:
        """Show an order.

        Args:
            detail: The order.
            viewers: Who else has it open.
            stage: What it wants next, once that is known.
        """
        if self._told is None or detail.id != self._told.detail.id:
            self.scroll_home(animate=False)
        self._told = _Told(detail, viewers, stage)
        self._show_text()
        self._show_pictures()

    def on_resize(self) -> None:
        """Show pictures where there is room for them now, and all else in its width."""
        self._show_text()
        self._show_pictures()
        self.call_after_refresh(self.translate)

    def _show_pictures(self) -> None:
        """Show a photo, and what is chosen for it; the first of which a colouring is, if any is."""
        images = () if self._told is None else self._told.detail.images
        image = max(
            (image for image in images if image.file is not None),
            key=lambda image: image.chosen_id(VersionType.COLORING) is not None,
            default=None,
        )
        is_shown = self._has_pictures and self.size.height >= _PICTURES_FROM and image is not None
        self._thumbnails.display = is_shown
        if is_shown and image is not None:
            chosen = chosen_coloring(image)
            self._photo.show(image.file)
            self._coloring.display = chosen is not None
            self._coloring.show(chosen)

    def _show_text(self) -> None:
        if self._told is not None:
            self._say(Content("\n").join(self._lines(self._told)))

    def _say(self, words: Content) -> None:
        """Show a text; the same one again would have the whole screen laid out anew."""
        shown = self._text.content
        if not (isinstance(shown, Content) and shown.is_same(words)):
            self._text.update(words)

    def _lines(self, told: _Told) -> Iterator[Content]:
        detail = told.detail
        wanted = Content() if told.stage is None else stage_label(told.stage)
        first = f"{_('First')}  " if detail.urgent else ""
        number = (cell_text(detail.number), "bold $accent")
        yield Content.assemble(number, "  ", (first, "bold $warning"), wanted)
        yield Content.styled(full_time(detail.created_at, self._paint.zone), MUTED)
        if detail.error is not None:
            yield Content.styled(clean_line(translate(detail.error), limit=400), "$error")
        if detail.reopened is not None:
            yield Content.styled(clean_line(translate(detail.reopened), limit=400), "$warning")
        if detail.customer_note is not None:
            note = clean_line(detail.customer_note, limit=300)
            words = _("Waits for the customer: {note}") if note else _("Waits for the customer")
            yield Content.styled(words.format(note=note), "$warning")
        if detail.finished_at is not None:
            yield Content.styled(_handed_over(detail, self._paint), MUTED)
        yield Content.styled(cell_text(detail.customer_name or "–"), "bold")
        if detail.customer_email:
            yield Content(cell_text(detail.customer_email))
        yield Content.assemble((_("Payment"), MUTED), " ") + payment_label(detail.payment_status)
        yield Content.assemble((_("Shop status"), MUTED), " ") + status_label(detail.status)
        if told.viewers:
            names = ", ".join(clean_line(name, limit=60) for name in told.viewers)
            yield Content.styled(_("Also viewing: {names}").format(names=names), "$warning")
        for item in detail.line_items:
            yield Content()
            yield from self._item(item)

    def _item(self, item: LineItemView) -> Iterator[Content]:
        copies = f"{item.quantity}× " if item.quantity != 1 else ""
        yield Content.styled(copies + cell_text(item.title), "bold $primary")
        if item.dedication:
            yield _labelled(_("Dedication"), clean(item.dedication, limit=600))
        if item.layout:
            yield _labelled(_("Layout"), cell_text(item.layout))
        if not item.images:
            yield Content.styled(_("No photos yet."), MUTED)
        for image in item.images:
            yield self._image(image)

    def _image(self, image: ImageView) -> Content:
        # Where there is little room, a name beside what it names would break each line in two.
        is_broad = self.has_class("-broad")
        name = ("  " if is_broad else "") + _("Photo {position}").format(position=image.position)
        if image.file is None:
            if image.error is None:
                return Content.assemble(f"{name}  ", (_("not in storage yet"), MUTED))
            reason = clean_line(translate(image.error), limit=400)
            return Content.assemble(f"{name}  ", (reason, "$error"))
        return Content.assemble(
            f"{name}  " if is_broad else f"{name}\n  ",
            self._kind(_("Colouring"), image, VersionType.COLORING),
            "\n" + " " * (len(name) + 2 if is_broad else 2),
            self._kind("SVG", image, VersionType.SVG),
        )

    def _kind(self, name: str, image: ImageView, kind: VersionType) -> Content:
        versions, told = image.versions(kind), image.told(kind)
        badge = image.badge(told)
        words = badge_in_words(
            None if told is None else told.status, self._paint.ascii, badge=badge
        )
        approved = approval_words(image, kind, zone=self._paint.zone, now=self._clock())
        if approved and badge is Badge.APPROVED:
            shown, style = sign(badge, self._paint.ascii)
            words = Content.styled(f"{shown} {approved}", style)
        parts = [Content(f"{name:<10} "), words]
        if approved and badge is not Badge.APPROVED:
            parts.append(Content.styled(f"\n    {approved}", MUTED))
        if told is not None and len(versions) > 1:
            of = ngettext("{count} version", "{count} versions", len(versions)).format(
                count=len(versions)
            )
            parts.append(Content.styled(f"\n    v{told.version} · {of}", MUTED))
        if told is not None and told.error and not told.selected:
            reason = clean_line(translate(told.error), limit=160)
            parts.append(Content.styled(f"\n    {reason}", MUTED))
        return Content.assemble(*parts)


def _handed_over(detail: OrderDetail, paint: Paint) -> str:
    assert detail.finished_at is not None
    return _("Handed over by {operator}, {time}").format(
        operator=clean_line(who(detail.finished_by or "–"), limit=60),
        time=full_time(detail.finished_at, paint.zone),
    )


def _labelled(label: str, text: str) -> Content:
    return Content.assemble((f"{label} ", MUTED), (text, "italic"))
