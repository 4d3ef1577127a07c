"""One picture on the whole screen, as close as one likes."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult

from fototui.domain.files import S3ObjectRefData
from fototui.i18n import _, number
from fototui.screens.base import FototuiScreen
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.widgets.picture.widget import Picture

_STEP = 1.5
_CLOSEST = 16.0
_MOVE = 0.25  # of what is seen


class PictureScreen(FototuiScreen):
    """A picture, zoomed with + and -, moved with the arrows.

    Args:
        context: The parts of the app.
        ref: The file; None where there is none yet.
        name: What it is, for the heading.
    """

    scope = Scope.PICTURE

    def __init__(self, context: AppContext, ref: S3ObjectRefData | None, *, name: str) -> None:
        super().__init__(context)
        self._ref = ref
        self._picture_name = name
        self.picture = Picture(context.pictures)

    def heading(self) -> str:
        """What is shown, and how close."""
        return f"{self._picture_name}{self.closeness}"

    @property
    def closeness(self) -> str:
        """How close, for the heading; empty where all of it is seen."""
        zoom = self.picture.zoom
        return f" · {number(round(zoom, 1))}×" if zoom > 1 else ""

    def compose_body(self) -> ComposeResult:
        """The picture alone."""
        yield self.picture

    def on_mount(self) -> None:
        """Show it."""
        self.show_all()

    def show_all(self) -> None:
        """Show what there is to be seen."""
        self.picture.show(self._ref)

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self.query("StatusBar, KeyBar").refresh()

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does; there is an end to closeness."""
        name = self.scope
        return {
            f"{name}.back": Command(self.app.pop_screen),
            f"{name}.zoom_in": Command(lambda: self._zoom(_STEP), self._why_no_closer),
            f"{name}.zoom_out": Command(lambda: self._zoom(1 / _STEP), self._why_all_is_seen),
            f"{name}.whole": Command(lambda: self._zoom(0), self._why_all_is_seen),
            f"{name}.pan_left": Command(lambda: self._pan(-1, 0), self._why_all_is_seen),
            f"{name}.pan_right": Command(lambda: self._pan(1, 0), self._why_all_is_seen),
            f"{name}.pan_up": Command(lambda: self._pan(0, -1), self._why_all_is_seen),
            f"{name}.pan_down": Command(lambda: self._pan(0, 1), self._why_all_is_seen),
        }

    def _why_no_closer(self) -> str | None:
        is_closest = self.picture.zoom >= _CLOSEST
        return _("It cannot be enlarged any further.") if is_closest else None

    def _why_all_is_seen(self) -> str | None:
        return _("The whole picture is shown already.") if self.picture.zoom <= 1 else None

    def _pan(self, across: int, down: int) -> None:
        x, y = self.picture.pan
        part = _MOVE / self.picture.zoom
        self._move(x + across * part, y + down * part)

    def _zoom(self, factor: float) -> None:
        self.picture.zoom = min(max(self.picture.zoom * factor, 1.0), _CLOSEST)
        self._move(*self.picture.pan)
        self.query("StatusBar, KeyBar").refresh()

    def _move(self, x: float, y: float) -> None:
        edge = 0.5 / self.picture.zoom  # past it, keys would move nothing
        self.picture.pan = (min(max(x, edge), 1 - edge), min(max(y, edge), 1 - edge))
