"""An existing shop's database is upgraded in place, and back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.errors import SchemaError
from fototui.db.models.orders import ColoringVersion, Image, Order, SvgVersion
from fototui.db.schema import migrate
from fototui.domain.files import S3ObjectRefData
from tests.conftest import PostgresServer
from tests.db.old_shop import AGES, NAMES, NEWEST, Age, connect, make_shop, rows_of, schema_of


@pytest.fixture
async def shop(empty_database_url: str) -> AsyncIterator[Database]:
    """The newest shop's database, not yet upgraded."""
    await make_shop(empty_database_url)
    async with Database(empty_database_url) as database:
        yield database


@pytest.mark.parametrize("age", AGES, ids=str)
async def test_rows_of_every_age_and_status_are_there_after_it(
    empty_database_url: str, age: Age
) -> None:
    order_id = await make_shop(empty_database_url, age)
    async with Database(empty_database_url) as database:
        await migrate.upgrade(database.engine)

        await migrate.check(database.engine)
        await database.check()
        async with database.session() as session:
            order = await session.get_one(Order, order_id)
            images = [await session.get_one(Image, key) for key in (1, 2)]
            count = len(age.coloring)
            colorings = [await session.get_one(ColoringVersion, k) for k in range(1, count + 1)]
            odd = await session.get_one(ColoringVersion, count + 1)
            svgs = [await session.get_one(SvgVersion, k) for k in range(1, len(age.svg) + 1)]
            names = set(await session.scalars(text("SELECT customer_name FROM orders")))
    assert order.order_number == "#1270"
    assert names == set(NAMES)
    assert [i.file_ref for i in images] == [S3ObjectRefData(key="a.jpg", bucket="b"), None]
    assert [row.status for row in colorings] == list(age.coloring)
    assert [row.status for row in svgs] == list(age.svg)
    assert [row.version for row in svgs] == list(range(1, len(svgs) + 1))
    assert all(row.claim_token is None and row.attempts == 0 for row in (*colorings, *svgs))
    assert all(row.image_id == 1 for row in svgs)
    assert (odd.megapixels, odd.steps, odd.file_ref) == (12, 50, None)


async def test_a_fresh_database_is_the_same_as_an_adopted_one(
    pg: PostgresServer, database_url: str
) -> None:
    with pg.database() as adopted:
        await make_shop(adopted)
        async with Database(adopted) as database:
            await migrate.upgrade(database.engine)
        assert await schema_of(adopted) == await schema_of(database_url)


async def test_the_shops_schema_is_written_down_as_it_is(
    pg: PostgresServer, empty_database_url: str
) -> None:
    async with Database(empty_database_url) as database:
        await migrate.upgrade(database.engine, "7c5d4e6f8a9b")
    with pg.database() as real:
        await make_shop(real)
        assert await schema_of(real) == await schema_of(empty_database_url)


@pytest.mark.parametrize("age", [NEWEST, Age(one_type=True)], ids=str)
async def test_the_way_back_gives_exactly_what_was_there(empty_database_url: str, age: Age) -> None:
    await make_shop(empty_database_url, age)
    if age.one_type:
        connection = await connect(empty_database_url)
        for table in ("coloring_versions", "svg_versions"):
            await connection.execute(f"ALTER TABLE {table} ALTER status SET DEFAULT 'queued'")
        await connection.close()
    schema, rows = await schema_of(empty_database_url), await rows_of(empty_database_url)
    async with Database(empty_database_url) as database:
        await migrate.upgrade(database.engine)
        await migrate.downgrade(database.engine, "7c5d4e6f8a9b")

    assert await schema_of(empty_database_url) == schema
    assert await rows_of(empty_database_url) == rows


async def test_nobody_drops_a_shop(shop: Database, empty_database_url: str) -> None:
    async def refuses(target: str) -> None:
        before = await schema_of(empty_database_url), await rows_of(empty_database_url)
        with pytest.raises(SchemaError):
            await migrate.downgrade(shop.engine, target)
        assert (await schema_of(empty_database_url), await rows_of(empty_database_url)) == before

    for target in ("base", "59d0e8a1b461", "4bf86552fe5b", "-1"):
        await refuses(target)
    await migrate.upgrade(shop.engine)
    await refuses("-99")


