import getpass
import os
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError

from fototui.config.settings import Settings, load_settings, required
from fototui.config.sources import config_file
from fototui.domain.costs import Prices
from fototui.domain.errors import ConfigurationError
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import JobKind

SECRET = "hunter2-do-not-tell"


class Place:
    """A working folder, a settings file and an environment that hold nothing yet."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.toml = folder / "config.toml"
        self._env_file = folder / ".env"
        self._patch = patch

    def write(self, *, toml: str | None = None, env_file: str | None = None) -> None:
        if toml is not None:
            self.toml.write_text(toml)
            self.toml.chmod(0o600)
        if env_file is not None:
            self._env_file.write_text(env_file)

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._patch.setenv(name, value)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in list(Settings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    place = Place(work, monkeypatch)
    place.write(toml="")
    place.set(FOTOTUI_CONFIG=str(place.toml))
    return place


def test_nothing_set_gives_the_documented_defaults(place: Place) -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.runpod_api_url == "https://api.runpod.ai/v2"
    assert (settings.runpod_poll_interval, settings.runpod_timeout) == (3.0, 600.0)
    assert (settings.default_megapixels, settings.default_steps) == (1.0, 4)
    assert settings.min_image_size == 1200
    assert settings.timezone == ZoneInfo("Europe/Prague")
    assert settings.operator == getpass.getuser()
    assert settings.engine_lease == 15.0
    assert settings.vectorizer_mode == "production"
    assert settings.proxies == ()


def test_prices_are_as_exact_as_they_are_written(place: Place) -> None:
    assert load_settings().prices == Prices()
    place.write(toml="daily_budget = 20\n[runpod]\nprice_per_second = 0.00044\n")
    place.set(VECTORIZER_PRICE_PER_CREDIT="0.2", CURRENCY="EUR")
    settings = load_settings()
    assert settings.prices == Prices(
        second=Decimal("0.00044"), credit=Decimal("0.2"), currency="EUR"
    )
    assert settings.daily_budget == 20


def test_environment_wins_over_env_file_wins_over_toml(place: Place) -> None:
    place.write(
        toml='s3_bucket = "toml"\ns3_region = "toml"\noperator = "toml"\n',
        env_file="S3_BUCKET=file\ns3_region=file\n",
    )
    place.set(S3_BUCKET="environment")
    settings = load_settings()
    assert (settings.s3_bucket, settings.s3_region, settings.operator) == (
        "environment",
        "file",
        "toml",
    )


def test_override_wins_over_everything(place: Place) -> None:
    place.set(OPERATOR="environment")
    assert load_settings(operator="argument").operator == "argument"


def test_made_directly_it_reads_nothing_from_outside(place: Place) -> None:
    place.set(S3_BUCKET="environment")
    assert Settings().s3_bucket is None


def test_every_documented_variable_is_known(place: Place) -> None:
    texts = [
        "SHOPIFY_STORE_HANDLE",
        "S3_BUCKET",
        "S3_REGION",
        "S3_ACCESS_KEY_ID",
        "RUNPOD_ENDPOINT_ID",
    ]
    secrets = [
        "MERCURE_PUBLISHER_JWT_KEY",
        "MERCURE_SUBSCRIBER_JWT_KEY",
        "SHOPIFY_ACCESS_TOKEN",
        "SHOPIFY_WEBHOOK_SECRET",
        "S3_SECRET_ACCESS_KEY",
        "RUNPOD_API_KEY",
        "VECTORIZER_API_KEY",
        "VECTORIZER_API_SECRET",
        "REDIS_URL",
    ]
    urls = [
        "MERCURE_URL",
        "SHOPIFY_STORE_URL",
        "S3_ENDPOINT",
        "S3_PUBLIC_URL",
        "STATIC_URL",
        "RUNPOD_API_URL",
        "VECTORIZER_URL",
    ]
    values = {
        **dict.fromkeys(texts, "some"),
        **dict.fromkeys(secrets, SECRET),
        **dict.fromkeys(urls, "https://example.com/x/"),
        "DATABASE_URL": f"postgresql+asyncpg://shop:{SECRET}@db/shop",
        "S3_FORCE_PATH_STYLE": "true",
        "STORAGE_PATH": "/srv/photos",
        "RUNPOD_POLL_INTERVAL": "1.5",
        "RUNPOD_TIMEOUT": "60",
        "DEFAULT_MEGAPIXELS": "2",
        "DEFAULT_STEPS": "8",
        "MIN_IMAGE_SIZE": "800",
        "LOG_LEVEL": "debug",
        "TIMEZONE": "UTC",
    }
    place.set(**values)
    settings = load_settings()
    for name in texts:
        assert getattr(settings, name.lower()) == "some"
    for name in [*secrets, "DATABASE_URL"]:
        value = getattr(settings, name.lower())
        assert isinstance(value, SecretStr)
        assert SECRET in value.get_secret_value()
    for name in urls:
        assert getattr(settings, name.lower()) == "https://example.com/x"
    assert settings.s3_force_path_style is True
    assert settings.storage_path == Path("/srv/photos")
    assert settings.log_level == "DEBUG"
    assert settings.timezone == ZoneInfo("UTC")
    assert settings.default_megapixels == 2.0
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()


def test_empty_value_counts_as_not_set(place: Place) -> None:
    place.write(toml='s3_bucket = ""\noperator = "eva"', env_file="S3_REGION=\nOPERATOR=")
    place.set(RUNPOD_TIMEOUT="", OPERATOR="  ")
    settings = load_settings()
    assert settings.s3_bucket is None
    assert settings.s3_region is None
    assert settings.runpod_timeout == 600.0
    assert settings.operator == "eva"


def test_toml_takes_numbers_truth_and_groups(place: Place) -> None:
    place.write(
        toml="""
        default_megapixels = 2.5
        [s3]
        bucket = "photos"
        force_path_style = true
        [runpod]
        timeout = 30
        """
    )
    settings = load_settings()
    assert settings.default_megapixels == 2.5
    assert (settings.s3_bucket, settings.s3_force_path_style) == ("photos", True)
    assert settings.runpod_timeout == 30.0


def test_proxies_are_put_together_from_all_places_in_order(place: Place) -> None:
    place.write(
        toml='[proxy.10]\nhost = "ten"\nport = 8080\n[proxy.2]\nhost = "two"\nport = 3128\n',
        env_file=f"PROXY_2_USERNAME=eva\nPROXY_2_PASSWORD={SECRET}\n",
    )
    place.set(
        PROXY_2_CERTIFICATE="/etc/proxy.pem", PROXY="http://not-ours", PROXY_X_HOST="nor this"
    )
    two, ten = load_settings().proxies
    assert (two.host, two.port, two.username, two.certificate) == (
        "two",
        3128,
        "eva",
        "/etc/proxy.pem",
    )
    assert two.password is not None
    assert two.password.get_secret_value() == SECRET
    assert SECRET not in repr(two)
    assert (ten.host, ten.password) == ("ten", None)


def test_settings_cannot_be_changed(place: Place) -> None:
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.operator = "someone else"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("coloring=7,svg=2", (7, 2, 2)),
        (" coloring = 7 ", (7, 5, 2)),
        ("svg=0,ingest=4", (3, 0, 4)),
    ],
)
def test_engine_concurrency(place: Place, value: str, expected: tuple[int, int, int]) -> None:
    place.set(ENGINE_CONCURRENCY=value)
    concurrency = load_settings().engine_concurrency
    lanes = (JobKind.COLORING, JobKind.SVG, JobKind.INGEST)
    assert tuple(concurrency[lane] for lane in lanes) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"mysql://shop:{SECRET}@db/shop"),
        ("RUNPOD_TIMEOUT", "soon"),
        ("RUNPOD_TIMEOUT", "0"),
        ("RUNPOD_POLL_INTERVAL", "inf"),
        ("DEFAULT_MEGAPIXELS", "9"),
        ("DEFAULT_STEPS", "0"),
        ("MIN_IMAGE_SIZE", "-1"),
        ("S3_FORCE_PATH_STYLE", "perhaps"),
        ("RUNPOD_API_URL", "api.runpod.ai"),
        ("LOG_LEVEL", "loud"),
        ("TIMEZONE", "Europe/Atlantis"),
        ("TIMEZONE", "../../etc/passwd"),
        ("VECTORIZER_MODE", "free"),
        ("RUNPOD_PRICE_PER_SECOND", "cheap"),
        ("RUNPOD_PRICE_PER_SECOND", "-1"),
        ("VECTORIZER_PRICE_PER_CREDIT", "nan"),
        ("CURRENCY", "Kč"),
        ("DAILY_BUDGET", "0"),
        ("ENGINE_LEASE", "0.1"),
        ("ENGINE_CONCURRENCY", "coloring"),
        ("ENGINE_CONCURRENCY", "painting=3"),
        ("ENGINE_CONCURRENCY", "svg=-1"),
        ("PROXY_1_PORT", "70000"),
    ],
)
def test_wrong_value_is_told_by_its_place_and_key(place: Place, name: str, value: str) -> None:
    place.set(**{name: value, "PROXY_1_HOST": "proxy"} if "PROXY" in name else {name: value})
    with pytest.raises(ConfigurationError, match=f"^environment variable {name}: ") as caught:
        load_settings()
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_wrong_values_name_their_files_and_keys_as_written(place: Place) -> None:
    place.write(toml='[Runpod]\nTimeout = "soon"\n', env_file="Default_Steps=many\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert f"{place.toml}: Runpod_Timeout: " in str(caught.value)
    assert ".env: Default_Steps: " in str(caught.value)


def test_proxy_without_host_is_told(place: Place) -> None:
    place.set(PROXY_3_PORT="3128", PROXY_3_PASSWORD=SECRET)
    with pytest.raises(ConfigurationError, match="PROXY_3_HOST: ") as caught:
        load_settings()
    assert SECRET not in str(caught.value)


def test_unknown_key_in_toml_is_an_error_and_elsewhere_is_not(place: Place) -> None:
    place.write(env_file="UNHEARD_OF=1\n")
    place.set(ALSO_UNHEARD_OF="1")
    load_settings()
    place.write(toml=f'[runpod]\napi_keys = "{SECRET}"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(place.toml) in str(caught.value)
    assert "runpod_api_keys" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "toml",
    [
        f'runpod_api_key = "{SECRET}',
        f'runpod_api_key = ["{SECRET}"]',
        "operator = 2026-11-20",
        f'runpod_api_key = "{SECRET}"\nrunpod_api_key = "{SECRET}"',
        'operator = "\xff"',
    ],
)
def test_broken_toml_is_told_without_its_content(place: Place, toml: str) -> None:
    place.toml.write_bytes(toml.encode("latin-1"))
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(place.toml) in str(caught.value)
    assert SECRET not in str(caught.value)


def test_env_file_that_is_no_text_is_told(place: Place) -> None:
    Path(".env").write_bytes(b"OPERATOR=\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"^\.env cannot be read"):
        load_settings()


def test_named_file_that_is_missing_is_an_error(place: Place) -> None:
    place.toml.unlink()
    with pytest.raises(ConfigurationError, match="FOTOTUI_CONFIG"):
        load_settings()


def test_named_file_may_be_a_pipe_and_must_not_be_a_folder(place: Place, tmp_path: Path) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as file:
        file.write('operator = "eva"')
    place.set(FOTOTUI_CONFIG=f"/dev/fd/{read}")
    try:
        assert load_settings().operator == "eva"
    finally:
        os.close(read)
    place.set(FOTOTUI_CONFIG=str(tmp_path))
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load_settings()


def test_default_file_may_be_missing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOTOTUI_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place.toml.parent / "nothing"))
    assert config_file().name == "config.toml"
    assert config_file().parent.name == "fototui"
    load_settings()


@pytest.mark.parametrize(
    ("toml", "mode", "warned"),
    [
        (f'runpod_api_key = "{SECRET}"', 0o640, True),
        (f'database_url = "postgresql://u:{SECRET}@h/d"', 0o604, True),
        (f'[proxy.1]\nhost = "h"\nport = 1\npassword = "{SECRET}"', 0o644, True),
        (f'runpod_api_key = "{SECRET}"', 0o600, False),
        ('operator = "eva"', 0o644, False),
    ],
)
def test_file_with_secrets_that_others_may_read_is_warned_of(
    place: Place,
    caplog: pytest.LogCaptureFixture,
    toml: str,
    mode: int,
    warned: bool,
) -> None:
    caplog.set_level("WARNING", logger="fototui")  # commands under test elsewhere change it
    place.write(toml=toml)
    place.toml.chmod(mode)
    load_settings()
    assert ("chmod 600" in caplog.text) is warned
    assert SECRET not in caplog.text


def test_storage_is_chosen_by_what_is_set(place: Place) -> None:
    with pytest.raises(ConfigurationError, match="S3_BUCKET nor STORAGE_PATH"):
        _ = load_settings().storage_backend
    place.set(STORAGE_PATH="/srv/photos")
    assert load_settings().storage_backend == "directory"
    place.set(S3_BUCKET="photos")
    assert load_settings().storage_backend == "s3"


def test_required_names_the_key_and_where_it_can_be_set(place: Place) -> None:
    assert required("x", "s3_bucket") == "x"
    with pytest.raises(ConfigurationError, match="RUNPOD_API_KEY is not set") as caught:
        required(load_settings().runpod_api_key, "runpod_api_key")
    assert str(place.toml) in str(caught.value)


def test_operator_is_one_clean_line(place: Place) -> None:
    place.set(OPERATOR="Eva\x1b[31m\nMalá")
    assert load_settings().operator == "Eva[31m Malá"


@pytest.mark.parametrize("value", ["127.0.0.1", "http://127.0.0.1:80", "a:b", "a:1:2"])
def test_a_trusted_host_is_named_with_its_port(place: Place, value: str) -> None:
    place.set(PHOTO_TRUSTED_HOSTS="127.0.0.1:8080, Photos.local:443,[::1]:80")
    known = frozenset({"127.0.0.1:8080", "photos.local:443", "[::1]:80"})
    assert load_settings().photo_trusted_hosts == known
    place.set(PHOTO_TRUSTED_HOSTS=value)
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:8080"):
        load_settings()


def test_presets_are_tables_of_a_name_each(place: Place) -> None:
    place.write(
        toml='[presets.cover]\nlabel = "Obálka"\nmegapixels = 6\n'
        '[presets.kids_1]\nlabel = "Pro děti"\nsteps = 2\n'
    )
    place.set(PRESETS_COVER_STEPS="12")
    settings = load_settings()
    before = ColoringOptions(megapixels=2.0, steps=8)
    offered = [(str(each.label), each.options) for each in settings.presets_beside(before)]
    assert sorted(offered) == [
        ("Obálka", ColoringOptions(6.0, 12)),
        ("Pro děti", ColoringOptions(2.0, 2)),
    ]


@pytest.mark.parametrize(
    ("line", "named"),
    [("steps = 21", "presets_x_steps"), ("megapixels = 0.1", "presets_x_megapixels")],
)
def test_a_wrong_preset_is_named(place: Place, line: str, named: str) -> None:
    place.write(toml=f'[presets.x]\nlabel = "X"\n{line}\n')
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    assert named in str(raised.value)
