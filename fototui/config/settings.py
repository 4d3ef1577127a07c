"""The program's settings: from the environment, `.env` and a TOML file, in this order of weight."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from fototui.config.sources import Place, config_file, places
from fototui.config.values import (
    DEFAULT_CONCURRENCY,
    Price,
    Seconds,
    Url,
    explain,
    login_name,
    read_concurrency,
    read_database_url,
    read_hosts,
)
from fototui.domain.books import MAX_BLEED
from fototui.domain.costs import Prices
from fototui.domain.errors import ConfigurationError
from fototui.domain.options import MEGAPIXELS_RANGE, STEPS_RANGE, ColoringOptions, Preset
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.domain.text import clean_line

T = TypeVar("T")

_SHOPIFY = ".myshopify.com"


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


class ShopPreset(BaseModel):
    """Options of a colouring by a name of the shop's own.

    Args:
        label: What operators see.
        megapixels: Size of the colouring; as the version before where not given.
        steps: Its fineness; as the version before where not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    label: Annotated[str, AfterValidator(clean_line), Field(min_length=1, max_length=40)]
    megapixels: Annotated[
        float | None, Field(ge=MEGAPIXELS_RANGE[0], le=MEGAPIXELS_RANGE[1], allow_inf_nan=False)
    ] = None
    steps: Annotated[int | None, Field(ge=STEPS_RANGE[0], le=STEPS_RANGE[1])] = None

    def beside(self, before: ColoringOptions) -> Preset:
        """What it is beside a version, whose options hold where it says nothing.

        Args:
            before: The version's options.
        """
        megapixels = before.megapixels if self.megapixels is None else self.megapixels
        steps = before.steps if self.steps is None else self.steps
        return Preset(Sentence.plain(self.label), None, ColoringOptions.stored(megapixels, steps))


