"""What the program does with a lane of which none of its files knows; run by `test_new_lane.py`."""

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Table, select, text

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.notify import lane_payload, notify
from fototui.domain.errors import ConflictError, NotFoundError
from fototui.domain.events import BaseMercureEvent, ListUpdateEvent, OrderUpdateEvent
from fototui.domain.statuses import JobKind
from fototui.engine.pipelines.opening import PipelineEntry
from fototui.server.metrics import ServerMetrics
from fototui.services.changes import LiveService
from fototui.services.operations.jobs import JobService
from fototui.services.operations.lanes import LaneService
from fototui.services.operations.search import job_search
from fototui.services.operations.stats import Stats, StatsService
from fototui.services.operations.steering import STEERING
from fototui.storage.directory import DirectoryStorage
from tests.engine.echo_lane.declared import ECHO, EchoStatus
from tests.engine.echo_lane.lane import ENTRY, echo_engine
from tests.engine.echo_lane.model import Echo
from tests.factories import make_order
from tests.waiting import until


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    return DirectoryStorage(tmp_path)


@pytest.fixture
async def shop(database: Database) -> Database:
    """The database with what the lane's migration would make."""
    table = Echo.__table__
    assert isinstance(table, Table)
    async with database.engine.begin() as connection:
        await connection.run_sync(table.create)
        await connection.execute(text("INSERT INTO lanes (name) VALUES ('echo')"))
        await connection.execute(
            text(
                "CREATE TRIGGER mark_changed BEFORE INSERT OR UPDATE ON echoes "
                "FOR EACH ROW EXECUTE FUNCTION fototui_mark_changed()"
            )
        )
    return database


async def _ask(database: Database, words: str) -> Echo:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        item = order.line_items[0]
        echo = Echo(line_item_id=item.id, order_id=order.id, version=1, words=words)
        session.add(echo)
        await session.flush()
        await notify(session, lane_payload(ECHO))
    return echo


async def _now(database: Database, echo: Echo) -> Echo:
    async with database.session() as session:
        return (await session.scalars(select(Echo).where(Echo.id == echo.id))).one()


async def _until(database: Database, echo: Echo, status: EchoStatus) -> Echo:
    async def reached() -> bool:
        return (await _now(database, echo)).status is status

    await until(reached)
    return await _now(database, echo)


async def _stats(database: Database) -> Stats:
    async with database.autocommit() as session:
        return await StatsService(session, operator="test").read()


async def test_it_is_listed_and_counted_while_it_waits_and_after_it_was_done(
    shop: Database, storage: DirectoryStorage, published: list[BaseMercureEvent]
) -> None:
    assert isinstance(ENTRY, PipelineEntry)
    async with shop.autocommit() as session:
        before = (await LiveService(session, operator="test").changes()).watermark
    echo = await _ask(shop, "ahoj")
    published.clear()

    async with shop.autocommit() as session:
        [job] = await JobService(session, operator="test").active()
        lanes = {lane.lane: lane for lane in await LaneService(session, operator="t").list_lanes()}
        changes = await LiveService(session, operator="test").changes(before)
    assert (job.kind, job.row_id, job.status) == (ECHO, echo.id, EchoStatus.QUEUED)
    find = job_search(UTC, lambda: datetime.now(UTC))
    assert [find(f"kind:{kind}").finds(job, "") for kind in JobKind] == [
        kind is ECHO for kind in JobKind
    ]
    assert (job.order_id, job.item_position) == (str(echo.order_id), 1)
    assert (lanes[ECHO].waiting, lanes[ECHO].running) == (1, 0)
    assert str(echo.order_id) in changes.order_ids
    [queued] = (await _stats(shop)).queue
    assert (queued.kind, queued.status, queued.count) == (ECHO, "queued", 1)

    metrics = ServerMetrics()
    async with echo_engine(shop, storage, observer=metrics) as engine:
        assert await engine.drain() == []
    done = await _now(shop, echo)
    assert (done.status, done.error) == (EchoStatus.COMPLETED, None)
    assert done.file_ref is not None
    assert await storage.get(done.file_ref.key) == b"AHOJ"
    order_id = str(echo.order_id)
    assert OrderUpdateEvent(order_id=order_id) in published
    assert ListUpdateEvent(order_ids=(order_id,)) in published
    stats = await _stats(shop)
    assert [(each.kind, each.status, each.count) for each in stats.ended] == [
        (ECHO, "completed", 1)
    ]
    told = metrics.render(stats).decode()
    assert 'fototui_last_hour_jobs{kind="echo",status="completed"} 1.0' in told
    assert 'fototui_queue_depth{kind="echo"} 0.0' in told
    async with shop.autocommit() as session:
        assert sum((await JobService(session, operator="test").throughput()).completed) == 1


