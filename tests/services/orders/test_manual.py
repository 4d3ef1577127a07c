import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, ManualOrderSequence, Order
from fototui.domain.errors import InvalidInputError, PermanentError
from fototui.domain.events import BaseMercureEvent, ImageUpdateEvent, ListUpdateEvent
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import OrderStatus
from fototui.services.orders.manual import OrderService
from fototui.services.orders.photos import (
    DEFAULT_TITLE,
    MAX_PHOTO_BYTES,
    BookInput,
    PhotoInput,
)
from fototui.storage.base import Right
from fototui.storage.directory import DirectoryStorage
from tests.pgproxy import PgProxy
from tests.waiting import in_time

ReadActivity = Callable[[], Awaitable[list[Activity]]]


@pytest.fixture
async def service(database: Database, storage: DirectoryStorage) -> AsyncIterator[OrderService]:
    async with database.session() as session:
        yield OrderService(session, operator="eva", storage=storage)


async def keys(storage: DirectoryStorage) -> list[str]:
    return [key async for key in storage.list_keys()]


def one_book(photos: Sequence[PhotoInput], title: str = DEFAULT_TITLE) -> list[BookInput]:
    return [BookInput(photos, title)]


async def nothing_was_made(database: Database) -> bool:
    async with database.session() as session:
        counts = [
            await session.scalar(select(func.count()).select_from(model))
            for model in (Order, LineItem, Image, Activity)
        ]
        number = await session.scalar(select(ManualOrderSequence.next_value))
    return counts == [0, 0, 0, 0] and number == 1000


async def test_order_of_files_and_bytes_is_whole(
    service: OrderService,
    storage: DirectoryStorage,
    published: list[BaseMercureEvent],
    activity: ReadActivity,
    tmp_path: Path,
    photo: bytes,
    png: bytes,
) -> None:
    path = tmp_path / "Dovolená.jpeg"
    path.write_bytes(photo)
    order = await service.create_manual_order(
        one_book([PhotoInput(path), PhotoInput(png, filename="kočka\x1b[31m.txt")], "Léto"),
        customer=" Jana\tNováková\x07 ",
        email="jana@example.com",
        dedication="Pro Aničku\n\nk narozeninám\u202e",
        layout="A4",
    )
    assert (order.number, order.status) == ("#M1000", OrderStatus.READY_FOR_REVIEW)
    assert (order.customer_name, order.customer_email) == ("Jana Nováková", "jana@example.com")
    assert order.shopify_id is None
    (item,) = order.line_items
    assert (item.title, item.layout, item.quantity) == ("Léto", "A4", 1)
    assert item.dedication == "Pro Aničku\n\nk narozeninám"
    first, second = item.images
    assert first.file is not None
    assert second.file is not None
    assert first.file.key == f"{order.id}/{item.id}/image_1.jpg"
    assert second.file.key == f"{order.id}/{item.id}/image_2.png"
    assert (first.file.content_type, first.file.original_filename) == ("image/jpeg", path.name)
    assert second.file.original_filename == "kočka[31m.txt"
    assert first.uploaded_at is not None
    assert await storage.get(first.file.key) == photo
    assert await storage.get(second.file.key) == png
    assert published == [
        ImageUpdateEvent(order_id=order.id, image_id=first.id),
        ImageUpdateEvent(order_id=order.id, image_id=second.id),
        ListUpdateEvent(),
    ]
    (entry,) = await activity()
    assert (entry.operator, entry.action) == ("eva", "order_created")
    assert str(entry.order_id) == order.id


async def test_without_details_there_are_none(service: OrderService, photo: bytes) -> None:
    order = await service.create_manual_order(
        one_book([PhotoInput(photo)]), customer="  ", dedication=" "
    )
    assert (order.customer_name, order.customer_email) == (None, None)
    (item,) = order.line_items
    assert (item.title, item.dedication, item.layout) == ("Omalovánky", None, None)
    assert item.images[0].file is not None
    assert item.images[0].file.original_filename == "photo"


