"""The program's settings: from the environment, `.env` and a TOML file, in this order of weight.

Names are the same everywhere; in the TOML file they may be grouped, so that `[s3]` with `bucket`
means `s3_bucket`. A value that is empty counts as not set.
"""

import logging
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

import platformdirs
from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from fototui.config.values import (
    DEFAULT_CONCURRENCY,
    Seconds,
    Url,
    explain,
    login_name,
    read_concurrency,
    read_database_url,
    read_hosts,
)
from fototui.domain.errors import ConfigurationError
from fototui.domain.options import MEGAPIXELS_RANGE, STEPS_RANGE
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.domain.text import clean_line

# Not structlog: these lines come before the settings that logging is set up by, when structlog
# would still write to standard output, where results belong.
log = logging.getLogger(__name__)

T = TypeVar("T")

CONFIG_VARIABLE = "FOTOTUI_CONFIG"
"""Environment variable that names another TOML file."""

ENV_FILE = Path(".env")

_ENVIRONMENT = "environment variable"
_PROXY_KEY = re.compile(r"proxy_(\d+)_(host|port|username|password|certificate)")
# Written as a table: [keys] "order.choose" = "c". The dot keeps environment variables out.
_ACTION_KEY = re.compile(r"keys_([a-z]+\.[a-z0-9_]+)")


class Proxy(BaseModel):
    """A proxy for downloads of photos that refuse this machine.

    Args:
        host: Its host name or address.
        port: Its TCP port.
        username: Where it asks for one.
        password: Where it asks for one.
        certificate: Path of a PEM file, or its text, by which an intercepting proxy is trusted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    username: str | None = None
    password: SecretStr | None = None
    certificate: str | None = None


class Settings(BaseModel):
    """All settings, checked; what is made directly, not by `load_settings`, reads nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: Annotated[SecretStr | None, AfterValidator(read_database_url)] = None

    mercure_url: Url | None = None
    mercure_publisher_jwt_key: SecretStr | None = None
    mercure_subscriber_jwt_key: SecretStr | None = None

    shopify_store_url: Url | None = None
    shopify_store_handle: str | None = None
    shopify_access_token: SecretStr | None = None
    shopify_webhook_secret: SecretStr | None = None
    shopify_webhook_secret_2: SecretStr | None = None
    """The other secret while secrets are being rotated."""
    shopify_api_version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")] = "2026-10"
    import_interval: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 300.0
    """Seconds between two imports of a server; 0 for none."""

    photo_trusted_hosts: Annotated[frozenset[str], BeforeValidator(read_hosts)] = frozenset()
    """`host:port` of photo servers that may stand on a private address, such as this machine."""

    auto_coloring: bool = False
    """Ask for colourings as soon as an order's photos are there."""
    auto_svg: bool = False
    """Ask for the SVG as soon as an operator chooses a colouring."""
    auto_paid_only: bool = False
    """Both of these for paid orders only."""

    s3_endpoint: Url | None = None
    s3_bucket: str | None = None
    s3_region: str | None = None
    s3_access_key_id: str | None = None
    s3_secret_access_key: SecretStr | None = None
    s3_force_path_style: bool = False
    s3_public_url: Url | None = None
    storage_path: Path | None = None
    static_url: Url | None = None

    runpod_api_key: SecretStr | None = None
    runpod_endpoint_id: str | None = None
    runpod_api_url: Url = "https://api.runpod.ai/v2"
    runpod_poll_interval: Seconds = 3.0
    runpod_timeout: Seconds = 600.0

    vectorizer_api_key: SecretStr | None = None
    vectorizer_api_secret: SecretStr | None = None
    vectorizer_url: Url = "https://api.vectorizer.ai/api/v1/vectorize"
    vectorizer_mode: Literal["production", "test"] = "production"
    """Test calls are free; their results carry a watermark."""

    default_megapixels: Annotated[float, Field(ge=MEGAPIXELS_RANGE[0], le=MEGAPIXELS_RANGE[1])] = (
        1.0
    )
    default_steps: Annotated[int, Field(ge=STEPS_RANGE[0], le=STEPS_RANGE[1])] = 4
    min_image_size: Annotated[int, Field(ge=1)] = 1200
    """Pixels of the longer side; a smaller photo is scaled up before it is coloured."""

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ] = "INFO"
    timezone: ZoneInfo = ZoneInfo("Europe/Prague")
    proxy: dict[int, Proxy] = {}
    redis_url: SecretStr | None = None
    """Obsolete: accepted and ignored."""

    operator: Annotated[str, AfterValidator(clean_line), Field(min_length=1)] = Field(
        default_factory=login_name
    )
    """Who acts, for the activity log and for other operators."""
    engine_lease: Annotated[float, Field(ge=1, le=600)] = 15.0
    """Seconds of silence after which this engine's jobs may be taken by others."""
    engine_concurrency: Annotated[Mapping[JobKind, int], BeforeValidator(read_concurrency)] = (
        DEFAULT_CONCURRENCY
    )
    """Jobs at once in each lane of this engine."""

    ui_language: Literal["cs", "en"] | None = None
    """Language of the terminal app; the locale's where not given."""
    ui_theme: str | None = None
    ui_pictures: Literal["auto", "tgp", "sixel", "halfcell", "off"] = "auto"
    """How pictures are drawn; "auto" asks the terminal."""
    ui_ascii: bool = False
    """Badges in plain letters, for fonts without the usual signs."""
    ui_bell: bool = False
    """The terminal's bell rings when something fails."""
    ui_title: bool = True
    """The terminal's title counts what waits for the operator."""
    ui_ask_above: Annotated[int, Field(ge=1)] = 20
    """Generating for more images than this at once asks first."""
    keys: dict[str, str] = {}
    """Other keys for actions of the terminal app, by action id."""

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        """The proxies, in the order of their numbers."""
        return tuple(proxy for _, proxy in sorted(self.proxy.items()))

    @property
    def storage_backend(self) -> Literal["s3", "directory"]:
        """Where files are kept: in S3 where a bucket is named, else in a directory.

        Raises:
            ConfigurationError: Neither is named.
        """
        if self.s3_bucket is not None:
            return "s3"
        if self.storage_path is not None:
            return "directory"
        raise ConfigurationError(
            "Neither S3_BUCKET nor STORAGE_PATH is set; name a bucket or a folder for the photos "
            "in the environment, in .env or in {file}.",
            file=str(config_file()),
        )


