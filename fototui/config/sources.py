"""The places that settings come from: the environment, `.env` and a TOML file.

Names are the same everywhere; in the TOML file they may be grouped, so that `[s3]` with `bucket`
means `s3_bucket`. A value that is empty counts as not set.
"""

from __future__ import annotations

import logging
import os
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import platformdirs
from pydantic import SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)

from fototui.domain.errors import ConfigurationError
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line

# Python's own: these lines come before the settings that logging is set up by, and are then their
# bare words on standard error.
log = logging.getLogger(__name__)

CONFIG_VARIABLE = "FOTOTUI_CONFIG"
"""Environment variable that names another TOML file."""

ENV_FILE = Path(".env")

_PROXY_KEY = re.compile(r"proxy_(\d+)_(host|port|username|password|certificate)")
# Written as a table: [keys] "order.choose" = "c". The dot keeps environment variables out.
_ACTION_KEY = re.compile(r"keys_([a-z]+\.[a-z0-9_]+)")

_PRESET_KEY = re.compile(r"presets_([a-z0-9_-]+)_(label|megapixels|steps)")
NESTED = ("proxy", "keys", "presets")
"""Settings that are tables; each of their values has a name of its own."""


def config_file() -> Path:
    """The TOML file that settings are read from; it need not be there."""
    named = os.environ.get(CONFIG_VARIABLE)
    return (
        Path(named).expanduser()
        if named
        else platformdirs.user_config_path("fototui") / "config.toml"
    )


class Place(PydanticBaseSettingsSource):
    """One place that settings come from; its names are kept as they are written there."""

    @property
    @abstractmethod
    def told(self) -> Sentence:
        """What it is called."""

    @property
    @abstractmethod
    def written(self) -> Mapping[str, str | None]:
        """Names and values."""

    @property
    def names(self) -> Mapping[str, str]:
        """How each name is written that is set here; an empty value is not."""
        return {name.lower(): name for name, value in self.written.items() if (value or "").strip()}

    def __call__(self) -> dict[str, object]:
        """The settings among what is there."""
        values = {key: self.written[name] for key, name in self.names.items()}
        return _nest(self.settings_cls, values)

    def problem(self, name: str, what: Sentence) -> Sentence:
        """Say what is wrong with a value.

        Args:
            name: The name it is written under.
            what: What is wrong.
        """
        return Sentence.make("environment variable {name}: {what}", name=name, what=what)


class _Environment(Place, EnvSettingsSource):
    """The environment's variables."""

    @property
    def told(self) -> Sentence:
        return Sentence.make("environment")

    @property
    def written(self) -> Mapping[str, str | None]:
        return self.env_vars


class _EnvFile(Place, DotEnvSettingsSource):
    """The file `.env` in the folder where the program was started."""

    def __init__(self, settings: type[BaseSettings]) -> None:
        try:
            super().__init__(settings, env_file=ENV_FILE, case_sensitive=True)
        except (OSError, ValueError) as error:
            raise _unreadable(ENV_FILE, error) from None

    @property
    def told(self) -> Sentence:
        return Sentence.plain(str(ENV_FILE))

    @property
    def written(self) -> Mapping[str, str | None]:
        return self.env_vars

    def problem(self, name: str, what: Sentence) -> Sentence:
        return _in_file(ENV_FILE, name, what)


