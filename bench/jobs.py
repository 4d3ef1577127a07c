"""How fast the engine itself is: jobs whose steps do nothing, on an embedded PostgreSQL.

    make bench

Prints JSON: no-op jobs a second (each is a claim and two transitions), transitions a second by
the engine's statement and by an ORM transaction of the same effect, and milliseconds from the
commit that queues a job to its first step.
"""

import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import func, select, update

from fototui.db.database import Database
from fototui.db.locking import ProcessingLock
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.db.notify import lane_payload, notify
from fototui.db.schema import migrate
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import JobKind
from fototui.engine.engine import Engine, EngineSettings
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step
from fototui.engine.jobs.claims import Claims
from fototui.engine.jobs.job import JobStatus, Move, Reason, VersionJob
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.jobs.versions import COLORINGS
from fototui.log import configure_logging
from fototui.sandbox.postgres.server import temporary_postgres

JOBS = 1000
CONCURRENCY = 10


class NothingToDo:
    """A pipeline whose steps do nothing but move on."""

    jobs = COLORINGS
    retry_from: Mapping[JobStatus, JobStatus] = {}
    doubtful: Collection[JobStatus] = ()

    def __init__(self) -> None:
        self.begun: dict[int, float] = {}
        self.steps: Mapping[JobStatus, Step[VersionJob]] = {
            S.QUEUED: self._start,
            S.PROCESSING: self._end,
        }

    async def fail(self, work: Work[VersionJob], why: Reason) -> None:
        await work.end(S.ERROR, **why)

    async def _start(self, work: Work[VersionJob]) -> None:
        self.begun[work.job.row_id] = time.perf_counter()
        await work.move(S.PROCESSING, started_at=func.now())

    async def _end(self, work: Work[VersionJob]) -> None:
        await work.end(S.COMPLETED)


async def _queue(database: Database, count: int) -> list[int]:
    async with database.session() as session, session.begin():
        order = Order(order_number=f"#B{uuid.uuid4().hex}")
        item = LineItem(order=order, position=1, title="bench")
        images = [Image(line_item=item, position=n) for n in range(count)]
        session.add_all([order, item, *images])
        await session.flush()
        versions = [ColoringVersion(image_id=image.id, version=1) for image in images]
        session.add_all(versions)
        await session.flush()
        await notify(session, lane_payload(JobKind.COLORING))
        return [version.id for version in versions]


def _engine(database: Database, pipeline: NothingToDo) -> Engine:
    settings = EngineSettings(
        operator="bench", concurrency={JobKind.COLORING: CONCURRENCY}, grace=0
    )
    return Engine(database, settings, [pipeline])


async def jobs_a_second(database: Database) -> float:
    ids = await _queue(database, JOBS)
    pipeline = NothingToDo()
    began = time.perf_counter()
    async with _engine(database, pipeline) as engine:
        await engine.drain()
        seconds = time.perf_counter() - began
    assert len(pipeline.begun) == len(ids)
    return JOBS / seconds


async def milliseconds_to_start(database: Database) -> float:
    pipeline = NothingToDo()
    waits = []
    async with _engine(database, pipeline) as engine:
        await engine.drain()
        await asyncio.sleep(0.5)  # the listener stands
        for _ in range(50):
            [version_id] = await _queue(database, 1)
            queued = time.perf_counter()
            while version_id not in pipeline.begun:  # noqa: ASYNC110 - a timer would blur it
                await asyncio.sleep(0)
            waits.append((pipeline.begun[version_id] - queued) * 1000)
            await engine.drain()
    return statistics.median(waits)


async def transitions_a_second(database: Database) -> tuple[float, float]:
    """One guarded statement against a lock, an ORM update and a commit, over the same rows."""
    ids = await _queue(database, JOBS)
    async with database.session() as session, session.begin():
        await session.execute(
            update(ColoringVersion).where(ColoringVersion.id.in_(ids)).values(claimed_by=None)
        )
    claims = Claims(database, await _register(database))
    jobs = [
        job for _ in range(JOBS // 100) for job in await claims.claim(COLORINGS, 100, limited=False)
    ]
    transitions = Transitions(database, actor="bench")
    limit = asyncio.Semaphore(CONCURRENCY)

    async def by_statement(index: int) -> None:
        async with limit:
            await transitions.write(COLORINGS, jobs[index], Move(S.PROCESSING))

    async def by_orm(index: int) -> None:
        async with limit, database.session() as session:
            lock = ProcessingLock(
                session, ColoringVersion, ColoringVersion.id == jobs[index].row_id
            )
            async with lock.acquire() as record:
                await record.verify_and_update_status(S.PROCESSING, S.RUNPOD_SUBMITTING)

    rates = []
    for way in (by_statement, by_orm):
        began = time.perf_counter()
        await asyncio.gather(*(way(index) for index in range(len(jobs))))
        rates.append(len(jobs) / (time.perf_counter() - began))
    return rates[0], rates[1]


async def _register(database: Database) -> uuid.UUID:
    from fototui.db.models.operations import Engine as EngineRow

    engine_id = uuid.uuid4()
    async with database.session() as session, session.begin():
        session.add(
            EngineRow(
                id=engine_id,
                operator="bench",
                host="",
                pid=0,
                version="",
                lanes=[],
                capacity=0,
                lease_seconds=600,
            )
        )
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(EngineRow))
    return engine_id


async def main() -> None:
    async with temporary_postgres() as postgres:
        await postgres.create_database("bench")
        async with Database(postgres.url("bench"), pool_size=CONCURRENCY + 2) as database:
            await migrate.upgrade(database.engine)
            statement, orm = await transitions_a_second(database)
            async with database.session() as session, session.begin():
                await session.execute(update(ColoringVersion).values(status=S.COMPLETED))
            result = {
                "no-op jobs a second": round(await jobs_a_second(database)),
                "transitions a second, one statement": round(statement),
                "transitions a second, lock and ORM": round(orm),
                "milliseconds from queued to begun": round(
                    await milliseconds_to_start(database), 1
                ),
            }
    print(json.dumps(result))


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(main())
