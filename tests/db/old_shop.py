"""Databases as the shop's own program left them, of every age, with rows in every status."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy import make_url
from ulid import ULID

SCHEMA = Path(__file__).with_name("shop-schema-7c5d4e6f8a9b.sql")
COLORING = (
    "pending", "queued", "processing", "runpod_submitting", "runpod_submitted", "runpod_queued",
    "runpod_processing", "runpod_completed", "storage_upload", "completed", "error",
    "runpod_cancelled",
)  # fmt: skip
SVG = (
    "pending", "queued", "processing", "vectorizer_processing", "vectorizer_completed",
    "storage_upload", "completed", "error",
)  # fmt: skip
YOUNGER = {"runpod_completed", "storage_upload", "runpod_cancelled", "vectorizer_completed"}
ONE_TYPE = ("pending", "queued", "processing", "completed", "error")

# Backwards from the newest schema to those before it.
_BEFORE_7C5D = """
    ALTER TABLE coloring_versions DROP COLUMN started_at, DROP COLUMN completed_at;
    ALTER TABLE svg_versions DROP COLUMN started_at, DROP COLUMN completed_at;
    ALTER TABLE svg_versions DROP COLUMN image_id;
    ALTER TABLE svg_versions ADD CONSTRAINT uq_svg_version_coloring_version
        UNIQUE (coloring_version_id, version);
    CREATE TYPE c AS ENUM ('pending', 'queued', 'processing', 'runpod_submitting',
        'runpod_submitted', 'runpod_queued', 'runpod_processing', 'completed', 'error');
    CREATE TYPE s AS ENUM ('pending', 'queued', 'processing', 'vectorizer_processing',
        'completed', 'error');
    ALTER TABLE coloring_versions ALTER status TYPE c USING status::text::c;
    ALTER TABLE svg_versions ALTER status TYPE s USING status::text::s;
    DROP TYPE coloringprocessingstatus, svgprocessingstatus;
    ALTER TYPE c RENAME TO coloringprocessingstatus;
    ALTER TYPE s RENAME TO svgprocessingstatus;
    UPDATE alembic_version SET version_num = '59d0e8a1b461';
"""
_BEFORE_59D0 = """
    ALTER TABLE coloring_versions DROP COLUMN runpod_job_id;
    ALTER TABLE svg_versions DROP COLUMN vectorizer_job_id;
    UPDATE alembic_version SET version_num = '4bf86552fe5b';
"""
_ONE_TYPE = """
    CREATE TYPE imageprocessingstatus AS ENUM
        ('pending', 'queued', 'processing', 'completed', 'error');
    ALTER TABLE coloring_versions ALTER status TYPE imageprocessingstatus
        USING status::text::imageprocessingstatus;
    ALTER TABLE svg_versions ALTER status TYPE imageprocessingstatus
        USING status::text::imageprocessingstatus;
    DROP TYPE coloringprocessingstatus, svgprocessingstatus;
"""
NAMES = ("Žaneta Příšerně-Žluťoučká", "東京 花子", "مريم", "😀 O'Brien <b>", "")


@dataclass(frozen=True)
class Age:
    """One age of the shop's database.

    Args:
        revision: What Alembic calls it.
        one_type: Both kinds of versions share one status type.
    """

    revision: str = "7c5d4e6f8a9b"
    one_type: bool = False

    @property
    def coloring(self) -> tuple[str, ...]:
        """The statuses of colourings in it."""
        return self._known(COLORING)

    @property
    def svg(self) -> tuple[str, ...]:
        """The statuses of SVGs in it."""
        return self._known(SVG)

    def _known(self, statuses: tuple[str, ...]) -> tuple[str, ...]:
        if self.one_type:
            return ONE_TYPE
        young = self.revision == "7c5d4e6f8a9b"
        return tuple(status for status in statuses if young or status not in YOUNGER)


NEWEST = Age()
AGES = [
    NEWEST,
    Age("59d0e8a1b461"),
    Age("4bf86552fe5b"),
    Age("7c5d4e6f8a9b", one_type=True),
    Age("4bf86552fe5b", one_type=True),
]


async def connect(url: str) -> asyncpg.Connection[asyncpg.Record]:
    """A connection of the shop's own program."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return await asyncpg.connect(plain)


