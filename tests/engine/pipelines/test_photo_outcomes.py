"""What becomes of a photo is written once, and only by whoever has its order."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, text

from fototui.clients.download import DownloadedPhoto
from fototui.clients.photos import PhotoInfo
from fototui.db.database import Database
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.errors import PermanentError
from fototui.domain.events import BaseMercureEvent, ImageUpdateEvent
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import OrderStatus as S
from fototui.engine.observer import AttemptOutcome
from fototui.engine.pipelines.download import DownloadPipeline
from fototui.storage.base import Right
from fototui.storage.directory import DirectoryStorage
from tests.engine.conftest import World, open_world, photo
from tests.engine.one_life import die, register, take_up
from tests.waiting import in_time, until

PLACE = "https://photos.example/1.png"
ELSEWHERE = "https://photos.example/2.png"

Meanwhile = Callable[[], Awaitable[None]]

REFUSED = PermanentError("There is no such photo.", service="Photos")


class MeddledStorage(DirectoryStorage):
    """A storage after which something happens: a file is stored, and nothing of it written yet."""

    meanwhile: Meanwhile | None = None

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,
        original_filename: str | None = None,
        right: Right | None = None,
    ) -> S3ObjectRefData:
        stored = await super().put(
            key,
            data,
            content_type=content_type,
            original_filename=original_filename,
            right=right,
        )
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return stored


@dataclass
class Customers:
    """Whoever has the photos: gives one for each address, or refuses the first one."""

    refuses: bool = False
    meanwhile: dict[str, Meanwhile] = field(default_factory=dict)

    async def fetch(self, url: str) -> DownloadedPhoto:
        if meanwhile := self.meanwhile.pop(url, None):
            await meanwhile()
        if self.refuses and url == PLACE:
            raise REFUSED
        data = photo([PLACE, ELSEWHERE].index(url))
        return DownloadedPhoto(data, PhotoInfo("image/png", "png", 24, 16))


class Crash(BaseException):
    """The process died: nothing of it runs on, as nothing catches this."""


class Download:
    """One order, whose photos an engine fetches."""

    def __init__(self, world: World, events: list[BaseMercureEvent]) -> None:
        self.world = world
        self.storage = MeddledStorage(world.folder)
        self.customers = Customers()
        self.order_id = ""
        self.engine_id = uuid.uuid4()
        self._events = events

    async def place(self, count: int = 1) -> None:
        """Have an order whose photos all are at one address."""
        async with self.world.database.session() as session, session.begin():
            order = Order(order_number="#1", status=S.DOWNLOADING)
            item = LineItem(order=order, position=1, title="Omalovánky")
            places = range(1, count + 1)
            images = [Image(line_item=item, position=n, original_url=PLACE) for n in places]
            session.add_all([order, item, *images])
            await session.flush()
            self.order_id = str(order.id)
        self._events.clear()

    async def run(self) -> str | None:
        """Claim the order and fetch what is missing; how it ended."""
        actor = "test (engine)"
        pipeline = DownloadPipeline(self.world.database, self.storage, self.customers, actor=actor)
        self.engine_id = await register(self.world)
        return await take_up(self.world, pipeline, self.engine_id)

    async def execute(self, statement: str) -> None:
        """What another engine, or another program, does."""
        async with self.world.database.session() as session, session.begin():
            await session.execute(text(statement))

    def happens(self, statement: str, *, is_refused: bool) -> None:
        """Have it done when a photo is stored, or refused, and nothing of that is written."""
        do = partial(self.execute, statement)
        if is_refused:
            self.customers.refuses, self.customers.meanwhile[PLACE] = True, do
        else:
            self.storage.meanwhile = do

    async def images(self) -> Sequence[Image]:
        """The photos."""
        async with self.world.database.session() as session:
            return (await session.scalars(select(Image).order_by(Image.position))).all()

    async def image(self) -> Image:
        """The only photo."""
        [image] = await self.images()
        return image

    def news(self) -> list[BaseMercureEvent]:
        """What was told of photos since this was last asked."""
        news = [event for event in self._events if isinstance(event, ImageUpdateEvent)]
        self._events.clear()
        return [*news]

    def news_of(self, image: Image) -> list[BaseMercureEvent]:
        """What is to be told of one outcome."""
        return [ImageUpdateEvent(order_id=self.order_id, image_id=image.id)]


@pytest.fixture
async def download(
    database: Database, tmp_path: Path, published: list[BaseMercureEvent]
) -> AsyncIterator[Download]:
    async with open_world(database, tmp_path / "files") as world:
        yield Download(world, published)


ASKED_ANEW = "UPDATE orders SET status = 'downloading', retries = 0"
LOST = "UPDATE orders SET claim_token = gen_random_uuid()"
ARRIVED = """
    UPDATE images SET uploaded_at = '2026-11-01', file_ref = '{"key": "theirs", "bucket": "b"}'
