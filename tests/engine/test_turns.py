"""In which order jobs are claimed: urgent orders first, and of the others each in turn."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text, update
from ulid import ULID

from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.domain.statuses import JobKind
from fototui.domain.statuses import OrderStatus as S
from fototui.engine.jobs.claims import claim_statement
from fototui.engine.jobs.job import JobT
from fototui.engine.jobs.orders import DOWNLOADS, INGESTS
from fototui.engine.jobs.table import JobTable
from fototui.engine.jobs.versions import COLORINGS, SVGS
from tests.engine.conftest import World
from tests.engine.test_paused_engines import register


async def _orders_claimed(world: World, jobs: JobTable[JobT], count: int) -> list[str]:
    """Claim jobs one after another, and end each; the numbers of their orders."""
    claims = await register(world, "eva")
    numbers = []
    for _ in range(count):
        [job] = await claims.claim(jobs, 1, limited=False)
        numbers.append(job.order_number)
        async with world.database.session() as session, session.begin():
            ended = "ready_for_review" if jobs.name == "orders" else "error"
            await session.execute(
                text(
                    f"UPDATE {jobs.name} SET status = '{ended}', claimed_by = NULL WHERE id = :id"
                ),
                {"id": job.row_id},
            )
    return numbers


async def _put_first(world: World, number: str, at: datetime | None) -> None:
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(Order).where(Order.order_number == number).values(urgent_at=at)
        )


async def _order_of(world: World, version_id: int) -> str:
    async with world.database.session() as session:
        return (
            await session.scalars(
                select(Order.order_number)
                .join(LineItem, LineItem.order_id == Order.id)
                .join(Image, Image.line_item_id == LineItem.id)
                .join(ColoringVersion, ColoringVersion.image_id == Image.id)
                .where(ColoringVersion.id == version_id)
            )
        ).one()


@pytest.mark.parametrize("jobs", [COLORINGS, SVGS], ids=["coloring", "svg"])
async def test_two_orders_take_turns(world: World, jobs: JobTable[JobT]) -> None:
    queue = world.queue_colorings if jobs is COLORINGS else world.queue_svgs
    await queue(20)
    long = f"#T{0}"
    await queue(1)
    # A single picture does not wait for the twenty that were asked for before it.
    first = await _orders_claimed(world, jobs, 6)
    assert (first.count(long), len(set(first[:2]))) == (5, 2)
    # One that comes later begins where the others are: it does not catch up with them first.
    await queue(5)
    later = await _orders_claimed(world, jobs, 10)
    assert later.count(long) == 5
    assert [number == long for number in later[:4]].count(True) == 2


async def test_a_retry_takes_its_turn_behind_its_orders_other_jobs(world: World) -> None:
    first, *others = await world.queue_colorings(4)
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(ColoringVersion).where(ColoringVersion.id == first).values(status="error")
        )
    async with world.database.session() as session, session.begin():
        await session.execute(
            update(ColoringVersion)
            .where(ColoringVersion.id == first)
            .values(status="queued", queued_at=func.now())
        )
    claims = await register(world, "eva")
    claimed = await claims.claim(COLORINGS, 4, limited=False)
    assert sorted(job.row_id for job in claimed) == sorted([first, *others])
    async with world.database.session() as session:
        last = await session.scalar(
            select(ColoringVersion.id).order_by(ColoringVersion.turn.desc()).limit(1)
        )
    assert last == first


async def test_an_urgent_orders_jobs_are_claimed_first_in_all_lanes(world: World) -> None:
    [version_id] = (await world.queue_colorings(3))[:1]
    early = await _order_of(world, version_id)
    [version_id] = (await world.queue_colorings(3))[:1]
    urgent = await _order_of(world, version_id)
    await _put_first(world, urgent, datetime.now(UTC))
    # What is asked for later belongs to it as well.
    async with world.database.session() as session, session.begin():
        row = await session.get_one(ColoringVersion, version_id)
        session.add(ColoringVersion(image_id=row.image_id, version=2))
    assert await _orders_claimed(world, COLORINGS, 5) == [urgent] * 4 + [early]
    for kind, jobs, status in (
        (JobKind.INGEST, INGESTS, S.PENDING),
        (JobKind.DOWNLOAD, DOWNLOADS, S.DOWNLOADING),
    ):
        names = [f"#{kind}1", f"#{kind}2", f"#{kind}3"]
        for name in names:
            async with world.database.session() as session, session.begin():
                session.add(Order(id=ULID(), order_number=name, status=status))
        await _put_first(world, names[2], datetime.now(UTC))
        assert await _orders_claimed(world, jobs, 2) == [names[2], names[0]]


async def test_an_order_that_is_urgent_no_more_takes_turns_again(world: World) -> None:
    [version_id, *_] = await world.queue_colorings(3)
    early = await _order_of(world, version_id)
    [version_id, *_] = await world.queue_colorings(3)
    other = await _order_of(world, version_id)
    await _put_first(world, other, datetime.now(UTC))
    await _put_first(world, other, None)
    assert sorted(await _orders_claimed(world, COLORINGS, 2)) == sorted([early, other])


async def test_a_claim_and_a_turn_cost_the_same_in_a_long_queue(world: World) -> None:
    image_ids = await world.add_images(1)
    async with world.database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, "
                "created_at) SELECT :image_id, n, 'queued', 1, 4, now() "
                "FROM generate_series(1, 10000) n"
            ),
            {"image_id": image_ids[0]},
        )
    async with world.database.session() as session:
        assert await session.scalar(select(func.max(ColoringVersion.turn))) == 9_999
    claims = await register(world, "eva")
    statement = claim_statement(COLORINGS).bindparams(
        engine=claims.engine_id, lane="coloring", wanted=4
    )
    plain = str(
        statement.compile(
            dialect=world.database.engine.dialect, compile_kwargs={"literal_binds": True}
        )
    )
    async with world.database.autocommit() as session:
        await session.execute(text("ANALYZE coloring_versions"))
        [plan] = await session.scalar(
            text("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + plain.replace(":", r"\:"))
        )
    assert plan["Plan"]["Actual Rows"] == 4
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 150
    assert len(await claims.claim(COLORINGS, 4, limited=False)) == 4
