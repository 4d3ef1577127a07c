"""What a picture is drawn on; one kind of it for each way a terminal can show pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.widget import Widget

if TYPE_CHECKING:
    from PIL import Image


class Surface(Widget):
    """Draws one picture."""

    async def paint(self, image: Image.Image, cells: Size, cell_height: int) -> None:
        """Show a picture once this widget has its size.

        Args:
            image: An RGB picture.
            cells: Its size in characters.
            cell_height: Pixels of one character, down.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Have a terminal that keeps pictures forget this one."""
