"""How the terminal app is started. It imports nothing, so that the command line can name it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TerminalOptions:
    """How the terminal app is started; None follows the settings.

    Args:
        engine: Run an engine in it.
        read_only: Nothing may be changed from it.
        language: "cs" or "en".
        theme: Name of a theme.
        pictures: How pictures are drawn.
    """

    engine: bool = True
    read_only: bool = False
    language: str | None = None
    theme: str | None = None
    pictures: str | None = None
