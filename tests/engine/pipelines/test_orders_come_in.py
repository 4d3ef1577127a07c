"""Orders as jobs: details from the shop, photos from its customers, and what the rules ask for."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update
from ulid import ULID

from fototui.clients.shopify.webhook import Delivery, order_of
from fototui.db.models.inbound import WebhookDelivery
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.statuses import JobKind
from fototui.domain.statuses import OrderStatus as S
from fototui.engine.maintenance.rules import RuleSettings
from fototui.sandbox.outcomes import Outcome, Turn
from fototui.sandbox.shopify.cdn import Manner
from fototui.sandbox.shopify.shop import PlacedOrder, book
from fototui.services.ingest.deliveries import Deliveries
from fototui.services.ingest.imports import SyncService
from fototui.services.operations.lanes import LaneService
from fototui.services.orders.finishing import FinishService
from fototui.services.versions.coloring import ColoringService
from tests.engine.conftest import World, hold_slow_photos
from tests.waiting import until


async def _images(world: World, order_id: str) -> Sequence[Image]:
    async with world.database.session() as session:
        found = await session.scalars(
            select(Image)
            .join(LineItem)
            .where(LineItem.order_id == ULID.from_str(order_id))
            .order_by(LineItem.position, Image.position)
        )
        return found.all()


async def _row(world: World, order_id: str) -> Order:
    async with world.database.session() as session:
        return await session.get_one(Order, ULID.from_str(order_id))


async def test_an_order_known_by_its_number_gets_its_details_and_photos(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_slow_photos(monkeypatch)
    photos = (world.photo_url(f"{n}.jpg", Manner.SLOW) for n in range(5))
    placed = world.place(*photos)
    order_id = await world.know(placed)
    async with world.engine(orders=2):
        await until(lambda: world.cdn.most_at_once == 4)  # from one host
        let_go.set()
        order = await world.until_order(order_id, S.READY_FOR_REVIEW)
    assert (order.number, order.customer_name) == (placed.name, "Nováková")
    assert [image.position for image in order.images] == [1, 2, 3, 4, 5]
    for image, name in zip(order.images, range(5), strict=True):
        assert await world.stored(image.file) == world.cdn.pictures[f"{name}.jpg"]
        assert image.file is not None
        # The name said .jpg, the content is a PNG.
        assert image.file.key.endswith(f"image_{image.position}.png")
        assert image.file.content_type == "image/png"
    row = await _row(world, order_id)
    assert (row.claimed_by, row.error) == (None, None)
    assert world.cdn.most_at_once == 4


async def test_a_photo_that_cannot_be_had_does_not_lose_the_others(world: World) -> None:
    broken = world.photo_url("b.jpg", Manner.BROKEN)
    gone = world.photo_url("c.jpg", Manner.STATUS, code=404)
    order_id = await world.know(world.place(world.photo_url("a.jpg"), broken, gone))
    async with world.engine(orders=1):
        await world.until_order(order_id, S.ERROR)
        good, bad, missing = await _images(world, order_id)
        assert good.file_ref is not None
        assert good.error is None
        assert bad.file_ref is None
        assert bad.error is not None
        assert missing.error is not None
        assert bad.error != missing.error
        row = await _row(world, order_id)
        assert row.error is not None
        assert "2 of 3 photos" in row.error
        assert row.error_words is not None

        # The customer mends one; a retry fetches only what is missing.
        asked = world.cdn.asked["/photos/a.jpg"]
        async with world.database.session() as session, session.begin():
            await session.execute(
                update(Image)
                .where(Image.id.in_([bad.id, missing.id]))
                .values(original_url=world.photo_url("d.jpg"))
            )
        async with world.database.session() as session:
            assert await SyncService(session, operator="jana").retry(order_id) is S.DOWNLOADING
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    assert world.cdn.asked["/photos/a.jpg"] == asked
    assert all(image.file_ref and image.error is None for image in await _images(world, order_id))


async def test_a_photo_that_fails_for_a_while_is_waited_for(world: World) -> None:
    flaky = world.photo_url("a.jpg", Manner.FLAKY, times=3)
    order_id = await world.know(world.place(flaky))
    async with world.engine(orders=1):
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    row = await _row(world, order_id)
    assert (row.error, row.retries) == (None, 0)
    assert world.cdn.asked["/flaky/a.jpg"] == 4


async def test_waiting_for_one_photo_fetches_no_hopeless_one_again(world: World) -> None:
    flaky = world.photo_url("a.jpg", Manner.FLAKY, times=3)
    page = world.photo_url("b.jpg", Manner.PAGE)
    order_id = await world.know(world.place(flaky, page))
    async with world.engine(orders=1):
        await world.until_order(order_id, S.ERROR)
        photo, hopeless = await _images(world, order_id)
        assert photo.file_ref is not None
        assert "web page" in (hopeless.error or "")
        assert "web page" in ((await _row(world, order_id)).error or "")
        assert world.cdn.asked["/page/b.jpg"] == 1

        async with world.database.session() as session:
            await SyncService(session, operator="jana").retry(order_id)
        await until(lambda: _asked(world, "/page/b.jpg", 2))


async def _asked(world: World, path: str, times: int) -> bool:
    return world.cdn.asked[path] == times


async def test_an_address_inside_is_refused_in_a_sentence(world: World) -> None:
    addresses = [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/a.jpg",
        "file:///etc/passwd",
        "http://10.0.0.1/a.jpg",
        "http://[::1]/a.jpg",
    ]
    order_id = await world.know(world.place(world.photo_url("a.jpg")))
    async with world.database.session() as session, session.begin():
        row = await session.get_one(Order, ULID.from_str(order_id))
        row.status = S.DOWNLOADING
        item = LineItem(order_id=row.id, position=1, title="Omalovánky")
        item.images = [
            Image(position=place, original_url=address)
            for place, address in enumerate(addresses, start=1)
        ]
        session.add(item)
    async with world.engine(orders=1):
        await world.until_order(order_id, S.ERROR)
    images = await _images(world, order_id)
    assert [image.original_url for image in images] == addresses
    for image in images:
        assert image.file_ref is None
        assert image.error is not None
        assert image.error.endswith(".")


async def test_an_order_under_review_is_not_reset_and_gets_new_photos(world: World) -> None:
    placed = world.place(world.photo_url("a.jpg"))
    order_id = await world.know(placed)
    async with world.engine(orders=1):
        await world.until_order(order_id, S.READY_FOR_REVIEW)
        changed_at = (await _row(world, order_id)).updated_at
        async with world.database.session() as session:
            await SyncService(session, operator="jana").request(order_id)
        await world.until_order(order_id, S.READY_FOR_REVIEW)
        assert (await _row(world, order_id)).status is S.READY_FOR_REVIEW

        placed.books.append(book([world.photo_url("b.jpg")]))
        placed.books[-1].id = placed.books[0].id + 1
        async with world.database.session() as session:
            await SyncService(session, operator="jana").request(order_id)

        async def both_there() -> bool:
            images = await _images(world, order_id)
            return len(images) == 2 and all(image.file_ref for image in images)

        await until(both_there)
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    assert (await _row(world, order_id)).updated_at > changed_at


async def test_an_order_that_the_shop_does_not_know_ends_in_a_sentence(world: World) -> None:
    placed = world.place(world.photo_url("a.jpg"))
    del world.shop.shop.orders[placed.id]
    order_id = await world.know(placed)
    async with world.engine(orders=1):
        await world.until_order(order_id, S.ERROR)
    row = await _row(world, order_id)
    assert row.error is not None
    assert row.error.startswith("Shopify does not know the order")


async def test_a_refused_token_pauses_the_details_and_not_the_photos(world: World) -> None:
    waiting = await world.know(world.place(world.photo_url("a.jpg")))
    loading = await world.know(world.place())
    async with world.database.session() as session, session.begin():
        row = await session.get_one(Order, ULID.from_str(loading))
        row.status = S.DOWNLOADING
        item = LineItem(order_id=row.id, position=1, title="Omalovánky")
        item.images = [Image(position=1, original_url=world.photo_url("b.jpg"))]
        session.add(item)
    world.shop_token = SecretStr("another")
    async with world.engine(orders=1) as engine:
        await world.until_order(loading, S.READY_FOR_REVIEW)
        assert await engine.drain() == [JobKind.INGEST]
    row = await _row(world, waiting)
    assert (row.status, row.claimed_by) == (S.PROCESSING, None)
    world.shop_token = SecretStr("sandbox")
    async with world.database.session() as session:
        await LaneService(session, operator="jana").resume(JobKind.INGEST)
    async with world.engine(orders=1):
        await world.until_order(waiting, S.READY_FOR_REVIEW)


async def test_throttling_is_waited_for(world: World) -> None:
    world.shop.script.next(Outcome.RATE_LIMITED, Outcome.UNAVAILABLE)
    order_id = await world.know(world.place(world.photo_url("a.jpg")))
    async with world.engine(orders=1):
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    assert world.shop.script.counts.completed == 1
    assert world.shop.script.counts.requests == 3


async def test_a_request_that_comes_while_the_shop_is_asked_is_answered_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_slow_photos(monkeypatch)
    order_id = await world.know(world.place(world.photo_url("a.jpg", Manner.SLOW)))
    async with world.engine(orders=1):
        await world.until_order(order_id, S.DOWNLOADING)
        async with world.database.session() as session:
            await SyncService(session, operator="jana").request(order_id)
        let_go.set()
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    assert world.shop.script.counts.completed >= 2


async def _hear(world: World, placed: PlacedOrder, payment: str) -> None:
    """A webhook that tells of an order's payment, as the shop's server takes it in."""
    told: dict[str, object] = {
        "id": placed.id,
        "name": placed.name,
        "financial_status": payment.lower(),
        "line_items": [],
    }
    delivery = Delivery(
        webhook_id=str(ULID()),
        topic="orders/updated",
        shop=None,
        triggered_at=datetime.now(UTC),
        order=order_of(told),
        payload=told,
    )
    async with Deliveries(world.database, operator="shop") as deliveries:
        assert await deliveries.take_in(delivery)


async def _unread(world: World) -> int:
    """Payloads that nobody has read although nothing is requested and no error is told."""
    forgotten = (
        select(func.count())
        .select_from(WebhookDelivery)
        .join(Order, Order.shopify_id == WebhookDelivery.shopify_id)
    )
    async with world.database.session() as session:
        return (
            await session.scalar(
                forgotten.where(
                    WebhookDelivery.payload.is_not(None),
                    Order.sync_requested_at.is_(None),
                    Order.status.in_([S.READY_FOR_REVIEW, S.DOWNLOADING]),
                    Order.error.is_(None),
                )
            )
            or 0
        )


@pytest.mark.parametrize("held", [True, False], ids=["in its download", "before its download"])
async def test_news_that_come_while_photos_are_fetched_are_asked_for_afterwards(
    world: World, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_slow_photos(monkeypatch)
    slow = world.photo_url("a.jpg", Manner.SLOW)
    placed = world.place(slow, payment="PENDING")
    order_id = await world.know(placed)

    async def loading() -> bool:
        row = await _row(world, order_id)
        return row.status is S.DOWNLOADING and (row.claimed_by is not None) is held

    async with AsyncExitStack() as stack:
        if not held:
            async with world.database.session() as session:
                await LaneService(session, operator="jana").pause(JobKind.DOWNLOAD, reason="a test")
        await stack.enter_async_context(world.engine(orders=1))
        await until(loading)
        placed.payment = "PAID"
        await _hear(world, placed, "PAID")
        assert (await _row(world, order_id)).payment_status == "PENDING"
        let_go.set()
        if not held:
            async with world.database.session() as session:
                await LaneService(session, operator="jana").resume(JobKind.DOWNLOAD)
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    assert (await _row(world, order_id)).payment_status == "PAID"
    assert await _unread(world) == 0


async def test_photos_that_come_after_the_end_bring_an_order_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_slow_photos(monkeypatch)
    slow = world.photo_url("a.jpg", Manner.SLOW)
    order_id = await world.know(world.place(slow, world.photo_url("b.jpg")))
    async with world.engine(orders=1):
        await until(lambda: _asked(world, "/slow/a.jpg", 1))
        async with world.database.session() as session:
            await FinishService(session, operator="jana").finish([order_id])
        let_go.set()
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    row = await _row(world, order_id)
    assert row.finished_at is None
    assert "after the order was handed over" in str(row.reopened_words)


async def _finish(world: World, order_id: str) -> None:
    async with world.database.session() as session:
        await FinishService(session, operator="jana").finish([order_id])


async def test_a_done_order_comes_back_where_an_operator_asked_for_its_photos_in_vain(
    world: World,
) -> None:
    placed = world.place(
        world.photo_url("a.jpg"), world.photo_url("b.jpg", Manner.STATUS, code=404)
    )
    order_id = await world.know(placed)
    async with world.engine(orders=1):
        await world.until_order(order_id, S.ERROR)
        await _finish(world, order_id)
        # The shop's news try it again in vain: who handed it over had decided on that.
        await _hear(world, placed, "PAID")
        await until(lambda: _asked(world, "/status/b.jpg", 2))
        await world.until_order(order_id, S.ERROR)
        row = await _row(world, order_id)
        assert (row.reopened_words, row.finished_by) == (None, "jana")
        # An operator asks for it again: that is work on it.
        async with world.database.session() as session:
            assert await SyncService(session, operator="eva").retry(order_id) is S.DOWNLOADING
        await world.until_order(order_id, S.ERROR)
    row = await _row(world, order_id)
    assert row.finished_at is None
    assert "asked for again after it was handed over" in str(row.reopened_words)


async def test_news_that_come_with_a_failing_download_are_asked_for_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = hold_slow_photos(monkeypatch)
    slow = world.photo_url("a.jpg", Manner.SLOW)
    placed = world.place(slow, world.photo_url("b.jpg", Manner.PAGE), payment="PENDING")
    order_id = await world.know(placed)
    async with world.engine(orders=1):
        await world.until_order(order_id, S.DOWNLOADING)
        placed.payment = "PAID"
        await _hear(world, placed, "PAID")
        let_go.set()
        await world.until_order(order_id, S.ERROR)
    assert (await _row(world, order_id)).payment_status == "PAID"
    assert await _unread(world) == 0


async def test_where_the_shop_is_away_the_newest_webhook_tells(world: World) -> None:
    placed = world.place(payment="PENDING")
    order_id = await world.know(placed)
    async with world.engine(orders=1):
        await world.until_order(order_id, S.READY_FOR_REVIEW)
        world.shop.script.rates = {Outcome.UNAVAILABLE: 1.0}
        await _hear(world, placed, "PAID")
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    row = await _row(world, order_id)
    assert (row.payment_status, row.error) == ("PAID", None)
    assert await _unread(world) == 0


async def test_what_webhooks_tell_is_kept_until_no_request_is_left(world: World) -> None:
    placed = world.place(payment="PENDING")
    order_id = await world.know(placed)
    async with world.engine(orders=1):
        await world.until_order(order_id, S.READY_FOR_REVIEW)
        # The shop's answer is under way when the news come, and does not know of them.
        world.shop.script.next(Turn(outcome=Outcome.SLOW, seconds=1.5))
        asked = world.shop.script.counts.requests
        await _hear(world, placed, "PENDING")

        async def being_asked() -> bool:
            return world.shop.script.counts.requests > asked

        await until(being_asked)
        await _hear(world, placed, "PAID")
        # From now on nobody but the webhook can tell.
        world.shop.script.rates = {Outcome.UNAVAILABLE: 1.0}
        await world.until_order(order_id, S.READY_FOR_REVIEW)
    assert (await _row(world, order_id)).payment_status == "PAID"
    assert await _unread(world) == 0


async def test_two_engines_and_many_orders_with_each_photo_fetched_once(world: World) -> None:
    ids = [
        await world.know(world.place(*(world.photo_url(f"{n}-{m}.jpg") for m in range(3))))
        for n in range(10)
    ]
    async with world.engine(orders=3, lease=3600), world.engine(orders=3, lease=3600):
        for order_id in ids:
            await world.until_order(order_id, S.READY_FOR_REVIEW)
    assert set(world.cdn.asked.values()) == {1}
    assert len(world.cdn.asked) == 30


# --- rules ---------------------------------------------------------------------------------------


async def _count(world: World, model: type[ColoringVersion | SvgVersion]) -> int:
    async with world.database.session() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_colourings_are_asked_for_once_as_soon_as_the_photos_are_there(world: World) -> None:
    rules = RuleSettings(coloring=True, paid_only=True)
    paid = world.place(world.photo_url("a.jpg"), world.photo_url("b.jpg"))
    unpaid = world.place(world.photo_url("c.jpg"), payment="PENDING")
    ids = [await world.know(paid), await world.know(unpaid)]
    async with world.engine(orders=2, rules=rules), world.engine(orders=2, rules=rules):
        for order_id in ids:
            await world.until_order(order_id, S.READY_FOR_REVIEW)

        async def done() -> bool:
            order = await world.order(ids[0])
            return all(image.selected_coloring_id for image in order.images)

        await until(done)
        assert await _count(world, ColoringVersion) == 2

        world.shop.shop.orders[unpaid.id].payment = "PAID"
        async with world.database.session() as session:
            await SyncService(session, operator="jana").request(ids[1])

        async def three() -> bool:
            return await _count(world, ColoringVersion) == 3

        await until(three)
        # What an operator cancels or what fails is left to operators.
        order = await world.order(ids[1])
        await asyncio.gather(*(world.until(v.id, "completed") for v in order.images[0].coloring))
    assert await _count(world, ColoringVersion) == 3
    assert await _count(world, SvgVersion) == 0


async def test_nothing_is_asked_for_what_was_cancelled_or_taken_out(world: World) -> None:
    rules = RuleSettings(coloring=True)
    cancelled = world.place(world.photo_url("a.jpg"))
    edited = world.place(world.photo_url("b.jpg"))
    paid = world.place(world.photo_url("c.jpg"))
    ids = [await world.know(order) for order in (cancelled, edited, paid)]
    async with world.engine(orders=2):
        for order_id in ids:
            await world.until_order(order_id, S.READY_FOR_REVIEW)
        shop = world.shop.shop
        shop.cancel(shop.orders[cancelled.id])
        shop.take_out(shop.orders[edited.id])
        for order_id in ids[:2]:
            async with world.database.session() as session:
                await SyncService(session, operator="jana").request(order_id)

        async def known() -> bool:
            orders = [await world.order(order_id) for order_id in ids[:2]]
            return orders[0].error is not None and orders[1].line_items[0].quantity == 0

        await until(known)
    async with world.engine(orders=2, rules=rules):

        async def done() -> bool:
            order = await world.order(ids[2])
            return all(image.selected_coloring_id for image in order.images)

        await until(done)
    assert await _count(world, ColoringVersion) == 1


async def test_the_svg_is_asked_for_once_an_operator_chose(world: World) -> None:
    order_id = await world.know(world.place(world.photo_url("a.jpg")))
    async with world.engine(orders=1, rules=RuleSettings(svg=True)):
        await world.until_order(order_id, S.READY_FOR_REVIEW)
        [image] = (await world.order(order_id)).images
        async with world.database.session() as session:
            version = await ColoringService(session, operator="jana").create(image.id)
        await world.until(version.id, "completed")
        # Chosen by its completion: nobody has seen it, so nothing is paid for it.
        assert await _count(world, SvgVersion) == 0
        async with world.database.session() as session:
            await ColoringService(session, operator="jana").select(version.id)

        async def vectorised() -> bool:
            [image] = (await world.order(order_id)).images
            return image.selected_svg_id is not None

        await until(vectorised)
        assert await _count(world, SvgVersion) == 1
