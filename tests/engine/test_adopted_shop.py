"""What an existing shop had under way is finished after its upgrade, once someone says yes."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, SvgVersion
from fototui.db.schema import migrate
from fototui.domain.statuses import JobKind
from fototui.services.operations.lanes import LaneService
from tests.db.old_shop import NEWEST, make_shop
from tests.engine.conftest import World, photo
from tests.waiting import until


@pytest.fixture
async def database_url(empty_database_url: str) -> str:
    """URL of an existing shop's database, upgraded."""
    await make_shop(empty_database_url)
    async with Database(empty_database_url) as database:
        async with database.session() as session, session.begin():
            # The second image's photo came, and SVGs are made of the finished colouring.
            for statement in (
                """UPDATE images SET file_ref = '{"key": "b.jpg", "bucket": "b"}' WHERE id = 2""",
                """UPDATE svg_versions SET coloring_version_id =
                       (SELECT id FROM coloring_versions WHERE status = 'completed')""",
            ):
                await session.execute(text(statement.replace(': "', '\\: "')))
        await migrate.upgrade(database.engine)
    return empty_database_url


async def _left(world: World) -> set[tuple[str, int]]:
    """What is not finished: table and row."""
    left = set()
    async with world.database.session() as session:
        for model in (ColoringVersion, SvgVersion):
            for row in await session.scalars(text(
                f"SELECT id FROM {model.__tablename__} WHERE status NOT IN ('completed', 'error') "
                "AND status::text <> 'runpod_cancelled'"
            )):  # fmt: skip
                left.add((model.__tablename__, row))
    return left


async def test_old_jobs_wait_for_a_yes_and_then_finish_and_replace_no_choice(world: World) -> None:
    for number, key in enumerate(("a.jpg", "b.jpg", "made.png")):
        await world.storage.put(key, photo(number), content_type="image/png")
    before = await world.image(1)
    held = {("coloring_versions", n) for n, s in enumerate(NEWEST.coloring, 1)
            if s not in ("queued", "completed", "error", "runpod_cancelled")} | {
            ("svg_versions", n) for n, s in enumerate(NEWEST.svg, 1)
            if s not in ("queued", "completed", "error")}  # fmt: skip

    async with world.engine():

        async def only_held_are_left() -> bool:
            return await _left(world) == held

        await until(only_held_are_left)
        async with world.database.session() as session:
            service = LaneService(session, operator="eva")
            released = {lane: await service.release_held(lane) for lane in JobKind}
        assert released[JobKind.COLORING] + released[JobKind.SVG] == len(held)

        async def all_are_finished() -> bool:
            return not await _left(world)

        await until(all_are_finished)

    for table, row in held:
        version = await (world.coloring(row) if table == "coloring_versions" else world.svg(row))
        assert version.status == "completed", (table, row, version.error)
    odd = await world.coloring(len(NEWEST.coloring) + 1)
    assert (odd.status, odd.megapixels, odd.steps) == ("completed", 12, 50), odd.error
    image = await world.image(1)
    assert image.selected_coloring_id == before.selected_coloring_id
    assert image.selected_svg_id == before.selected_svg_id
