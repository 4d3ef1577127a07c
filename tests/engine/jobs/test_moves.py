"""What moves write: each shape of each lane's is one statement, made once."""

import uuid
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select, func, select
from ulid import ULID

from fototui.db.database import Database
from fototui.db.errors import ClaimLostError
from fototui.db.models.costs import PaidCall
from fototui.db.models.operations import Activity
from fototui.domain.costs import Call, CallOutcome
from fototui.domain.events import BaseMercureEvent
from fototui.domain.files import S3ObjectRefData
from fototui.domain.lanes import LANES
from fototui.domain.options import ColoringOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.calls import latest
from fototui.engine.jobs.job import Columns, Job, Moment, Move, OrderJob, VersionJob
from fototui.engine.jobs.orders import DOWNLOADS, INGESTS
from fototui.engine.jobs.table import JobTable, Shape
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.jobs.versions import COLORINGS, SVGS
from fototui.engine.pipelines.book import BookJob, BookJobs

# Any: tables and jobs of all lanes.
Table = JobTable[Any]
TABLES: list[Table] = [COLORINGS, SVGS, BookJobs(), INGESTS, DOWNLOADS]

FILE = S3ObjectRefData(key="a/b.png", bucket="b", size=1)
WHY = Sentence.make("It failed. {why}", why="Nobody knows.")
REASON: Columns = {"error_code": "x", "error": str(WHY), "error_words": WHY}


# Any: a job of any lane.
def _job(jobs: Table) -> Any:
    """A job of a row that is not there."""
    common: dict[str, Any] = {
        "kind": jobs.kind,
        "claim_token": uuid.uuid4(),
        "status": next(iter(LANES[jobs.kind].statuses)),
        "waited": 0.0,
        "retries": 0,
        "takeovers": 0,
        "order_id": str(ULID()),
        "order_number": "#1",
    }
    file: dict[str, Any] = {
        "row_id": 1,
        "version": 1,
        "file": None,
        "storage_away": None,
        "line_item_id": 1,
    }
    match jobs.kind:
        case JobKind.COLORING | JobKind.SVG:
            calls: dict[str, Any] = {"submissions": 1, "resubmissions": 0, "credits_charged": 0.0}
            nothing: dict[str, Any] = dict.fromkeys(
                ("source", "runpod_job_id", "vectorizer_job_id")
            )
            options = ColoringOptions()
            return VersionJob(
                **common, **file, **calls, **nothing, options=options, image_id=1, position=1
            )
        case JobKind.BOOK:
            book: dict[str, Any] = dict.fromkeys(("dedication", "layout", "options"))
            return BookJob(**common, **file, **book, position=1, svgs=(), title="t")
        case _:
            asked = datetime.now(UTC)
            return OrderJob(**common, row_id=uuid.uuid4(), shopify_id=1, sync_requested_at=asked)


def _moves(jobs: Table, job: Job) -> Iterator[Move]:
    """One of each shape that steps and failures write, for each status that statements tell apart.

    The others are values of the same statements: one of theirs is enough.
    """
    has_file = not isinstance(job, OrderJob)
    told_apart: set[tuple[bool, ...]] = set()
    for status in LANES[jobs.kind].statuses:
        yield Move(status)
        look = (status == "completed", status.meta.is_retryable, status.meta.is_final)
        if look in told_apart:
            continue
        told_apart.add(look)
        yield Move(status, {"retries": 1, **REASON})
        yield Move(status, REASON, ends=True)
        yield Move(status, {"not_before": Moment.LATER, "claimed_by": None}, seconds=1.5)
        if has_file:
            yield Move(status, {"started_at": Moment.NOW, "storage_away_since": Moment.NOW})
            yield Move(status, {"file_ref": FILE, "storage_away_since": None}, ends=True)
            yield Move(status, {"file_ref": None}, ends=True)
        if isinstance(job, VersionJob):
            begun, over = Call(id=uuid.uuid4()), latest(job, outcome=CallOutcome.FAILED)
            yield Move(status, {"submissions": 2})
            yield Move(status, {"submissions": 2, "resubmissions": 1}, calls=(over,))
            yield Move(status, calls=(begun, over))


@pytest.mark.parametrize("jobs", TABLES, ids=lambda jobs: str(jobs.kind))
async def test_every_shape_is_a_statement_and_fenced(database: Database, jobs: Table) -> None:
    heard: list[BaseMercureEvent] = []
    stop = database.listen(heard.append)
    transitions = Transitions(database, actor="test")
    job = _job(jobs)
    for move in _moves(jobs, job):
        with pytest.raises(ClaimLostError):
            await transitions.write(jobs, job, move)
    async with database.autocommit() as session:
        for table in (Activity, PaidCall):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
    stop()
    assert heard == []


async def test_a_statement_is_made_once_for_all_moves_of_a_shape(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Shape] = []
    jobs = copy(COLORINGS)  # of which no other test knows
    make = jobs.statement

    def counted(shape: Shape) -> Select[*tuple[object, ...]]:
        made.append(shape)
        return make(shape)

    monkeypatch.setattr(jobs, "statement", counted)
    transitions = Transitions(database, actor="test")
    for number in range(5):
        job = replace(_job(COLORINGS), row_id=number + 1)
        for move in (
            Move(C.PROCESSING, {"started_at": Moment.NOW, "runpod_job_id": None}),
            Move(C.RUNPOD_SUBMITTED, {"runpod_job_id": f"job-{number}"}),
            Move(C.RUNPOD_QUEUED),
            Move(C.RUNPOD_COMPLETED, calls=(latest(job, outcome=CallOutcome.COMPLETED),)),
            Move(C.COMPLETED, {"file_ref": FILE}, ends=True),
        ):
            with pytest.raises(ClaimLostError):
                await transitions.write(jobs, job, move)
    # Each twice: for moves that are written together, and for one alone.
    assert len(made) == len(set(made)) == 10
