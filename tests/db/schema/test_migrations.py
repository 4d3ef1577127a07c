"""Migrations: from nothing, from a shop's database, from an older shop's; and back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fototui.db.database import Database
from fototui.db.errors import SchemaError
from fototui.db.schema import migrate, revision
from fototui.db.schema.state import SHOP_REVISIONS
from tests.forks import fork
from tests.waiting import in_time

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Database]:
    """A database without tables."""
    async with Database(empty_database_url) as database:
        yield database


async def _run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def _objects(engine: AsyncEngine) -> set[str]:
    """Tables and types that are not PostgreSQL's own."""
    query = text(
        "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = 'public' AND relkind IN ('r', 'S') UNION "
        "SELECT typname FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace "
        "WHERE nspname = 'public' AND typtype = 'e'"
    )
    async with engine.connect() as connection:
        return set(await connection.scalars(query))


# --- the way up and down -----------------------------------------------------------------------


def test_the_needed_revision_is_the_newest_migration() -> None:
    assert migrate.head() == revision.NEEDED


async def test_an_empty_database_is_brought_to_head(empty: Database) -> None:
    engine = empty.engine
    assert await migrate.current(engine) is None
    with pytest.raises(SchemaError, match="no tables of fototui yet"):
        await empty.check()

    await migrate.upgrade(engine)
    assert await migrate.current(engine) == migrate.head()
    await migrate.check(engine)
    await migrate.require_head(engine)


async def test_no_sequence_is_used_where_it_is_made(empty: Database) -> None:
    # With wal_level = minimal, as the embedded server has it, such a one goes back to its first
    # number when the server crashes: the next numbers are given out twice.
    await migrate.upgrade(empty.engine)
    query = text("SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL")
    async with empty.engine.connect() as connection:
        assert list(await connection.scalars(query)) == []


async def test_each_revision_can_be_taken_back_alone_down_to_the_shops(database: Database) -> None:
    engine = database.engine
    steps = 0
    while await migrate.current(engine) != SHOP_REVISIONS[-1]:
        with_it = await _objects(engine)
        await migrate.downgrade(engine, "-1")
        await migrate.upgrade(engine, "+1")
        assert await _objects(engine) == with_it
        await migrate.downgrade(engine, "-1")
        steps += 1
    assert steps >= 3


async def test_upgrading_twice_changes_and_says_nothing(
    database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    before = await _objects(database.engine)
    await migrate.upgrade(database.engine)
    assert await _objects(database.engine) == before
    await migrate.check(database.engine)
    assert capfd.readouterr() == ("", "")


# --- holding the schema against the models -----------------------------------------------------


async def test_check_names_all_that_was_changed_by_hand(database: Database) -> None:
    changes = {
        "ALTER TABLE orders ADD COLUMN note text": "orders.note is not fototui's",
        "ALTER TABLE images DROP COLUMN svg_chosen_at": "images.svg_chosen_at is missing",
        "ALTER TABLE line_items ALTER COLUMN dedication SET NOT NULL": "line_items.dedication",
        "ALTER TABLE coloring_versions ALTER COLUMN steps TYPE bigint": "steps: type is BIGINT",
        "ALTER TABLE orders ALTER COLUMN attempts DROP DEFAULT": "orders.attempts: default",
        "DROP INDEX ix_orders_newest": "ix_orders_newest is missing",
        "ALTER TABLE images DROP CONSTRAINT fk_images_selected_svg_id": (
            "foreign key images (selected_svg_id) is missing"
        ),
        "DROP INDEX ix_orders_shopify_id": "ix_orders_shopify_id is missing",
        "CREATE UNIQUE INDEX one_title ON line_items (title)": "one_title is not fototui's",
        "CREATE TABLE strangers (id int)": "table strangers is not fototui's",
        "ALTER TABLE images DISABLE TRIGGER review_chosen": "trigger review_chosen of images",
        "ALTER TYPE svgprocessingstatus RENAME VALUE 'vectorizer_completed' TO 'done'": (
            "vectorizer_completed"
        ),
    }
    await _run(database.engine, *changes)
    with pytest.raises(SchemaError) as raised:
        await migrate.check(database.engine)
    told = str(raised.value)
    assert [change for change, name in changes.items() if name not in told] == []


async def test_check_minds_nothing_that_makes_no_difference(database: Database) -> None:
    await _run(
        database.engine,
        "ALTER TABLE orders ALTER COLUMN created_at SET DEFAULT now()",
        "ALTER TABLE orders ALTER COLUMN customer_name TYPE text",
        "ALTER TABLE line_items RENAME CONSTRAINT uq_line_item_order_position TO one_place",
        "DROP INDEX ix_orders_order_number",
        "ALTER TABLE orders ADD UNIQUE (order_number)",
        "CREATE INDEX by_customer ON orders (customer_name)",
    )
    await migrate.check(database.engine)


async def test_check_and_require_head_ask_for_the_missing_migrations(database: Database) -> None:
    await migrate.downgrade(database.engine, "-1")
    for ask in (migrate.check, migrate.require_head):
        with pytest.raises(SchemaError, match="fototui db"):
            await ask(database.engine)
    with pytest.raises(SchemaError, match="Run: fototui db upgrade"):
        await database.check()


async def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    engine = database.engine
    await _run(engine, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    before = await _objects(engine)

    with pytest.raises(SchemaError, match=r"ffffffffffff.*Update fototui"):
        await migrate.require_head(engine)
    with pytest.raises(SchemaError, match=r"ffffffffffff.*Update fototui"):
        await database.check()
    with pytest.raises(SchemaError, match="ffffffffffff"):
        await migrate.upgrade(engine)
    with pytest.raises(SchemaError, match="ffffffffffff"):
        await migrate.downgrade(engine, "base")
    assert await _objects(engine) == before


async def test_a_revision_that_does_not_exist_is_told(database: Database) -> None:
    with pytest.raises(SchemaError, match="nonsense"):
        await migrate.upgrade(database.engine, "nonsense")


async def test_two_upgrades_at_once_are_one_after_the_other(empty_database_url: str) -> None:
    async with Database(empty_database_url) as one, Database(empty_database_url) as two:
        await asyncio.gather(*(migrate.upgrade(database.engine) for database in (one, two)))
        await migrate.check(one.engine)


async def test_two_processes_that_upgrade_at_once(
    empty_database_url: str, fork_server: None, tmp_path: Path
) -> None:
    environment = {"HOME": str(tmp_path), "DATABASE_URL": empty_database_url}
    processes = [
        fork("db", "upgrade", "--yes", environment=environment, folder=tmp_path) for _ in range(2)
    ]
    async with in_time():
        assert [await process.wait() for process in processes] == [0, 0]
    async with Database(empty_database_url) as database:
        await migrate.check(database.engine)


def test_an_installed_wheel_brings_its_migrations_and_catalogues_along(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    program = (
        "import sys\n"
        "import fototui\n"
        "from fototui import i18n\n"
        "from fototui.db.schema import migrate\n"
        "i18n.set_language('cs')\n"
        "assert 'babel' not in sys.modules\n"
        "print(fototui.__file__, migrate.head(), i18n._('Cancel'), sep='\\n')"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert shown == [str(site / "fototui" / "__init__.py"), migrate.head(), "Zrušit"]
