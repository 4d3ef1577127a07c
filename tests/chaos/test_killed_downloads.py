"""kill -9 in the middle of a download or an import: every order and photo comes in once."""

import asyncio
import signal

import pytest
from sqlalchemy import func, select, text

from fototui.db.models.orders import Image, Order
from fototui.domain.statuses import OrderStatus as S
from fototui.sandbox.shopify.cdn import Manner
from tests.chaos.conftest import LEASE_IS_OVER, LONG, command_process, engine_process
from tests.engine.conftest import World, hold_slow_photos
from tests.waiting import PATIENCE, until


async def _there(world: World) -> int:
    async with world.database.session() as session:
        stored = select(func.count()).where(Image.file_ref.is_not(None))
        return await session.scalar(stored) or 0


async def test_an_engine_killed_while_it_downloads_is_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = [world.photo_url(f"quick-{n}.jpg") for n in range(3)]
    let_go = hold_slow_photos(monkeypatch)
    slow = world.photo_url("slow.jpg", Manner.SLOW)
    order_id = await world.know(world.place(*quick, slow))
    async with engine_process(world, ENGINE_LEASE=LONG) as first:

        async def the_quick_are_there() -> bool:
            return await _there(world) == 3

        await until(the_quick_are_there)
        assert (await world.order(order_id)).status is S.DOWNLOADING
        first.send_signal(signal.SIGKILL)
        await first.wait()
    async with world.database.autocommit() as session:
        await session.execute(text(LEASE_IS_OVER))
    let_go.set()
    async with engine_process(world, "--drain", ENGINE_LEASE=LONG) as second:
        assert await asyncio.wait_for(second.wait(), PATIENCE) == 0
    order = await world.order(order_id)
    assert order.status is S.READY_FOR_REVIEW
    for image, name in zip(order.images, (*(f"quick-{n}" for n in range(3)), "slow"), strict=True):
        assert await world.stored(image.file) == world.cdn.pictures[f"{name}.jpg"]
    # Only what was on its way is fetched again.
    assert {world.cdn.asked[f"/photos/quick-{n}.jpg"] for n in range(3)} == {1}
    assert world.cdn.asked["/slow/slow.jpg"] == 2


async def test_an_import_killed_half_way_is_done_by_the_next(world: World) -> None:
    for n in range(120):
        world.place(world.photo_url(f"{n}.jpg"))

    async def orders() -> int:
        async with world.database.session() as session:
            return await session.scalar(select(func.count()).select_from(Order)) or 0

    async with command_process(world, "orders", "import") as first:

        async def half_way() -> bool:
            return await orders() >= 20

        await until(half_way)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    # Two at once; between them each order comes in once.
    async with (
        command_process(world, "orders", "import") as one,
        command_process(world, "orders", "import") as other,
    ):
        assert await asyncio.wait_for(one.wait(), PATIENCE) == 0
        assert await asyncio.wait_for(other.wait(), PATIENCE) == 0
    assert await orders() == 120
    async with world.database.session() as session:
        images = await session.scalar(select(func.count()).select_from(Image))
        without = await session.scalar(
            select(func.count()).where(Order.status != S.DOWNLOADING).select_from(Order)
        )
    assert (images, without) == (120, 0)
