"""The settings in force as a file, for another machine or for another operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import tomlkit
from pydantic import BaseModel, SecretStr

from fototui.config.settings import Settings

# What a terminal is not given: its operator's own, and what only a server needs.
_PERSONAL = ("operator", "log_level", "engine_lease", "engine_concurrency", "keys", "redis_url")
_SERVER = ("shopify_webhook_secret",)


def exported(settings: Settings, *, for_operator: bool) -> str:
    """Write down what was set, secrets too; what was left at its default is left out.

    Args:
        settings: What is in force.
        for_operator: Only what another operator's terminal needs to work on the same shop.

    Returns:
        The content of a settings file.
    """
    left_out = _PERSONAL + _SERVER if for_operator else ()
    document = tomlkit.document()
    for name in sorted(settings.model_fields_set):
        if name in left_out or (for_operator and name.startswith("ui_")):
            continue
        for key, value in written(name, getattr(settings, name)):
            document[key] = value
    for key, value in settings.keys.items() if not for_operator else ():
        document.setdefault("keys", tomlkit.table())[key] = value
    return tomlkit.dumps(document)


def written(name: str, value: object) -> Iterator[tuple[str, str | int | float | bool]]:
    """Names and values as the settings file has them."""
    match value:
        case None:
            return
        case bool() | int() | float() | str():
            yield name, value
        case SecretStr():
            yield name, value.get_secret_value()
        case Path():
            yield name, str(value.absolute())
        case BaseModel():
            for part, inner in value:
                yield from written(f"{name}_{part}", inner)
        case Mapping() if name in ("proxy", "presets"):
            for part, inner in value.items():
                yield from written(f"{name}_{part}", inner)
        case Mapping() if name == "keys":
            return
        case Mapping():
            yield name, ",".join(f"{key}={count}" for key, count in value.items())
        case Iterable():
            yield name, ",".join(sorted(map(str, value)))
        case _:
            yield name, str(value)
