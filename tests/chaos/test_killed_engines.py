"""kill -9 and SIGSTOP of engine processes: nothing is lost, nothing is paid for twice."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import asyncpg
from sqlalchemy import select, text

from fototui.db.models.costs import PaidCall
from fototui.domain.lanes import LANES
from fototui.domain.statuses import BookProcessingStatus as B
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.domain.statuses import JobKind
from fototui.domain.statuses import SvgProcessingStatus as S
from fototui.sandbox.outcomes import Latency
from tests.chaos.conftest import LEASE_IS_OVER, LONG, engine_process
from tests.engine.conftest import World
from tests.waiting import PATIENCE, until

# A version whose id is listed with a status cannot leave that status while lock 4711 is held.
_HOLD = """
CREATE TABLE held (version_id int, status text);
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM held h WHERE h.version_id = OLD.id AND h.status = OLD.status::text)
       AND OLD.status IS DISTINCT FROM NEW.status
    THEN
        PERFORM pg_advisory_xact_lock_shared(4711);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION hold();
"""


@asynccontextmanager
async def _held(
    world: World, table: str, stations: dict[int, str]
) -> AsyncIterator[asyncpg.Connection]:
    """Hold each version in one status while the block runs."""
    connection = await asyncpg.connect(world.environment["DATABASE_URL"].replace("+asyncpg", ""))
    try:
        await connection.execute(_HOLD.replace("{table}", table))
        await connection.executemany("INSERT INTO held VALUES ($1, $2)", list(stations.items()))
        await connection.execute("SELECT pg_advisory_lock(4711)")
        yield connection
    finally:
        await connection.close()


async def _kill_in_each_status(world: World, kind: JobKind, stations: dict[int, str]) -> None:
    """Kill an engine while its jobs stand in given statuses, and have another finish them."""
    lanes = f"coloring={len(stations)},svg=5,book=3"
    table = LANES[kind].table
    standing = text(f"SELECT id, status::text FROM {table}")
    async with engine_process(world, "--concurrency", lanes, ENGINE_LEASE=LONG) as first:
        async with _held(world, table, stations) as holder:

            async def all_stand_still() -> bool:
                async with world.database.autocommit() as session:
                    rows = (await session.execute(standing)).all()
                return {row_id: status for row_id, status in rows if row_id in stations} == stations

            await until(all_stand_still)
            first.send_signal(signal.SIGKILL)
            await first.wait()
            # What the dead process had sent already must not happen after its death.
            await holder.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND wait_event_type = 'Lock'"
            )
            await holder.execute(LEASE_IS_OVER)
        drain = ("--drain", "--concurrency", lanes)
        async with engine_process(world, *drain, ENGINE_LEASE=LONG) as second:
            assert await asyncio.wait_for(second.wait(), PATIENCE) == 0


async def _calls(world: World, *, fetched: bool = True) -> Counter[str | None]:
    """What became of all calls; without those that only fetched a result once more, if asked."""
    statement = select(PaidCall.outcome)
    if not fetched:
        statement = statement.where(PaidCall.credits.is_distinct_from(Decimal("0.1")))
    async with world.database.session() as session:
        return Counter(await session.scalars(statement))


async def test_an_engine_killed_in_any_status_of_a_coloring_is_replaced(world: World) -> None:
    statuses = [
        C.QUEUED,
        C.PROCESSING,
        C.RUNPOD_SUBMITTING,
        C.RUNPOD_SUBMITTED,
        C.RUNPOD_QUEUED,
        C.RUNPOD_PROCESSING,
        C.RUNPOD_COMPLETED,
        C.STORAGE_UPLOAD,
    ]
    world.runpod.latency = Latency(queue=1.5, run=1.5)
    ids = await world.queue_colorings(len(statuses))
    stations = dict(zip(ids, map(str, statuses), strict=True))
    await _kill_in_each_status(world, JobKind.COLORING, stations)
    for version_id, status in stations.items():
        version = await world.coloring(version_id)
        assert version.status == "completed", status
        assert version.takeovers == 1, status
        assert (await world.image(version.image_id)).selected_coloring_id == version_id
        # Only a submission whose answer was never written down is made again, and counted.
        assert version.resubmissions == (status == C.RUNPOD_SUBMITTING), status
        assert version.submissions == 1 + (status == C.RUNPOD_SUBMITTING), status
    assert world.runpod.counts.submitted == len(ids) + 1
    # Each call is told of once, whoever saw its end; the one without an answer was in vain.
    assert await _calls(world) == Counter(completed=len(ids), unanswered=1)
    files = [key async for key in world.storage.list_keys() if "/coloring/" in key]
    assert len(files) == len(ids)


async def test_an_engine_killed_in_any_status_of_an_svg_is_replaced(world: World) -> None:
    statuses = [
        S.QUEUED,
        S.PROCESSING,
        S.VECTORIZER_PROCESSING,
        S.VECTORIZER_COMPLETED,
        S.STORAGE_UPLOAD,
    ]
    ids = await world.queue_svgs(len(statuses))
    stations = dict(zip(ids, map(str, statuses), strict=True))
    await _kill_in_each_status(world, JobKind.SVG, stations)
    for version_id, status in stations.items():
        version = await world.svg(version_id)
        assert version.status == "completed", status
        assert version.takeovers == 1
    made = await _calls(world, fetched=False)
    assert made == Counter(completed=len(ids), unanswered=1)


async def test_an_engine_killed_in_any_status_of_a_book_is_replaced(world: World) -> None:
    statuses = [B.QUEUED, B.PROCESSING, B.STORAGE_UPLOAD]
    ids = await world.queue_books(len(statuses))
    await _kill_in_each_status(world, JobKind.BOOK, dict(zip(ids, map(str, statuses), strict=True)))
    for book_id in ids:
        book = await world.book(book_id)
        assert (book.status, book.takeovers) == ("completed", 1)
        assert (await world.stored(book.file_ref)).startswith(b"%PDF-")
    files = [key async for key in world.storage.list_keys() if "/book/" in key]
    assert len(files) == len(ids)


async def test_a_frozen_engine_wakes_up_without_harm(world: World) -> None:
    world.runpod.latency = Latency(run=4.0)
    ids = await world.queue_colorings(3)
    async with engine_process(world) as frozen:
        for version_id in ids:
            await world.until(version_id, "runpod_processing")
        frozen.send_signal(signal.SIGSTOP)
        async with world.engine() as engine:
            await engine.drain()
            assert engine.counts["completed"] == 3
        frozen.send_signal(signal.SIGCONT)

        # It finds itself declared dead, and comes back under another id.
        async def came_back() -> bool:
            async with world.database.session() as session:
                return bool(
                    await session.scalar(
                        text(
                            "SELECT count(*) = 1 FROM engines "
                            "WHERE operator = 'chaos' AND retired_at IS NULL"
                        )
                    )
                )

        await until(came_back)
        [later] = await world.queue_colorings(1)
        await world.until(later, "completed")
        frozen.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(frozen.wait(), PATIENCE) == 0
    assert world.runpod.counts.submitted == 4
    assert {(await world.coloring(version_id)).takeovers for version_id in ids} == {1}


async def test_a_job_that_kills_its_engines_ends_in_an_error(world: World) -> None:
    [version_id] = await world.queue_colorings(1)
    async with world.database.session() as session, session.begin():
        # Six engines were lost over it already; the seventh does not try.
        await session.execute(
            text(
                "UPDATE coloring_versions SET takeovers = 5, claimed_by = gen_random_uuid(), "
                "claim_token = gen_random_uuid(), claimed_at = now() - interval '1 minute'"
            )
        )
    async with world.engine() as engine:
        await engine.drain()
    version = await world.coloring(version_id)
    assert version.status == "error"
    assert version.error is not None
    assert "6 engines died" in version.error
    assert world.runpod.counts.requests == 0


async def test_sigterm_ends_an_engine_cleanly(world: World) -> None:
    world.runpod.latency = Latency(run=30)
    [version_id] = await world.queue_colorings(1)
    async with engine_process(world, "--grace", "0.1") as process:
        await world.until(version_id, "runpod_processing")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    version = await world.coloring(version_id)
    assert (version.status, version.claimed_by) == ("runpod_processing", None)
    async with world.database.session() as session:
        assert (
            await session.scalar(text("SELECT count(*) FROM engines WHERE retired_at IS NULL")) == 0
        )
