"""Moves of one moment are committed together, and none is harmed by another."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.errors import ClaimLostError, DatabaseError, DatabaseUnavailableError
from fototui.db.events.news import News
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.fixed import FixedStatement
from fototui.domain.errors import FototuiError
from fototui.domain.events import BaseMercureEvent, ImageStatusEvent
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.engine.jobs.claims import Claims
from fototui.engine.jobs.job import Columns, Moment, Move, VersionJob
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.jobs.versions import COLORINGS
from tests.engine.conftest import World
from tests.engine.one_life import register
from tests.pgproxy import PgProxy
from tests.waiting import in_time, until

BEGUN = Move(C.PROCESSING, {"started_at": Moment.NOW})
FILE = S3ObjectRefData(key="a/b.png", bucket="b", size=1)
DONE = Move(C.COMPLETED, {"file_ref": FILE}, ends=True)
FAILED = Move(C.ERROR, {"error_code": "x", "error": "It failed."}, ends=True)


class Claimed:
    """Claimed colourings, and what is written of them.

    Args:
        world: What they stand in.
        far: The database by way of a proxy that counts.
        jobs: The colourings.
    """

    def __init__(self, world: World, far: Database, jobs: Sequence[VersionJob]) -> None:
        self.world = world
        self.database = far
        self.jobs = jobs
        self.heard: list[BaseMercureEvent] = []
        self.transitions = Transitions(far, actor="test")
        far.listen(self.heard.append)

    def ask(self, job: VersionJob, move: Move) -> asyncio.Task[VersionJob]:
        """Begin to write a move."""
        return asyncio.create_task(self.transitions.write(COLORINGS, job, move))

    async def write(self, *moves: Move) -> list[VersionJob | BaseException]:
        """Write a move of each job, all in one moment; their answers."""
        asked = [self.ask(job, move) for job, move in zip(self.jobs, moves, strict=True)]
        async with in_time():
            return await asyncio.gather(*asked, return_exceptions=True)

    async def statuses(self) -> list[str]:
        """Where the colourings stand."""
        return [(await self.world.coloring(job.row_id)).status.value for job in self.jobs]

    def told(self) -> list[tuple[int, str]]:
        """Of which versions which statuses were told."""
        return [(e.version_id, e.status) for e in self.heard if isinstance(e, ImageStatusEvent)]

    @asynccontextmanager
    async def blocked(self) -> AsyncIterator[None]:
        """Keep statements from coming to an end while the block runs; none may write the table."""
        async with self.world.database.session() as session, session.begin():
            await session.execute(text("LOCK TABLE coloring_versions IN EXCLUSIVE MODE"))
            yield

    async def waiting(self) -> list[int]:
        """The servers' processes that wait for a lock."""
        statement = text(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock'"
        )
        async with self.world.database.autocommit() as session:
            return list(await session.scalars(statement))

    async def until_waiting(self) -> None:
        """Wait until a statement waits for a lock."""

        async def one_waits() -> bool:
            return bool(await self.waiting())

        await until(one_waits)

    async def one_is_sent(self) -> tuple[asyncio.Task[VersionJob], list[asyncio.Task[VersionJob]]]:
        """Begin to write the first job's move, and the others' while that is under way."""
        first = self.ask(self.jobs[0], BEGUN)
        await self.until_waiting()
        rest = [self.ask(job, BEGUN) for job in self.jobs[1:]]
        await asyncio.sleep(0)
        return first, rest


async def lock(session: TrackedAsyncSession, table: str, row_id: int) -> None:
    """Lock a row, as an operator's change does."""
    await session.execute(
        text(f"SELECT FROM {table} WHERE id = :id FOR NO KEY UPDATE"),
        {"id": row_id},
    )


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PgProxy]:
    async with PgProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def claimed(world: World, proxy: PgProxy) -> AsyncIterator[Claimed]:
    await world.queue_colorings(4)
    claims = Claims(world.database, await register(world))
    jobs = await claims.claim(COLORINGS, 4, limited=False)
    jobs.sort(key=lambda job: job.row_id)
    async with Database(proxy.url, pool_size=2) as far:
        await far.ping()
        yield Claimed(world, far, jobs)


Statements = list[list[object]]


