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
from ulid import ULID

from fototui.db.database import Database
from fototui.db.errors import SchemaError
from fototui.db.models.operations import Lane
from fototui.db.models.orders import ColoringVersion, Image, Order, SvgVersion
from fototui.db.schema import migrate, revision
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus

SHOP = "7c5d4e6f8a9b"
OLD_VALUES = ("pending", "queued", "processing", "completed", "error")
ROOT = Path(__file__).parents[2]


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


async def _fill_shop(engine: AsyncEngine, statuses: tuple[str, ...] = OLD_VALUES) -> ULID:
    """Rows as the shop's own program has written them."""
    order_id = ULID()
    await _run(
        engine,
        "INSERT INTO orders (id, order_number, shopify_id, status) "
        f"VALUES ('{order_id.to_uuid()}', '#1270', 1270, 'ready_for_review')",
        "INSERT INTO line_items (order_id, position, title, quantity) "
        f"VALUES ('{order_id.to_uuid()}', 1, 'Omalovánka', 2)",
        "INSERT INTO images (line_item_id, position, file_ref) VALUES "
        """(1, 1, '{"key": "a.jpg", "bucket": "b"}'), (1, 2, 'null')""",
    )
    for version, status in enumerate(statuses, 1):
        await _run(
            engine,
            "INSERT INTO coloring_versions (image_id, version, status) "
            f"VALUES (1, {version}, '{status}')",
            "INSERT INTO svg_versions (image_id, coloring_version_id, version, status) "
            f"VALUES (1, {version}, {version}, '{status}')",
        )
    await _run(
        engine,
        f"UPDATE images SET selected_coloring_id = {len(statuses)}, selected_svg_id = 1 "
        "WHERE id = 1",
    )
    return order_id


# --- the way up and down -----------------------------------------------------------------------


def test_the_needed_revision_is_the_newest_migration() -> None:
    assert migrate.head() == revision.NEEDED


async def test_an_empty_database_is_brought_to_head_and_back_to_nothing(empty: Database) -> None:
    engine = empty.engine
    assert await migrate.current(engine) is None
    with pytest.raises(SchemaError, match="no tables of fototui yet"):
        await empty.check()

    await migrate.upgrade(engine)
    assert await migrate.current(engine) == migrate.head()
    await migrate.check(engine)
    await migrate.require_head(engine)
    complete = await _objects(engine)

    await migrate.downgrade(engine, "base")
    assert await _objects(engine) == {"alembic_version"}
    await migrate.upgrade(engine)
    await migrate.check(engine)
    assert await _objects(engine) == complete


async def test_each_revision_can_be_taken_back_alone(database: Database) -> None:
    engine = database.engine
    steps = 0
    while await migrate.current(engine) is not None:
        with_it = await _objects(engine)
        await migrate.downgrade(engine, "-1")
        await migrate.upgrade(engine, "+1")
        assert await _objects(engine) == with_it
        await migrate.downgrade(engine, "-1")
        steps += 1
    assert steps >= 3


async def test_upgrading_twice_changes_nothing(database: Database) -> None:
    before = await _objects(database.engine)
    await migrate.upgrade(database.engine)
    assert await _objects(database.engine) == before
    await migrate.check(database.engine)


