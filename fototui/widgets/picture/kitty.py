"""A picture by Kitty's protocol, by which a terminal keeps pictures until it is told otherwise."""

from __future__ import annotations

from PIL import Image
from textual.geometry import Size
from textual_image.renderable.tgp import Image as Renderable
from textual_image.widget import TGPImage

from fototui.widgets.picture.surface import Surface


class Kitty(TGPImage, Surface, Renderable=Renderable):
    """textual-image's own widget."""

    def __init__(self) -> None:
        super().__init__(classes="surface")

    async def paint(self, image: Image.Image, cells: Size, cell_height: int) -> None:
        """Show a picture."""
        del cells, cell_height
        self.image = image

    def forget(self) -> None:
        """Have the terminal forget it."""
        self.image = None
