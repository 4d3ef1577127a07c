"""Photos that an operator brings: once, checked, and under the key of the download."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image as Picture
from sqlalchemy import select

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.errors import ConflictError, InvalidInputError, NotFoundError
from fototui.domain.events import BaseMercureEvent, ImageUpdateEvent, ListUpdateEvent
from fototui.domain.files import S3ObjectRefData
from fototui.domain.stages import Stage
from fototui.domain.statuses import NO_PHOTOS, OrderStatus
from fototui.services.orders.attaching import AttachService
from fototui.services.orders.manual import OrderService
from fototui.services.orders.photos import PhotoInput
from fototui.services.orders.queries import read_rows
from fototui.services.views.orders import ImageView, OrderDetail
from fototui.storage.base import Right
from fototui.storage.directory import DirectoryStorage
from tests.services.conftest import MakeOrder

ReadActivity = Callable[[], Awaitable[list[Activity]]]


def picture(colour: str = "teal", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (64, 48), colour).save(file, kind)
    return file.getvalue()


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    return DirectoryStorage(tmp_path / "files")


class Shop:
    """One order whose second photo is missing, and operators at it."""

    def __init__(self, database: Database, storage: DirectoryStorage, order: Order) -> None:
        self.database, self.storage, self.order = database, storage, order
        self.item: LineItem = order.line_items[0]
        self.missing: Image = self.item.images[1]

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[AttachService]:
        async with self.database.session() as session:
            yield AttachService(session, operator="eva", storage=self.storage)

    async def replace(self, data: bytes) -> int:
        async with self.operator() as service:
            return await service.replace_missing(self.missing.id, PhotoInput(data, "a.png"))

    async def add(self, data: bytes) -> int:
        async with self.operator() as service:
            return await service.add(self.item.id, PhotoInput(data, "a.png"))

    async def detail(self) -> OrderDetail:
        async with self.database.autocommit() as session:
            return await OrderService(session, operator="t").get_order(str(self.order.id))

    async def write(self, **fields: object) -> None:
        async with self.database.session() as session, session.begin():
            row = await session.get_one(Order, self.order.id)
            for name, value in fields.items():
                setattr(row, name, value)

    async def stage(self) -> Stage:
        async with self.database.autocommit() as session:
            (row,) = await read_rows(session, [str(self.order.id)])
        return row.stage.stage

    async def content(self, image: ImageView) -> bytes:
        assert image.file is not None
        return await self.storage.get(image.file.key)


@pytest.fixture
async def shop(
    database: Database,
    storage: DirectoryStorage,
    shop_order: MakeOrder,
    published: list[BaseMercureEvent],
) -> Shop:
    order = await shop_order(images=2)
    shop = Shop(database, storage, order)
    async with database.session() as session, session.begin():
        image = await session.get_one(Image, shop.missing.id)
        image.file_ref, image.original_url = None, "https://cdn.example.com/a.jpg"
        image.error, image.error_code = "The address answers 404.", "permanent"
    await shop.write(
        status=OrderStatus.ERROR, error="1 photo could not be fetched.", error_code="permanent"
    )
    published.clear()
    return shop


async def test_a_missing_photo_is_replaced_and_the_order_goes_on(
    shop: Shop, published: list[BaseMercureEvent], activity: ReadActivity
) -> None:
    assert await shop.stage() is Stage.ERROR
    assert await shop.replace(picture()) == shop.missing.id
    detail = await shop.detail()
    image = detail.images[1]
    assert image.file is not None
    assert image.file.key == f"{shop.order.id}/{shop.item.id}/image_2.png"
    assert (image.file.content_type, image.file.original_filename) == ("image/png", "a.png")
    assert (image.error, image.uploaded_at is not None) == (None, True)
    assert await shop.content(image) == picture()
    assert (detail.status, detail.error) == (OrderStatus.READY_FOR_REVIEW, None)
    assert await shop.stage() is Stage.TO_COLOUR
    news = {type(event) for event in published}
    assert {ImageUpdateEvent, ListUpdateEvent} <= news
    assert [(a.action, a.operator, a.detail) for a in await activity()] == [
        ("photo_attached", "eva", "a.png")
    ]


async def test_of_two_at_once_one_attaches_and_its_file_stays(shop: Shop) -> None:
    photos = [picture(colour) for colour in ("red", "green", "blue")]
    results = await asyncio.gather(*map(shop.replace, photos), return_exceptions=True)
    won = [place for place, result in enumerate(results) if result == shop.missing.id]
    assert len(won) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 2
    assert await shop.content((await shop.detail()).images[1]) == photos[won[0]]


async def test_photos_added_at_once_have_places_of_their_own(
    shop: Shop, published: list[BaseMercureEvent]
) -> None:
    photos = [picture(colour) for colour in ("red", "green", "blue")]
    ids = await asyncio.gather(*map(shop.add, photos))
    images = {image.id: image for image in (await shop.detail()).images}
    assert sorted(images[image_id].position for image_id in ids) == [3, 4, 5]
    assert [await shop.content(images[image_id]) for image_id in ids] == photos
    assert any(isinstance(event, ListUpdateEvent) for event in published)
    # The order still waits for the other photo.
    assert (await shop.detail()).status is OrderStatus.ERROR


async def test_what_is_no_photo_changes_nothing(shop: Shop) -> None:
    before = await shop.detail()
    for data, reason in (
        (b"", "a.png: The file is empty"),
        (b"<!doctype html><p>no", "a.png: The file is a web page"),
        (picture()[:-30], "a.png: The photo is damaged"),
    ):
        for attach in (shop.replace, shop.add):
            with pytest.raises(InvalidInputError, match=reason):
                await attach(data)
        assert await shop.detail() == before
        assert [key async for key in shop.storage.list_keys()] == []


async def test_an_order_that_an_engine_fetches_is_left_to_it(shop: Shop) -> None:
    await shop.write(
        status=OrderStatus.DOWNLOADING, claimed_by=uuid.uuid4(), claim_token=uuid.uuid4()
    )
    for attach in (shop.replace, shop.add):
        with pytest.raises(ConflictError, match="is being fetched just now"):
            await attach(picture())
    assert [key async for key in shop.storage.list_keys()] == []


async def test_what_is_gone_is_told(shop: Shop) -> None:
    async with shop.operator() as service:
        with pytest.raises(NotFoundError, match="picture"):
            await service.replace_missing(12345, PhotoInput(picture()))
        with pytest.raises(NotFoundError, match="book"):
            await service.add(12345, PhotoInput(picture()))


async def test_a_book_that_was_taken_out_gets_no_more_photos(shop: Shop, tmp_path: Path) -> None:
    """Nobody would make anything of them. Also where it goes while the photo is on its way."""

    class Slow(DirectoryStorage):
        async def put(
            self,
            key: str,
            data: bytes,
            *,
            content_type: str,
            original_filename: str | None = None,
            right: Right | None = None,
        ) -> S3ObjectRefData:
            stored = await super().put(key, data, content_type=content_type)
            async with shop.database.session() as session, session.begin():
                (await session.get_one(LineItem, shop.item.id)).quantity = 0
            return stored

    shop.storage = Slow(tmp_path / "files")
    for _when in ("while it is stored", "before"):
        with pytest.raises(NotFoundError, match="no longer in the order"):
            await shop.add(picture())
    assert [key async for key in shop.storage.list_keys()] == []


@pytest.mark.parametrize("name", [None, "", "   ", "\u200b"])
def test_a_photo_without_a_name_is_called_something(name: str | None) -> None:
    assert PhotoInput(b"", name).name == "photo"
    assert PhotoInput(Path("/tmp/a.jpg"), name).name == "a.jpg"


async def test_a_photo_that_is_there_is_not_replaced(shop: Shop) -> None:
    await shop.replace(picture("red"))
    with pytest.raises(ConflictError, match="there by now"):
        await shop.replace(picture("blue"))
    assert await shop.content((await shop.detail()).images[1]) == picture("red")


async def test_a_new_photo_brings_a_finished_order_back(shop: Shop, activity: ReadActivity) -> None:
    await shop.replace(picture())
    await shop.write(finished_at=datetime.now(UTC), finished_by="petr")
    await shop.add(picture("red"))
    detail = await shop.detail()
    assert detail.finished_at is None
    assert "1 new photo came" in str(detail.reopened)
    assert [entry.action for entry in await activity()] == [
        "photo_attached",
        "reopened",
        "photo_attached",
    ]


async def test_an_order_that_lacked_its_photos_lacks_them_no_more(shop: Shop) -> None:
    await shop.replace(picture())
    await shop.write(error_code=NO_PHOTOS, error="The shop names no photos.")
    assert await shop.stage() is Stage.ERROR
    await shop.add(picture("red"))
    assert await shop.stage() is Stage.TO_COLOUR


async def test_nothing_is_locked_while_a_photo_is_stored(shop: Shop, tmp_path: Path) -> None:
    class Watching(DirectoryStorage):
        def __init__(self, root: Path) -> None:
            super().__init__(root)
            self.free = 0

        async def put(
            self,
            key: str,
            data: bytes,
            *,
            content_type: str,
            original_filename: str | None = None,
            right: Right | None = None,
        ) -> S3ObjectRefData:
            async with shop.database.session() as session, session.begin():
                for model, row_id in ((Order, shop.order.id), (Image, shop.missing.id)):
                    wanted = select(model.id).where(model.id == row_id)
                    await session.execute(wanted.with_for_update(nowait=True))
                    self.free += 1
            return await super().put(
                key,
                data,
                content_type=content_type,
                original_filename=original_filename,
                right=right,
            )

    shop.storage = storage = Watching(tmp_path / "watched")
    await shop.replace(picture())
    await shop.add(picture("red"))
    assert storage.free == 4
    folder = f"{shop.order.id}/{shop.item.id}"
    kept = [f"{folder}/image_2.png", f"{folder}/image_3.png"]
    assert sorted([key async for key in storage.list_keys()]) == kept
