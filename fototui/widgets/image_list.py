"""The images of an order, under the line items they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from fototui.domain.badges import Badge
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _
from fototui.services.views.orders import ImageView, LineItemView, OrderDetail
from fototui.ui.bindings import list_bindings
from fototui.widgets.badges import MUTED, sign


class ImageList(OptionList, inherit_bindings=False):
    """Images with their badges; the cursor stays on its image whatever changes around it.

    Args:
        ascii_badges: Use the signs that every font has.
    """

    DEFAULT_CSS = """
    ImageList {
        width: 36; height: 1fr; border: none; padding: 0 1; background: $surface;
        scrollbar-size-vertical: 1;
    }
    ImageList:focus { border: none; }
    ImageList > .option-list--option-disabled { color: $foreground; }
    ImageList > .option-list--option-highlighted,
    ImageList:focus > .option-list--option-highlighted {
        background: $primary-muted; color: $foreground; text-style: bold;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor_up", show=False),
        Binding("down", "cursor_down", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        *list_bindings("cursor_down", "cursor_up", "page_down", "page_up"),
    ]

    class Moved(Message):
        """The cursor came to another image.

        Args:
            image_id: The image.
        """

        def __init__(self, image_id: int) -> None:
            super().__init__()
            self.image_id = image_id

    def __init__(self, *, ascii_badges: bool = False) -> None:
        super().__init__(markup=False)
        self._ascii = ascii_badges
        self._shown: list[str] = []

    @property
    def image_id(self) -> int | None:
        """The image under the cursor."""
        option = self.highlighted_option
        return None if option is None or option.id is None else int(option.id)

    def action_page_up(self) -> None:
        """One page up; the heading of a book above the first image takes no cursor."""
        super().action_page_up()  # type: ignore[no-untyped-call]  # Textual's own
        if self.highlighted is None:
            self.action_first()

    def action_page_down(self) -> None:
        """One page down."""
        super().action_page_down()  # type: ignore[no-untyped-call]  # Textual's own
        if self.highlighted is None:
            self.action_last()

    def show(self, detail: OrderDetail | None, image_id: int | None) -> None:
        """Show an order's images.

        Args:
            detail: The order; None while it is not there.
            image_id: Where the cursor goes; the first image where there is no such.
        """
        rows = {} if detail is None else dict(self._rows(detail))
        with self.prevent(OptionList.OptionHighlighted):
            if list(rows) != self._shown:
                self.clear_options()
                self.add_options(
                    Option(row, id=name, disabled=not name.isdecimal())
                    for name, row in rows.items()
                )
            else:
                for name, row in rows.items():
                    if row != self.get_option(name).prompt:
                        self.replace_option_prompt(name, row)
            self._shown = list(rows)
            images = [name for name in rows if name.isdecimal()]
            wanted = str(image_id) if str(image_id) in rows else next(iter(images), None)
            if wanted is not None:
                self.highlighted = self.get_option_index(wanted)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell where the cursor is."""
        event.stop()
        if event.option_id is not None and event.option_id.isdecimal():
            self.post_message(self.Moved(int(event.option_id)))

    def _rows(self, detail: OrderDetail) -> Iterator[tuple[str, Content]]:
        for item in detail.line_items:
            yield f"item-{item.id}", self._item(item)
            for image in item.images:
                yield str(image.id), self._image(image)

    def _item(self, item: LineItemView) -> Content:
        copies = f" × {item.quantity}" if item.quantity != 1 else ""
        lines = [Content.styled(clean_line(item.title, limit=120) + copies, "bold $primary")]
        if item.dedication:
            lines.append(Content.styled(clean_line(item.dedication, limit=300), "italic"))
        if item.layout:
            lines.append(Content.styled(clean_line(item.layout, limit=120), MUTED))
        if not item.images:
            lines.append(Content.styled(_("No photos yet."), MUTED))
        return Content("\n").join(lines)

    def _image(self, image: ImageView) -> Content:
        name = _("Photo {position}").format(position=image.position)
        if image.file is None:
            if image.error is None:
                return Content.assemble(f"  {name}  ", (_("not in storage yet"), MUTED))
            # The reason stands in place of the picture.
            shown, style = sign(Badge.ERROR, self._ascii)
            return Content.assemble(f"  {name}  ", (shown, style), " ", (_("missing"), style))
        return Content.assemble(
            f"  {name}  ",
            self._badge(image, VersionType.COLORING),
            " ",
            self._badge(image, VersionType.SVG),
            ("  ★" if image.selected_svg_id else "", "$accent"),
        )

    def _badge(self, image: ImageView, kind: VersionType) -> tuple[str, str]:
        return sign(image.badge(image.told(kind)), self._ascii)
