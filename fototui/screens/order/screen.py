"""One order: its images, the picture, and the versions of the kind that is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, translate
from fototui.live.state import Changed
from fototui.screens.order.availability import (
    against_comparing,
    against_jumping,
    against_stepping,
    without_file,
    without_images,
    without_order,
)
from fototui.screens.order.commands import OrderCommands
from fototui.screens.order.header import about, no_picture, why_failed
from fototui.screens.order.sheet import SheetScreen
from fototui.screens.picture import PictureScreen
from fototui.services.views.orders import ImageView
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.messages import CompareVersions, ShowSection
from fototui.ui.workers import begin
from fototui.widgets.book_words import order_books
from fototui.widgets.image_list import ImageList
from fototui.widgets.picture.widget import Picture
from fototui.widgets.version_list import KindTabs, VersionList

_NARROW_UNDER = 100


class OrderScreen(OrderCommands):
    """An order.

    Args:
        context: The parts of the app.
        order_id: ULID.
    """

    scope = Scope.ORDER
    AUTO_FOCUS = "ImageList"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_NARROW_UNDER, "-roomy")]  # noqa: RUF012 - Textual's own
    DEFAULT_CSS = """
    OrderScreen #about {
        height: 1; padding: 0 1; background: $surface;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    OrderScreen #why { height: auto; max-height: 2; padding: 0 1; color: $error; }
    OrderScreen #why.-nothing { display: none; }
    OrderScreen #books { height: auto; max-height: 5; padding: 0 1; }
    OrderScreen #books.-nothing { display: none; }
    OrderScreen #right { width: 1fr; }
    OrderScreen.-narrow ImageList { width: 22; padding: 0; }
    """

    def __init__(self, context: AppContext, order_id: str) -> None:
        super().__init__(context, order_id)
        self._walk = context.walk(order_id)
        self._opened: str | None = None
        self._problem: Sentence | None = None
        self._last_shown: tuple[int, VersionType, int | None] | None = None

    def heading(self) -> str:
        """The order's number, and who else looks at it."""
        detail = self.selection.detail
        number = "…" if detail is None else clean_line(detail.number, limit=40)
        names = ", ".join(
            clean_line(name, limit=40) for name in self.context.viewers(self.order_id)
        )
        also = _("Also viewing: {names}").format(names=names)
        return f"{number} · {also}" if names else number

    def compose_body(self) -> ComposeResult:
        """Images at the left, picture and versions at the right."""
        ascii_badges = self.context.settings.ascii_badges
        self.images = ImageList(ascii_badges=ascii_badges)
        self.picture = Picture(self.context.pictures)
        self.tabs = KindTabs()
        self.versions = VersionList(
            self.context.settings.now, zone=self.context.timezone, ascii_badges=ascii_badges
        )
        yield Vertical(
            Static(id="about"),
            Static(id="why", classes="-nothing", markup=False),
            Static(id="books", classes="-nothing", markup=False),
            Horizontal(self.images, Vertical(self.picture, self.tabs, self.versions, id="right")),
        )

    # --- coming and going ----------------------------------------------------------------------

    def on_mount(self) -> None:
        """Open the order."""
        self.show_all()
        self._open(self.order_id)

    def on_unmount(self) -> None:
        """Have the order kept true no longer, and nothing more loaded ahead."""
        if self._opened is not None:
            self.context.store.close(self._opened)
        self.context.pictures.prefetch(())

    @property
    def is_filling(self) -> bool:
        """The order is not there, and nothing is known that is against it."""
        is_there = self.selection.detail is not None or self._opened == self.order_id
        return not is_there and self._problem is None

    def _open(self, order_id: str) -> None:
        self._worker = begin(self, partial(self._opening, order_id), group="open", exclusive=True)

    async def _opening(self, order_id: str) -> None:
        try:
            await self.context.store.open(order_id)
        except FototuiError as error:
            self._problem = error.sentence
        else:
            if self._opened is not None:
                self.context.store.close(self._opened)
            self._opened, self._problem = order_id, None
        self.show_all()

    def on_store_changed(self, changed: Changed) -> None:
        """Show what changed in this order; open it when the database is back."""
        if self.order_id in changed.details | changed.rows:
            self.show_all()
        elif changed.health and self._problem and self.context.store.health.database_ok:
            self._open(self.order_id)

    def language_changed(self) -> None:
        """Show everything in the new language."""
        self.show_all()

    # --- what is looked at ---------------------------------------------------------------------

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does that only moves about; the rest is in `OrderCommands`."""
        view = self.selection
        any_image = partial(without_images, view)
        other_version = partial(against_stepping, view)
        jumps = {
            f"order.version_{number}": Command(
                partial(self._jump, number), partial(against_jumping, view, number)
            )
            for number in range(1, 10)
        }
        return {
            **super().declare_commands(),
            **jumps,
            "order.back": Command(self.app.pop_screen),
            "order.switch_kind": Command(self._switch_kind, any_image),
            "order.previous_version": Command(partial(self._step_version, -1), other_version),
            "order.next_version": Command(partial(self._step_version, 1), other_version),
            "order.previous_order": Command(partial(self._go, -1), self._why_first),
            "order.next_order": Command(partial(self._go, 1), self._why_last),
            "order.picture": Command(self._show_picture, partial(without_file, view)),
            "order.sheet": Command(self._show_sheet, any_image),
            "order.review": Command(self._review, partial(without_order, view)),
            "order.compare": Command(self._compare, partial(against_comparing, view)),
        }

    # --- showing it ----------------------------------------------------------------------------

    def show_all(self) -> None:
        """Show what is known now."""
        if not self.can_paint:
            return
        selection = self.selection
        detail = selection.detail = self.context.store.detail(self.order_id)
        image, version = selection.image, selection.version
        missing = self._why_missing()
        row = self.context.store.orders.get(self.order_id)
        zone, stage = self.context.timezone, None if row is None else row.stage
        line = about(detail, missing, zone, stage=stage, prices=self.context.settings.prices)
        self.query_one("#about", Static).update(line)
        why = why_failed(detail)
        self.query_one("#why", Static).update(why)
        self.query_one("#why").set_class(not why, "-nothing")
        self._show_books()
        self.images.show(detail, None if image is None else image.id)
        self.tabs.show(self.selection.kind, image)
        version_id = None if version is None else version.id
        self.versions.show(selection.versions, version_id, image=image, empty=selection.no_versions)
        self.picture.show(
            selection.file, caption=selection.caption, empty=no_picture(selection, missing)
        )
        self._tell_of_choice(image)
        self.context.pictures.prefetch(selection.ahead())
        self.query("StatusBar, KeyBar").refresh()
        self.refresh_bindings()

    def _show_books(self) -> None:
        detail, books = self.selection.detail, self.query_one("#books", Static)
        if detail is not None:
            words = order_books(
                detail.books or (),
                self.context.timezone,
                items=len(detail.line_items),
                ascii_badges=self.context.settings.ascii_badges,
            )
            books.update(words)
        books.set_class(detail is None or not detail.books, "-nothing")

    def _why_missing(self) -> str:
        """Why the order is not shown."""
        if self._problem is not None:
            return translate(self._problem)
        gone = self._opened == self.order_id
        return _("The order no longer exists.") if gone else _("Loading…")

    def _tell_of_choice(self, image: ImageView | None) -> None:
        """Another's choice must not go unseen: enter chooses over what is shown as chosen."""
        if image is None:
            return
        chosen, before = image.chosen_id(self.selection.kind), self._last_shown
        self._last_shown = (image.id, self.selection.kind, chosen)
        if before is None or before[:2] != (image.id, self.selection.kind) or before[2] == chosen:
            return
        if chosen in self._chosen_here:
            self._chosen_here.discard(chosen)
            return
        for view in self.selection.versions:
            if view.id == chosen:
                self.notify(_("v{number} is the chosen one now.").format(number=view.version))

    # --- moving about --------------------------------------------------------------------------

    def on_image_list_moved(self, event: ImageList.Moved) -> None:
        """Look at another image."""
        if event.image_id != self.selection.image_id:
            self._look_at_image(event.image_id)

    def on_kind_tabs_picked(self, event: KindTabs.Picked) -> None:
        """Look at the other kind."""
        self.selection.kind = event.kind
        self.show_all()

    def on_version_list_picked(self, event: VersionList.Picked) -> None:
        """Look at another version."""
        self._look_at(event.version_id)

    def _look_at(self, version_id: int) -> None:
        self.selection.put_on(version_id)
        self.show_all()

    def _switch_kind(self) -> None:
        kinds = list(VersionType)
        place = kinds.index(self.selection.kind) + 1
        self.selection.kind = kinds[place % len(kinds)]
        self.show_all()

    def _step_version(self, step: int) -> None:
        if (version := self.selection.version) is not None:
            views = self.selection.versions
            self._look_at(views[(views.index(version) + step) % len(views)].id)

    def _jump(self, number: int) -> None:
        for view in self.selection.versions:
            if view.version == number:
                self._look_at(view.id)

    def _why_first(self) -> str | None:
        is_first = self._walk.neighbour(self.order_id, -1) is None
        return _("This is the first order of the list.") if is_first else None

    def _why_last(self) -> str | None:
        is_last = self._walk.neighbour(self.order_id, 1) is None
        return _("This is the last order of the list.") if is_last else None

    def _go(self, step: int) -> None:
        order_id = self._walk.neighbour(self.order_id, step)
        if order_id is not None:
            self.order_id, self.selection.image_id, self._last_shown = order_id, None, None
            self.show_all()
            self._open(order_id)

    def _show_picture(self) -> None:
        if (file := self.selection.file) is not None:
            self.app.push_screen(PictureScreen(self.context, file, named=self.selection.naming))

    def _review(self) -> None:
        self.app.post_message(ShowSection(Scope.REVIEW, (self.order_id,)))

    def _show_sheet(self) -> None:
        image = self.selection.image
        begin = None if image is None else image.id
        self.app.push_screen(SheetScreen(self.context, self.order_id, begin, self._look_at_image))

    def _look_at_image(self, image_id: int) -> None:
        self.selection.image_id = image_id
        self.show_all()

    def _compare(self) -> None:
        if (image := self.selection.image) is not None:
            wanted = CompareVersions(self.order_id, image.id, self.selection.kind)
            self.app.post_message(wanted)
