"""An engine in a process of its own, whose steps only move on: what `bench.jobs` measures.

    python -m bench.engine URL MOVES drain|wait

It logs at INFO and makes events, as every engine does, and hands them to somebody who counts them.
With `drain` it prints the processor seconds and the seconds of all its jobs; with `wait` the clock
at each first step, until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Collection, Mapping
from decimal import Decimal

from fototui.db.database import Database
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

CONCURRENCY = 10


class NothingToDo:
    """A colouring whose steps do nothing: it writes what a real one writes, and as often.

    Args:
        moves: How many moves lead to its end: 1, 2, or the 8 of a real one.
        tell: Whether to print when each begins.
    """

    jobs = COLORINGS
    retry_from: Mapping[JobStatus, JobStatus] = {}
    doubtful: Collection[JobStatus] = ()

    def __init__(self, moves: int, *, tell: bool) -> None:
        self._tell = tell
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
        if self._tell:
            print(work.job.row_id, time.perf_counter(), flush=True)
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


async def main(url: str, moves: int, *, waits: bool) -> None:
    events = 0

    def count(_event: BaseMercureEvent) -> None:
        nonlocal events
        events += 1

    settings = EngineSettings(
        operator="bench", concurrency={JobKind.COLORING: CONCURRENCY}, grace=0
    )
    async with Database(url, publish=count, pool_size=CONCURRENCY + 2) as database:
        began, spent = time.perf_counter(), time.process_time()
        async with Engine(database, settings, [NothingToDo(moves, tell=waits)]) as engine:
            if waits:
                await asyncio.to_thread(sys.stdin.read)
            else:
                await engine.drain()
            began, spent = time.perf_counter() - began, time.process_time() - spent
        print(json.dumps({"seconds": began, "spent": spent, "events": events}), flush=True)


if __name__ == "__main__":
    with open(os.devnull, "w") as nowhere:
        configure_logging("INFO", stream=nowhere)
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), waits=sys.argv[3] == "wait"))
