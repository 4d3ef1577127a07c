"""`fototui config`, and the app's own start."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from fototui.config.settings import Settings, load_settings
from tests.cli.conftest import Command

PRESET = ("label", "megapixels", "steps")


def test_a_settings_file_from_nothing(bare: Command, tmp_path: Path) -> None:
    path = Path(bare("config", "path").out.strip())
    assert path == tmp_path / "config" / "fototui" / "config.toml"
    assert bare("config", "init").code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # What it holds is comments only, and can be read.
    assert bare("config", "show", "--json").json["database_url"] is None
    again = bare("config", "init")
    assert (again.code, "there already" in again.err) == (2, True)


def test_settings_are_shown_without_secrets(bare: Command) -> None:
    shown = bare(
        "config",
        "show",
        DATABASE_URL="postgresql://jana:tajne@db/shop",
        RUNPOD_API_KEY="tajne",
        PROXY_1_HOST="proxy",
        PROXY_1_PORT="8080",
        PROXY_1_PASSWORD="tajne",
    )
    assert shown.code == 0
    assert "tajne" not in shown.out + shown.err
    assert "DATABASE_URL" in shown.out
    assert "proxy" in shown.out


def test_settings_are_shown_as_they_are_typed(bare: Command) -> None:
    typed = {
        "PHOTO_TRUSTED_HOSTS": "127.0.0.1:8080,cdn.local:443",
        "ENGINE_CONCURRENCY": "coloring=9,svg=5,book=2,ingest=2,download=3",
        "AUTO_SVG": "true",
    }
    shown = {
        line.split()[0]: line.split()[1]
        for line in bare("config", "show", **typed).out.splitlines()
    }
    assert {name: shown[name] for name in typed} == typed
    assert (shown["AUTO_BOOK"], shown["KEYS"], shown["PRESETS"]) == ("false", "-", "-")
    hosts = bare("config", "show", "--json", **typed).json["photo_trusted_hosts"]
    assert hosts == ["127.0.0.1:8080", "cdn.local:443"]


def test_the_settings_file_to_begin_with_has_every_setting(
    bare: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = Path(bare("config", "path").out.strip())
    assert bare("config", "init").code == 0
    text = path.read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines() if " = " in line]
    named = {line.split(" = ")[0] for line in lines}
    assert set(Settings.model_fields) - {"proxy", "keys", "presets"} <= named
    # What stands there is what holds without it.
    file = tmp_path / "all.toml"
    left_out = ("proxy_", '"order', "database_url", "mercure_url", "storage_path", *PRESET)
    taken = [line for line in lines if not line.startswith(left_out) and '= ""' not in line]
    file.write_text("\n".join(taken))
    file.chmod(0o600)
    there, bare_ones = _settings_of(file, monkeypatch), load_settings()
    assert there.model_dump() == bare_ones.model_dump()


def test_each_setting_says_where_it_comes_from(bare: Command, tmp_path: Path) -> None:
    path = tmp_path / "config" / "fototui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('runpod_timeout = 700\ncurrency = "EUR"\n')
    shown = bare("config", "show", CURRENCY="CZK")
    lines = {line.split()[0]: line for line in shown.out.splitlines()}
    assert lines["RUNPOD_TIMEOUT"].split()[-1] == str(path)
    assert lines["CURRENCY"].split()[1:] == ["CZK", "environment"]
    assert lines["TIMEZONE"].split()[-1] == "default"


def test_errors_and_checks_speak_the_language(bare: Command) -> None:
    czech = {"LANG": "cs_CZ.UTF-8", "LC_ALL": "cs_CZ.UTF-8"}
    missing = bare("orders", "list", **czech)
    assert missing.err.startswith("chyba: DATABASE_URL není nastaveno")
    found = bare("doctor", DATABASE_URL="postgresql://a:b@127.0.0.1:1/x", **czech)
    assert "SELHALO" in found.out
    assert "neodpovídá" in found.out
    english = bare(
        "doctor", DATABASE_URL="postgresql://a:b@127.0.0.1:1/x", UI_LANGUAGE="en", **czech
    )
    assert "does not answer" in english.out


def test_the_apps_log_is_printed(bare: Command, tmp_path: Path) -> None:
    file = Path(bare("logs", "--path").out.strip())
    missing = bare("logs")
    assert (missing.code, str(file) in missing.err) == (1, True)
    file.parent.mkdir(parents=True)
    file.write_text('{"event": "old"}\n{"event": "jobs run", "level": "info", "jobs": 3}\nplain\n')
    assert bare("logs", "-n", "2").out.splitlines() == ["info jobs run jobs=3", "plain"]
    assert '"jobs": 3' in bare("logs", "--json").out


def test_a_jobs_own_lines_are_found(bare: Command) -> None:
    file = Path(bare("logs", "--path").out.strip())
    file.parent.mkdir(parents=True)
    file.write_text(
        '{"event": "mine", "order": "#1270", "lane": "svg", "version": 41}\n'
        '{"event": "a colouring", "order": "#1270", "lane": "coloring", "version": 41}\n'
        '{"event": "another", "order": "#12700", "lane": "svg", "version": 410}\n'
        '{"event": "order 1270 of svg 41"}\n1270 svg 41\n'
    )
    job = ("--order", "1270", "--lane", "svg", "--version", "41")
    assert bare("logs", *job).out.splitlines() == ["mine order=#1270 lane=svg version=41"]
    assert len(bare("logs", "--order", "#1270").out.splitlines()) == 2
    assert bare("logs", "--order", "1").out == ""


def test_a_wrong_file_is_named_with_its_key(bare: Command, tmp_path: Path) -> None:
    path = tmp_path / "config" / "fototui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('runpod_timeout = "soon"\n')
    result = bare("config", "show")
    assert result.code == 2
    assert str(path) in result.err
    assert "runpod_timeout" in result.err


def test_check_tries_what_is_named(bare: Command, database_url: str, tmp_path: Path) -> None:
    for command in (("config", "check"), ("doctor",), ("doctor", "--json")):
        empty = bare(*command)
        assert (empty.code, "Nothing is configured in" in empty.err) == (1, True)
    no_files = bare("config", "check", DATABASE_URL=database_url)
    assert (no_files.code, "Engine: FAILS: Neither S3_BUCKET" in no_files.err) == (1, True)
    well = bare("config", "check", DATABASE_URL=database_url, STORAGE_PATH=str(tmp_path))
    assert (well.code, "Database: ok" in well.err) == (0, True)
    ill = bare("config", "check", DATABASE_URL="postgresql://a:b@127.0.0.1:1/x")
    assert (ill.code, "Database: FAILS" in ill.err) == (1, True)


_SHARED = {
    "DATABASE_URL": "postgresql://jana:tajne@db/shop",
    "S3_BUCKET": "photos",
    "S3_FORCE_PATH_STYLE": "true",
    "RUNPOD_API_KEY": 'a"b\\c',
    "RUNPOD_PRICE_PER_SECOND": "0.00044",
    "PHOTO_TRUSTED_HOSTS": "cdn.local:443,127.0.0.1:8080",
    "PROXY_2_HOST": "proxy",
    "PROXY_2_PORT": "8080",
    "PROXY_2_PASSWORD": "tajne",
    "BOOK_TEMPLATE": "book.typ",
    "TIMEZONE": "Europe/London",
}
_OWN = {"OPERATOR": "jana", "UI_LANGUAGE": "cs", "ENGINE_CONCURRENCY": "coloring=7"}


def _settings_of(file: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    with monkeypatch.context() as patch:
        patch.setenv("FOTOTUI_CONFIG", str(file))
        return load_settings()


def test_what_is_exported_says_the_same_elsewhere(
    bare: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[keys]\n"order.choose" = "c"\n')
    own.chmod(0o600)
    file, before = tmp_path / "all.toml", {**_SHARED, **_OWN, "SHOPIFY_WEBHOOK_SECRET": "tajne"}
    written = bare("config", "export", str(file), **before, FOTOTUI_CONFIG=str(own))
    assert written.code == 0, written.err
    assert "tajne" not in written.out + written.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    there = _settings_of(file, monkeypatch)
    with monkeypatch.context() as patch:
        for name, value in {**before, "FOTOTUI_CONFIG": str(own)}.items():
            patch.setenv(name, value)
        here = load_settings()
    assert there == here.model_copy(update={"book_template": tmp_path / "book.typ"})
    assert (bare("config", "export", str(file)).code, file.stat().st_size > 100) == (2, True)


def test_another_operator_gets_what_is_shared(
    bare: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before = tmp_path / "eva.toml", {**_SHARED, **_OWN, "SHOPIFY_WEBHOOK_SECRET": "tajne"}
    assert bare("config", "export", "--for-operator", str(file), **before).code == 0
    there = _settings_of(file, monkeypatch)
    assert there.s3_bucket == "photos"
    assert there.runpod_api_key == SecretStr('a"b\\c')
    assert {"operator", "ui_language", "engine_concurrency", "shopify_webhook_secret"}.isdisjoint(
        there.model_fields_set
    )


def test_other_keys_for_actions_are_read(bare: Command, tmp_path: Path) -> None:
    path = tmp_path / "config" / "fototui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[ui]\nlanguage = "cs"\n\n[keys]\n"order.choose" = "c"\n')
    path.chmod(0o600)
    shown = bare("config", "show", "--json").json
    assert shown["ui_language"] == "cs"
    assert shown["keys"] == {"order.choose": "c"}


def test_the_app_needs_a_terminal(bare: Command) -> None:
    result = bare()
    assert result.code == 2
    assert "terminal" in result.err