class Settings(BaseSettings):
    """All settings, checked; what is made directly, not by `load_settings`, reads nothing."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    database_url: Annotated[SecretStr | None, AfterValidator(read_database_url)] = None
    """PostgreSQL: `postgresql://user:password@host/database`. What libpq's addresses know works,
    such as `sslmode` or `connect_timeout`; `@` in a password is written `%40`."""

    mercure_url: Url | None = None
    """The hub, for instance `https://hub.example.com/.well-known/mercure`; without one there are no
    live events."""
    mercure_publisher_jwt_key: SecretStr | None = None
    """The key (HS256) by which the hub knows who may publish; 32 characters or more are good."""
    mercure_subscriber_jwt_key: SecretStr | None = None
    """The key (HS256) by which the hub knows who may listen; 32 characters or more are good."""

    shopify_store_url: Url | None = None
    """The shop, for instance `https://my-shop.myshopify.com`."""
    shopify_store_handle: str | None = None
    """The store's handle in Shopify's admin; where not given, it is taken from its address."""
    shopify_access_token: SecretStr | None = None
    """A token of its Admin API with the scope `read_orders`."""
    shopify_webhook_secret: SecretStr | None = None
    """What its webhooks are signed with."""
    shopify_webhook_secret_2: SecretStr | None = None
    """The other secret while secrets are being rotated."""
    shopify_api_version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")] = "2026-10"
    """Version of the Admin API; a warning tells when Shopify answers with another."""
    import_interval: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 300.0
    """Seconds between two imports of a server; 0 for none."""

    photo_trusted_hosts: Annotated[frozenset[str], BeforeValidator(read_hosts)] = frozenset()
    """`host:port` of photo servers that may stand on a private address, such as this machine."""

    auto_coloring: bool = False
    """Ask for colourings as soon as an order's photos are there."""
    auto_svg: bool = False
    """Ask for the SVG as soon as an operator chooses a colouring."""
    auto_book: bool = False
    """Make the books as soon as each picture of an order has its SVG."""
    auto_paid_only: bool = False
    """All of these for paid orders only."""

    book_template: Path | None = None
    """A Typst file that books are made by; the program's own where not given."""
    book_bleed: Annotated[float, Field(ge=0, le=MAX_BLEED, allow_inf_nan=False)] = 0.0
    """Millimetres around each page of a book that are cut off after printing."""
    book_crop_marks: bool = False
    """Lines at the corners of a book's pages that tell where to cut."""
    book_blank_backs: bool = False
    """The back of each picture stays white."""
    book_page_numbers: bool = False
    """Pictures of a book are numbered."""

    s3_endpoint: Url | None = None
    """Where S3, R2 or MinIO answers; not needed at AWS."""
    s3_bucket: str | None = None
    """The bucket that files are kept in; where it is named, it is used and no folder."""
    s3_region: str | None = None
    """Its region; AWS needs it."""
    s3_access_key_id: str | None = None
    """The name of the key to the bucket."""
    s3_secret_access_key: SecretStr | None = None
    """The key itself."""
    s3_force_path_style: bool | None = None
    """Buckets in the path of an address; where not given, everywhere but at AWS."""
    s3_public_url: Url | None = None
    """Where anyone can fetch a file; without it addresses are signed, and end after a while."""
    storage_path: Path | None = None
    """A folder that files are kept in; used where no bucket is named."""
    static_url: Url | None = None
    """The address under which a web server serves that folder."""

    runpod_api_key: SecretStr | None = None
    """The key of RunPod's account."""
    runpod_endpoint_id: str | None = None
    """The endpoint that makes colourings."""
    runpod_api_url: Url = "https://api.runpod.ai/v2"
    """Where RunPod answers."""
    runpod_poll_interval: Seconds = 3.0
    """Seconds between two looks at a job."""
    runpod_timeout: Seconds = 600.0
    """Seconds that one job may take."""

    vectorizer_api_key: SecretStr | None = None
    """The name of Vectorizer.ai's key."""
    vectorizer_api_secret: SecretStr | None = None
    """The key itself."""
    vectorizer_url: Url = "https://api.vectorizer.ai/api/v1/vectorize"
    """Where Vectorizer.ai answers."""
    vectorizer_mode: Literal["production", "test"] = "production"
    """Test calls are free; their results carry a watermark."""

    runpod_price_per_second: Price | None = None
    """What a second of RunPod's work costs; where not given, seconds are told and not money."""
    vectorizer_price_per_credit: Price | None = None
    """What a credit of Vectorizer.ai costs; where not given, credits are told and not money."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    """What these prices and the budget are in."""
    daily_budget: Annotated[Price, Field(gt=0)] | None = None
    """What may be spent a day; where it is, paid lanes pause until the next one."""

    default_megapixels: Annotated[float, Field(ge=MEGAPIXELS_RANGE[0], le=MEGAPIXELS_RANGE[1])] = (
        1.0
    )
    """Size of a colouring where none is given."""
    default_steps: Annotated[int, Field(ge=STEPS_RANGE[0], le=STEPS_RANGE[1])] = 4
    """Fineness of a colouring where none is given."""
    presets: dict[str, ShopPreset] = {}
    """Options of colourings that the app offers by names of the shop's own: `label`, `megapixels`
    and `steps` in each table."""
    min_image_size: Annotated[int, Field(ge=1)] = 1200
    """Pixels of the longer side; a smaller photo is scaled up before it is coloured."""

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ] = "INFO"
    """Least level of the program's own log lines."""
    timezone: ZoneInfo = ZoneInfo("Europe/Prague")
    """The zone in which times are shown."""
    proxy: dict[int, Proxy] = {}
    """Proxies for photos that refuse this machine, in the order of their numbers."""
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
    """`fototui-dark`, `fototui-light`, `fototui-contrast` or `fototui-terminal`."""
    ui_pictures: Literal[
        "auto", "kitty", "tgp", "sixel", "octant", "sextant", "quadrant", "halfcell", "off"
    ] = "auto"
    """How pictures are drawn; "auto" asks the terminal. "tgp" is the old name of "kitty"."""
    ui_ascii: bool = False
    """Badges in plain letters, for fonts without the usual signs."""
    ui_bell: bool = False
    """The terminal's bell rings when something fails."""
    ui_title: bool = True
    """The terminal's title counts what waits for the operator."""
    working_set_days: Annotated[int, Field(ge=0)] = 30
    """The terminal app holds what is not done, and what was done in so many days; the rest it reads
    when one scrolls to it or searches for it."""
    ui_ask_above: Annotated[int, Field(ge=1)] = 20
    """Generating for more images than this at once asks first."""
    keys: dict[str, str] = {}
    """Other keys for actions of the terminal app, by action id."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given, and nothing else."""
        return (init_settings,)

    def presets_beside(self, before: ColoringOptions) -> Sequence[Preset]:
        """The shop's own presets, beside a version.

        Args:
            before: The version's options.
        """
        return [preset.beside(before) for preset in self.presets.values()]

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        """The proxies, in the order of their numbers."""
        return tuple(proxy for _, proxy in sorted(self.proxy.items()))

    @property
    def shop_admin(self) -> str | None:
        """The store's address in Shopify's admin; None where neither handle nor address tells."""
        handle = self.shopify_store_handle
        if handle is None and self.shopify_store_url is not None:
            host = urlsplit(self.shopify_store_url).hostname or ""
            handle = host.removesuffix(_SHOPIFY) if host.endswith(_SHOPIFY) else None
        return None if not handle else f"https://admin.shopify.com/store/{quote(handle, safe='')}"

    @property
    def prices(self) -> Prices:
        """What outside services charge, as far as it is known."""
        return Prices(
            second=self.runpod_price_per_second,
            credit=self.vectorizer_price_per_credit,
            currency=self.currency,
        )

    @property
    def has_shop(self) -> bool:
        """Whether the shop can be asked for orders."""
        return self.shopify_store_url is not None and self.shopify_access_token is not None

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
    found = places(Settings)
    sources = (InitSettingsSource(Settings, overrides), *found)
    try:
        # mypy knows the fields only, not what every class of settings takes.
        return Settings(_build_sources=(sources, overrides))  # type: ignore[call-arg]
    except ValidationError as error:
        # Not chained: the library's error holds the values.
        raise ConfigurationError(Sentence.joined(_problems(error, found), "; ")) from None


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


def _problems(error: ValidationError, found: Sequence[Place]) -> list[Sentence]:
    return [
        _problem(explain(details), "_".join(str(p) for p in details["loc"] if p != "[key]"), found)
        for details in error.errors(include_input=False, include_url=False)
    ]


def _problem(what: Sentence, key: str, found: Sequence[Place]) -> Sentence:
    for place in found:
        if name := place.names.get(key):
            return place.problem(name, what)
    return Sentence.make("{name}: {what}", name=key.upper(), what=what)
