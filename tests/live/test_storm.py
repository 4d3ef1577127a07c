"""Many events: few frames, few queries, bounded memory."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import select

from fototui.db.database import Database
from fototui.db.models.orders import Image, LineItem
from fototui.domain.events import Event, ImageStatusEvent, ImageUpdateEvent, OrderUpdateEvent
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import VersionType
from fototui.live.model import Model
from fototui.live.notifier import Notifier
from fototui.live.state import FeedState
from fototui.mercure.publisher import MercurePublishService
from tests.factories import make_coloring
from tests.live.conftest import NEVER, Hub, StoreOn, Truth, add_orders, is_at_rest, running
from tests.pgproxy import PgProxy
from tests.waiting import until

MOVING = [state for state in S if not state.meta.is_final and state not in (S.PENDING, S.QUEUED)]


async def _start_jobs(database: Database) -> list[tuple[str, int, int]]:
    """One colouring for each image: order, image and version."""
    async with database.session() as session, session.begin():
        images = (
            await session.execute(
                select(LineItem.order_id, Image).join(Image, Image.line_item_id == LineItem.id)
            )
        ).all()
        return [
            (str(order_id), image.id, (await make_coloring(session, image)).id)
            for order_id, image in images
        ]


def _status(job: tuple[str, int, int], status: S) -> ImageStatusEvent:
    order_id, image_id, version_id = job
    return ImageStatusEvent(
        order_id=order_id,
        image_id=image_id,
        status_type=VersionType.COLORING,
        version_id=version_id,
        status=status,
    )


async def test_a_burst_of_a_thousand_events_is_one_repaint(
    database: Database,
    hub: Hub,
    publisher: MercurePublishService,
    proxy: PgProxy,
    store_on: StoreOn,
) -> None:
    await add_orders(database, 50)
    jobs = await _start_jobs(database)
    async with Database(proxy.url) as far:
        store = store_on(far, hub.subscriber(), frame_seconds=0.3, work_seconds=NEVER)
        async with running(store) as ear:
            await until(lambda: store.health.feed is FeedState.LIVE and is_at_rest(store))
            ear.heard.clear()
            began = time.monotonic()
            with proxy.counting() as trips:
                for number in range(500):
                    job = jobs[number % len(jobs)]
                    publisher.publish(_status(job, MOVING[number // len(jobs) % len(MOVING)]))
                    publisher.publish(OrderUpdateEvent(order_id=job[0]))
                await until(lambda: publisher.stats.queued == 0)
                await until(lambda: not store._model.has_marks)
            # However slow the machine is: one repaint and one question a frame.
            frames = (time.monotonic() - began) / 0.3 + 2
            assert publisher.stats.published + publisher.stats.merged >= 1000
            assert 1 <= ear.rows <= frames
            assert trips.total <= frames


async def test_a_storm_keeps_the_frame_rate_and_bounded_memory(
    database: Database,
    hub: Hub,
    publisher: MercurePublishService,
    store_on: StoreOn,
    truth: Truth,
) -> None:
    """Events of all kinds that come quicker than frames."""
    await add_orders(database, 30, images=2)
    jobs = await _start_jobs(database)
    store = store_on(database, hub.subscriber(), frame_seconds=0.1)
    async with running(store) as ear:
        await store.open(jobs[0][0])
        await until(lambda: store.health.feed is FeedState.LIVE)
        ear.heard.clear()
        began, most_marks = time.monotonic(), 0
        for number in range(400):
            job = jobs[number % len(jobs)]
            event: Event = _status(job, MOVING[number // len(jobs) % len(MOVING)])
            if number % 3 == 0:
                event = ImageUpdateEvent(order_id=job[0], image_id=job[1])
            publisher.publish(event)
            if number % 10 == 0:
                most_marks = max(most_marks, len(store._model._marked))
                await asyncio.sleep(0.01)
        await until(lambda: publisher.stats.queued == 0 and ear.rows)
        assert ear.rows <= (time.monotonic() - began) / 0.1 + 2
        assert most_marks <= 30
        assert len(store._model._painted) <= len(jobs)

        async def set_right() -> bool:
            """The events told of what was never written; a look at the database sets it right."""
            store._model.verify_painted()
            return await truth.is_in(store)

        await until(set_right)  # the last events may still be under way
        await until(lambda: not store._model.has_marks)
        detail = store.detail(jobs[0][0])
        assert detail is not None
        assert detail.images[0].coloring[0].status is S.QUEUED


def test_events_of_orders_that_nobody_knows_do_not_pile_up() -> None:
    async def flood() -> Model:
        from ulid import ULID

        model = Model(Notifier(0.1))
        model.is_poll_asked = False
        for _ in range(5_000):
            model.hear(OrderUpdateEvent(order_id=str(ULID())))
        return model

    model = asyncio.run(flood())
    assert len(model._marked) == 1_000
    assert model.is_poll_asked
    assert len(model.next_batch(500)) == 500


async def test_what_is_on_the_screen_is_fetched_first(
    database: Database, store_on: StoreOn
) -> None:
    model = Model(Notifier(0.1))
    orders = await add_orders(database, 20)
    for order_id in orders:
        model.mark(order_id)
    model.in_view = orders[15:17]
    model.details.open(orders[18])
    assert model.next_batch(4) == [orders[18], orders[15], orders[16], orders[0]]