async def test_alembic_says_nothing_by_itself(
    database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    await migrate.upgrade(database.engine)
    await migrate.check(database.engine)
    assert capfd.readouterr() == ("", "")


# --- a shop's database -------------------------------------------------------------------------


async def test_a_shops_database_keeps_its_rows(empty: Database) -> None:
    engine = empty.engine
    await migrate.upgrade(engine, SHOP)
    order_id = await _fill_shop(engine)

    await migrate.upgrade(engine)

    await migrate.check(engine)
    async with empty.session() as session:
        order = await session.get_one(Order, order_id)
        images = [await session.get_one(Image, key) for key in (1, 2)]
        colorings = [await session.get_one(ColoringVersion, key) for key in range(1, 6)]
        svgs = [await session.get_one(SvgVersion, key) for key in range(1, 6)]
        lanes = {
            key: (await session.get_one(Lane, key)).account_limit for key in ("coloring", "svg")
        }
    assert order.order_number == "#1270"
    assert [image.file_ref for image in images] == [S3ObjectRefData(key="a.jpg", bucket="b"), None]
    assert (images[0].selected_coloring_id, images[0].selected_svg_id) == (5, 1)
    assert [coloring.status for coloring in colorings] == list(OLD_VALUES)
    assert [svg.status for svg in svgs] == list(OLD_VALUES)
    assert all(row.claim_token is None and row.attempts == 0 for row in (*colorings, *svgs))
    assert (svgs[0].shape_stacking, svgs[0].group_by) == ("stacked", "color")
    assert lanes == {"coloring": None, "svg": 5}


async def test_a_downgraded_database_is_the_shops_again(empty: Database) -> None:
    engine = empty.engine
    await migrate.upgrade(engine, SHOP)
    await _fill_shop(engine)
    shops = await _objects(engine)
    await migrate.upgrade(engine)
    await migrate.downgrade(engine, SHOP)

    assert await migrate.current(engine) == SHOP
    assert await _objects(engine) == shops
    async with engine.connect() as connection:
        count = await connection.scalar(text("SELECT count(*) FROM svg_versions"))
        columns = set(
            await connection.scalars(
                text(
                    "SELECT column_name FROM information_schema.columns "
                    "WHERE table_name = 'coloring_versions'"
                )
            )
        )
    assert count == len(OLD_VALUES)
    assert columns == {
        "id", "image_id", "version", "file_ref", "status", "megapixels", "steps", "runpod_job_id",
        "created_at", "started_at", "completed_at",
    }  # fmt: skip


@pytest.mark.parametrize("default", ["queued", None])
@pytest.mark.parametrize("new_types_exist", [False, True])
async def test_an_older_shops_one_status_type_becomes_two(
    empty: Database, default: str | None, *, new_types_exist: bool
) -> None:
    engine = empty.engine
    await migrate.upgrade(engine, SHOP)
    values = ", ".join(f"'{value}'" for value in OLD_VALUES)
    await _run(engine, f"CREATE TYPE imageprocessingstatus AS ENUM ({values})")
    for table in ("coloring_versions", "svg_versions"):
        await _run(
            engine,
            f"ALTER TABLE {table} ALTER status TYPE imageprocessingstatus "
            "USING status::text::imageprocessingstatus",
        )
        if default:
            await _run(engine, f"ALTER TABLE {table} ALTER status SET DEFAULT '{default}'")
    if not new_types_exist:
        await _run(engine, "DROP TYPE coloringprocessingstatus", "DROP TYPE svgprocessingstatus")
    await _fill_shop(engine)

    await migrate.upgrade(engine)

    await migrate.check(engine)
    assert "imageprocessingstatus" not in await _objects(engine)
    async with empty.session() as session, session.begin():
        for key, value in enumerate(OLD_VALUES, 1):
            assert (await session.get_one(ColoringVersion, key)).status == value
            assert (await session.get_one(SvgVersion, key)).status == value
        coloring = await session.get_one(ColoringVersion, 1)
        coloring.status = ColoringProcessingStatus.RUNPOD_CANCELLED
        svg = await session.get_one(SvgVersion, 1)
        svg.status = SvgProcessingStatus.VECTORIZER_COMPLETED


# --- holding the schema against the models -----------------------------------------------------


@pytest.mark.parametrize(
    "by_hand",
    [
        "ALTER TABLE orders ADD COLUMN note text",
        "ALTER TABLE images DROP COLUMN svg_chosen_at",
        "ALTER TABLE line_items ALTER COLUMN dedication SET NOT NULL",
        "ALTER TABLE coloring_versions ALTER COLUMN steps TYPE bigint",
        "DROP INDEX ix_orders_newest",
        "ALTER TABLE images DROP CONSTRAINT images_selected_svg_id_fkey",
        "ALTER TABLE orders DROP CONSTRAINT orders_shopify_id_key",
        "CREATE TABLE strangers (id int)",
    ],
)
async def test_check_sees_what_was_changed_by_hand(database: Database, by_hand: str) -> None:
    await _run(database.engine, by_hand)
    with pytest.raises(SchemaError, match="Models and migrations differ"):
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


async def test_two_processes_that_upgrade_at_once(empty_database_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from fototui.db import migrate\n"
        "from fototui.db.database import Database\n"
        "async def main():\n"
        "    async with Database(sys.stdin.read()) as database:\n"
        "        await migrate.upgrade(database.engine)\n"
        "asyncio.run(main())\n"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, cwd=ROOT, stdin=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    await asyncio.gather(*(p.communicate(empty_database_url.encode()) for p in processes))

    assert [process.returncode for process in processes] == [0, 0]
    async with Database(empty_database_url) as database:
        await migrate.check(database.engine)


def test_an_installed_wheel_brings_its_migrations_along(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    program = (
        "import fototui\n"
        "from fototui.db import migrate\n"
        "print(fototui.__file__, migrate.head(), sep='\\n')"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert shown == [str(site / "fototui" / "__init__.py"), migrate.head()]


async def test_check_sees_a_status_type_that_lacks_a_status(database: Database) -> None:
    await migrate.check(database.engine)
    async with database.session() as session, session.begin():
        await session.execute(
            text("ALTER TYPE svgprocessingstatus RENAME VALUE 'vectorizer_completed' TO 'done'")
        )
    with pytest.raises(SchemaError, match="vectorizer_completed"):
        await migrate.check(database.engine)