async def test_two_svgs_of_one_photo_that_were_both_v1_are_counted_by_age(
    empty_database_url: str,
) -> None:
    await make_shop(empty_database_url, Age("59d0e8a1b461"))
    connection = await connect(empty_database_url)
    await connection.execute(
        "INSERT INTO svg_versions (coloring_version_id, version, status, shape_stacking, group_by, "
        "created_at) VALUES (2, 1, 'completed', 'stacked', 'color', now() - interval '9 days'), "
        "(10, 1, 'completed', 'stacked', 'color', now() - interval '9 days')"
    )
    await connection.close()
    async with Database(empty_database_url) as database:
        await migrate.upgrade(database.engine)
        async with database.session() as session:
            found = (
                await session.execute(
                    text(
                        "SELECT image_id, version, coloring_version_id FROM svg_versions "
                        "ORDER BY image_id, version"
                    )
                )
            ).all()
    assert found[0] == (1, 1, 2)  # the oldest of its photo
    assert [row[:2] for row in found] == [*((1, n) for n in range(1, 8)), (2, 1)]


# --- choices and old work ----------------------------------------------------------------------


async def test_a_choice_that_is_there_is_an_operators(shop: Database) -> None:
    await migrate.upgrade(shop.engine)
    async with shop.session() as session:
        image = await session.get_one(Image, 1)
        youngest = await session.scalar(
            text("SELECT max(queued_at) FROM coloring_versions WHERE image_id = 1 AND NOT "
                 "status IN ('completed', 'error', 'runpod_cancelled')")
        )  # fmt: skip
        waiting = await session.scalar(
            text("SELECT count(*) FROM reviews WHERE image_id = 1 AND decision IS NULL")
        )
        other = await session.get_one(Image, 2)
    assert image.coloring_chosen_at is not None
    assert image.svg_chosen_at is not None
    # A completion replaces a choice that is older than its request.
    assert image.coloring_chosen_at >= youngest
    assert waiting == 0
    assert other.coloring_chosen_at is None


async def test_jobs_older_than_a_day_are_held(shop: Database) -> None:
    plan = await migrate.plan(shop.engine)
    await migrate.upgrade(shop.engine)
    async with shop.session() as session:
        held = {
            table: set(
                await session.scalars(
                    text(f"SELECT status::text FROM {table} WHERE held_at IS NOT NULL")
                )
            )
            for table in ("orders", "coloring_versions", "svg_versions")
        }
    assert held["orders"] == {"pending", "downloading", "processing"}
    assert held["coloring_versions"] == set(NEWEST.coloring) - {
        "queued", "completed", "error", "runpod_cancelled"
    }  # fmt: skip
    assert held["svg_versions"] == set(NEWEST.svg) - {"queued", "completed", "error"}
    assert plan.held == {table: len(rows) for table, rows in held.items()}
    assert plan.choices == 2
    assert [step for step, _ in plan.steps][0::100] == ["a1f3c5d7e901"]


_OWN_JOB = """
    INSERT INTO orders (id, order_number, status, created_at, updated_at)
        VALUES (gen_random_uuid(), '#1', 'ready_for_review', now(), now());
    INSERT INTO line_items (order_id, position, title, quantity) SELECT id, 1, 'x', 1 FROM orders;
    INSERT INTO images (line_item_id, position) SELECT id, 1 FROM line_items;
    INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, created_at,
                                   requested_by)
        SELECT id, 1, 'queued', 1, 4, now() - interval '9 days', 'eva' FROM images
"""


async def test_jobs_of_fototui_itself_are_not_held(database: Database) -> None:
    await migrate.downgrade(database.engine, "a7b9c1d35e68")
    async with database.session() as session, session.begin():
        for statement in _OWN_JOB.split(";"):
            await session.execute(text(statement))
    await migrate.upgrade(database.engine)
    async with database.session() as session:
        assert await session.scalar(text("SELECT held_at FROM coloring_versions")) is None


