"""The language that the settings choose, read without all the others.

`fototui --help` is to be there at once: reading the settings takes several times as long.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from fototui.domain.language import preferred_language

LANGUAGES = ("cs", "en")
_NAME = "ui_language"
_IN_ENV_FILE = re.compile(
    rf"^\s*(?:export\s+)?{_NAME}\s*=\s*['\"]?(\w+)", re.IGNORECASE | re.MULTILINE
)


def language_of_settings() -> str:
    """ "cs" or "en": as the settings say, or as the computer speaks.

    What is wrong with the settings is left for those to tell who read all of them.
    """
    chosen = next((value for value in _values() if value in LANGUAGES), None)
    return chosen or preferred_language(os.environ)


def _values() -> Iterator[str | None]:
    """What each place says, in the order in which they count."""
    yield next((value for name, value in os.environ.items() if name.lower() == _NAME), None)
    try:
        found = _IN_ENV_FILE.search(Path(".env").read_text("utf-8"))
    except (OSError, ValueError):
        found = None
    yield found and found[1]
    yield _in_file()


def _in_file() -> str | None:
    """What the settings file says."""
    import platformdirs

    named = os.environ.get("FOTOTUI_CONFIG")
    folder = platformdirs.user_config_path("fototui")
    path = Path(named).expanduser() if named else folder / "config.toml"
    if not path.exists():
        return None
    import tomllib

    try:
        written = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    group = written.get("ui")
    value = written.get(_NAME, group.get("language") if isinstance(group, dict) else None)
    return value if isinstance(value, str) else None