async def test_a_killed_engine_is_replaced(
    shop: Database, storage: DirectoryStorage, tmp_path: Path
) -> None:
    echo = await _ask(shop, "haló")
    program = (
        "import runpy, tests.engine.echo_lane.model; "
        "runpy.run_module('tests.engine.echo_lane.lane', run_name='__main__', alter_sys=False)"
    )
    url = shop.url.render_as_string(hide_password=False)
    first = await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, str(tmp_path))
    try:
        await _until(shop, echo, EchoStatus.SHOUTING)
    finally:
        first.send_signal(signal.SIGKILL)
        await first.wait()
    async with echo_engine(shop, storage, lease=2.0) as second:
        done = await _until(shop, echo, EchoStatus.COMPLETED)
        await until(lambda: second.counts["completed"] == 1)
    assert (done.takeovers, done.attempts) == (1, 2)


async def test_an_engine_that_is_taken_for_dead_lets_go_of_it(
    shop: Database, storage: DirectoryStorage
) -> None:
    echo = await _ask(shop, "haló")
    silence = asyncio.Event()
    async with echo_engine(shop, storage, silence=silence) as first:
        await _until(shop, echo, EchoStatus.SHOUTING)
        async with shop.session() as session, session.begin():
            await session.execute(text("UPDATE engines SET retired_at = now()"))
        async with echo_engine(shop, storage):
            done = await _until(shop, echo, EchoStatus.COMPLETED)
            silence.set()
            await until(lambda: first.running == 0)
        assert first.counts["completed"] == 0
    assert done.takeovers == 1


async def test_it_is_tried_again_by_itself_and_by_an_operator(
    shop: Database, storage: DirectoryStorage
) -> None:
    later, never = await _ask(shop, "later"), await _ask(shop, "never")
    async with echo_engine(shop, storage) as engine:
        assert await engine.drain() == []
        assert engine.counts["put back"] == 1
        assert (await _now(shop, later)).status is EchoStatus.COMPLETED
        failed = await _now(shop, never)
        assert (failed.status, failed.error) == (EchoStatus.ERROR, "The valley does not answer.")
        async with shop.autocommit() as session:
            [listed] = await JobService(session, operator="test").recent_failures()
        assert (listed.kind, listed.row_id) == (ECHO, never.id)

        async with shop.session() as session, session.begin():
            await session.execute(
                text("UPDATE echoes SET words = 'now' WHERE id = :id"), {"id": never.id}
            )
        async with shop.session() as session:
            service = STEERING[ECHO](session, operator="jana")
            await service.retry(never.id)
            with pytest.raises(ConflictError, match="Echo v1 has not failed"):
                await service.retry(later.id)
            with pytest.raises(NotFoundError):
                await service.retry(4711)
        assert (await _until(shop, never, EchoStatus.COMPLETED)).error is None


async def test_a_cancelled_one_is_dropped_by_its_engine(
    shop: Database, storage: DirectoryStorage
) -> None:
    echo = await _ask(shop, "haló")
    async with echo_engine(shop, storage, silence=asyncio.Event()) as engine:
        await _until(shop, echo, EchoStatus.SHOUTING)
        async with shop.session() as session:
            service = STEERING[ECHO](session, operator="jana")
            await service.cancel(echo.id)
            with pytest.raises(ConflictError, match="Echo v1 has ended already"):
                await service.cancel(echo.id)
        await until(lambda: engine.running == 0)
    stopped = await _now(shop, echo)
    assert (stopped.status, stopped.error_code) == (EchoStatus.ERROR, "cancelled")
    assert stopped.claimed_by is None
    async with shop.session() as session:
        [logged] = await session.scalars(select(Activity))
    assert (logged.operator, logged.version_type, logged.version_id) == ("jana", "echo", echo.id)
