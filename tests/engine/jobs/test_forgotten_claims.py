"""Claims do not wait for the disk, and moves do: what a crash of PostgreSQL may forget."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text, update
from ulid import ULID

from fototui.db.database import Database
from fototui.db.errors import ClaimLostError
from fototui.db.models.orders import Order
from fototui.db.schema import migrate
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.domain.statuses import OrderStatus, VersionType
from fototui.engine.jobs.claims import Claims
from fototui.engine.jobs.job import JobT, Move
from fototui.engine.jobs.orders import DOWNLOADS, INGESTS
from fototui.engine.jobs.table import JobTable
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.jobs.versions import COLORINGS, SVGS
from fototui.engine.pipelines.book import BookPipeline
from fototui.sandbox.postgres.server import EmbeddedPostgres, StopMode, temporary_postgres
from tests.engine.conftest import World, open_world
from tests.engine.one_life import die, open_pipeline, register, take_up

_TEMPLATE = "shop"
_numbers = count(1)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[EmbeddedPostgres]:
    """A server that writes to the disk when it is asked to, and hardly ever by itself."""
    async with temporary_postgres(durable=True) as server:
        await server.create_database(_TEMPLATE)
        async with Database(server.url(_TEMPLATE)) as database:
            await migrate.upgrade(database.engine)
            async with database.autocommit() as session:
                await session.execute(text("ALTER SYSTEM SET wal_writer_delay = '10s'"))
        await server.stop()
        await server.start()
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def world(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[World]:
    name = f"{_TEMPLATE}_{next(_numbers)}"
    await server.create_database(name, _TEMPLATE)
    async with (
        Database(server.url(name)) as database,
        open_world(database, tmp_path / "files") as world,
    ):
        yield world


async def _crash(world: World, server: EmbeddedPostgres) -> None:
    await server.stop(StopMode.KILL)
    await server.start()
    await world.database.engine.dispose()


async def test_a_job_whose_claim_was_forgotten_is_done_once_by_another(
    world: World, server: EmbeddedPostgres
) -> None:
    [version_id] = await world.queue_colorings(1)
    loser, finder = await register(world), await register(world)
    claims, transitions = Claims(world.database, loser), Transitions(world.database, actor="test")
    [job] = await claims.claim(COLORINGS, 1, limited=False)
    await _crash(world, server)

    version = await world.coloring(version_id)
    assert (version.claimed_by, version.claim_token, version.attempts) == (None, None, 0)
    with pytest.raises(ClaimLostError):
        await transitions.write(COLORINGS, job, Move(C.PROCESSING))
    assert (await world.coloring(version_id)).status == C.QUEUED

    pipeline = open_pipeline(world, VersionType.COLORING)
    assert await take_up(world, pipeline, finder) == "completed"
    with pytest.raises(ClaimLostError):
        await transitions.write(COLORINGS, job, Move(C.PROCESSING))
    version = await world.coloring(version_id)
    assert (version.status, version.attempts, version.submissions) == (C.COMPLETED, 1, 1)
    assert world.runpod.counts.submitted == 1


async def test_a_move_that_was_answered_is_not_forgotten_nor_its_claim(
    world: World, server: EmbeddedPostgres
) -> None:
    [version_id] = await world.queue_colorings(1)
    claims = Claims(world.database, await register(world))
    transitions = Transitions(world.database, actor="test")
    [job] = await claims.claim(COLORINGS, 1, limited=False)
    for move in (Move(C.PROCESSING), Move(C.RUNPOD_SUBMITTING, {"submissions": 1})):
        job = await transitions.write(COLORINGS, job, move)
        await _crash(world, server)
        version = await world.coloring(version_id)
        assert (version.status, version.claim_token) == (move.status, job.claim_token)


async def _is_on_disk(
    world: World, claims: Claims, jobs: JobTable[JobT], *, wanted: int = 1
) -> bool:
    """Claim some jobs; whether that was on the disk when it was answered."""
    async with world.database.autocommit() as session:
        before = await session.scalar(text("SELECT pg_current_wal_insert_lsn()::text"))
    assert len(await claims.claim(jobs, wanted, limited=False)) == wanted
    async with world.database.autocommit() as session:
        flushed = text("SELECT pg_current_wal_flush_lsn() > CAST(CAST(:lsn AS text) AS pg_lsn)")
        return bool(await session.scalar(flushed, {"lsn": before}))


async def test_claims_wait_for_the_disk_where_their_step_may_cost_or_overwrite(
    world: World,
) -> None:
    engine_id = await register(world)
    claims = Claims(world.database, engine_id)

    [version_id] = await world.queue_colorings(1)
    assert not await _is_on_disk(world, claims, COLORINGS)
    await die(world, engine_id)
    claims = Claims(world.database, await register(world))
    assert await _is_on_disk(world, claims, COLORINGS)  # the death of an engine counts
    assert (await world.coloring(version_id)).takeovers == 1

    await world.queue_colorings(1, status=C.STORAGE_UPLOAD)
    assert await _is_on_disk(world, claims, COLORINGS)
    await world.queue_colorings(2)
    await world.queue_colorings(1, status=C.STORAGE_UPLOAD)
    assert await _is_on_disk(world, claims, COLORINGS, wanted=3)  # one of them is enough
    await world.queue_colorings(1, runpod_job_id="paid")
    assert await _is_on_disk(world, claims, COLORINGS)
    await world.queue_svgs(1, vectorizer_job_id="paid")
    assert await _is_on_disk(world, claims, SVGS)
    await world.queue_svgs(1)
    assert not await _is_on_disk(world, claims, SVGS)
    await world.queue_books(1)
    assert not await _is_on_disk(world, claims, BookPipeline.jobs)

    order_id = await world.know(world.place())
    assert not await _is_on_disk(world, claims, INGESTS)
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(Order)
            .where(Order.id == ULID.from_str(order_id))
            .values(status=OrderStatus.DOWNLOADING, claimed_by=None, claim_token=None)
        )
    assert await _is_on_disk(world, claims, DOWNLOADS)
