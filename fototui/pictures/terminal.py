"""What the terminal can show, found out before the app takes it over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module


class Graphics(StrEnum):
    """Ways to show a picture in a terminal."""

    TGP = "tgp"
    """Kitty's graphics protocol."""
    SIXEL = "sixel"
    HALFCELL = "halfcell"
    """Two coloured halves per character: coarse, and works everywhere."""
    OFF = "off"
    """The address instead."""


CHOICES = ("auto", *Graphics)
"""What an operator may ask for."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """How pictures are shown.

    Args:
        graphics: Which way.
        cell_width: Pixels of one character, across.
        cell_height: Pixels of one character, down.
    """

    graphics: Graphics = Graphics.HALFCELL
    cell_width: int = 1
    cell_height: int = 2


def detect(choice: str) -> Renderer:
    """Find out how pictures can be shown, by asking the terminal where needed.

    It must be called before the app runs, which then reads the terminal's answers itself, and only
    with a terminal: importing textual-image writes to it and waits for its answer (0.12).

    Args:
        choice: One of `CHOICES`; anything but "auto" is taken at its word.

    Returns:
        How.

    Raises:
        ValueError: There is no such choice.
    """
    graphics = None if choice == "auto" else Graphics(choice)
    if graphics in (Graphics.HALFCELL, Graphics.OFF):
        return Renderer(graphics)
    renderables = import_module("textual_image.renderable")
    if graphics is None:
        found = {renderables.TGPImage: Graphics.TGP, renderables.SixelImage: Graphics.SIXEL}
        graphics = found.get(renderables.Image)
        if graphics is None:
            return Renderer()
    # The widgets ask for the size of a character once and remember it.
    import_module("textual_image.widget")
    cell = import_module("textual_image._terminal").get_cell_size()
    return Renderer(graphics, cell.width, cell.height)
