"""Which language a computer speaks."""

import locale
from collections.abc import Mapping


def preferred_language(environment: Mapping[str, str]) -> str:
    """Czech where the locale is Czech, else English.

    Args:
        environment: Its variables.
    """
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(variable):
            return "cs" if locale.normalize(value).startswith("cs") else "en"
    return "en"
