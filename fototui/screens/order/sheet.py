"""All pictures of an order at once: a contact sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from textual.app import ComposeResult

from fototui.domain.text import clean_line
from fototui.i18n import _
from fototui.live.state import Changed
from fototui.screens.base import FototuiScreen
from fototui.services.views.orders import OrderDetail
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.widgets.contact_sheet import ContactSheet


class SheetScreen(FototuiScreen):
    """The pictures of an order, each as its chosen colouring or its photo, with its signs.

    Args:
        context: The parts of the app.
        order_id: ULID; the order is open already.
        image_id: Where the cursor begins.
        chosen: Told which image is to be looked at, before the screen is left.
    """

    scope = Scope.SHEET
    order_id: str

    def __init__(
        self,
        context: AppContext,
        order_id: str,
        image_id: int | None,
        chosen: Callable[[int], None],
    ) -> None:
        super().__init__(context)
        self.order_id = order_id
        self._begin = image_id
        self._chosen = chosen

    def heading(self) -> str:
        """The order's number, and which of its pictures are seen."""
        detail = self.context.store.detail(self.order_id)
        number = "…" if detail is None else clean_line(detail.number, limit=40)
        span = self._span()
        if len(span) == self._count:
            return number
        words = _("pictures {first}–{last} of {count}")
        part = words.format(first=span.start + 1, last=span.stop, count=self._count)
        return f"{number} · {part}"

    @property
    def _count(self) -> int:
        detail = self.context.store.detail(self.order_id)
        return 0 if detail is None else len(detail.images)

    def _span(self) -> range:
        """The places that are seen; all of them before the sheet stands."""
        return next((sheet.span for sheet in self.query(ContactSheet)), range(self._count))

    def compose_body(self) -> ComposeResult:
        """The sheet alone."""
        yield ContactSheet(self.context.pictures, plain=self.context.settings.ascii_badges)

    @property
    def sheet(self) -> ContactSheet:
        """The sheet."""
        return self.query_one(ContactSheet)

    def on_mount(self) -> None:
        """Show the order."""
        self._show()
        detail = self.context.store.detail(self.order_id)
        ids = [] if detail is None else [image.id for image in detail.images]
        if self._begin in ids:
            self.sheet.go(ids.index(self._begin))

    def on_store_changed(self, changed: Changed) -> None:
        """Show what changed in this order."""
        if self.order_id in changed.details:
            self._show()

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self._show()
        self.refresh_bars()

    def _show(self) -> None:
        detail = self.context.store.detail(self.order_id)
        if detail is None:
            self.sheet.show((), {})
        else:
            self.sheet.show(detail.images, _books(detail))

    def on_contact_sheet_turned(self) -> None:
        """Say which pictures are seen now."""
        self.refresh_bars()

    def on_contact_sheet_pressed(self) -> None:
        """Look at the picture."""
        self._open()

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does."""

        def move(across: int, down: int) -> Command:
            return Command(lambda: self.sheet.move(across, down))

        def turn(pages: int) -> Command:
            return Command(lambda: self.sheet.turn(pages), self._why_no_pages)

        return {
            "sheet.back": Command(self.app.pop_screen),
            "sheet.open": Command(self._open, self._why_no_picture),
            "sheet.left": move(-1, 0),
            "sheet.right": move(1, 0),
            "sheet.up": move(0, -1),
            "sheet.down": move(0, 1),
            "sheet.previous": turn(-1),
            "sheet.next": turn(1),
            "sheet.first": Command(partial(self._go, 0)),
            "sheet.last": Command(partial(self._go, -1)),
        }

    def _go(self, place: int) -> None:
        self.sheet.go(place % max(1, self._count))

    def _why_no_pages(self) -> str | None:
        is_all = len(self._span()) == self._count
        return _("All pictures are shown already.") if is_all else None

    def _why_no_picture(self) -> str | None:
        return None if self._count else _("The order has no photo yet.")

    def _open(self) -> None:
        if (image := self.sheet.image) is not None:
            self._chosen(image.id)
            self.app.pop_screen()


def _books(detail: OrderDetail) -> dict[int, str]:
    """Which book each image is of, by its number too: photos are counted in each, titles alike."""
    if len(detail.line_items) == 1:
        return {}
    return {
        image.id: f"{place}. {clean_line(item.title, limit=60)}"
        for place, item in enumerate(detail.line_items, 1)
        for image in item.images
    }