@dataclass(frozen=True, slots=True)
class _Layer:
    """One place that settings come from.

    Args:
        origin: What an error calls it.
        values: Lower-case names and what is set there.
        spelled: How each name is written there.
    """

    origin: str
    values: Mapping[str, str]
    spelled: Mapping[str, str]

    @classmethod
    def of(cls, origin: str, found: Mapping[str, str | None]) -> "_Layer":
        """Take what is set; an empty value is not."""
        kept = {name: value for name, value in found.items() if value and value.strip()}
        return cls(
            origin,
            values={name.lower(): value for name, value in kept.items()},
            spelled={name.lower(): name for name in kept},
        )


def config_file() -> Path:
    """The TOML file that settings are read from; it need not be there."""
    named = os.environ.get(CONFIG_VARIABLE)
    return (
        Path(named).expanduser()
        if named
        else platformdirs.user_config_path("fototui") / "config.toml"
    )


def load_settings(**overrides: object) -> Settings:
    """Read and check the settings.

    Args:
        **overrides: Values that win over everything outside, by lower-case name.

    Returns:
        The settings.

    Raises:
        ConfigurationError: A file cannot be read, or values are wrong; each is named by its place
            and key, and never told itself.
    """
    layers = _read_layers()
    merged: dict[str, object] = {}
    for layer in reversed(layers):
        merged |= layer.values
    try:
        return Settings.model_validate(_nest(merged) | overrides)
    except ValidationError as error:
        # Not chained: the library's error holds the values.
        raise ConfigurationError(Sentence.joined(_problems(error, layers), "; ")) from None