class _TomlFile(Place, TomlConfigSettingsSource):
    """The settings file; its tables are flat names here."""

    def __init__(self, settings: type[BaseSettings]) -> None:
        self.path = config_file()
        try:
            super().__init__(settings, self.path)
            if self.path.exists() and not self.path.is_file():  # a pipe, such as a shell's <(…)
                import tomllib

                self.toml_data = tomllib.loads(self.path.read_text("utf-8"))
            self._written = dict(_flatten(self.toml_data, self.path))
        except (OSError, ValueError) as error:
            raise _unreadable(self.path, error) from None

    def __call__(self) -> dict[str, object]:
        """The settings of a file that holds nothing else, and is there if it is named.

        Raises:
            ConfigurationError: It is not there, or holds something else.
        """
        if not self.path.exists():
            if os.environ.get(CONFIG_VARIABLE):
                raise ConfigurationError(
                    "{variable} names {path}, which is not there; correct it or unset it.",
                    variable=CONFIG_VARIABLE,
                    path=str(self.path),
                )
            return {}
        if unknown := self._unknown():
            raise ConfigurationError(
                "{path}: {names}: no such setting; correct the name or take it out.",
                path=str(self.path),
                names=", ".join(unknown),
            )
        self._warn()
        return super().__call__()

    def _unknown(self) -> list[str]:
        return [name for key, name in self.names.items() if not _is_known(self.settings_cls, key)]

    def _warn(self) -> None:
        is_open = os.name == "posix" and self.path.stat().st_mode & 0o077
        if is_open and any(_is_secret(self.settings_cls, key) for key in self.names):
            path = self.path
            log.warning("%s holds secrets and others may read it; run: chmod 600 %s", path, path)

    @property
    def told(self) -> Sentence:
        return Sentence.plain(str(self.path))

    @property
    def written(self) -> Mapping[str, str | None]:
        return self._written

    def problem(self, name: str, what: Sentence) -> Sentence:
        return _in_file(self.path, name, what)


def places(settings: type[BaseSettings]) -> tuple[Place, ...]:
    """Read all places.

    Args:
        settings: The settings' class.

    Returns:
        The weightiest first.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    environment = _Environment(settings, case_sensitive=True)
    return (environment, _EnvFile(settings), _TomlFile(settings))


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    """Why a file cannot be read, in words that hold none of its content."""
    import tomllib  # which is there already if there is such a file

    if isinstance(error, tomllib.TOMLDecodeError | OSError):
        reason = clean_line(getattr(error, "strerror", None) or str(error))
        return ConfigurationError("{path} cannot be read: {reason}.", path=str(path), reason=reason)
    return ConfigurationError("{path} cannot be read: it is not UTF-8 text.", path=str(path))


def _flatten(
    table: Mapping[str, object], path: Path, prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Names of a table with its values as the environment would have them."""
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flatten(value, path, f"{name}_")
        elif isinstance(value, str | int | float):
            yield name, str(value)
        else:
            raise ConfigurationError(
                "{path}: {name}: give a text, a number, true or false.", path=str(path), name=name
            )


def _is_known(settings: type[BaseSettings], name: str) -> bool:
    if any(key.fullmatch(name) for key in (_PROXY_KEY, _ACTION_KEY, _PRESET_KEY)):
        return True
    return name in settings.model_fields and name not in NESTED


def _is_secret(settings: type[BaseSettings], name: str) -> bool:
    if match := _PROXY_KEY.fullmatch(name):
        return match[2] == "password"
    if _ACTION_KEY.fullmatch(name) or _PRESET_KEY.fullmatch(name):
        return False
    return SecretStr in get_args(settings.model_fields[name].annotation)


def _nest(settings: type[BaseSettings], values: Mapping[str, object]) -> dict[str, object]:
    """The settings among flat names: what is not ours is left out, tables are put together."""
    proxies: dict[str, dict[str, object]] = {}
    keys: dict[str, object] = {}
    presets: dict[str, dict[str, object]] = {}
    nested: dict[str, object] = {"proxy": proxies, "keys": keys, "presets": presets}
    for name, value in values.items():
        if match := _PROXY_KEY.fullmatch(name):
            proxies.setdefault(match[1], {})[match[2]] = value
        elif match := _ACTION_KEY.fullmatch(name):
            keys[match[1]] = value
        elif match := _PRESET_KEY.fullmatch(name):
            presets.setdefault(match[1], {})[match[2]] = value
        elif _is_known(settings, name):
            nested[name] = value
    return nested


def _in_file(path: Path, name: str, what: Sentence) -> Sentence:
    return Sentence.make("{path}: {name}: {what}", path=str(path), name=name, what=what)
