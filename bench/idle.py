"""An engine and an app that have nothing to do: processor time, statements, memory.

`fototui engine`, and the app without an engine in it, each on a database of its own with a hundred
orders, no hub. They are looked at together, after they have come to rest. Statements are those that
PostgreSQL counts (pg_stat_statements), beginnings and ends of transactions included.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import psutil

from bench.live import fill
from bench.processes import running, spent
from bench.program import FOTOTUI, environment
from bench.rows import Figures, Part, Row, Way
from bench.terminal import on_terminal
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.sandbox.postgres.server import EmbeddedPostgres, temporary_postgres

ORDERS = 100
REST_SECONDS, SECONDS = 15, 30
WHY = {"MB": "Python with TLS, SQLAlchemy, asyncpg and pydantic are 60 MB of it"}

COUNT = """
SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = $1
"""


async def counting(postgres: EmbeddedPostgres) -> asyncpg.Connection:
    """Have PostgreSQL count statements, which it does after a new start."""
    dsn = postgres.url("postgres").replace("+asyncpg", "")
    connection = await asyncpg.connect(dsn)
    await connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    await connection.close()
    await postgres.stop()
    await postgres.start()
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE EXTENSION pg_stat_statements")
    return connection


async def filled(postgres: EmbeddedPostgres, name: str) -> str:
    """A database with orders."""
    await postgres.create_database(name)
    async with Database(postgres.url(name)) as database:
        await migrate.upgrade(database.engine)
        await fill(database, ORDERS)
    return postgres.url(name)


async def looked_at(counts: asyncpg.Connection, pids: Mapping[str, int]) -> Figures:
    """All of them at once, for a while."""

    async def now() -> dict[str, float]:
        values: dict[str, float] = {}
        for name, pid in pids.items():
            values[f"{name} CPU"] = spent(pid, children=True)
            values[f"{name} statements"] = float(await counts.fetchval(COUNT, name))
        return values

    before = await now()
    await asyncio.sleep(SECONDS)
    after = await now()
    figures: dict[str, float] = {}
    for name, pid in pids.items():
        cpu, statements = (
            after[key] - before[key] for key in (f"{name} CPU", f"{name} statements")
        )
        figures[f"{name} % of a core"] = cpu / SECONDS * 100
        figures[f"{name} statements/min"] = statements / SECONDS * 60
        figures[f"{name} MB"] = psutil.Process(pid).memory_info().rss / 1e6
    return figures


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    with tempfile.TemporaryDirectory() as name:
        async with temporary_postgres() as postgres:
            counts = await counting(postgres)
            engine = environment(await filled(postgres, "engine"), Path(name))
            app = environment(await filled(postgres, "app"), Path(name))
            async with (
                running(str(FOTOTUI), "engine", environment=engine, quiet=True) as process,
                on_terminal([str(FOTOTUI), "--no-engine"], app) as terminal,
            ):
                await terminal.shows("Zákazník")
                await asyncio.sleep(REST_SECONDS)
                pids = {"engine": process.pid, "app": terminal.pid}
                yield {"idle": partial(looked_at, counts, pids)}
                process.stop()
            await counts.close()


def _rows() -> list[Row]:
    limits = {
        "engine": {"% of a core": 0.5, "statements/min": 30.0, "MB": 60.0},
        "app": {"% of a core": 1.0, "statements/min": 30.0, "MB": 80.0},
    }
    return [
        Row(
            f"idle {who}: {unit}", f"{who} {unit}", "idle", unit, limit=limit, why=WHY.get(unit, "")
        )
        for who, its in limits.items()
        for unit, limit in its.items()
    ]


PART = Part("idle", opened, rows=_rows())