def required(value: T | None, key: str) -> T:
    """Insist on a setting that the work at hand cannot do without.

    Args:
        value: The setting.
        key: Its name.

    Returns:
        The setting, sure to be set.

    Raises:
        ConfigurationError: It is not set; the sentence tells where it can be.
    """
    if value is None:
        raise ConfigurationError(
            "{key} is not set; set it in the environment, in .env or in {file}.",
            key=key.upper(),
            file=str(config_file()),
        )
    return value


def _read_layers() -> list[_Layer]:
    """All layers, the weightiest first."""
    return [
        _Layer.of(_ENVIRONMENT, os.environ),
        _Layer.of(str(ENV_FILE), _read_env_file()),
        _read_toml(config_file()),
    ]


def _read_env_file() -> Mapping[str, str | None]:
    try:
        return dotenv_values(ENV_FILE)
    except (OSError, ValueError) as error:
        raise _unreadable(ENV_FILE, error) from None


def _read_toml(path: Path) -> _Layer:
    try:
        with path.open("rb") as file:
            found = dict(_flatten(tomllib.load(file), path))
            mode = os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        if os.environ.get(CONFIG_VARIABLE):
            raise ConfigurationError(
                "{variable} names {path}, which is not there; correct it or unset it.",
                variable=CONFIG_VARIABLE,
                path=str(path),
            ) from None
        return _Layer.of(str(path), {})
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    layer = _Layer.of(str(path), found)
    if unknown := [name for key, name in layer.spelled.items() if not _is_known(key)]:
        raise ConfigurationError(
            "{path}: {names}: no such setting; correct the name or take it out.",
            path=str(path),
            names=", ".join(unknown),
        )
    if os.name == "posix" and mode & 0o077 and any(map(_is_secret, layer.values)):
        log.warning("%s holds secrets and others may read it; run: chmod 600 %s", path, path)
    return layer


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    """Why a file cannot be read, in words that hold none of its content."""
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


def _is_known(name: str) -> bool:
    if _PROXY_KEY.fullmatch(name) or _ACTION_KEY.fullmatch(name):
        return True
    return name in Settings.model_fields and name not in ("proxy", "keys")


def _is_secret(name: str) -> bool:
    if match := _PROXY_KEY.fullmatch(name):
        return match[2] == "password"
    if _ACTION_KEY.fullmatch(name):
        return False
    return SecretStr in get_args(Settings.model_fields[name].annotation)


def _nest(values: Mapping[str, object]) -> dict[str, object]:
    """The settings among flat names: what is not ours is left out, proxies are put together."""
    proxies: dict[str, dict[str, object]] = {}
    keys: dict[str, object] = {}
    nested: dict[str, object] = {"proxy": proxies, "keys": keys}
    for name, value in values.items():
        if match := _PROXY_KEY.fullmatch(name):
            proxies.setdefault(match[1], {})[match[2]] = value
        elif match := _ACTION_KEY.fullmatch(name):
            keys[match[1]] = value
        elif _is_known(name):
            nested[name] = value
    return nested


def _problems(error: ValidationError, layers: list[_Layer]) -> list[Sentence]:
    return [
        _problem(explain(details), "_".join(str(p) for p in details["loc"] if p != "[key]"), layers)
        for details in error.errors(include_input=False, include_url=False)
    ]


def _problem(what: Sentence, key: str, layers: list[_Layer]) -> Sentence:
    layer = next((layer for layer in layers if key in layer.values), None)
    if layer is None:
        return Sentence.make("{name}: {what}", name=key.upper(), what=what)
    name = layer.spelled[key]
    if layer.origin == _ENVIRONMENT:
        return Sentence.make("environment variable {name}: {what}", name=name, what=what)
    return Sentence.make("{path}: {name}: {what}", path=layer.origin, name=name, what=what)
