"""The app of the first run."""

from __future__ import annotations

from pathlib import Path

from fototui.screens.setup.screens import WelcomeScreen
from fototui.screens.setup.steps import Known, SetupWork
from fototui.ui.terminal import TerminalApp
from fototui.ui.theme import THEMES


class SetupApp(TerminalApp[str]):
    """The first run; ends with "demo", "connect" or "leave".

    Args:
        path: Where the settings file is to be.
        work: Checks and writes.
        known: What is set already.
    """

    TITLE = "fototui"
    CSS = """
    Screen { align: center middle; }
    .card { width: 64; height: auto; padding: 1 2; border: round $accent; }
    .card.wide { width: 100%; max-width: 92; }
    .card > Static { margin-bottom: 1; }
    .card > Button { width: 100%; margin-bottom: 1; }
    .field { height: 1; }
    .field Label { width: 18; }
    .field Input { width: 1fr; }
    #found { margin: 1 0; height: auto; max-height: 6; }
    .buttons { height: auto; }
    .buttons Button { margin-right: 1; }
    """

    def __init__(self, path: Path, work: SetupWork, known: Known | None = None) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self._welcome = WelcomeScreen(path, work, known or Known())

    def on_mount(self) -> None:
        """Begin."""
        self.push_screen(self._welcome)