"""
MOVED = f"UPDATE images SET original_url = '{ELSEWHERE}'"
TAKEN_OUT = "UPDATE line_items SET quantity = 0"

either = pytest.mark.parametrize("is_refused", [False, True], ids=["arrived", "refused"])


async def test_what_comes_after_a_failure_has_no_reason(download: Download) -> None:
    await download.place()
    download.customers.refuses = True
    assert await download.run() == AttemptOutcome.FAILED
    image = await download.image()
    assert (image.file_ref, image.uploaded_at) == (None, None)
    assert (image.error_code, image.error) == (REFUSED.code, str(REFUSED))
    assert image.error_words == REFUSED.sentence
    assert download.news() == download.news_of(image)

    download.customers.refuses = False
    await download.execute(ASKED_ANEW)
    assert await download.run() == S.READY_FOR_REVIEW
    image = await download.image()
    assert await download.world.stored(image.file_ref) == photo(0)
    assert image.uploaded_at is not None
    assert (image.error_code, image.error, image.error_words) == (None, None, None)
    assert download.news() == download.news_of(image)


async def test_photos_of_one_address_have_an_outcome_each(download: Download) -> None:
    await download.place(3)
    assert await download.run() == S.READY_FOR_REVIEW
    for position, image in enumerate(await download.images(), start=1):
        assert image.file_ref is not None
        assert image.file_ref.key.endswith(f"/image_{position}.png")
        assert await download.world.stored(image.file_ref) == photo(0)
    assert len(download.news()) == 3


async def test_what_an_older_program_wrote_for_no_file_is_none(download: Download) -> None:
    await download.place()
    await download.execute("UPDATE images SET file_ref = 'null'")
    assert await download.run() == S.READY_FOR_REVIEW
    assert await download.world.stored((await download.image()).file_ref) == photo(0)


@either
async def test_whoever_lost_the_order_writes_nothing(download: Download, is_refused: bool) -> None:
    await download.place()
    download.happens(LOST, is_refused=is_refused)
    assert await download.run() == AttemptOutcome.CLAIM_LOST
    image = await download.image()
    assert (image.file_ref, image.uploaded_at, image.error, image.error_code) == (None,) * 4
    assert download.news() == []


async def test_whoever_lost_the_order_stores_nothing(download: Download) -> None:
    await download.place()
    download.customers.meanwhile[PLACE] = partial(download.execute, LOST)
    assert await download.run() == AttemptOutcome.CLAIM_LOST
    assert [key async for key in download.storage.list_keys()] == []


@either
async def test_a_photo_that_came_otherwise_stays(download: Download, is_refused: bool) -> None:
    await download.place()
    download.happens(ARRIVED, is_refused=is_refused)
    assert await download.run() == S.READY_FOR_REVIEW
    image = await download.image()
    assert image.file_ref is not None
    assert image.uploaded_at is not None
    assert (image.file_ref.key, image.uploaded_at.month) == ("theirs", 11)
    assert image.error is None
    assert download.news() == []


@either
async def test_a_photo_that_is_elsewhere_by_now_is_fetched_from_there(
    download: Download, is_refused: bool
) -> None:
    await download.place()
    download.happens(MOVED, is_refused=is_refused)
    assert await download.run() == S.READY_FOR_REVIEW
    image = await download.image()
    assert await download.world.stored(image.file_ref) == photo(1)
    assert image.error is None
    assert download.news() == download.news_of(image)


async def test_a_photo_that_is_gone_again_is_fetched_again(download: Download) -> None:
    """Another program took it away before the others had come."""

    async def is_there() -> bool:
        return (await download.images())[0].file_ref is not None

    async def take_away() -> None:
        await until(is_there)
        await download.execute("UPDATE images SET file_ref = NULL WHERE position = 1")

    await download.place(2)
    await download.execute(f"{MOVED} WHERE position = 2")
    download.customers.meanwhile[ELSEWHERE] = take_away
    async with in_time():
        assert await download.run() == S.READY_FOR_REVIEW
    assert await is_there()


async def test_what_failed_and_is_wanted_no_more_is_no_failure(download: Download) -> None:
    await download.place()
    download.happens(TAKEN_OUT, is_refused=True)
    assert await download.run() == S.READY_FOR_REVIEW


async def test_a_failure_counts_photos_and_not_addresses(download: Download) -> None:
    await download.place(2)
    download.happens(f"{MOVED} WHERE position = 1", is_refused=True)
    assert await download.run() == AttemptOutcome.FAILED
    async with download.world.database.session() as session:
        assert "1 of 2 photos" in str((await session.scalars(select(Order.error))).one())


async def test_a_process_that_dies_with_a_stored_photo_is_followed(download: Download) -> None:
    async def crash() -> None:
        raise Crash

    await download.place()
    download.storage.meanwhile = crash
    with pytest.raises(Crash):
        await download.run()
    assert (await download.image()).file_ref is None
    await die(download.world, download.engine_id)
    assert await download.run() == S.READY_FOR_REVIEW
    image = await download.image()
    assert await download.world.stored(image.file_ref) == photo(0)
    assert len([key async for key in download.storage.list_keys()]) == 1
    assert download.news() == download.news_of(image)


async def test_of_two_who_fetch_a_photo_one_tells_of_it(download: Download) -> None:
    """The first was taken for dead, and wakes up."""
    ends: list[str | None] = []

    async def another() -> None:
        await die(download.world, download.engine_id)
        ends.append(await download.run())

    await download.place()
    download.storage.meanwhile = another
    ends.append(await download.run())
    assert ends == [S.READY_FOR_REVIEW, AttemptOutcome.CLAIM_LOST]
    image = await download.image()
    assert await download.world.stored(image.file_ref) == photo(0)
    assert download.news() == download.news_of(image)
