"""What far operators pay for: round trips to the database, counted on the wire."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.fixed import FixedStatement
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.engine.heartbeat import EngineIdentity, Heartbeat
from fototui.engine.jobs.claims import Claims, claim_statement
from fototui.engine.jobs.job import Moment, Move
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.jobs.versions import COLORINGS, SVGS
from fototui.engine.lease import Lease
from tests.engine.conftest import World
from tests.pgproxy import PgProxy


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PgProxy]:
    async with PgProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def far(proxy: PgProxy) -> AsyncIterator[Database]:
    """The database by way of the counting proxy, with one warm connection."""
    async with Database(proxy.url, pool_size=1, publish=lambda _event: None) as database:
        yield database


@pytest.fixture
async def claims(world: World, far: Database) -> AsyncIterator[Claims]:
    heartbeat = Heartbeat(
        world.database.url,
        EngineIdentity("test", "test", 1, "0", ["coloring"], 1),
        lease_seconds=30,
        lease=Lease(seconds=30, margin=1),
        on_lease_lost=lambda: None,
        on_registered_again=lambda _id: None,
    )
    engine_id = await heartbeat.start()
    try:
        yield Claims(far, engine_id)
    finally:
        await heartbeat.stop()


async def test_a_transition_is_one_round_trip(
    world: World, far: Database, proxy: PgProxy, claims: Claims
) -> None:
    await world.queue_colorings(2)
    transitions = Transitions(far, actor="test")
    trips: dict[str, list[int]] = {}
    # The first job warms the connection: statements are prepared and types looked up once.
    for _ in range(2):
        with proxy.counting() as claimed:
            [job] = await claims.claim(COLORINGS, 1, limited=False)
        trips.setdefault("claim", []).append(claimed.total)
        for move in (
            Move(C.PROCESSING, {"started_at": Moment.NOW}),
            Move(C.RUNPOD_SUBMITTING, {"submissions": 1}),
            Move(C.RUNPOD_SUBMITTED, {"runpod_job_id": "a"}),
            Move(C.RUNPOD_QUEUED),
            Move(C.RUNPOD_PROCESSING),
            Move(C.RUNPOD_COMPLETED),
            Move(C.STORAGE_UPLOAD),
            Move(C.COMPLETED, {"file_ref": None}, ends=True),
        ):
            with proxy.counting() as moved:
                job = await transitions.write(COLORINGS, job, move)
            trips.setdefault(str(move.status), []).append(moved.total)
    warm = {name: counts[1] for name, counts in trips.items()}
    assert set(warm.values()) == {1}, warm


async def test_a_claim_in_a_limited_lane_is_four(
    world: World, proxy: PgProxy, claims: Claims
) -> None:
    await world.queue_svgs(2)
    await claims.claim(SVGS, 1, limited=True)
    with proxy.counting() as trips:
        assert len(await claims.claim(SVGS, 1, limited=True)) == 1
    assert trips.total == 4  # begin, the lane's lock, the claim, commit


def _scanned_whole(plan: dict[str, Any]) -> set[str]:
    """Tables that a plan reads from end to end."""
    own = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(_scanned_whole(part) for part in plan.get("Plans", [])))


async def _finish_many(world: World) -> None:
    """Have many finished colourings and many images, and let PostgreSQL know."""
    [image_id] = await world.add_images(1)
    async with world.database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, "
                "created_at) "
                "SELECT :image_id, n, 'completed', 1, 4, now() FROM generate_series(1, 20000) n"
            ),
            {"image_id": image_id},
        )
        await session.execute(
            text(
                "INSERT INTO images (line_item_id, position) SELECT line_item_id, n + 1 "
                "FROM images, generate_series(1, 2000) n"
            )
        )
    async with world.database.autocommit() as session:
        for table in ("coloring_versions", "images"):
            await session.execute(text(f"VACUUM ANALYZE {table}"))


async def test_claims_and_moves_cost_the_same_beside_many_finished_rows(
    world: World, claims: Claims
) -> None:
    await _finish_many(world)
    await _a_claim_reads_its_own_rows_only(world, claims)
    await _moves_that_are_written_together_read_their_own_rows_only(world, claims)


async def _a_claim_reads_its_own_rows_only(world: World, claims: Claims) -> None:
    await world.queue_colorings(3)
    statement = claim_statement(COLORINGS).bindparams(
        engine=claims.engine_id, lane="coloring", wanted=3
    )
    plain = str(
        statement.compile(
            dialect=world.database.engine.dialect, compile_kwargs={"literal_binds": True}
        )
    )
    async with world.database.autocommit() as session:
        explained = await session.scalar(
            text("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + plain.replace(":", r"\:"))
        )
    [plan] = explained
    assert _scanned_whole(plan["Plan"]).isdisjoint({"coloring_versions"})
    # The table holds some 300 pages.
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 200
    assert plan["Plan"]["Actual Rows"] == 3


async def _moves_that_are_written_together_read_their_own_rows_only(
    world: World, claims: Claims
) -> None:
    await world.queue_colorings(1)
    [job] = await claims.claim(COLORINGS, 1, limited=False)
    for move in (Move(C.PROCESSING), Move(C.COMPLETED, {"file_ref": None}, ends=True)):
        shape = replace(COLORINGS.shape(job, move), together=True)
        async with world.database.session() as session:
            raw = await (await session.connection()).get_raw_connection()
            statement, [given] = FixedStatement(COLORINGS.statement(shape)).on(
                world.database.engine.dialect, [COLORINGS.values(job, move, actor="test")]
            )
            assert raw.driver_connection is not None
            explained = await raw.driver_connection.fetchval(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, *given
            )
        plan = explained[0]["Plan"]
        assert _scanned_whole(plan).isdisjoint({"coloring_versions", "images"})
        assert plan["Actual Rows"] == 1
        job = job.after(move)
