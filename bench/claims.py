"""A claim beside many finished versions, and beside few.

Two databases on one server differ in nothing but the number of their finished versions. In both the
same number of jobs is queued, and claimed one by one by the statement that engines claim with.
`python -m bench --only claims --finished 10000000` makes more of them, which takes longer.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from sqlalchemy import text

from bench.fill import VERSIONS_AN_ORDER, fill
from bench.queues.with_fototui import Colorings
from bench.rows import Figures, Part, Row, Way
from fototui.engine.jobs.claims import Claims
from fototui.engine.jobs.versions import COLORINGS
from fototui.sandbox.postgres.server import temporary_postgres

FEW, MANY = 1_000, 1_000_000
CLAIMS, WARM = 100, 5

_ENGINE = text(
    "INSERT INTO engines (id, operator, host, pid, version, lanes, capacity, lease_seconds) "
    "VALUES (:id, 'bench', 'bench', 1, '0', '{coloring}', 1, 3600)"
)
_END = text(
    "UPDATE coloring_versions SET status = 'completed', claimed_by = NULL "
    "WHERE claimed_by IS NOT NULL"
)


async def claimed(queue: Colorings, claims: Claims) -> Figures:
    """Queue jobs, and claim one after the other."""
    await queue.push(CLAIMS + WARM)
    took = []
    for _ in range(CLAIMS + WARM):
        began = time.perf_counter()
        [_job] = await claims.claim(COLORINGS, 1, limited=False)
        took.append((time.perf_counter() - began) * 1000)
    async with queue.database.engine.begin() as connection:
        await connection.execute(_END)
    took = sorted(took[WARM:])
    return {"ms": statistics.median(took), "p95 ms": took[len(took) * 95 // 100]}


@asynccontextmanager
async def opened(many: int = MANY) -> AsyncIterator[Mapping[str, Way]]:
    async with temporary_postgres() as postgres, AsyncExitStack() as stack:
        ways: dict[str, Way] = {}
        for name, finished in (("many", many), ("few", FEW)):
            await postgres.create_database(name)
            queue = await stack.enter_async_context(Colorings(postgres.url(name), 1))
            await queue.install()
            await fill(queue.database, finished // VERSIONS_AN_ORDER)
            engine = uuid.uuid4()
            async with queue.database.engine.begin() as connection:
                await connection.execute(_ENGINE, {"id": engine})
            ways[name] = partial(claimed, queue, Claims(queue.database, engine))
        yield ways


def part(many: int = MANY) -> Part:
    """The part, with so many finished versions."""
    return Part(
        "claims",
        partial(opened, many),
        turns=5,
        rows=(
            Row(
                f"claim beside {many:,} finished versions, and beside {FEW:,}",
                figure="ms",
                unit="ms",
                ours="many",
                floor="few",
                to_floor=1.1,
            ),
        ),
    )
