"""The rest of that lane: its jobs, its steps; and an engine of it as a process."""

import asyncio
import sys
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import RowMapping

from fototui.db.database import Database
from fototui.domain.errors import PermanentError, TransientError
from fototui.engine.engine import Engine, EngineSettings
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step, store
from fototui.engine.jobs.job import FileJob, JobStatus, Moment, Reason
from fototui.engine.jobs.own_rows import FileJobs
from fototui.engine.observer import EngineObserver
from fototui.engine.pipelines.opening import OpenLane, Parts, PipelineEntry
from fototui.storage.base import Storage
from fototui.storage.directory import DirectoryStorage
from tests.engine.conftest import QUICK
from tests.engine.echo_lane.declared import ECHO
from tests.engine.echo_lane.declared import EchoStatus as S


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoJob(FileJob):
    """Words to be said aloud.

    Args:
        words: The words.
    """

    words: str

    @property
    def key(self) -> str:
        return f"echoes/{self.row_id}.txt"


class EchoJobs(FileJobs[EchoJob]):
    """What claims read of echoes."""

    kind = ECHO
    own_columns = "v.words"

    def read(self, row: RowMapping) -> EchoJob:
        return EchoJob(**self.fields(row), words=row["words"])


class EchoPipeline:
    """The steps of an echo.

    Args:
        storage: Where files are kept.
        silence: Where given, what an echo waits for before it is heard.
    """

    jobs = EchoJobs()
    retry_from: Mapping[JobStatus, JobStatus] = {}
    doubtful: Collection[JobStatus] = ()

    def __init__(self, storage: Storage, silence: asyncio.Event | None = None) -> None:
        self._storage = storage
        self._silence = silence
        self.steps: Mapping[JobStatus, Step[EchoJob]] = {
            S.QUEUED: self._start,
            S.SHOUTING: self._shout,
            S.STORAGE_UPLOAD: self._upload,
        }

    async def fail(self, work: Work[EchoJob], why: Reason) -> None:
        await work.end(S.ERROR, **why)

    async def _start(self, work: Work[EchoJob]) -> None:
        await work.move(S.SHOUTING, started_at=Moment.NOW)

    async def _shout(self, work: Work[EchoJob]) -> None:
        if self._silence is not None:
            await self._silence.wait()
        if work.job.words == "later" and not work.job.retries:
            raise TransientError("The valley is loud.", service="valley")
        if work.job.words == "never":
            raise PermanentError("The valley does not answer.", service="valley")
        work.keep(work.job.words.upper().encode())
        await work.move(S.STORAGE_UPLOAD, storage_away_since=None)

    async def _upload(self, work: Work[EchoJob]) -> None:
        stored = await store(work, self._storage, content_type="text/plain")
        if stored is None:
            await work.move(S.SHOUTING)
        else:
            await work.end(S.COMPLETED, file_ref=stored)


async def _open(parts: Parts, stack: AsyncExitStack) -> OpenLane:
    del stack
    return OpenLane(EchoPipeline(parts.storage))


ENTRY = PipelineEntry(ECHO, _open)


def echo_engine(
    database: Database,
    storage: Storage,
    *,
    silence: asyncio.Event | None = None,
    lease: float = 30.0,
    observer: EngineObserver | None = None,
) -> Engine:
    """An engine that works in this lane alone."""
    settings = EngineSettings(
        operator="test",
        concurrency={ECHO: 2},
        lease=lease,
        poll_seconds=0.2,
        grace=0.0,
        rescheduling=QUICK,
    )
    return Engine(database, settings, [EchoPipeline(storage, silence)], observer=observer)


async def _main(url: str, folder: str) -> None:
    async with (
        Database(url) as database,
        echo_engine(
            database, DirectoryStorage(Path(folder)), silence=asyncio.Event(), lease=2.0
        ) as engine,
    ):
        await engine.wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
