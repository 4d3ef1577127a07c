"""What the terminal can show, found out before the app takes it over."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module


class Graphics(StrEnum):
    """Ways to show a picture in a terminal."""

    KITTY = "kitty"
    """Kitty's graphics protocol."""
    SIXEL = "sixel"
    OCTANT = "octant"
    """Two by four coloured parts per character, of Unicode 16: few terminals draw them."""
    SEXTANT = "sextant"
    """Two by three, of Unicode 13: most newer terminals draw them."""
    QUADRANT = "quadrant"
    """Two by two: works everywhere."""
    HALFCELL = "halfcell"
    """Two halves: as coarse as it gets."""
    OFF = "off"
    """The address instead."""

    @classmethod
    def _missing_(cls, value: object) -> Graphics | None:
        # What the settings called it before.
        return cls.KITTY if value == "tgp" else None


_UNLIMITED = 1 << 15

_ANSWER_SECONDS = 1.0

_OCTANTS_SINCE = {"kitty": (0, 40), "ghostty": (1, 2), "foot": (1, 20), "VTE": (7800,)}
_SEXTANTS_SINCE = {
    "kitty": (0, 20),
    "ghostty": (1,),
    "foot": (1, 8),
    "VTE": (6400,),
    "WezTerm": (20210814,),
    "iTerm2": (3, 5),
}
"""Terminals that draw these characters themselves, whatever their font has, and since which
version; from their release notes."""

_PLACEHOLDERS_SINCE = {"kitty": (0, 28), "ghostty": (1,)}
"""Terminals that draw pictures in place of characters, as textual-image has them drawn, and since
which version; Kitty's documentation of its protocol. Others that say they know the protocol, and
earlier ones, show boxes."""

_PIXELS = {
    Graphics.OCTANT: (2, 4),
    Graphics.SEXTANT: (6, 12),
    Graphics.QUADRANT: (2, 4),
    Graphics.HALFCELL: (1, 2),
}
"""Pixels of one character, across and down: as square as the character's grid allows, and a whole
number of them in each part."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """How pictures are shown.

    Args:
        graphics: Which way.
        cell_width: Pixels of one character, across.
        cell_height: Pixels of one character, down.
        most_wide: Pixels of the widest picture the terminal takes.
        most_high: Pixels of the highest picture the terminal takes.
    """

    graphics: Graphics = Graphics.QUADRANT
    cell_width: int = 2
    cell_height: int = 4
    most_wide: int = _UNLIMITED
    most_high: int = _UNLIMITED

    @classmethod
    def of(cls, graphics: Graphics) -> Renderer:
        """The renderer of a way that needs nothing to be known of the terminal."""
        return cls(graphics, *_PIXELS[graphics])


def detect(choice: str) -> Renderer:
    """Find out how pictures can be shown, by asking the terminal where needed.

    It must be called before the app runs, which then reads the terminal's answers itself, and only
    with a terminal: importing textual-image writes to it and waits for its answer (0.12).

    Args:
        choice: "auto", or one of `Graphics`, which is taken at its word.

    Returns:
        How.

    Raises:
        ValueError: There is no such choice.
    """
    graphics = None if choice == "auto" else Graphics(choice)
    if graphics is Graphics.OFF:
        return Renderer(graphics)
    if graphics in _PIXELS:
        return Renderer.of(graphics)
    renderables = import_module("textual_image.renderable")
    if graphics is None:
        found = {renderables.TGPImage: Graphics.KITTY, renderables.SixelImage: Graphics.SIXEL}
        graphics = found.get(renderables.Image)
        if graphics is not Graphics.SIXEL:
            terminal = _Terminal.ask()
            if graphics is None or not terminal.is_since(_PLACEHOLDERS_SINCE):
                return Renderer.of(terminal.symbols)
    # The widgets ask for the size of a character once and remember it.
    import_module("textual_image.widget")
    cell = import_module("textual_image._terminal").get_cell_size()
    wide, high = _most_sixels() if graphics is Graphics.SIXEL else (_UNLIMITED, _UNLIMITED)
    return Renderer(graphics, cell.width, cell.height, wide, high)


@dataclass(frozen=True, slots=True)
class _Terminal:
    """Which terminal it is.

    Args:
        name: As it calls itself; empty where it does not say.
        version: Its version.
    """

    name: str = ""
    version: tuple[int, ...] = ()

    @classmethod
    def ask(cls) -> _Terminal:
        """Ask it (XTVERSION)."""
        answer = re.search(r"\x1bP>\|(\w+)[ (]([\d.]+)", _asked("\x1b[>q"))
        if answer is None:
            return cls()
        return cls(answer[1], tuple(int(part) for part in answer[2].split(".") if part))

    def is_since(self, versions: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether it is one of some terminals, in that version or a later one."""
        return self.name in versions and self.version >= versions[self.name]

    @property
    def symbols(self) -> Graphics:
        """The finest characters that it draws for certain."""
        if self.is_since(_OCTANTS_SINCE):
            return Graphics.OCTANT
        # Windows Terminal does not give its name; its own font has sextants.
        if self.is_since(_SEXTANTS_SINCE) or (not self.name and "WT_SESSION" in os.environ):
            return Graphics.SEXTANT
        return Graphics.QUADRANT


def _most_sixels() -> tuple[int, int]:
    """Ask the terminal for its biggest picture (XTSMGRAPHICS): xterm shows none above 1000×1000."""
    answer = re.search(r"\x1b\[\?2;0;([1-9]\d*);([1-9]\d*)S", _asked("\x1b[?2;4;0S"))
    return (int(answer[1]), int(answer[2])) if answer else (_UNLIMITED, _UNLIMITED)


def _asked(question: str) -> str:
    """Ask the terminal something that not all answer, and then for its state, which all do."""
    terminal = import_module("textual_image._terminal")
    out, keys = sys.__stdout__, sys.__stdin__
    if out is None or keys is None or not (out.isatty() and keys.isatty()):
        return ""
    try:
        with terminal.capture_terminal_response("\x1b", "\x1b[0n", _ANSWER_SECONDS) as response:
            out.write(f"{question}\x1b[5n")
            out.flush()
    except (terminal.TerminalError, TimeoutError):
        return ""
    return str(response.sequence)