# --- what is refused ---------------------------------------------------------------------------


async def test_another_programs_tables_are_left_alone(empty_database_url: str) -> None:
    connection = await connect(empty_database_url)
    await connection.execute("CREATE TABLE orders (id int)")
    await connection.close()
    before = await schema_of(empty_database_url)
    async with Database(empty_database_url) as database:
        for ask in (migrate.upgrade, migrate.plan):
            with pytest.raises(SchemaError, match=r"another program \(orders\)"):
                await ask(database.engine)
        connection = await connect(empty_database_url)
        await connection.execute(
            "CREATE TABLE alembic_version (version_num varchar(32));"
            "INSERT INTO alembic_version VALUES ('7c5d4e6f8a9b')"
        )
        with pytest.raises(SchemaError, match=r"lacks orders\.created_at"):
            await migrate.upgrade(database.engine)
        await connection.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
        with pytest.raises(SchemaError, match=r"0123456789ab.*Update fototui"):
            await migrate.upgrade(database.engine)
        await connection.execute("DROP TABLE alembic_version")
        await connection.close()
    assert await schema_of(empty_database_url) == before


async def test_an_extensions_tables_are_nobodys(
    pg: PostgresServer, empty_database_url: str
) -> None:
    connection = await connect(empty_database_url)
    try:
        await connection.execute("CREATE EXTENSION pg_stat_statements")
    except Exception:  # noqa: BLE001 - whatever the reason, there is nothing to try
        pytest.skip("this PostgreSQL brings no pg_stat_statements")
    finally:
        await connection.close()
    async with Database(empty_database_url) as database:
        await migrate.upgrade(database.engine)
        await migrate.check(database.engine)


async def test_an_upgrade_waits_a_bounded_time_for_those_at_work(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_LOCK_SECONDS", 1)
    url = shop.url.render_as_string(hide_password=False)
    before = await schema_of(url)
    backend = await connect(url)
    async with backend.transaction():
        await backend.execute("UPDATE images SET original_url = 'x'")
        with pytest.raises(SchemaError, match="nothing was changed"):
            await migrate.upgrade(shop.engine)
    assert await schema_of(url) == before

    # Once it lets go, it goes on beside the upgraded tables as it did.
    await migrate.upgrade(shop.engine)
    await backend.execute(
        "INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, created_at, "
        "file_ref) VALUES (2, 7, 'queued', 1, 4, now(), $1)", json.dumps(None),
    )  # fmt: skip
    await backend.close()


_AS_AN_EARLIER_FOTOTUI_MADE_IT = """
    DROP INDEX ix_orders_order_number; ALTER TABLE orders ADD UNIQUE (order_number);
    DROP INDEX ix_orders_shopify_id; ALTER TABLE orders ADD UNIQUE (shopify_id);
    ALTER TABLE orders ALTER created_at SET DEFAULT now(), ALTER customer_name TYPE text;
    ALTER TABLE line_items RENAME CONSTRAINT uq_line_item_order_position
        TO line_items_order_id_position_key;
    ALTER TABLE images RENAME CONSTRAINT fk_images_selected_svg_id
        TO images_selected_svg_id_fkey;
    ALTER TABLE svg_versions RENAME CONSTRAINT uq_svg_version_image_version
        TO svg_versions_image_id_version_key;
    DROP INDEX ix_svg_versions_image_id, ix_line_items_order_id;
"""


async def test_a_database_that_an_earlier_fototui_made_becomes_the_same(
    pg: PostgresServer, database_url: str
) -> None:
    with pg.database() as earlier:
        async with Database(earlier) as database:
            await migrate.upgrade(database.engine, "a7b9c1d35e68")
            connection = await connect(earlier)
            await connection.execute(_AS_AN_EARLIER_FOTOTUI_MADE_IT)
            await connection.close()
            await migrate.upgrade(database.engine)
            await migrate.check(database.engine)
        there, needed = await schema_of(earlier), await schema_of(database_url)
    # Defaults and texts without a limit may stay as they were made.
    assert {row for row in there ^ needed if row[0] != "column"} == set()
