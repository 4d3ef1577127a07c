"""Compare: the original and some versions side by side, looked at through one window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.widgets import Static

from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext
from fototui.live.state import Changed
from fototui.pictures.loader import PictureLoader
from fototui.pictures.viewport import Viewport
from fototui.screens.base import FototuiScreen
from fototui.screens.choosing import choose
from fototui.services.orders.manual import OrderService
from fototui.services.views.orders import ImageView, OrderDetail
from fototui.services.views.versions import VersionView
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.zooming import closeness, zooming
from fototui.widgets.picture.widget import Picture
from fototui.widgets.version_words import version_words

MOST_VERSIONS = 3
_NARROWEST = 30  # columns of a picture that still tells something


def finished(image: ImageView, kind: VersionType) -> list[VersionView]:
    """An image's versions of one kind that can be looked at, by number."""
    views = image.versions(kind)
    return [view for view in views if view.status == "completed" and view.file is not None]


class Pane(Container):
    """One picture with its frame.

    Args:
        pictures: Loads pictures.
        is_original: It shows the photo, which cannot be chosen.
    """

    DEFAULT_CSS = """
    Pane { width: 1fr; height: 1fr; border: round $panel; }
    Pane.current { border: round $accent; }
    """

    class Pressed(Message):
        """The mouse pressed on a version."""

        def __init__(self, version_id: int) -> None:
            super().__init__()
            self.version_id = version_id

    def __init__(self, pictures: PictureLoader, *, is_original: bool = False) -> None:
        super().__init__()
        self._pictures = pictures
        self.is_original = is_original
        self.version_id: int | None = None
        """The version that it shows now."""

    def compose(self) -> ComposeResult:
        """The picture."""
        yield Picture(self._pictures)

    @property
    def picture(self) -> Picture:
        """Its picture."""
        return self.query_one(Picture)

    def on_click(self, event: Click) -> None:
        """Tell that it is meant."""
        event.stop()
        if self.version_id is not None:
            self.post_message(self.Pressed(self.version_id))


