"""A shop of many years, made by SQL: orders that are done, and a few that are not.

    python -m bench.fill DATABASE_URL [--orders 1000000] [--working 1000]

The database is brought up to date and filled; it should be empty. Each order has one book of four
photos, with six colourings and four SVGs: ten versions. Orders that are not done are the newest,
and come in by the same triggers as all others do; for the done ones triggers and foreign keys are
left out, as restoring a dump does, so that ten million versions take minutes. The user must be the
database's superuser.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

import asyncpg

from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.log import configure_logging

VERSIONS_AN_ORDER = 10

_ORDERS = """
INSERT INTO orders (id, order_number, shopify_id, customer_name, customer_email, payment_status,
                    status, created_at, updated_at, queued_at, finished_at, finished_by)
SELECT gen_random_uuid(), '#' || n, n, 'Zákazník ' || n, 'zakaznik' || n || '@example.com', 'PAID',
       'ready_for_review', made, made, made, {finished}
FROM generate_series({first}, {last}) n,
     LATERAL (SELECT now() - ({last} - n) * interval '7 min' - {ago} * interval '1 day') t(made)
"""
_CONTENTS = (
    """
    INSERT INTO line_items (order_id, position, title, quantity)
    SELECT id, 1, 'Omalovánka', 1 FROM orders WHERE shopify_id BETWEEN {first} AND {last}
    """,
    """
    INSERT INTO images (line_item_id, position, original_url, uploaded_at)
    SELECT l.id, p, 'https://cdn.example.com/' || l.id || '/' || p || '.jpg', o.created_at
    FROM orders o JOIN line_items l ON l.order_id = o.id, generate_series(1, 4) p
    WHERE shopify_id BETWEEN {first} AND {last}
    """,
    # Two of the photos took two tries.
    """
    INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, created_at,
                                   queued_at, completed_at)
    SELECT i.id, v, 'completed', 1, 4, o.created_at, o.created_at, o.created_at + v * interval '1 h'
    FROM orders o JOIN line_items l ON l.order_id = o.id JOIN images i ON i.line_item_id = l.id,
         generate_series(1, 2) v
    WHERE shopify_id BETWEEN {first} AND {last} AND (v = 1 OR i.position < 3)
    """,
    """
    INSERT INTO svg_versions (image_id, coloring_version_id, version, status, shape_stacking,
                              group_by, created_at, queued_at, completed_at)
    SELECT c.image_id, c.id, 1, 'completed', 'stacked', 'color', o.created_at, o.created_at,
           o.created_at + interval '1 day'
    FROM orders o JOIN line_items l ON l.order_id = o.id JOIN images i ON i.line_item_id = l.id
         JOIN coloring_versions c ON c.image_id = i.id AND c.version = 1
    WHERE shopify_id BETWEEN {first} AND {last}
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


async def fill(database: Database, orders: int, working: int = 0) -> None:
    """Fill an empty database.

    Args:
        database: Its tables are there.
        orders: Orders in all.
        working: How many of them are not done.
    """
    done = orders - working
    kinds = (
        ("replica", 1, done, 30, "made + interval '2 days', 'bench'"),
        ("origin", done + 1, orders, 0, "NULL, NULL"),
    )
    # A connection of its own: those of the program give a statement up after half a minute.
    address = database.url.render_as_string(hide_password=False)
    connection = await asyncpg.connect(address.replace("+asyncpg", ""))
    try:
        for role, first, last, ago, finished in kinds:
            values = {"first": first, "last": last, "ago": ago, "finished": finished}
            kept = _KEPT if role == "replica" else ()
            await connection.execute(f"SET session_replication_role = {role}")
            for statement in (_ORDERS, *_CONTENTS, *kept):
                await connection.execute(statement.format(**values))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


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
