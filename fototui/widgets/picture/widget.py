"""A picture in the space it is given, by whichever way the terminal can show one."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker

from fototui.domain.errors import FototuiError
from fototui.domain.text import clean_line
from fototui.i18n import translate
from fototui.pictures.loader import PictureLoader, PictureSource
from fototui.pictures.terminal import Graphics, Renderer
from fototui.pictures.viewport import Viewport
from fototui.ui.workers import begin
from fototui.widgets.picture.surface import Surface
from fototui.widgets.picture.symbols import Symbols

if TYPE_CHECKING:
    from PIL import Image

_SETTLED = 0.05  # seconds without another resize, zoom or pan


class PictureState(StrEnum):
    """How far a picture is."""

    EMPTY = "empty"
    LOADING = "loading"
    SHOWN = "shown"
    FAILED = "failed"


def _surface(graphics: Graphics) -> Surface | None:
    """What draws; None where nothing can.

    Some are imported only here: textual-image's modules ask the terminal, which `detect` has done.
    """
    match graphics:
        case Graphics.SIXEL:
            from fototui.widgets.picture.sixel import Sixels

            return Sixels()
        case Graphics.KITTY:
            from fototui.widgets.picture.kitty import Kitty

            return Kitty()
        case Graphics.OFF:
            return None
        case _:
            return Symbols(graphics)


class _Stage(Container):
    """The space for a picture, which a caption makes smaller.

    Args:
        resized: What to do with another size.
    """

    def __init__(self, resized: Callable[[], None]) -> None:
        super().__init__(classes="stage")
        self._resized = resized

    def on_resize(self) -> None:
        """Tell."""
        self._resized()


class Picture(Widget):
    """A picture with its caption; where it cannot be shown, the reason.

    Args:
        pictures: Loads it, and knows what the terminal can show.

    Attributes:
        viewport: Which part of it is looked at.
    """

    DEFAULT_CSS = """
    Picture { width: 1fr; height: 1fr; layout: vertical; }
    Picture > .stage { width: 1fr; height: 1fr; align: center middle; overflow: hidden; }
    Picture .surface { display: none; }
    Picture .words {
        width: auto; max-width: 90%; height: auto; color: $text-muted; text-align: center;
    }
    Picture .caption {
        width: 1fr; height: auto; max-height: 1; color: $text-muted; text-align: center;
        text-wrap: nowrap; text-overflow: ellipsis; display: none;
    }
    """
    viewport: reactive[Viewport] = reactive(Viewport(), init=False)

    def __init__(self, pictures: PictureLoader, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._pictures = pictures
        self._ref: PictureSource | None = None
        self._empty = ""
        self._caption = ""
        self._settling: Timer | None = None
        self._loading: Worker[None] | None = None
        self._surface: Surface | None = None
        self._stage = _Stage(self._resized)
        self._waits_for_size = False
        self._words = Static(classes="words")
        self._under = Static(classes="caption")
        self.state = PictureState.EMPTY
        """How far it is."""
        self.reason = ""
        """Why it cannot be shown, as a sentence."""

    def compose(self) -> ComposeResult:
        """A stage with the picture or words on it, and the caption."""
        self._surface = _surface(self._renderer.graphics)
        with self._stage:
            if self._surface is not None:
                yield self._surface
            yield self._words
        yield self._under

    def show(self, ref: PictureSource | None, *, caption: str = "", empty: str = "") -> None:
        """Show another picture; what was still being loaded is forgotten.

        Args:
            ref: The file, or the page of one; None for no picture.
            caption: A line under it; may hold a stranger's text.
            empty: What to say where there is no picture.
        """
        is_new = ref != self._ref or ref is None
        self._ref, self._caption, self._empty = ref, clean_line(caption), empty
        if self.is_mounted:
            self._show_caption()
            if is_new:
                self._begin()

    def on_mount(self) -> None:
        """Show what was asked for before there was a place for it."""
        self._show_caption()
        self._begin()
        # Of a widget that is mounted while another is laid out, Textual 8.2 may tell no size.
        self.call_after_refresh(self._load_unless_begun)

    def on_unmount(self) -> None:
        """Have a terminal that keeps pictures (Kitty's protocol) forget this one."""
        if self._surface is not None:
            self._surface.forget()

    def watch_viewport(self) -> None:
        """Look at another part."""
        self._reload_soon()

    # --- how -----------------------------------------------------------------------------------

    @property
    def _renderer(self) -> Renderer:
        return self._pictures.renderer

    def _show_caption(self) -> None:
        self._under.display = bool(self._caption)
        self._under.update(Content(self._caption))

    def _begin(self) -> None:
        if self._ref is None:
            self.workers.cancel_group(self, "picture")
            self._say(self._empty, PictureState.EMPTY)
        else:
            # The picture before must not stand over the next one's name.
            self._say("…", PictureState.LOADING)
            self._load_now()

    def _resized(self) -> None:
        # Its first size is what it was waiting for; another one may be on its way to the next.
        if self._waits_for_size:
            self._load_now()
        else:
            self._reload_soon()

    def _reload_soon(self) -> None:
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(_SETTLED, self._load_now)

    def _load_unless_begun(self) -> None:
        if self._loading is None and self._settling is None:
            self._load_now()

    def _load_now(self) -> None:
        if (ref := self._ref) is not None and self.is_mounted:
            self._loading = begin(self, partial(self._load, ref), group="picture", exclusive=True)

    async def _load(self, ref: PictureSource) -> None:
        stage, renderer = self._stage.size, self._renderer
        self._waits_for_size = not stage.area
        if self._waits_for_size:
            return
        try:
            if renderer.graphics is Graphics.OFF:
                self._say(clean_line(await self._pictures.address(ref)), PictureState.SHOWN)
                return
            image = await self._pictures.load(
                ref,
                width_px=min(stage.width * renderer.cell_width, renderer.most_wide),
                height_px=min(stage.height * renderer.cell_height, renderer.most_high),
                zoom=self.viewport.zoom,
                pan=self.viewport.pan,
                has_map=True,
            )
        except FototuiError as error:
            self._say(translate(error), PictureState.FAILED)
        else:
            await self._paint(image)

    async def _paint(self, image: Image.Image) -> None:
        surface, renderer = self._surface, self._renderer
        if surface is None:
            return
        cells = Size(
            -(-image.width // renderer.cell_width), -(-image.height // renderer.cell_height)
        )
        await surface.paint(image, cells, renderer.cell_height)
        surface.styles.width, surface.styles.height = cells
        surface.display = True
        self._words.display = False
        self.state, self.reason = PictureState.SHOWN, ""

    def _say(self, words: str, state: PictureState) -> None:
        if self._surface is not None:
            self._surface.display = False
        self._words.display = True
        self._words.update(Content(words))
        self.state, self.reason = state, words if state is PictureState.FAILED else ""
