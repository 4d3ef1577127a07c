import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import func

from fototui.db.database import Database
from fototui.db.models.operations import Activity, Engine
from fototui.domain.errors import NotFoundError
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    JobKind,
    OrderStatus,
    SvgProcessingStatus,
)
from fototui.services.operations.lanes import LaneService
from fototui.services.views.operations import LaneView
from tests.factories import make_coloring, make_svg
from tests.services.conftest import MakeOrder, Notifications


@pytest.fixture
async def service(database: Database) -> AsyncIterator[LaneService]:
    async with database.session() as session:
        yield LaneService(session, operator="eva")


async def lane(service: LaneService, kind: JobKind) -> LaneView:
    (found,) = [lane for lane in await service.list_lanes() if lane.lane is kind]
    return found


async def test_paused_lane_tells_by_whom_and_why(
    service: LaneService,
    notifications: Notifications,
    activity: Callable[[], Awaitable[list[Activity]]],
) -> None:
    assert await service.pause(JobKind.SVG, reason="No credits\nleft\x1b[2J.")
    paused = await lane(service, JobKind.SVG)
    assert paused.paused_at is not None
    assert (paused.paused_by, str(paused.paused_reason)) == ("eva", "No credits left[2J.")
    assert (await lane(service, JobKind.COLORING)).paused_at is None
    assert await notifications.heard() == []
    (entry,) = await activity()
    assert (entry.operator, entry.action, entry.version_type) == ("eva", "lane_paused", "svg")
    assert entry.detail == "No credits left[2J."


async def test_a_lane_may_be_paused_without_a_word(service: LaneService) -> None:
    await service.pause(JobKind.SVG, reason="")
    paused = await lane(service, JobKind.SVG)
    assert (paused.paused_by, paused.paused_reason) == ("eva", None)


async def test_paused_again_it_keeps_the_first_reason(
    service: LaneService,
    database: Database,
    activity: Callable[[], Awaitable[list[Activity]]],
) -> None:
    await service.pause(JobKind.SVG, reason="first")
    async with database.session() as session:
        other = LaneService(session, operator="petr")
        assert not await other.pause(JobKind.SVG, reason="second")
    paused = await lane(service, JobKind.SVG)
    assert (paused.paused_by, str(paused.paused_reason)) == ("eva", "first")
    assert len(await activity()) == 1


async def test_resumed_lane_wakes_engines_once(
    service: LaneService,
    notifications: Notifications,
    activity: Callable[[], Awaitable[list[Activity]]],
) -> None:
    await service.pause(JobKind.COLORING, reason="lunch")
    assert await service.resume(JobKind.COLORING)
    assert not await service.resume(JobKind.COLORING)
    resumed = await lane(service, JobKind.COLORING)
    assert (resumed.paused_at, resumed.paused_by, resumed.paused_reason) == (None, None, None)
    assert await notifications.heard() == ["coloring"]
    assert [entry.action for entry in await activity()] == ["lane_paused", "lane_resumed"]


def engine(name: str, **fields: object) -> Engine:
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