@pytest.fixture
def seen(claimed: Claimed, monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Of which rows each statement that was sent is."""
    sent: Statements = []
    run = claimed.database.run

    # Any: as `Database.run` has it.
    async def noted(
        statement: FixedStatement, *values: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        sent.append([each["of_row"] for each in values])
        return await run(statement, *values)

    monkeypatch.setattr(claimed.database, "run", noted)
    return sent


async def test_moves_of_one_moment_are_one_statement(claimed: Claimed, proxy: PgProxy) -> None:
    await claimed.write(*[BEGUN] * 4)  # it is prepared
    claimed.heard.clear()
    with proxy.counting() as trips:
        moved = await claimed.write(*[BEGUN] * 4)
    assert trips.total == 1
    assert [job.status for job in moved if isinstance(job, VersionJob)] == [C.PROCESSING] * 4
    assert await claimed.statuses() == ["processing"] * 4


async def test_each_is_told_once_and_only_when_it_is_committed(claimed: Claimed) -> None:
    async with claimed.blocked():
        asked = [claimed.ask(job, BEGUN) for job in claimed.jobs]
        await claimed.until_waiting()
        assert claimed.heard == []
    await asyncio.gather(*asked)
    assert claimed.told() == [(job.row_id, "processing") for job in claimed.jobs]


async def test_what_is_asked_for_meanwhile_goes_with_the_next(
    claimed: Claimed, proxy: PgProxy
) -> None:
    await claimed.write(*[BEGUN] * 4)  # it is prepared
    with proxy.counting() as trips:
        async with claimed.blocked():
            first, rest = await claimed.one_is_sent()
        await asyncio.gather(first, *rest)
    assert trips.total == 2  # one for the first, and one for the three after it
    assert await claimed.statuses() == ["processing"] * 4


async def test_moves_of_different_shapes_are_written_side_by_side(claimed: Claimed) -> None:
    moves = (BEGUN, Move(C.RUNPOD_QUEUED), FAILED, DONE)
    await claimed.write(*moves)
    assert await claimed.statuses() == ["processing", "runpod_queued", "error", "completed"]


async def test_a_lost_claim_is_told_to_the_very_job_that_lost_it(claimed: Claimed) -> None:
    async with claimed.world.database.session() as session, session.begin():
        await session.execute(
            text("UPDATE coloring_versions SET claim_token = gen_random_uuid() WHERE id = :id"),
            {"id": claimed.jobs[1].row_id},
        )
    answers = await claimed.write(*[BEGUN] * 4)
    assert [isinstance(answer, ClaimLostError) for answer in answers] == [False, True, False, False]
    assert await claimed.statuses() == ["processing", "queued", "processing", "processing"]
    others = [job.row_id for job in claimed.jobs if job is not claimed.jobs[1]]
    assert claimed.told() == [(row_id, "processing") for row_id in others]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [({"runpod_job_id": "a"}, {"runpod_job_id": "a" * 101}), ({"retries": 1}, {"retries": 2**40})],
    ids=["by the server", "by the driver"],
)
async def test_one_that_is_refused_harms_no_other(
    claimed: Claimed, right: Columns, wrong: Columns
) -> None:
    good, bad = Move(C.RUNPOD_QUEUED, right), Move(C.RUNPOD_QUEUED, wrong)
    answers = await claimed.write(good, good, bad, good)
    assert [isinstance(answer, DatabaseError) for answer in answers] == [False, False, True, False]
    assert await claimed.statuses() == ["runpod_queued", "runpod_queued", "queued", "runpod_queued"]
    written = [job.row_id for job in claimed.jobs if job is not claimed.jobs[2]]
    assert sorted(claimed.told()) == [(row_id, "runpod_queued") for row_id in written]


async def test_who_is_cancelled_harms_no_other(claimed: Claimed) -> None:
    async with claimed.blocked():
        first, rest = await claimed.one_is_sent()
        first.cancel()  # under way
        rest[0].cancel()  # not sent yet
        for cancelled in (first, rest[0]):
            with pytest.raises(asyncio.CancelledError):
                await cancelled
    await asyncio.gather(*rest[1:])
    # What was under way came to its end, as it does when an answer is lost; and is told of.
    assert await claimed.statuses() == ["processing", "queued", "processing", "processing"]
    assert [row_id for row_id, _ in claimed.told()] == [claimed.jobs[n].row_id for n in (0, 2, 3)]


async def test_a_broken_connection_is_told_to_all_whom_it_was_to_answer(claimed: Claimed) -> None:
    async with claimed.blocked():
        asked = [claimed.ask(job, BEGUN) for job in claimed.jobs[:3]]
        await claimed.until_waiting()
        later = claimed.ask(claimed.jobs[3], BEGUN)
        [waits] = await claimed.waiting()
        async with claimed.world.database.autocommit() as session:
            await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": waits})
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers] == [DatabaseUnavailableError] * 3
    await later
    assert await claimed.statuses() == ["queued", "queued", "queued", "processing"]
    # They are asked for again, as they are while the database is away.
    await claimed.write(*[BEGUN] * 4)
    assert await claimed.statuses() == ["processing"] * 4


@pytest.mark.parametrize(
    ("table", "move"),
    [("coloring_versions", BEGUN), ("coloring_versions", FAILED), ("images", DONE)],
    ids=["a move", "a failure", "an end"],
)
async def test_whose_row_is_locked_holds_up_nobody_else(
    claimed: Claimed, seen: Statements, table: str, move: Move
) -> None:
    job = claimed.jobs[1]
    async with claimed.world.database.session() as session, session.begin():
        await lock(session, table, job.image_id if table == "images" else job.row_id)
        asked = [claimed.ask(each, move) for each in claimed.jobs]
        async with in_time():
            await asyncio.gather(*(task for task in asked if task is not asked[1]))
        await claimed.until_waiting()
        assert not asked[1].done()
    await asked[1]
    # It was tried together, then again and again, then alone.
    assert seen == [[each.row_id for each in claimed.jobs], *[[job.row_id]] * 4]
    assert await claimed.statuses() == [str(move.status)] * 4


async def test_whose_row_is_locked_for_a_moment_goes_on_with_the_others(
    claimed: Claimed, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sent, asked = claimed.database.run, 0, list[asyncio.Task[object]]()
    async with claimed.world.database.session() as session:
        await lock(session, "coloring_versions", claimed.jobs[1].row_id)

        async def noted(
            statement: FixedStatement, *values: Mapping[str, object]
        ) -> list[dict[str, Any]]:
            nonlocal sent
            sent += 1
            if sent == 2:
                assert not any(task.done() for task in asked)
                await session.rollback()
            return await run(statement, *values)

        monkeypatch.setattr(claimed.database, "run", noted)
        asked += [claimed.ask(job, BEGUN) for job in claimed.jobs]
        async with in_time():
            await asyncio.gather(*asked)
    assert sent == 2
    assert await claimed.statuses() == ["processing"] * 4
    assert sorted(claimed.told()) == [(job.row_id, "processing") for job in claimed.jobs]


async def test_two_who_lock_several_rows_never_wait_in_a_circle(
    claimed: Claimed, seen: Statements
) -> None:
    first, second = claimed.jobs[0], claimed.jobs[1]
    async with claimed.world.database.session() as session, session.begin():
        # The other way round than rows are written together.
        await lock(session, "images", second.image_id)
        asked = [claimed.ask(job, DONE) for job in (first, second)]
        await asked[0]
        await lock(session, "images", first.image_id)
    await asked[1]
    assert seen == [[first.row_id, second.row_id], *[[second.row_id]] * 4]
    assert (await claimed.statuses())[:2] == ["completed", "completed"]


async def test_rows_are_written_in_one_order_by_all(claimed: Claimed, seen: Statements) -> None:
    asked = [claimed.ask(job, DONE) for job in reversed(claimed.jobs)]
    await asyncio.gather(*asked)
    assert seen == [[job.row_id for job in claimed.jobs]]


async def test_an_end_of_several_is_a_choice_and_a_review_for_each(claimed: Claimed) -> None:
    await claimed.write(DONE, DONE, FAILED, FAILED)
    async with claimed.world.database.autocommit() as session:
        chosen = text("SELECT selected_coloring_id FROM images ORDER BY selected_coloring_id")
        assert list(await session.scalars(chosen))[:2] == [job.row_id for job in claimed.jobs[:2]]
        reviews = text("SELECT count(*) FROM reviews WHERE decision IS NULL")
        assert await session.scalar(reviews) == 2
        logged = text("SELECT version_id FROM activity WHERE action = 'failed' ORDER BY 1")
        assert list(await session.scalars(logged)) == [job.row_id for job in claimed.jobs[2:]]


async def test_what_nobody_waits_for_is_given_up_at_the_end(claimed: Claimed) -> None:
    async with claimed.blocked():
        first, rest = await claimed.one_is_sent()
        for task in (first, *rest):
            task.cancel()
        async with in_time():
            await claimed.transitions.aclose()
    assert await claimed.statuses() == ["queued"] * 4


async def test_who_still_waits_at_the_end_is_answered(claimed: Claimed) -> None:
    async with claimed.blocked():
        first, rest = await claimed.one_is_sent()
        closing = asyncio.create_task(claimed.transitions.aclose())
    await asyncio.gather(closing, first, *rest)
    assert await claimed.statuses() == ["processing"] * 4


async def test_an_error_that_nobody_foresaw_is_told_to_its_own_job(
    claimed: Claimed, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = claimed.jobs[2]
    report = COLORINGS.report

    def refuse(news: News, job: VersionJob, move: Move, written: Mapping[str, object]) -> None:
        if job is strange:
            raise FototuiError("Strange.")
        report(news, job, move, written)

    monkeypatch.setattr(COLORINGS, "report", refuse)
    answers = await claimed.write(*[BEGUN] * 4)
    assert [isinstance(answer, FototuiError) for answer in answers] == [False, False, True, False]
