"""How fast the engine itself is: jobs whose steps do nothing, on a PostgreSQL that forgets nothing.

    python -m bench.jobs [rounds]

The engine is a process of its own (`bench/engine.py`): it makes events and logs at INFO. Beside it
stands what bare asyncpg takes for as many fenced updates, without events and log, which nothing
written in Python goes below. All take turns; medians of the rounds.

Prints JSON: jobs a second, milliseconds of processor time a job in the engine (or what takes its
place) and in PostgreSQL, and milliseconds from the commit that queues a job to its first step, in
an idle engine.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import psutil
from sqlalchemy import text

from bench.engine import CONCURRENCY
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.db.notify import lane_payload, notify
from fototui.db.schema import migrate
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import JobKind
from fototui.log import configure_logging
from fototui.sandbox.postgres.server import EmbeddedPostgres, temporary_postgres

JOBS, STARTS = 1000, 100
MOVES = (1, 2, 8)
WAY = [
    S.QUEUED,
    S.PROCESSING,
    S.RUNPOD_SUBMITTING,
    S.RUNPOD_SUBMITTED,
    S.RUNPOD_QUEUED,
    S.RUNPOD_PROCESSING,
    S.RUNPOD_COMPLETED,
    S.STORAGE_UPLOAD,
]

CLAIM = """
UPDATE coloring_versions SET claim_token = gen_random_uuid(), claimed_at = now()
WHERE id IN (
    SELECT id FROM coloring_versions WHERE status = 'queued' AND claim_token IS NULL
    ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
) RETURNING id, claim_token
"""
MOVE = """
UPDATE coloring_versions SET status = $1 WHERE id = $2 AND claim_token = $3 AND status = $4
RETURNING id
"""

Figures = dict[str, float]


async def _queue(database: Database, count: int) -> list[int]:
    async with database.session() as session, session.begin():
        order = Order(order_number=f"#B{uuid.uuid4().hex}")
        item = LineItem(order=order, position=1, title="bench")
        images = [Image(line_item=item, position=n + 1) for n in range(count)]
        session.add_all([order, item, *images])
        await session.flush()
        versions = [ColoringVersion(image_id=image.id, version=1) for image in images]
        session.add_all(versions)
        await session.flush()
        await notify(session, lane_payload(JobKind.COLORING))
        return [version.id for version in versions]


async def _unfinished(database: Database) -> int:
    async with database.autocommit() as session:
        return int(
            await session.scalar(
                text("SELECT count(*) FROM coloring_versions WHERE status <> 'completed'")
            )
            or 0
        )


def _server_seconds(postgres: EmbeddedPostgres) -> float:
    server = psutil.Process(postgres.pid)
    spent = sum(server.cpu_times())  # its children that are gone are counted here
    for child in server.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent += sum(child.cpu_times()[:2])
    return spent


async def _by_engine(url: str, moves: int) -> tuple[float, float]:
    command = (sys.executable, "-m", "bench.engine", url, str(moves), "drain")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    result = json.loads(told)
    # Of a job's statuses the last makes an event of its own kind, and so do a choice's columns.
    assert result["events"] >= JOBS * moves, result
    return result["seconds"], result["spent"]


async def _by_asyncpg(url: str, moves: int) -> tuple[float, float]:
    way = [*WAY[:moves], S.COMPLETED]
    left = JOBS

    async def work(pool: asyncpg.Pool) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            async with pool.acquire() as connection:
                [job] = await connection.fetch(CLAIM, 1)
            for before, after in itertools.pairwise(way):
                async with pool.acquire() as connection:
                    moved = (after, job["id"], job["claim_token"], before)
                    assert await connection.fetchrow(MOVE, *moved)

    dsn = url.replace("+asyncpg", "")
    async with asyncpg.create_pool(dsn, min_size=CONCURRENCY, max_size=CONCURRENCY) as pool:
        began, spent = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work(pool) for _ in range(CONCURRENCY)))
        return time.perf_counter() - began, time.process_time() - spent


async def _one(
    postgres: EmbeddedPostgres,
    database: Database,
    way: Callable[[str, int], Awaitable[tuple[float, float]]],
    moves: int,
) -> Figures:
    await _queue(database, JOBS)
    at_server = _server_seconds(postgres)
    seconds, spent = await way(postgres.url("bench"), moves)
    at_server = _server_seconds(postgres) - at_server
    assert not await _unfinished(database)
    return {
        "jobs a second": JOBS / seconds,
        "client ms": spent / JOBS * 1000,
        "PostgreSQL ms": at_server / JOBS * 1000,
    }


async def starts(postgres: EmbeddedPostgres, database: Database) -> Figures:
    """From the commit that queues a job to its first step, in another process that was idle."""
    command = (sys.executable, "-m", "bench.engine", postgres.url("bench"), "2", "wait")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    waits = []
    for number in range(STARTS + 5):
        await asyncio.sleep(0.05)  # it is idle again
        [version_id] = await _queue(database, 1)
        queued = time.perf_counter()  # the same clock in all processes of a machine
        row_id, begun = (await process.stdout.readline()).split()
        assert int(row_id) == version_id
        if number >= 5:  # the first wait for the listener, and warm the rest up
            waits.append((float(begun) - queued) * 1000)
    process.stdin.close()
    await process.communicate()
    waits.sort()
    return {"p50": statistics.median(waits), "p95": waits[len(waits) * 95 // 100]}


async def main(rounds: int) -> None:
    measured: dict[str, list[Figures]] = {}
    async with temporary_postgres(durable=True) as postgres:
        await postgres.create_database("bench")
        async with Database(postgres.url("bench"), pool_size=2) as database:
            await migrate.upgrade(database.engine)
            for _ in range(rounds):
                for moves in MOVES:
                    for name, way in (("engine", _by_engine), ("asyncpg", _by_asyncpg)):
                        figures = await _one(postgres, database, way, moves)
                        print(moves, name, figures, file=sys.stderr)
                        measured.setdefault(f"claim and {moves}, {name}", []).append(figures)
                latency = await starts(postgres, database)
                measured.setdefault("ms from commit to first step", []).append(latency)
    medians = {
        name: {what: round(statistics.median(f[what] for f in all_of), 2) for what in all_of[0]}
        for name, all_of in measured.items()
    }
    print(json.dumps(medians))


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