async def test_lists_tell_what_waits_and_what_the_living_run(
    service: LaneService, database: Database, shop_order: MakeOrder
) -> None:
    image = (await shop_order()).line_items[0].images[0]
    alive, idle, dead = engine("eva"), engine("petr"), engine("jana", retired_at=func.now())
    async with database.session() as session, session.begin():
        session.add_all([alive, idle, dead])
        holders = [alive.id, alive.id, dead.id, uuid.uuid4(), None]
        colorings = [
            await make_coloring(session, image, version=version, claimed_by=holder)
            for version, holder in enumerate(holders, start=1)
        ]
        await make_coloring(
            session,
            image,
            version=9,
            claimed_by=alive.id,
            status=ColoringProcessingStatus.COMPLETED,
        )
        await make_svg(
            session,
            colorings[0],
            claimed_by=alive.id,
            status=SvgProcessingStatus.VECTORIZER_PROCESSING,
        )
    ingest, download, coloring, svg, _ = await service.list_lanes()
    assert [(view.lane, view.running, view.waiting) for view in (ingest, download)] == [
        (JobKind.INGEST, 0, 0),
        (JobKind.DOWNLOAD, 0, 0),
    ]
    assert (coloring.lane, coloring.running, coloring.waiting) == (JobKind.COLORING, 2, 3)
    assert (coloring.account_limit, svg.account_limit) == (None, 5)
    assert (svg.lane, svg.running, svg.waiting) == (JobKind.SVG, 1, 0)
    engines = {engine.operator: engine for engine in await service.list_engines()}
    assert set(engines) == {"eva", "petr"}
    none = dict.fromkeys(JobKind, 0)
    assert engines["eva"].running == none | {JobKind.COLORING: 2, JobKind.SVG: 1}
    assert engines["petr"].running == none
    assert (engines["eva"].id, engines["eva"].host, engines["eva"].pid) == (alive.id, "studio", 7)
    assert engines["eva"].lanes == ("coloring", "svg")
    assert 0 <= engines["eva"].silent_seconds < 60


async def test_lanes_of_orders_tell_what_waits_and_runs(
    service: LaneService, database: Database, shop_order: MakeOrder
) -> None:
    alive = engine("eva")
    async with database.session() as session, session.begin():
        session.add(alive)
    for status, holder, asked in (
        (OrderStatus.PENDING, None, None),
        (OrderStatus.PROCESSING, alive.id, None),
        (OrderStatus.DOWNLOADING, alive.id, None),
        (OrderStatus.READY_FOR_REVIEW, None, func.now()),
        (OrderStatus.READY_FOR_REVIEW, None, None),
        (OrderStatus.ERROR, None, None),
    ):
        await shop_order(status=status, claimed_by=holder, sync_requested_at=asked)
    ingest, download, *_ = await service.list_lanes()
    assert (ingest.running, ingest.waiting) == (1, 2)
    assert (download.running, download.waiting) == (1, 0)
    (view,) = await service.list_engines()
    assert view.running == dict.fromkeys(JobKind, 0) | {JobKind.INGEST: 1, JobKind.DOWNLOAD: 1}

    assert await service.pause(JobKind.DOWNLOAD, reason="The CDN refuses us.")
    assert (await lane(service, JobKind.DOWNLOAD)).paused_by == "eva"
    assert (await lane(service, JobKind.INGEST)).paused_by is None
    assert await service.resume(JobKind.DOWNLOAD)


async def test_paused_engine_tells_by_whom_and_resumed_wakes(
    service: LaneService,
    database: Database,
    notifications: Notifications,
    activity: Callable[[], Awaitable[list[Activity]]],
) -> None:
    async with database.session() as session, session.begin():
        mine, other = engine("eva"), engine("petr")
        session.add_all([mine, other])
    assert await service.pause_engine(mine.id)
    assert not await service.pause_engine(mine.id)
    assert await notifications.heard() == []
    views = {view.operator: view for view in await service.list_engines()}
    assert views["eva"].paused_by == "eva"
    assert views["eva"].paused_at is not None
    assert (views["petr"].paused_at, views["petr"].paused_by) == (None, None)

    assert await service.resume_engine(mine.id)
    assert not await service.resume_engine(mine.id)
    assert sorted(await notifications.heard()) == sorted(JobKind)
    assert all(view.paused_at is None for view in await service.list_engines())
    entries = [(entry.action, entry.detail) for entry in await activity()]
    assert entries == [
        ("engine_paused", "eva @ studio, pid 7"),
        ("engine_resumed", "eva @ studio, pid 7"),
    ]


async def test_engine_that_is_gone_cannot_be_paused(
    service: LaneService, database: Database
) -> None:
    async with database.session() as session, session.begin():
        dead = engine("eva", retired_at=func.now())
        session.add(dead)
    for turn in (service.pause_engine, service.resume_engine):
        for engine_id in (dead.id, uuid.uuid4()):
            with pytest.raises(NotFoundError, match="gone"):
                await turn(engine_id)
