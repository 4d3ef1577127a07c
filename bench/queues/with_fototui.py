"""This program's engine, with colourings whose steps do nothing.

It logs at INFO and makes events, as every engine does, and hands them to somebody who counts them.
Each move is a status of its own, committed, and holds only if the claim's token and the status
before it are still there.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Mapping
from decimal import Decimal

from sqlalchemy import text

from bench.queues.queue import CONCURRENCY, Tell
from fototui.cli.runner import settle_memory
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.db.notify import lane_payload, notify
from fototui.db.schema import migrate
from fototui.domain.costs import CallOutcome
from fototui.domain.events import BaseMercureEvent
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import JobKind
from fototui.engine.engine import Engine, EngineSettings
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step
from fototui.engine.jobs.calls import latest
from fototui.engine.jobs.job import JobStatus, Moment, Reason, VersionJob
from fototui.engine.jobs.versions import COLORINGS
from fototui.log import configure_logging

SETTINGS = EngineSettings(operator="bench", concurrency={JobKind.COLORING: CONCURRENCY}, grace=0)


def _nobody() -> None:
    """Nobody asks when that is."""


class NothingToDo:
    """A colouring whose steps do nothing: it writes what a real one writes, and as often.

    Args:
        moves: How many moves lead to its end: 1, 2, or the 8 of a real one.
        begun: Called first thing in each job.
        ended: Called when a job's end is committed.

    Attributes:
        done: How many have ended.
    """

    jobs = COLORINGS
    retry_from: Mapping[JobStatus, JobStatus] = {}
    doubtful: Collection[JobStatus] = ()

    def __init__(self, moves: int, *, begun: Tell = _nobody, ended: Tell = _nobody) -> None:
        self.done = 0
        self._begun = begun
        self._ended = ended
        self.steps: Mapping[JobStatus, Step[VersionJob]] = {
            S.QUEUED: self._finish if moves == 1 else self._start,
            S.PROCESSING: self._submit if moves == 8 else self._finish,
            S.RUNPOD_SUBMITTED: self._poll,
            S.RUNPOD_COMPLETED: self._fetch,
            S.STORAGE_UPLOAD: self._finish,
        }

    async def fail(self, work: Work[VersionJob], why: Reason) -> None:
        await work.end(S.ERROR, **why)

    async def _start(self, work: Work[VersionJob]) -> None:
        self._begun()
        await work.move(S.PROCESSING, started_at=Moment.NOW, runpod_job_id=None)

    async def _submit(self, work: Work[VersionJob]) -> None:
        submissions = work.job.submissions + 1
        await work.move(S.RUNPOD_SUBMITTING, submissions=submissions, storage_away_since=None)
        outside_id = f"{work.job.row_id}-e1"
        work.learned(latest(work.job, outside_id=outside_id))
        await work.move(S.RUNPOD_SUBMITTED, runpod_job_id=outside_id)

    async def _poll(self, work: Work[VersionJob]) -> None:
        await work.move(S.RUNPOD_QUEUED)
        await work.move(S.RUNPOD_PROCESSING)
        work.learned(
            latest(
                work.job,
                outside_id=work.job.runpod_job_id or "",
                outcome=CallOutcome.COMPLETED,
                execution_ms=9000,
                delay_ms=100,
                credits=Decimal(0),
            )
        )
        await work.move(S.RUNPOD_COMPLETED)

    async def _fetch(self, work: Work[VersionJob]) -> None:
        await work.move(S.STORAGE_UPLOAD, storage_away_since=None)

    async def _finish(self, work: Work[VersionJob]) -> None:
        file = S3ObjectRefData(key=work.job.key, bucket="bench", content_type="image/png", size=1)
        await work.end(S.COMPLETED, file_ref=file)
        self.done += 1
        self._ended()


class Colorings:
    """Queued colourings, each of an image of its own.

    Args:
        url: Database address.
        moves: From queued to completed.
    """

    def __init__(self, url: str, moves: int) -> None:
        self.moves = moves
        self.events = 0
        self.database = Database(url, publish=self._count, pool_size=CONCURRENCY + 2)

    async def __aenter__(self) -> Colorings:
        await self.database.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.database.__aexit__(None, None, None)

    def _count(self, _event: BaseMercureEvent) -> None:
        self.events += 1

    async def install(self) -> None:
        await migrate.upgrade(self.database.engine)

    async def push(self, count: int) -> None:
        async with self.database.session() as session, session.begin():
            order = Order(order_number=f"#B{uuid.uuid4().hex}")
            item = LineItem(order=order, position=1, title="bench")
            images = [Image(line_item=item, position=n + 1) for n in range(count)]
            session.add_all([order, item, *images])
            await session.flush()
            session.add_all([ColoringVersion(image_id=image.id, version=1) for image in images])
            await session.flush()
            await notify(session, lane_payload(JobKind.COLORING))

    async def drain(self, count: int, done: Tell) -> None:
        del count
        pipeline = NothingToDo(self.moves, ended=done)
        async with Engine(self.database, SETTINGS, [pipeline]) as engine:
            settle_memory()  # as `fototui engine` does
            await engine.drain()  # looks five times a second; the last job's end is what counts
        # Of a job's statuses the last makes an event of its own kind, and so do a choice's columns.
        assert self.events >= pipeline.done * self.moves, self.events

    async def wait(self, begun: Tell) -> None:
        pipeline = NothingToDo(self.moves, begun=begun)
        async with Engine(self.database, SETTINGS, [pipeline]) as engine:
            settle_memory()
            await engine.wait()

    async def work(self, ended: Tell) -> None:
        async with Engine(
            self.database, SETTINGS, [NothingToDo(self.moves, ended=ended)]
        ) as engine:
            settle_memory()
            await engine.wait()

    async def unfinished(self) -> int:
        async with self.database.autocommit() as session:
            return int(await session.scalar(_UNFINISHED) or 0)


_UNFINISHED = text("SELECT count(*) FROM coloring_versions WHERE status <> 'completed'")


def queue(url: str, moves: int = 1) -> Colorings:
    configure_logging("INFO", stream=open(os.devnull, "w"))  # noqa: SIM115 - to the end
    return Colorings(url, moves)
