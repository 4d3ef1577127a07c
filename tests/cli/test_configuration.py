"""`fototui config`, and the app's own start."""

import stat
from pathlib import Path

from tests.cli.conftest import Command


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


def test_a_wrong_file_is_named_with_its_key(bare: Command, tmp_path: Path) -> None:
    path = tmp_path / "config" / "fototui" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('runpod_timeout = "soon"\n')
    result = bare("config", "show")
    assert result.code == 2
    assert str(path) in result.err
    assert "runpod_timeout" in result.err


def test_check_tries_what_is_named(bare: Command, database_url: str, tmp_path: Path) -> None:
    assert bare("config", "check").code == 1
    no_files = bare("config", "check", DATABASE_URL=database_url)
    assert (no_files.code, "engine: FAILS: Neither S3_BUCKET" in no_files.err) == (1, True)
    well = bare("config", "check", DATABASE_URL=database_url, STORAGE_PATH=str(tmp_path))
    assert (well.code, "database: ok" in well.err) == (0, True)
    ill = bare("config", "check", DATABASE_URL="postgresql://a:b@127.0.0.1:1/x")
    assert (ill.code, "database: FAILS" in ill.err) == (1, True)


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
