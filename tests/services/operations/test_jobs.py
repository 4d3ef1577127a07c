"""What the screen of jobs reads: unfinished jobs, late failures, how much gets done."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ClauseElement, func, text
from sqlalchemy.dialects import postgresql

from fototui.db.database import Database
from fototui.db.models.operations import Engine
from fototui.db.models.orders import ColoringVersion, Order
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.domain.statuses import SvgProcessingStatus as Svg
from fototui.services.operations.jobs import (
    JobService,
    active_statement,
    failures_statement,
    throughput_statement,
)
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from fototui.services.views.operations import JobBoard
from tests.factories import file_ref, make_coloring, make_svg
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder

FINISHED = 5_000


def engine(name: str = "eva", **fields: object) -> Engine:
    return Engine(
        id=uuid.uuid4(),
        operator=name,
        host="studio",
        pid=7,
        version="0.1.0",
        lanes=["coloring", "svg"],
        capacity=8,
        lease_seconds=15.0,
        **fields,
    )


async def board(database: Database) -> JobBoard:
    async with database.autocommit() as session:
        return await JobService(session, operator="eva").board()


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


@pytest.mark.quick
async def test_active_jobs_of_both_kinds_running_ones_first(
    database: Database, shop_order: MakeOrder
) -> None:
    order: Order = await shop_order(images=2, line_items=2)
    first, second = order.line_items[1].images
    alive, dead = engine(), engine("jana", retired_at=func.now())
    async with database.session() as session, session.begin():
        session.add_all([alive, dead])
        done = await make_coloring(session, first, status=Coloring.COMPLETED)
        waiting = await make_coloring(
            session,
            first,
            version=2,
            queued_at=ago(minutes=9),
            not_before=ago(minutes=-1),
            error="RunPod is busy.",
            claimed_by=dead.id,
        )
        running = await make_coloring(
            session,
            second,
            status=Coloring.RUNPOD_PROCESSING,
            claimed_by=alive.id,
            started_at=ago(seconds=30),
            attempts=2,
        )
        svg = await make_svg(session, done, queued_at=ago(minutes=20))
    jobs = (await board(database)).active
    assert [job.key for job in jobs] == [
        f"coloring:{running.id}",
        f"svg:{svg.id}",
        f"coloring:{waiting.id}",
    ]
    job = jobs[0]
    assert (job.order_id, job.order_number) == (str(order.id), order.order_number)
    assert (job.item_position, job.image_position, job.image_id) == (2, 2, second.id)
    assert (job.kind, job.version, job.status) == (JobKind.COLORING, 1, "runpod_processing")
    assert (job.engine_id, job.engine_operator, job.attempts) == (alive.id, "eva", 2)
    assert job.elapsed_seconds is not None
    assert 25 < job.elapsed_seconds < 60
    assert (jobs[2].engine_id, jobs[2].elapsed_seconds) == (None, None)
    assert (str(jobs[2].error), jobs[2].not_before) == ("RunPod is busy.", waiting.not_before)
    assert [job.is_paid_for for job in jobs] == [True, False, False]


async def test_a_failure_that_was_followed_by_a_newer_version_is_dealt_with(
    database: Database, shop_order: MakeOrder
) -> None:
    order: Order = await shop_order(images=2)
    first, second = order.line_items[0].images
    failed, at = Coloring.ERROR, ago(minutes=5)
    async with database.session() as session, session.begin():
        await make_coloring(session, first, status=failed, completed_at=at)
        await make_coloring(session, first, version=2, status=Coloring.COMPLETED)
        await make_coloring(session, second, status=failed, completed_at=at)
        last = await make_coloring(session, second, version=2, status=failed, completed_at=at)
    found = await board(database)
    assert [job.key for job in found.failed] == [f"coloring:{last.id}"]
    assert sum(found.throughput.failed) == 3  # they did fail


async def test_orders_that_are_fetched_are_jobs_too(
    database: Database, shop_order: MakeOrder
) -> None:
    alive = engine()
    async with database.session() as session, session.begin():
        session.add(alive)
    waiting = await shop_order(
        status=OrderStatus.PENDING, queued_at=ago(minutes=5), error="Shopify is busy."
    )
    loading = await shop_order(
        status=OrderStatus.DOWNLOADING, claimed_by=alive.id, claimed_at=ago(seconds=30), attempts=2
    )
    again = await shop_order(sync_requested_at=ago(minutes=1), queued_at=ago(minutes=1))
    bare = await shop_order(status=OrderStatus.ERROR, line_items=0, error="Shopify knows it not.")
    failed = await shop_order(status=OrderStatus.ERROR, error="2 photos are missing.")
    await shop_order(status=OrderStatus.ERROR, updated_at=ago(hours=2))
    await shop_order()

    found = await board(database)

    assert [(job.key, job.status) for job in found.active] == [
        (f"download:{loading.id}", OrderStatus.DOWNLOADING),
        (f"ingest:{waiting.id}", OrderStatus.PENDING),
        (f"ingest:{again.id}", OrderStatus.PENDING),  # it is ready, and asked for once more
    ]
    job = found.active[0]
    assert (job.order_id, job.order_number) == (str(loading.id), loading.order_number)
    assert (job.row_id, job.image_id, job.version, job.item_position) == (None,) * 4
    assert (job.attempts, job.engine_operator, job.is_paid_for) == (2, "eva", False)
    assert job.elapsed_seconds == pytest.approx(30, abs=10)
    assert str(found.active[1].error) == "Shopify is busy."
    assert [(job.key, str(job.error)) for job in found.failed] == [
        (f"download:{failed.id}", "2 photos are missing."),
        (f"ingest:{bare.id}", "Shopify knows it not."),
    ]


async def test_limit_keeps_what_runs(database: Database, shop_order: MakeOrder) -> None:
    order = await shop_order(images=6)
    alive = engine()
    async with database.session() as session, session.begin():
        session.add(alive)
        for place, image in enumerate(order.line_items[0].images):
            holder = alive.id if place == 2 else None
            await make_coloring(
                session, image, claimed_by=holder, queued_at=ago(minutes=10 - place)
            )
    async with database.autocommit() as session:
        jobs = await JobService(session, operator="eva").active(limit=3)
    assert [job.image_position for job in jobs] == [3, 1, 2]


async def test_failures_of_the_last_hour_latest_first_without_cancelled_ones(
    database: Database, shop_order: MakeOrder
) -> None:
    images = (await shop_order(images=3)).line_items[0].images
    async with database.session() as session, session.begin():
        rows = [
            await make_coloring(
                session,
                image,
                status=Coloring.ERROR,
                completed_at=ago(minutes=minutes),
                started_at=ago(minutes=minutes + 1),
                error="No face [/found].",
            )
            for image, minutes in zip(images, [50, 5, 61], strict=True)
        ]
        cancelled = await make_svg(session, rows[0])
        failed = await make_svg(
            session, rows[0], version=2, status=Svg.ERROR, completed_at=ago(minutes=20)
        )
        running = await make_coloring(session, images[0], version=8)
    async with database.session() as session:
        await VectorizerService(session, operator="eva").cancel(cancelled.id)
        await ColoringService(session, operator="eva").cancel(running.id)
    jobs = (await board(database)).failed
    assert [job.key for job in jobs] == [
        f"coloring:{rows[1].id}",
        f"svg:{failed.id}",
        f"coloring:{rows[0].id}",
    ]
    assert str(jobs[0].error) == "No face [/found]."
    assert jobs[0].elapsed_seconds == pytest.approx(60, abs=1)
    assert not jobs[0].is_paid_for


async def test_throughput_counts_by_minute(database: Database, shop_order: MakeOrder) -> None:
    image = (await shop_order()).line_items[0].images[0]
    ends = [
        (Coloring.COMPLETED, -0.5),
        (Coloring.COMPLETED, 0.1),
        (Coloring.ERROR, 0.1),
        (Coloring.COMPLETED, 10.5),
        (Coloring.COMPLETED, 61),
        (Coloring.RUNPOD_CANCELLED, 3.5),
    ]
    async with database.session() as session, session.begin():
        rows: list[ColoringVersion] = []
        for version, (status, minutes) in enumerate(ends, start=1):
            rows.append(
                await make_coloring(
                    session,
                    image,
                    version=version,
                    status=status,
                    completed_at=ago(minutes=minutes),
                )
            )
        await make_svg(session, rows[0], status=Svg.COMPLETED, completed_at=ago(minutes=10.5))
        await make_svg(
            session,
            rows[0],
            version=2,
            status=Svg.ERROR,
            error_code="cancelled",
            completed_at=ago(minutes=10.5),
        )
    throughput = (await board(database)).throughput
    assert len(throughput.completed) == len(throughput.failed) == 60
    assert (throughput.completed[-1], throughput.failed[-1]) == (2, 1)
    assert throughput.completed[49] == 2
    assert (sum(throughput.completed), sum(throughput.failed)) == (4, 1)
    # Two within ten minutes: one takes five, and what waits as often as long.
    assert throughput.lately == {JobKind.COLORING: 2}
    assert throughput.ready_in(JobKind.COLORING, 3) == 3 * 300
    assert throughput.ready_in(JobKind.COLORING, 0) is None
    assert throughput.ready_in(JobKind.SVG, 3) is None


async def test_empty_board(database: Database) -> None:
    found = await board(database)
    assert (found.active, found.failed) == ((), ())
    assert sum(found.throughput.completed + found.throughput.failed) == 0


async def test_board_takes_three_round_trips(database_url: str) -> None:
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        await board(far)  # prepares the statements
        with proxy.counting() as trips:
            await board(far)
    assert trips.total == 3


# --- its cost follows what is shown, not what was ever made ----------------------


@pytest.fixture
async def years(database: Database, shop_order: MakeOrder) -> None:
    """Many versions that ended long ago, a few lately, a few unfinished."""
    image = (await shop_order()).line_items[0].images[0]
    async with database.session() as session, session.begin():
        await make_coloring(session, image, file_ref=file_ref())
        for table, own, value in (
            ("coloring_versions", ", created_at, megapixels, steps", ", now(), 1, 4"),
            (
                "svg_versions",
                ", created_at, shape_stacking, group_by, coloring_version_id",
                ", now(), 'stacked', 'color', (SELECT min(id) FROM coloring_versions)",
            ),
        ):
            kind = table.partition("_")[0]
            await session.execute(
                text(
                    f"INSERT INTO {table} (image_id, version, status, completed_at{own}) "
                    f"SELECT {image.id}, n, (CASE n % 7 WHEN 0 THEN 'error' ELSE 'completed' END)"
                    f"::{kind}processingstatus, now() - n * interval '3 min'{value} "
                    f"FROM generate_series(10, {FINISHED}) n"
                )
            )
            await session.execute(
                text(
                    f"INSERT INTO {table} (image_id, version, status{own}) "
                    f"SELECT {image.id}, {FINISHED} + n, 'queued'{value} "
                    "FROM generate_series(1, 5) n"
                )
            )
    async with database.autocommit() as session:
        await session.execute(text("ANALYZE"))


async def plan(database: Database, statement: ClauseElement) -> list[dict[str, Any]]:  # Any: JSON
    """The nodes of a statement's plan, as executed."""
    sql = statement.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy has none
        compile_kwargs={"literal_binds": True},
    )
    async with database.autocommit() as session:
        found = await session.scalar(
            text(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}".replace(":", "\\:"))
        )
    top = json.loads(found) if isinstance(found, str) else found
    nodes, rest = [], [top[0]["Plan"]]
    while rest:
        node = rest.pop()
        nodes.append(node)
        rest += node.get("Plans", [])
    return nodes


@pytest.mark.usefixtures("years")
async def test_cost_is_bounded(database: Database) -> None:
    for statement, index in (
        (active_statement(200), "active"),
        (failures_statement(50), "completed"),
        (throughput_statement(), "completed"),
    ):
        await _is_bounded(database, statement, index)


async def _is_bounded(database: Database, statement: ClauseElement, index: str) -> None:
    nodes = await plan(database, statement)
    of_versions = [node for node in nodes if "_versions" in node.get("Relation Name", "")]
    assert {node["Node Type"] for node in of_versions} <= {
        "Index Scan",
        "Index Only Scan",
        "Bitmap Heap Scan",
    }
    used = {node["Index Name"] for node in nodes if "_versions" in node.get("Index Name", "")}
    # Whether there is a newer version is asked of the key of image and number.
    used = {name for name in used if not name.startswith("uq_")}
    assert used == {f"ix_coloring_versions_{index}", f"ix_svg_versions_{index}"}
    read = sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in of_versions)
    assert 0 < read < 60
