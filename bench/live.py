"""How the live model does with 100,000 orders, on an embedded PostgreSQL.

    python bench/live.py [orders]

Prints JSON.
"""

import asyncio
import gc
import json
import statistics
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.live.store import LiveStore
from fototui.log import configure_logging
from fototui.sandbox.postgres.server import temporary_postgres
from fototui.services.backend import Backend
from fototui.services.changes import Changes, LiveService, Watermark
from fototui.storage.directory import DirectoryStorage

ORDERS = 100_000

#: Orders of one book with three photos; of two photos in three there is a colouring, of one an SVG.
FILL = """
INSERT INTO orders (id, order_number, customer_name, customer_email, payment_status, status,
                    created_at, updated_at)
SELECT gen_random_uuid(), '#' || n, 'Zákazník ' || n, 'zakaznik' || n || '@example.com', 'PAID',
       'ready_for_review', now() - n * interval '7 min', now()
FROM generate_series(1, :orders) n;
INSERT INTO line_items (order_id, position, title, quantity)
SELECT id, 1, 'Omalovánka', 1 FROM orders;
INSERT INTO images (line_item_id, position) SELECT id, p FROM line_items, generate_series(1, 3) p;
INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, created_at)
SELECT id, 1, 'completed', 1, 4, now() FROM images WHERE position < 3;
INSERT INTO svg_versions (image_id, coloring_version_id, version, status, shape_stacking, group_by,
                          created_at)
SELECT image_id, id, 1, 'completed', 'stacked', 'color', now() FROM coloring_versions
WHERE id % 2 = 0
"""


async def fill(database: Database, orders: int) -> None:
    async with database.engine.begin() as connection:
        for statement in FILL.replace(":orders", str(orders)).split(";"):
            await connection.execute(text(statement))
    async with database.autocommit() as session:
        await session.execute(text("VACUUM ANALYZE"))


async def _changes(backend: Backend, since: Watermark | None = None) -> Changes:
    async with backend.autocommit(LiveService) as service:
        return await service.changes(since)


async def milliseconds_to_ask(database: Database, changed: int) -> float:
    """Asking what changed, with so many rows changed since the last time."""
    backend = _backend(database)
    since = (await _changes(backend)).watermark
    async with database.engine.begin() as connection:
        await connection.execute(
            text(f"UPDATE coloring_versions SET steps = steps WHERE id % 200000 < {changed}")
        )
    waits = []
    changes = await _changes(backend, since)
    for _ in range(9):
        began = time.perf_counter()
        await _changes(backend, since)
        waits.append((time.perf_counter() - began) * 1000)
    assert bool(changes.order_ids) == bool(changed)
    return statistics.median(waits)


def _backend(database: Database) -> Backend:
    return Backend(database, DirectoryStorage(Path("/nonexistent")), operator="bench")


async def _longest_pause(pauses: list[float]) -> None:
    """Note how long the event loop was busy in one go."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        pauses.append((time.perf_counter() - began) * 1000 - 1)


async def opening(database: Database) -> dict[str, float]:
    """A store from nothing to all orders."""
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    store = LiveStore(_backend(database))
    pauses: list[float] = []
    watch = asyncio.create_task(_longest_pause(pauses))
    began, used = time.perf_counter(), time.process_time()
    run = asyncio.create_task(store.run())
    while not store.listing:  # noqa: ASYNC110 - a timer would blur it
        await asyncio.sleep(0)
    first = time.perf_counter() - began
    while not store.is_complete:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.001)
    complete = time.perf_counter() - began
    used = time.process_time() - used
    watch.cancel()
    gc.collect()
    memory = process.memory_info().rss - before
    began = time.perf_counter()
    for place in range(0, len(store.listing), 100):
        assert store.listing.index(store.listing[place]) == place
    lookups = (time.perf_counter() - began) / len(range(0, len(store.listing), 100))
    await asyncio.sleep(5)
    idle = time.process_time()
    await asyncio.sleep(5)
    idle = (time.process_time() - idle) / 5
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run
    pauses.sort()
    return {
        "orders": len(store.orders),
        "milliseconds to the first page": round(first * 1000, 1),
        "seconds to complete": round(complete, 2),
        "CPU seconds to complete": round(used, 2),
        "event loop busy in one go meanwhile, ms, 99 %": round(pauses[len(pauses) * 99 // 100], 1),
        "event loop busy in one go meanwhile, ms, most": round(pauses[-1], 1),
        "memory of all orders, MB": round(memory / 1e6, 1),
        "microseconds to find a place in the list": round(lookups * 1e6, 1),
        "share of a core when polling with nothing to tell": round(idle, 4),
    }


async def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS
    async with temporary_postgres() as postgres:
        await postgres.create_database("bench")
        async with Database(postgres.url("bench")) as database:
            await migrate.upgrade(database.engine)
            await fill(database, orders)
            result = await opening(database)
            for changed in (0, 100, 10_000):
                took = await milliseconds_to_ask(database, changed)
                result[f"milliseconds to ask what changed, {changed} rows"] = round(took, 2)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(main())