async def make_shop(url: str, age: Age = NEWEST) -> ULID:
    """Make the shop's tables in an empty database, and fill them.

    One order holds two images. The first has a version in every status, each two days old but the
    last of each kind, which is an hour old, and its completed ones are chosen. The second has no
    photo (a JSON `null`), and versions of options that are out of today's limits.

    Returns:
        The order.
    """
    connection = await connect(url)
    try:
        await connection.execute(SCHEMA.read_text("utf-8"))
        if age.revision != "7c5d4e6f8a9b":
            await connection.execute(_BEFORE_7C5D)
        if age.revision == "4bf86552fe5b":
            await connection.execute(_BEFORE_59D0)
        if age.one_type:
            await connection.execute(_ONE_TYPE)
        return await _fill(connection, age)
    finally:
        await connection.close()


async def _fill(connection: asyncpg.Connection[asyncpg.Record], age: Age) -> ULID:
    order_id = ULID()
    for number, (name, status) in enumerate(
        zip(
            NAMES,
            ("ready_for_review", "pending", "downloading", "processing", "error"),
            strict=True,
        )
    ):
        await connection.execute(
            "INSERT INTO orders (id, order_number, shopify_id, customer_name, status, created_at, "
            "updated_at) VALUES ($1, $2, $3, $4, $5, now() - interval '2 days', now())",
            (order_id if number == 0 else ULID()).to_uuid(), f"#{1270 + number}", 1270 + number,
            name, status,
        )  # fmt: skip
    await connection.execute(
        "INSERT INTO line_items (order_id, position, title, quantity) VALUES ($1, 1, 'Kniha', 2)",
        order_id.to_uuid(),
    )
    await connection.execute(
        "INSERT INTO images (line_item_id, position, file_ref) VALUES (1, 1, $1), (1, 2, 'null')",
        json.dumps({"key": "a.jpg", "bucket": "b"}),
    )
    has_image = "image_id" in await _columns(connection, "svg_versions")
    for version, status in enumerate(age.coloring, 1):
        await connection.execute(
            "INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, "
            f"created_at, file_ref) VALUES (1, $1, '{status}', 1, 4, {_made(status)}, $2)",
            version, _file(status),
        )  # fmt: skip
    for version, status in enumerate(age.svg, 1):
        column, value = (", image_id", ", 1") if has_image else ("", "")
        await connection.execute(
            "INSERT INTO svg_versions (coloring_version_id, version, status, shape_stacking, "
            f"group_by, created_at, file_ref{column}) VALUES (1, $1, '{status}', 'none', 'color', "
            f"{_made(status)}, $2{value})",
            version, _file(status),
        )  # fmt: skip
    await connection.execute(
        "INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, created_at, "
        "file_ref) VALUES (2, 1, 'queued', 12, 50, now(), 'null')"
    )
    await connection.execute(
        "UPDATE images SET selected_coloring_id = (SELECT min(id) FROM coloring_versions WHERE "
        "status = 'completed'), selected_svg_id = (SELECT min(id) FROM svg_versions WHERE "
        "status = 'completed') WHERE id = 1"
    )
    return order_id


def _made(status: str) -> str:
    return f"now() - interval '{'1 hour' if status == 'queued' else '2 days'}'"


def _file(status: str) -> str:
    return json.dumps({"key": "made.png", "bucket": "b"}) if status == "completed" else "null"


async def _columns(connection: asyncpg.Connection[asyncpg.Record], table: str) -> set[str]:
    rows = await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = $1", table
    )
    return {row[0] for row in rows}


_PICTURE = """
    SELECT 'column', c.relname, a.attname, format('%s %s %s', format_type(a.atttypid, a.atttypmod),
        a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public'
    UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', proname, '', pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type', typname, '', (SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder)
        FROM pg_enum WHERE enumtypid = t.oid)
    FROM pg_type t WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    UNION ALL SELECT 'comment', description, '', '' FROM pg_description
    WHERE classoid = 'pg_class'::regclass AND objoid >= 16384
"""
TABLES = (
    "orders", "line_items", "images", "coloring_versions", "svg_versions", "manual_order_sequence",
    "alembic_version",
)  # fmt: skip


async def schema_of(url: str) -> set[tuple[str, ...]]:
    """Everything that a database's schema is made of, to be held against another's."""
    connection = await connect(url)
    try:
        return {tuple(map(str, row)) for row in await connection.fetch(_PICTURE)}
    finally:
        await connection.close()


async def rows_of(url: str) -> dict[str, list[str]]:
    """All rows of the shop's tables."""
    connection = await connect(url)
    try:
        return {
            table: [row[0] for row in await connection.fetch(
                f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1"
            )]
            for table in TABLES
        }  # fmt: skip
    finally:
        await connection.close()
