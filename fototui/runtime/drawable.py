"""Whether there is a terminal to draw on; asked before anything else of the app is imported."""

import os
import sys

from fototui.domain.errors import ConfigurationError

_CANNOT_BE_DRAWN_ON = frozenset({"", "dumb", "unknown"})


def require_terminal() -> None:
    """Refuse to draw screens into a pipe.

    Raises:
        ConfigurationError: Standard output is no terminal, or one that knows no cursor.
    """
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise ConfigurationError(
            "The terminal app needs a terminal. See fototui --help for commands that need none."
        )
    if (kind := os.environ.get("TERM", "")) in _CANNOT_BE_DRAWN_ON:
        raise ConfigurationError(
            "A terminal of the kind TERM={kind} cannot show the app. Start it in another one, or "
            "set TERM to what this one is, for instance xterm-256color.",
            kind=kind or "(empty)",
        )
