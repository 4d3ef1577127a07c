"""One picture on the whole screen, as close as one likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.app import ComposeResult

from fototui.domain.files import S3ObjectRefData
from fototui.pictures.viewport import Viewport
from fototui.screens.base import FototuiScreen
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.ui.zooming import closeness, zooming
from fototui.widgets.picture.widget import Picture


class PictureScreen(FototuiScreen):
    """A picture, zoomed with + and -, moved with the arrows.

    Args:
        context: The parts of the app.
        ref: The file; None where there is none yet.
        named: Says what it is, for the heading, in the language of the moment.
    """

    scope = Scope.PICTURE

    def __init__(
        self, context: AppContext, ref: S3ObjectRefData | None, *, named: Callable[[], str]
    ) -> None:
        super().__init__(context)
        self._ref = ref
        self._named = named
        self.picture = Picture(context.pictures)

    def heading(self) -> str:
        """What is shown, and how close."""
        return f"{self._named()}{self.closeness}"

    @property
    def closeness(self) -> str:
        """How close, for the heading; empty where all of it is seen."""
        words = closeness(self.picture.viewport)
        return f" · {words}" if words else ""

    def compose_body(self) -> ComposeResult:
        """The picture alone."""
        yield self.picture

    def on_mount(self) -> None:
        """Show it."""
        self.show_all()

    def show_all(self) -> None:
        """Show what there is to be seen."""
        self.picture.show(self._ref)
        self._prepare()

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self.query("StatusBar, KeyBar").refresh()

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does."""
        return {
            f"{self.scope}.back": Command(self.app.pop_screen),
            **zooming(self.scope, lambda: self.picture.viewport, self._look),
        }

    def _prepare(self) -> None:
        """Have what the next keys may ask for: the same picture, closer."""
        if self._ref is not None:
            closer = self.picture.viewport.zoomed(1)
            self.context.pictures.prefetch([self._ref], zoom=closer.zoom)

    def _look(self, viewport: Viewport) -> None:
        self.picture.viewport = viewport
        self._prepare()
        self.query("StatusBar, KeyBar").refresh()
