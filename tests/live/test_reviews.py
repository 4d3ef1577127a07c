"""How many pictures wait in the review, seen by terminals that did not judge them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from sqlalchemy import text

from fototui.db.database import Database
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import ColoringProcessingStatus, VersionType
from fototui.live.store import LiveStore
from fototui.services.review.queue import ReviewItem
from fototui.services.review.service import ReviewService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.undo import UndoService
from tests.factories import file_ref, make_coloring, make_order
from tests.live.conftest import Hub, StoreOn, Truth, running, tracked
from tests.waiting import until

HERE = uuid.uuid4()
Judge = Callable[[ReviewService, ReviewItem], Awaitable[object]]


async def _accept(service: ReviewService, item: ReviewItem) -> None:
    """As it stands: what was chosen by its completion stays the chosen one."""
    assert item.selected_id == item.versions[-1].id
    await service.accept(item, item.versions[-1].id)


async def _accept_other(service: ReviewService, item: ReviewItem) -> None:
    await service.accept(item, item.versions[0].id)


async def _choose_elsewhere(service: ReviewService, item: ReviewItem) -> None:
    elsewhere = ColoringService(service.session, operator="eva")
    await elsewhere.select(item.versions[0].id)


async def _again(service: ReviewService, item: ReviewItem) -> None:
    await service.again(item, ColoringOptions(steps=7))


async def _note(service: ReviewService, item: ReviewItem) -> None:
    await service.note(item, "blurred")


async def _skip(service: ReviewService, item: ReviewItem) -> None:
    await service.skip(item)


async def _take_back(service: ReviewService, item: ReviewItem) -> None:
    chosen = item.versions[-1].id
    await service.accept(item, chosen)
    await UndoService(service.session, operator="jana").take_back(
        VersionType.COLORING, item.image.id, chosen_id=chosen, previous_id=chosen
    )


async def _order(database: Database) -> str:
    """An order of one picture with two colourings; its completion chose the second."""
    async with tracked(database.session()) as session, session.begin():
        order = await make_order(session)
        (image,) = order.line_items[0].images
        for version in (1, 2):
            row = await make_coloring(
                session,
                image,
                version=version,
                status=ColoringProcessingStatus.COMPLETED,
                file_ref=file_ref(f"v{version}.png"),
            )
            image.selected_coloring_id = row.id
    return str(order.id)


async def _judge(database: Database, judge: Judge) -> None:
    async with database.session() as session:
        service = ReviewService(session, operator="jana")
        item = await service.next(HERE)
        assert item is not None
        await judge(service, item)


async def test_a_judgement_reaches_terminals_with_and_without_a_hub(
    shop: Database, hub: Hub, store_on: StoreOn, truth: Truth
) -> None:
    # Neither helps the other: this one asks for nothing by itself, that one hears of nothing.
    by_hub: LiveStore = store_on(shop, hub.subscriber(), poll_seconds=1e6)
    by_asking: LiveStore = store_on(shop)
    async with running(by_hub), running(by_asking):
        stores = (by_hub, by_asking)
        await until(lambda: by_hub.health.feed == "live")
        for judge, left in (
            *((_accept, 0), (_accept_other, 0), (_choose_elsewhere, 0)),
            *((_again, 0), (_note, 0), (_skip, 1), (_take_back, 1)),
        ):
            order_id = await _order(shop)
            await until(partial(_all_know, stores, order_id))
            assert [store.orders[order_id].waiting for store in stores] == [1, 1]

            await _judge(shop, judge)

            await until(partial(_all_wait_for, stores, order_id, left))
            for store in stores:
                await truth.comes_to(store)
            assert [store.orders[order_id].waiting for store in stores] == [left, left]


def _all_know(stores: Sequence[LiveStore], order_id: str) -> bool:
    return all(order_id in store.orders for store in stores)


def _all_wait_for(stores: Sequence[LiveStore], order_id: str, pictures: int) -> bool:
    return all(store.orders[order_id].waiting == pictures for store in stores)


async def test_a_claim_is_no_news(database: Database) -> None:
    await _order(database)
    async with database.session() as session:
        changed = text("SELECT changed_in FROM reviews")
        before = await session.scalar(changed)
        await session.commit()
        service = ReviewService(session, operator="jana")
        item = await service.next(HERE)
        assert item is not None
        assert await service.renew(item)
        assert await session.scalar(changed) == before
        await session.commit()
        await service.note(item, "blurred")
        assert await session.scalar(changed) != before
