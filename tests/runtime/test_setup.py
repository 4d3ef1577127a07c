"""What the first run does, on a real database and real files."""

import stat
import tomllib
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from fototui.config.file import update_private
from fototui.config.settings import Settings
from fototui.domain.errors import ConfigurationError
from fototui.i18n import set_language
from fototui.runtime.setup import FirstRun, known


@pytest.fixture(autouse=True)
def english() -> None:
    set_language("en")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "config.toml"


async def test_an_empty_database_is_set_up(empty_database_url: str, path: Path) -> None:
    work, values = FirstRun(path), {"database_url": empty_database_url}
    found = await work.check("database", values)
    assert (found.ok, found.needs_tables) == (False, True)
    assert "no tables" in found.words
    await work.make_tables(values)
    found = await work.check("database", values)
    assert (found.ok, found.needs_tables) == (True, False)


async def test_another_programs_tables_are_left_alone(empty_database_url: str, path: Path) -> None:
    connection = await asyncpg.connect(empty_database_url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE orders (number text)")
    await connection.close()
    found = await FirstRun(path).check("database", {"database_url": empty_database_url})
    assert (found.ok, found.needs_tables) == (False, False)


async def test_a_database_that_is_not_there_is_said(empty_database_url: str, path: Path) -> None:
    address = f"{empty_database_url.rsplit('/', 1)[0]}/there_is_no_such_database"
    found = await FirstRun(path).check("database", {"database_url": address})
    assert (found.ok, found.needs_tables) == (False, False)
    assert "DATABASE_URL" in found.words


async def test_nothing_filled_in_is_nothing_found(path: Path) -> None:
    assert (await FirstRun(path).check("hub", {})).ok is None


async def test_the_file_is_private_and_read_as_it_was_meant(path: Path) -> None:
    await FirstRun(path).save({"storage_path": '/srv/"files"', "s3_bucket": "Děti"})
    assert tomllib.loads(path.read_text()) == {"storage_path": '/srv/"files"', "s3_bucket": "Děti"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_is_there_keeps_all_else(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('# mine\noperator = "eva"\n\n[s3]\nbucket = "old"  # last year\n')
    await FirstRun(path).save({"s3_bucket": "new", "database_url": "postgresql://h/d"})
    text = path.read_text()
    assert "# mine" in text
    assert "# last year" in text
    assert tomllib.loads(text) == {
        "operator": "eva",
        "database_url": "postgresql://h/d",
        "s3": {"bucket": "new"},
    }


def test_what_is_no_toml_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("= = =")
    with pytest.raises(ConfigurationError, match="not a TOML"):
        update_private(path, {"operator": "eva"})
    assert path.read_text() == "= = ="


def test_secrets_that_are_set_are_known_by_name_alone() -> None:
    settings = Settings(runpod_api_key=SecretStr("hidden"), storage_path=Path("/srv/files"))
    found = known(settings)
    assert found.secrets == {"runpod_api_key"}
    assert found.shown["storage_path"] == "/srv/files"
    assert "hidden" not in str(found)
