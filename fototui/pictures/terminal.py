"""What the terminal can show, found out before the app takes it over."""

from __future__ import annotations

import re
import sys
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


_UNLIMITED = 1 << 15

_ANSWER_SECONDS = 1.0

_PLACEHOLDERS_SINCE = {"kitty": (0, 28), "ghostty": (1,)}
"""Terminals that draw pictures in place of characters, as textual-image has them drawn, and since
which version; Kitty's documentation of its protocol. Others that say they know the protocol, and
earlier ones, show boxes."""


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

    graphics: Graphics = Graphics.HALFCELL
    cell_width: int = 1
    cell_height: int = 2
    most_wide: int = _UNLIMITED
    most_high: int = _UNLIMITED


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
    if graphics in (Graphics.HALFCELL, Graphics.OFF):
        return Renderer(graphics)
    renderables = import_module("textual_image.renderable")
    if graphics is None:
        found = {renderables.TGPImage: Graphics.TGP, renderables.SixelImage: Graphics.SIXEL}
        graphics = found.get(renderables.Image)
        if graphics is None or (graphics is Graphics.TGP and not _has_placeholders()):
            return Renderer()
    # The widgets ask for the size of a character once and remember it.
    import_module("textual_image.widget")
    cell = import_module("textual_image._terminal").get_cell_size()
    wide, high = _most_sixels() if graphics is Graphics.SIXEL else (_UNLIMITED, _UNLIMITED)
    return Renderer(graphics, cell.width, cell.height, wide, high)


def _has_placeholders() -> bool:
    """Ask the terminal for its name and version (XTVERSION)."""
    answer = re.search(r"\x1bP>\|(\w+)[ (]([\d.]+)", _asked("\x1b[>q"))
    if answer is None or answer[1] not in _PLACEHOLDERS_SINCE:
        return False
    version = tuple(int(part) for part in answer[2].split(".") if part)
    return version >= _PLACEHOLDERS_SINCE[answer[1]]


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