class CompareScreen(FototuiScreen):
    """The original and up to three versions at the same scale.

    Args:
        context: The parts of the app.
        order_id: ULID of the order.
        image_id: The image.
        kind: Which versions.
    """

    scope = Scope.COMPARE
    DEFAULT_CSS = """
    CompareScreen #panes { height: 1fr; }
    CompareScreen #words { height: 1; padding: 0 1; color: $text-muted; }
    """

    order_id: str

    def __init__(
        self, context: AppContext, order_id: str, image_id: int, kind: VersionType
    ) -> None:
        super().__init__(context)
        self.order_id = order_id
        self._image_id = image_id
        self._kind = kind
        self._order_number = ""
        self._image: ImageView | None = None
        self._expected: int | None = None
        """What this operator was shown as the chosen version."""
        self._cursor: int | None = None
        self._is_read = False
        self._viewport = Viewport()

    def heading(self) -> str:
        """Order and kind."""
        return _("Compare") + f" {self._order_number}"

    def compose_body(self) -> ComposeResult:
        """A row of pictures and a line of words."""
        # No `with`: inside a call, as the bars' frame makes it, Textual would not nest them.
        pictures = self.context.pictures
        versions = (Pane(pictures) for _place in range(MOST_VERSIONS))
        panes = [Pane(pictures, is_original=True), *versions]
        yield Horizontal(*panes, id="panes")
        yield Static(id="words")

    def on_mount(self) -> None:
        """Fetch the image."""
        self.perform(self._load)

    @property
    def is_filling(self) -> bool:
        """The image is being fetched."""
        return not self._is_read

    async def _load(self) -> None:
        try:
            await self._fetch()
        finally:
            self._is_read = True

    async def _fetch(self) -> None:
        order = self.context.store.detail(self.order_id)
        if order is None:
            async with self.context.backend.autocommit(OrderService) as orders:
                order = await orders.get_order(self.order_id)
        self._take(order)
        if self._image is not None:
            self._expected = self._image.chosen_id(self._kind)
            shown = [view.id for view in self._candidates()]
            self._cursor = (
                self._expected if self._expected in shown else next(iter(shown[-1:]), None)
            )
        self._show()

    def _take(self, order: OrderDetail) -> None:
        self._order_number = order.number
        self._image = next((image for image in order.images if image.id == self._image_id), None)

    # --- what is shown -------------------------------------------------------------------------

    def _candidates(self) -> list[VersionView]:
        """The chosen version and the newest others, by number."""
        if self._image is None:
            return []
        views = finished(self._image, self._kind)
        chosen = [view for view in views if view.selected or view.id == self._cursor]
        others = [view for view in reversed(views) if view not in chosen]
        picked = [*chosen, *others][:MOST_VERSIONS]
        return sorted(picked, key=lambda view: view.version)

    def _visible(self) -> list[VersionView]:
        """Those that fit beside the original, with the one under the cursor among them."""
        views = self._candidates()
        room = max(1, self.size.width // _NARROWEST - 1)
        place = next((n for n, view in enumerate(views) if view.id == self._cursor), 0)
        start = max(0, min(place - room // 2, len(views) - room))
        return views[start : start + room]

    def _show(self) -> None:
        views = self._visible()
        shown: list[VersionView | None] = [None, *views]
        for pane, view in zip_longest(self.query(Pane), shown):
            pane.display = view is not None or pane.is_original
            if pane.is_original:
                self._fill_original(pane)
            elif view is not None:
                self._fill(pane, view)
            pane.picture.viewport = self._viewport
        self._say(views)
        self.query_one("StatusBar").refresh()
        self.refresh_bindings()

    def _fill_original(self, pane: Pane) -> None:
        if self._image is not None:
            pane.picture.show(
                self._image.file,
                caption=_("Original"),
                empty=_("The photo is not in storage yet."),
            )

    def _fill(self, pane: Pane, view: VersionView) -> None:
        pane.version_id = view.id
        pane.set_class(view.id == self._cursor, "current")
        pane.picture.show(view.file, caption=version_words(view))

    def _say(self, views: Sequence[VersionView]) -> None:
        words = []
        count = len(self._candidates())
        if self._image is None:
            words.append(_("This photo no longer exists; go back to the order."))
        elif not count:
            words.append(_("There is no finished version to compare yet."))
        elif hidden := count - len(views):
            words.append(
                ngettext(
                    "{count} more version: left and right",
                    "{count} more versions: left and right",
                    hidden,
                ).format(count=hidden)
            )
        words.append(closeness(self._viewport))
        line = " · ".join(filter(None, words))
        self.query_one("#words", Static).update(Content(clean_line(line)))

    def on_resize(self, event: Resize) -> None:
        """Show as many as fit now."""
        if self._image is not None:
            self._show()

    def on_store_changed(self, changed: Changed) -> None:
        """Show what the order has become; what counts as seen stays as it was."""
        order = self.context.store.detail(self.order_id)
        if self.order_id in changed.details and order is not None:
            self._take(order)
            self._show()

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self._show()
        self.query("StatusBar, KeyBar").refresh()

    # --- what keys do --------------------------------------------------------------------------

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does; without versions there is nothing to choose."""
        return {
            "compare.back": Command(self.dismiss),
            "compare.choose": Command(self._choose, self._why_nothing_to_choose),
            "compare.left": Command(lambda: self._move(-1)),
            "compare.right": Command(lambda: self._move(1)),
            **zooming(self.scope, lambda: self._viewport, self._look),
        }

    def _why_nothing_to_choose(self) -> str | None:
        if self._current() is not None:
            return None
        return _("There is no finished version to choose yet.")

    def _current(self) -> VersionView | None:
        return next((view for view in self._candidates() if view.id == self._cursor), None)

    def _move(self, step: int) -> None:
        ids = [view.id for view in self._candidates()]
        if self._cursor in ids:
            place = ids.index(self._cursor) + step
            self._cursor = ids[max(0, min(place, len(ids) - 1))]
            self._show()

    def on_pane_pressed(self, event: Pane.Pressed) -> None:
        """Go to the version under the mouse."""
        self._cursor = event.version_id
        self._show()

    def _look(self, viewport: Viewport) -> None:
        self._viewport = viewport
        self._show()

    def _choose(self) -> None:
        """Choose the version under the cursor."""
        view = self._current()
        if view is not None:
            self.perform(lambda: self._choose_version(view), self._chosen)

    async def _choose_version(self, view: VersionView) -> VersionView | None:
        done = await choose(
            self.app,
            self.context,
            self.order_id,
            view,
            expected=self._expected,
            on_conflict=self._show_conflict,
        )
        self._expected = done.seen_id
        return view if done.is_chosen else None

    def _show_conflict(self, order: OrderDetail) -> None:
        self._take(order)
        self._show()

    def _chosen(self, view: VersionView | None) -> str | None:
        if view is None:
            return None
        self.perform(lambda: self.context.store.refresh(self.order_id))
        if self.is_current:
            self.dismiss()
        return _("v{number} is chosen.").format(number=view.version)
