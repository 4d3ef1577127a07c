"""One picture on the whole screen, as close as one likes."""

from __future__ import annotations

from functools import partialmethod

from textual.app import ComposeResult

from fototui.domain.files import S3ObjectRefData
from fototui.i18n import _, number
from fototui.screens.base import FototuiScreen
from fototui.ui.actions import Scope
from fototui.widgets.picture.widget import Picture

_STEP = 1.5
_CLOSEST = 16.0
_MOVE = 0.25  # of what is seen


class PictureScreen(FototuiScreen):
    """A picture, zoomed with + and -, moved with the arrows.

    Args:
        ref: The file.
        name: What it is, for the heading.
    """

    scope = Scope.PICTURE

    def __init__(self, ref: S3ObjectRefData, *, name: str) -> None:
        super().__init__()
        self._ref = ref
        self._picture_name = name
        self.picture = Picture()

    def heading(self) -> str:
        """What is shown, and how close."""
        zoom = self.picture.zoom
        closeness = f" · {number(round(zoom, 1))}×" if zoom > 1 else ""
        return f"{self._picture_name}{closeness}"

    def compose_body(self) -> ComposeResult:
        """The picture alone."""
        yield self.picture

    def on_mount(self) -> None:
        """Show it."""
        self.picture.show(self._ref)

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self.query("StatusBar, KeyBar").refresh()

    def unavailable(self, action_id: str) -> str | None:
        """There is an end to closeness."""
        zoom = self.picture.zoom
        if action_id == "picture.zoom_in" and zoom >= _CLOSEST:
            return _("It cannot be enlarged any further.")
        if action_id not in ("picture.zoom_in", "picture.back") and zoom <= 1:
            return _("The whole picture is shown already.")
        return None

    def do_back(self) -> None:
        """Leave it."""
        self.app.pop_screen()

    def do_zoom_in(self) -> None:
        """Enlarge the picture."""
        self._zoom(self.picture.zoom * _STEP)

    def do_zoom_out(self) -> None:
        """Show more of the picture."""
        self._zoom(self.picture.zoom / _STEP)

    def do_whole(self) -> None:
        """See all of it."""
        self._zoom(1)

    def _pan(self, across: int, down: int) -> None:
        x, y = self.picture.pan
        part = _MOVE / self.picture.zoom
        self._move(x + across * part, y + down * part)

    do_pan_left = partialmethod(_pan, -1, 0)
    do_pan_right = partialmethod(_pan, 1, 0)
    do_pan_up = partialmethod(_pan, 0, -1)
    do_pan_down = partialmethod(_pan, 0, 1)

    def _zoom(self, zoom: float) -> None:
        self.picture.zoom = min(max(zoom, 1.0), _CLOSEST)
        self._move(*self.picture.pan)
        self.query("StatusBar, KeyBar").refresh()

    def _move(self, x: float, y: float) -> None:
        edge = 0.5 / self.picture.zoom  # past it, keys would move nothing
        self.picture.pan = (min(max(x, edge), 1 - edge), min(max(y, edge), 1 - edge))
