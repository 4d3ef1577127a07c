"""A shop of many years, made by SQL: orders that are done, and a few that are not.

    python -m bench.fill DATABASE_URL [--orders 1000000] [--working 1000]

The database is brought up to date and filled; it should be empty. Each order has one book of four
photos, with six colourings and four SVGs: ten versions. Orders that are not done are the newest,
and come in by the same triggers as all others do. The done ones come as a restored dump does, so
that ten million versions take minutes: no triggers, no foreign keys, indexes made at the end, and
every number reckoned from the order's, so that nothing is joined. The user must be the database's
superuser.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.log import configure_logging

VERSIONS_AN_ORDER = 10
CHUNK = 20_000
"""Orders that one statement makes: what it sorts and holds stays in memory."""

_TABLES = ("orders", "line_items", "images", "coloring_versions", "svg_versions", "order_texts")
_FAST = (
    "SET synchronous_commit = off",
    "SET maintenance_work_mem = '1GB'",
    "SET work_mem = '128MB'",
)

# The order of each number, oldest first, with the ids that the program gives: by time.
_NUMBERED = """
WITH numbered AS (
    SELECT n, made, (lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0')
                     || substr(md5(n::text), 1, 20))::uuid AS id
    FROM generate_series({first}, {last}) n,
         LATERAL (SELECT timestamptz '{now}' - interval '{ago} days'
                         - ({newest} - n) * interval '7 min') t(made)
)
"""
_STATEMENTS = (
    """
    INSERT INTO orders (id, order_number, shopify_id, customer_name, customer_email,
                        payment_status, status, created_at, updated_at, queued_at,
                        finished_at, finished_by)
    SELECT id, '#' || n, n, 'Zákazník ' || n, 'zakaznik' || n || '@example.com', 'PAID',
           'ready_for_review', made, made, made, {finished}
    FROM numbered ORDER BY n
    """,
    """
    INSERT INTO line_items (id, order_id, position, title, quantity)
    SELECT {line_items} + n, id, 1, 'Omalovánka', 1 FROM numbered ORDER BY n
    """,
    """
    INSERT INTO images (id, line_item_id, position, original_url, uploaded_at)
    SELECT {images} + 4 * n + p, {line_items} + n, p,
           'https://cdn.example.com/' || n || '/' || p || '.jpg', made
    FROM numbered, generate_series(1, 4) p ORDER BY n, p
    """,
    # Two of the photos took two tries; the second ones are numbered 5 and 6.
    """
    INSERT INTO coloring_versions (id, image_id, version, status, megapixels, steps, created_at,
                                   queued_at, completed_at)
    SELECT {coloring_versions} + 6 * n + k, {images} + 4 * n + (k - 1) % 4 + 1, (k - 1) / 4 + 1,
           'completed', 1, 4, made, made, made + ((k - 1) / 4 + 1) * interval '1 h'
    FROM numbered, generate_series(1, 6) k ORDER BY n, k
    """,
    """
    INSERT INTO svg_versions (id, image_id, coloring_version_id, version, status, shape_stacking,
                              group_by, created_at, queued_at, completed_at)
    SELECT {svg_versions} + 4 * n + p, {images} + 4 * n + p, {coloring_versions} + 6 * n + p, 1,
           'completed', 'stacked', 'color', made, made, made + interval '1 day'
    FROM numbered, generate_series(1, 4) p ORDER BY n, p
    """,
)
# What triggers would have kept.
_KEPT = (
    """
    INSERT INTO order_texts
    SELECT o.id, o.created_at, fototui_text(o) FROM orders o
    WHERE shopify_id BETWEEN {first} AND {last}
    """,
    "INSERT INTO order_counts (orders) VALUES ({last} - {first} + 1)",
)
_SEQUENCED = ("line_items", "images", "coloring_versions", "svg_versions")
_HIGHEST = "SELECT coalesce(max(id), 0) FROM {table}"
_SET_SEQUENCE = "SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid = ANY ($1::text[]::regclass[])
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


async def fill(database: Database, orders: int, working: int = 0) -> None:
    """Fill an empty database.

    Args:
        database: Its tables are there.
        orders: Orders in all.
        working: How many of them are not done.
    """
    done = orders - working
    # A connection of its own: those of the program give a statement up after half a minute.
    address = database.url.render_as_string(hide_password=False)
    connection = await asyncpg.connect(address.replace("+asyncpg", ""))
    try:
        for statement in _FAST:
            await connection.execute(statement)
        async with _without_indexes(connection):
            await connection.execute("SET session_replication_role = replica")
            finished = "made + interval '2 days', 'bench'"
            await _make(connection, 1, done, ago=30, finished=finished)
            await connection.execute("ANALYZE")
            for statement in _KEPT:
                await connection.execute(statement.format(first=1, last=done))
            await connection.execute("RESET session_replication_role")
        await _make(connection, done + 1, orders, ago=0, finished="NULL, NULL")
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _make(
    connection: asyncpg.Connection, first: int, last: int, *, ago: int, finished: str
) -> None:
    """Make the orders of some numbers, and all that they have.

    Args:
        connection: To the database.
        first: The oldest one's number.
        last: The newest one's.
        ago: How many days ago the newest one came.
        finished: When and by whom each was handed over.
    """
    before = {
        table: await connection.fetchval(_HIGHEST.format(table=table)) for table in _SEQUENCED
    }
    now = await connection.fetchval("SELECT now()::text")
    for start in range(first, last + 1, CHUNK):
        chunk = {"first": start, "last": min(start + CHUNK - 1, last), "newest": last, "ago": ago}
        for statement in _STATEMENTS:
            values = {"now": now, "finished": finished, **before, **chunk}
            await connection.execute((_NUMBERED + statement).format(**values))
    for table in _SEQUENCED:
        await connection.execute(_SET_SEQUENCE.format(table=table))


@asynccontextmanager
async def _without_indexes(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Drop the indexes that hold no constraint, and make them again at the end."""
    indexes = await connection.fetch(_INDEXES, list(_TABLES))
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    yield
    for index in indexes:
        await connection.execute(index["definition"])


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fill")
    parser.add_argument("url", metavar="DATABASE_URL")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--working", type=int, default=1_000)
    chosen = parser.parse_args()
    began = time.monotonic()
    async with Database(chosen.url) as database:
        await migrate.upgrade(database.engine)
        await fill(database, chosen.orders, chosen.working)
    seconds = time.monotonic() - began
    print(f"{chosen.orders * VERSIONS_AN_ORDER:,} versions in {seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(main())
