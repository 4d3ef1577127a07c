"""One order: its images, the picture, and the versions of the kind that is looked at."""

from __future__ import annotations

from functools import partial, partialmethod

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static
from textual.worker import Worker

from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, translate
from fototui.live.state import Changed
from fototui.screens.order.availability import InView, reason_against
from fototui.screens.order.header import about, no_picture, why_failed
from fototui.screens.order.keys import OrderKeys
from fototui.screens.picture import PictureScreen
from fototui.services.views.orders import ImageView
from fototui.ui.actions import Scope
from fototui.widgets.image_list import ImageList
from fototui.widgets.picture.widget import Picture
from fototui.widgets.version_list import KindTabs, VersionList

_NARROW_UNDER = 100


class OrderScreen(OrderKeys):
    """An order.

    Args:
        order_id: ULID.
    """

    scope = Scope.ORDER
    AUTO_FOCUS = "ImageList"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_NARROW_UNDER, "-roomy")]  # noqa: RUF012 - Textual's own
    DEFAULT_CSS = """
    OrderScreen #about { height: 1; padding: 0 1; background: $surface; }
    OrderScreen #why { height: auto; max-height: 2; padding: 0 1; color: $error; }
    OrderScreen #why.-nothing { display: none; }
    OrderScreen #right { width: 1fr; }
    OrderScreen.-narrow ImageList { width: 22; padding: 0; }
    """

    def __init__(self, order_id: str) -> None:
        super().__init__(order_id)
        self._opened: str | None = None
        self._problem: Sentence | None = None
        self._last_shown: tuple[int, VersionType, int | None] | None = None

    def heading(self) -> str:
        """The order's number, and who else looks at it."""
        detail = self._selection.detail
        number = "…" if detail is None else clean_line(detail.number, limit=40)
        names = ", ".join(
            clean_line(name, limit=40) for name in self.fototui.viewers(self.order_id)
        )
        also = _("Also viewing: {names}").format(names=names)
        return f"{number} · {also}" if names else number

    def compose_body(self) -> ComposeResult:
        """Images at the left, picture and versions at the right."""
        ascii_badges = self.fototui.settings.ascii_badges
        self.images = ImageList(ascii_badges=ascii_badges)
        self.picture = Picture()
        self.tabs = KindTabs()
        self.versions = VersionList(ascii_badges=ascii_badges)
        yield Vertical(
            Static(id="about"),
            Static(id="why", classes="-nothing", markup=False),
            Horizontal(self.images, Vertical(self.picture, self.tabs, self.versions, id="right")),
        )

    # --- coming and going ----------------------------------------------------------------------

    def on_mount(self) -> None:
        """Open the order."""
        self._repaint()
        self._open(self.order_id)

    def on_unmount(self) -> None:
        """Have the order kept true no longer, and nothing more loaded ahead."""
        if self._opened is not None:
            self.fototui.store.close(self._opened)
        self.fototui.pictures.prefetch(())

    def _open(self, order_id: str) -> None:
        # A function: a coroutine that is cancelled before its start would warn.
        opening = partial(self._opening, order_id)
        self._worker: Worker[None] = self.run_worker(opening, group="open", exclusive=True)

    async def _opening(self, order_id: str) -> None:
        try:
            await self.fototui.store.open(order_id)
        except FototuiError as error:
            self._problem = error.sentence
        else:
            if self._opened is not None:
                self.fototui.store.close(self._opened)
            self._opened, self._problem = order_id, None
        self._repaint()

    def on_store_changed(self, changed: Changed) -> None:
        """Show what changed in this order; open it when the database is back."""
        if self.order_id in changed.details | changed.rows:
            self._repaint()
        elif changed.health and self._problem and self.fototui.store.health.database_ok:
            self._open(self.order_id)

    def language_changed(self) -> None:
        """Show everything in the new language."""
        self._repaint()

    # --- what is looked at ---------------------------------------------------------------------

    def _in_view(self) -> InView:
        neighbour = self.fototui.neighbour
        return InView(
            order=self._selection.detail,
            image=self._selection.image,
            kind=self._selection.kind,
            version=self._selection.version,
            file=self._selection.file,
            is_first=neighbour(self.order_id, -1) is None,
            is_last=neighbour(self.order_id, 1) is None,
        )

    def unavailable(self, action_id: str) -> str | None:
        """Why an action cannot be done now."""
        return reason_against(action_id.partition(".")[2], self._in_view())

    # --- showing it ----------------------------------------------------------------------------

    def _repaint(self) -> None:
        if not self.can_paint:
            return
        selection = self._selection
        detail = selection.detail = self.fototui.store.detail(self.order_id)
        image, version = selection.image, selection.version
        missing = self._why_missing()
        row = self.fototui.store.orders.get(self.order_id)
        zone, waiting = self.fototui.timezone, 0 if row is None else row.waiting
        self.query_one("#about", Static).update(about(detail, missing, zone, waiting=waiting))
        why = why_failed(detail)
        self.query_one("#why", Static).update(why)
        self.query_one("#why").set_class(not why, "-nothing")
        self.images.show(detail, None if image is None else image.id)
        self.tabs.show(self._selection.kind, image)
        version_id = None if version is None else version.id
        self.versions.show(selection.versions, version_id, empty=selection.no_versions)
        self.picture.show(
            selection.file, caption=selection.caption, empty=no_picture(selection, missing)
        )
        self._tell_of_choice(image)
        self.fototui.pictures.prefetch(selection.ahead())
        self.query("StatusBar, KeyBar").refresh()
        self.refresh_bindings()

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
        chosen, before = image.chosen_id(self._selection.kind), self._last_shown
        self._last_shown = (image.id, self._selection.kind, chosen)
        if before is None or before[:2] != (image.id, self._selection.kind) or before[2] == chosen:
            return
        if chosen in self._chosen_here:
            self._chosen_here.discard(chosen)
            return
        for view in self._selection.versions:
            if view.id == chosen:
                self.fototui.toast(
                    _("v{number} is the chosen one now.").format(number=view.version)
                )

    # --- moving about --------------------------------------------------------------------------

    def on_image_list_moved(self, event: ImageList.Moved) -> None:
        """Look at another image."""
        if event.image_id != self._selection.image_id:
            self._selection.image_id = event.image_id
            self._repaint()

    def on_kind_tabs_picked(self, event: KindTabs.Picked) -> None:
        """Look at the other kind."""
        self._selection.kind = event.kind
        self._repaint()

    def on_version_list_picked(self, event: VersionList.Picked) -> None:
        """Look at another version."""
        self._look_at(event.version_id)

    def _look_at(self, version_id: int) -> None:
        self._selection.put_on(version_id)
        self._repaint()

    def do_switch_kind(self) -> None:
        """Switch between colourings and SVGs."""
        kinds = list(VersionType)
        place = kinds.index(self._selection.kind) + 1
        self._selection.kind = kinds[place % len(kinds)]
        self._repaint()

    def _step_version(self, step: int) -> None:
        if (version := self._selection.version) is not None:
            views = self._selection.versions
            self._look_at(views[(views.index(version) + step) % len(views)].id)

    do_previous_version = partialmethod(_step_version, -1)
    do_next_version = partialmethod(_step_version, 1)

    def _jump(self, number: int) -> None:
        for view in self._selection.versions:
            if view.version == number:
                self._look_at(view.id)

    do_version_1 = partialmethod(_jump, 1)
    do_version_2 = partialmethod(_jump, 2)
    do_version_3 = partialmethod(_jump, 3)
    do_version_4 = partialmethod(_jump, 4)
    do_version_5 = partialmethod(_jump, 5)
    do_version_6 = partialmethod(_jump, 6)
    do_version_7 = partialmethod(_jump, 7)
    do_version_8 = partialmethod(_jump, 8)
    do_version_9 = partialmethod(_jump, 9)

    def _go(self, step: int) -> None:
        order_id = self.fototui.neighbour(self.order_id, step)
        if order_id is not None:
            self.order_id, self._selection.image_id, self._last_shown = order_id, None, None
            self._repaint()
            self._open(order_id)

    do_next_order = partialmethod(_go, 1)
    do_previous_order = partialmethod(_go, -1)

    def do_back(self) -> None:
        """Go back to what was there before."""
        self.app.pop_screen()

    def do_picture(self) -> None:
        """See the picture on the whole screen."""
        if (file := self._selection.file) is not None:
            self.app.push_screen(PictureScreen(file, name=self._selection.caption))

    def do_compare(self) -> None:
        """See original and versions side by side."""
        if (image := self._selection.image) is not None:
            self.fototui.show_compare(self.order_id, image.id, self._selection.kind)
