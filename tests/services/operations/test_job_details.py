"""All that is known of one job, in few round trips, whatever kind of job it is."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.operations import Engine
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import BookProcessingStatus, JobKind, OrderStatus
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import SvgProcessingStatus as Svg
from fototui.services.operations.job_details import JobDetails, JobDetailsService
from fototui.services.operations.jobs import JobService
from fototui.services.views.operations import JobView
from tests.factories import make_call, make_coloring, make_svg
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder

PRAGUE = ZoneInfo("Europe/Prague")


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


async def job(database: Database, kind: JobKind) -> JobView:
    async with database.autocommit() as session:
        board = await JobService(session, operator="eva").board()
    return next(job for job in (*board.active, *board.failed) if job.kind is kind)


async def read(database: Database, job: JobView) -> JobDetails | None:
    async with database.autocommit() as session:
        return await JobDetailsService(session, operator="eva").read(job)


async def test_a_running_colouring(database: Database, shop_order: MakeOrder) -> None:
    order = await shop_order()
    engine = Engine(
        id=uuid.uuid4(),
        operator="eva",
        host="studio",
        pid=7,
        version="0.1.0",
        lanes=["coloring"],
        capacity=8,
        lease_seconds=15.0,
    )
    async with database.session() as session, session.begin():
        session.add(engine)
        mine = await make_coloring(
            session,
            order.line_items[0].images[0],
            status=Coloring.RUNPOD_PROCESSING,
            megapixels=2.0,
            steps=8,
            requested_by="jana",
            claimed_by=engine.id,
            claimed_at=func.now(),
            started_at=func.now(),
            submissions=2,
            resubmissions=1,
            retries=3,
            takeovers=1,
        )
        session.add_all(
            [
                make_call(order, version_id=mine.id, outside_id="b", began_at=ago(minutes=1)),
                make_call(order, version_id=mine.id, outside_id="a", began_at=ago(minutes=2)),
                make_call(order, version_id=mine.id + 1, outside_id="other"),
                make_call(order, version_id=mine.id, kind="svg", outside_id="svg"),
            ]
        )
    details = await read(database, await job(database, JobKind.COLORING))
    assert details is not None
    assert details.options == ColoringOptions(2.0, 8)
    assert (details.submissions, details.resubmissions) == (2, 1)
    assert (details.retries, details.takeovers, details.requested_by) == (3, 1, "jana")
    assert (details.engine_host, details.engine_pid) == ("studio", 7)
    assert [call.outside_id for call in details.calls] == ["b", "a"]
    number = order.order_number.removeprefix("#")
    words = f"fototui logs --order {number} --lane coloring --version {mine.id}"
    assert details.log_command == words


async def test_jobs_of_every_kind_are_read(database: Database, shop_order: MakeOrder) -> None:
    order = await shop_order()
    await shop_order(status=OrderStatus.PENDING)
    await shop_order(status=OrderStatus.DOWNLOADING)
    async with database.session() as session, session.begin():
        image = order.line_items[0].images[0]
        coloring = await make_coloring(session, image)
        await make_svg(session, coloring)
        session.add(
            Book(
                line_item_id=order.line_items[0].id,
                order_id=order.id,
                version=1,
                status=BookProcessingStatus.QUEUED,
                svg_ids=[],
                title="Kniha",
                options={},
            )
        )
    for kind in JobKind:
        its_job = await job(database, kind)
        details = await read(database, its_job)
        assert details is not None, kind
        assert details.job.kind is kind
        assert details.engine_host is None
        has_id = "--version" in details.log_command
        assert has_id is (kind not in (JobKind.INGEST, JobKind.DOWNLOAD))


async def test_a_job_that_is_gone_is_none(database: Database, shop_order: MakeOrder) -> None:
    order = await shop_order()
    async with database.session() as session, session.begin():
        row = await make_coloring(session, order.line_items[0].images[0])
    gone = await job(database, JobKind.COLORING)
    async with database.session() as session, session.begin():
        await session.delete(await session.merge(row))
    assert await read(database, gone) is None


@pytest.mark.parametrize(("kind", "trips"), [(JobKind.COLORING, 3), (JobKind.INGEST, 2)])
async def test_details_take_few_round_trips(
    database: Database, database_url: str, shop_order: MakeOrder, kind: JobKind, trips: int
) -> None:
    order = await shop_order()
    await shop_order(status=OrderStatus.PENDING)
    async with database.session() as session, session.begin():
        await make_coloring(session, order.line_items[0].images[0])
    its_job = await job(database, kind)
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        await read(far, its_job)  # prepares the statements
        with proxy.counting() as counted:
            await read(far, its_job)
    assert counted.total == trips


async def test_what_failed_today_is_counted(database: Database, shop_order: MakeOrder) -> None:
    order = await shop_order()
    image = order.line_items[0].images[0]
    async with database.session() as session, session.begin():
        await make_coloring(session, image, status=Coloring.ERROR, completed_at=func.now())
        await make_coloring(
            session,
            image,
            version=2,
            status=Coloring.ERROR,
            completed_at=func.now(),
            error_code="cancelled",
        )
        done = await make_coloring(
            session, image, version=3, status=Coloring.COMPLETED, completed_at=func.now()
        )
        await make_coloring(
            session, image, version=4, status=Coloring.ERROR, completed_at=ago(hours=25)
        )
        await make_svg(session, done, status=Svg.ERROR, completed_at=func.now())
    async with database.autocommit() as session:
        assert await JobService(session, operator="eva").failed_since_midnight(PRAGUE) == 2