async def test_orders_made_at_once_get_numbers_in_a_row(
    database: Database, storage: DirectoryStorage, photo: bytes
) -> None:
    async def make() -> str:
        async with database.session() as session:
            service = OrderService(session, operator="eva", storage=storage)
            return (await service.create_manual_order(one_book([PhotoInput(photo)]))).number

    numbers = await asyncio.gather(*(make() for _ in range(5)))
    assert sorted(numbers) == [f"#M{number}" for number in range(1000, 1005)]
    assert len(await keys(storage)) == 5


async def test_a_shop_that_never_numbered_begins_at_1000(
    service: OrderService, database: Database, photo: bytes
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(delete(ManualOrderSequence))
    made = [await service.create_manual_order(one_book([PhotoInput(photo)])) for _ in range(2)]
    assert [order.number for order in made] == ["#M1000", "#M1001"]


async def test_a_number_that_an_order_of_the_shop_has_is_left_out(
    service: OrderService, database: Database, photo: bytes
) -> None:
    async with database.session() as session, session.begin():
        session.add_all(Order(order_number=number) for number in ("#M1000", "#M1001"))
    assert (await service.create_manual_order(one_book([PhotoInput(photo)]))).number == "#M1002"


# --- photos that are none --------------------------------------------------------------------


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 10 000 megapixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


async def test_one_photo_that_is_none_refuses_them_all(
    service: OrderService,
    database: Database,
    storage: DirectoryStorage,
    published: list[BaseMercureEvent],
    photo: bytes,
) -> None:
    for content, reason in (
        (b"hello", "not a JPEG, PNG, WebP or GIF"),
        (b"", "empty"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 64, "."),
        (bomb(), "megapixels"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 64, "HEIC"),
    ):
        photos = [PhotoInput(photo, "good.jpg"), PhotoInput(content, "bad.jpg")]
        with pytest.raises(InvalidInputError, match=rf"No order was made\. bad\.jpg: .*{reason}"):
            await service.create_manual_order(one_book(photos))
        assert await nothing_was_made(database)
        assert await keys(storage) == []
        assert published == []


async def test_a_photo_cut_short_is_refused(
    service: OrderService, database: Database, photo: bytes
) -> None:
    with pytest.raises(InvalidInputError, match=r"half\.jpg: .* damaged"):
        await service.create_manual_order(
            one_book([PhotoInput(photo[: len(photo) // 2], "half.jpg")])
        )
    assert await nothing_was_made(database)


async def test_all_bad_files_are_named(
    service: OrderService, database: Database, tmp_path: Path, photo: bytes
) -> None:
    folder, missing, text = tmp_path / "folder.jpg", tmp_path / "missing.jpg", tmp_path / "text.jpg"
    folder.mkdir()
    text.write_text("Ahoj")
    sources = [PhotoInput(folder), PhotoInput(photo), PhotoInput(missing), PhotoInput(text)]
    with pytest.raises(InvalidInputError) as caught:
        await service.create_manual_order(one_book(sources))
    for name in ("folder.jpg: There is no such file", "missing.jpg: There is", "text.jpg: The"):
        assert name in str(caught.value)
    assert await nothing_was_made(database)


async def test_a_file_beyond_the_limit_is_not_even_read(
    service: OrderService, database: Database, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(MAX_PHOTO_BYTES + 1)
    with pytest.raises(InvalidInputError, match=r"huge\.jpg: The file is bigger than 100 MB"):
        await service.create_manual_order(one_book([PhotoInput(huge)]))
    assert await nothing_was_made(database)


async def test_an_order_needs_a_photo(service: OrderService, database: Database) -> None:
    with pytest.raises(InvalidInputError, match="at least one photo"):
        await service.create_manual_order(one_book([]))
    assert await nothing_was_made(database)


# --- storage and database that fail ----------------------------------------------------------


async def test_storage_that_refuses_leaves_no_order(
    database: Database, tmp_path: Path, photo: bytes
) -> None:
    (tmp_path / "storage").write_text("a file where the folder should be")
    async with database.session() as session:
        service = OrderService(
            session, operator="eva", storage=DirectoryStorage(tmp_path / "storage")
        )
        with pytest.raises(PermanentError):
            await service.create_manual_order(one_book([PhotoInput(photo)]))
    assert await nothing_was_made(database)


class RefusingThird(DirectoryStorage):
    """A storage in which a folder stands where the third photo should go."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.tried: list[str] = []
        self._folder = root

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,
        original_filename: str | None = None,
        right: Right | None = None,
    ) -> S3ObjectRefData:
        self.tried.append(key)
        if "image_3" in key:
            (self._folder / key).mkdir(parents=True)
        return await super().put(
            key,
            data,
            content_type=content_type,
            original_filename=original_filename,
            right=right,
        )


async def test_storage_that_refuses_midway_leaves_no_order_and_no_photo(
    database: Database, tmp_path: Path, photo: bytes, published: list[BaseMercureEvent]
) -> None:
    storage = RefusingThird(tmp_path / "storage")
    async with database.session() as session:
        service = OrderService(session, operator="eva", storage=storage)
        with pytest.raises(PermanentError):
            await service.create_manual_order(one_book([PhotoInput(photo)] * 40))
    assert await nothing_was_made(database)
    assert await keys(storage) == []
    assert published == []
    assert 3 <= len(storage.tried) < 40


class Gate(DirectoryStorage):
    """A storage that takes nothing until it is opened."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,
        original_filename: str | None = None,
        right: Right | None = None,
    ) -> S3ObjectRefData:
        self.reached.set()
        await self.opened.wait()
        return await super().put(
            key,
            data,
            content_type=content_type,
            original_filename=original_filename,
            right=right,
        )


async def test_a_slow_upload_holds_up_no_other_order(
    database: Database, storage: DirectoryStorage, tmp_path: Path, photo: bytes
) -> None:
    gate = Gate(tmp_path / "slow")
    async with database.session() as one, database.session() as other, in_time():
        slow = OrderService(one, operator="eva", storage=gate)
        making = asyncio.create_task(slow.create_manual_order(one_book([PhotoInput(photo)])))
        await gate.reached.wait()
        fast = OrderService(other, operator="petr", storage=storage)
        assert (await fast.create_manual_order(one_book([PhotoInput(photo)]))).number == "#M1000"
        gate.opened.set()
        assert (await making).number == "#M1001"


async def test_photos_are_stored_side_by_side(
    database: Database, tmp_path: Path, photo: bytes
) -> None:
    class Counting(Gate):
        """Opens once two uploads are under way."""

        waiting = 0

        async def put(
            self,
            key: str,
            data: bytes,
            *,
            content_type: str,
            original_filename: str | None = None,
            right: Right | None = None,
        ) -> S3ObjectRefData:
            self.waiting += 1
            if self.waiting == 2:
                self.opened.set()
            return await super().put(
                key,
                data,
                content_type=content_type,
                original_filename=original_filename,
                right=right,
            )

    async with database.session() as session, in_time():
        service = OrderService(session, operator="eva", storage=Counting(tmp_path / "s"))
        order = await service.create_manual_order(one_book([PhotoInput(photo)] * 3))
    assert len(order.images) == 3


async def test_database_lost_after_the_uploads_leaves_no_order_and_no_half_one(
    database: Database, database_url: str, tmp_path: Path, photo: bytes
) -> None:
    gate = Gate(tmp_path / "storage")
    async with (
        PgProxy(database_url) as proxy,
        Database(proxy.url) as far,
        far.session() as session,
    ):
        service = OrderService(session, operator="eva", storage=gate)
        making = asyncio.create_task(service.create_manual_order(one_book([PhotoInput(photo)])))
        await gate.reached.wait()
        await proxy.refuse()
        proxy.cut()
        gate.opened.set()
        with pytest.raises(DatabaseUnavailableError):
            await making
    assert await nothing_was_made(database)
    # Nothing names it, and nothing is lost if it was only the commit's answer that got lost.
    assert len(await keys(gate)) == 1


async def test_without_a_storage_orders_are_only_read(database: Database, photo: bytes) -> None:
    async with database.session() as session:
        service = OrderService(session, operator="eva")
        with pytest.raises(TypeError, match="storage"):
            await service.create_manual_order(one_book([PhotoInput(photo)]))
        assert (await service.list_orders()).orders == ()
