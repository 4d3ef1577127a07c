"""Orders: those that operators make by hand, and reading all of them."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Integer, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.models.orders import Image, LineItem, ManualOrderSequence, Order
from fototui.db.transaction import transaction
from fototui.domain.errors import InvalidInputError, NotFoundError, OutsideError
from fototui.domain.events import ImageUpdateEvent, ListUpdateEvent
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import OrderStatus
from fototui.domain.text import clean, clean_line
from fototui.log import get_logger
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders import queries as order_queries
from fototui.services.orders.details import read_details
from fototui.services.orders.refs import is_order, no_such_order
from fototui.services.views.orders import ImageView, OrderCursor, OrderDetail, OrderPage
from fototui.storage.base import Storage
from fototui.storage.keys import OrderStoragePaths

if TYPE_CHECKING:
    from fototui.clients.photos import PhotoInfo

log = get_logger(__name__)

DEFAULT_TITLE = "Omalovánky"

MAX_PHOTO_BYTES = 100_000_000
"""No camera writes a bigger picture in the formats that we take."""

_FIRST_MANUAL_NUMBER = 1000
_LONGEST_PAGE = 1000
# Decoding a photo takes up to 200 MB, an upload a connection.
_CHECKS_AT_ONCE = 2
_UPLOADS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class PhotoInput:
    """A photo for a manual order.

    Args:
        source: The file, or its content.
        filename: The name the customer gave it; the file's own where not given.
    """

    source: Path | bytes
    filename: str | None = None

    @property
    def name(self) -> str:
        """What an operator calls it."""
        name = self.filename or (self.source.name if isinstance(self.source, Path) else "photo")
        return clean_line(name, limit=200)


@dataclass(frozen=True, slots=True)
class _Photo:
    """A photo that was read and found good."""

    name: str
    data: bytes
    info: "PhotoInfo"


@mercure_autotrack(ListUpdateEvent, ImageUpdateEvent)
class OrderService:
    """Makes and reads orders. Each call is made of transactions of its own.

    Reading takes one query each; in an autocommit session that is one round trip.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
        storage: Where photos go; needed to make orders.
    """

    def __init__(
        self, session: TrackedAsyncSession, *, operator: str, storage: Storage | None = None
    ) -> None:
        self.session = session
        self.operator = operator
        self._storage = storage
        self._activity = ActivityService(session, operator=operator)

    async def create_manual_order(
        self,
        photos: Sequence[PhotoInput],
        *,
        customer: str | None = None,
        email: str | None = None,
        dedication: str | None = None,
        layout: str | None = None,
        title: str = DEFAULT_TITLE,
    ) -> OrderDetail:
        """Make an order of one colouring book out of photos.

        The photos are checked first, then stored, and only then is the order written, in one short
        transaction: whatever breaks before leaves no order, and at worst files that none names.

        Args:
            photos: Its photos, by page.
            customer: The customer's name.
            email: Their address.
            dedication: The book's dedication.
            layout: Its layout.
            title: What it is called.

        Returns:
            The order, with its number.

        Raises:
            InvalidInputError: There are no photos, or some are none; nothing was made.
            OutsideError: Storage did not take a photo; nothing was made.
        """
        if self._storage is None:
            raise TypeError("an OrderService without a storage cannot make orders")
        if not photos:
            raise InvalidInputError("A manual order needs at least one photo; name some files.")
        checked = await _check_all(photos)
        order_id = ULID()
        line_item_id = await self._reserve_line_item_id()
        files = await _store_all(self._storage, checked, order_id, line_item_id)
        item = LineItem(
            id=line_item_id,
            position=1,
            title=clean_line(title) or DEFAULT_TITLE,
            dedication=clean(dedication).strip() or None if dedication else None,
            layout=_line_or_none(layout),
        )
        item.images = [
            Image(position=position, file_ref=file, uploaded_at=func.now())
            for position, file in enumerate(files, start=1)
        ]
        order = Order(
            id=order_id,
            customer_name=_line_or_none(customer),
            customer_email=_line_or_none(email),
            status=OrderStatus.READY_FOR_REVIEW,
            line_items=[item],
        )
        await self._insert(order, photos=len(files))
        return await self.get_order(str(order_id))

    async def list_orders(
        self,
        *,
        limit: int = 50,
        before: OrderCursor | None = None,
        status: OrderStatus | None = None,
        search: str | None = None,
        skip: int = 0,
    ) -> OrderPage:
        """Read a page of the list, newest first.

        Args:
            limit: Most orders, 1 to 1000.
            before: Where the page before it ended (`OrderPage.next`).
            status: Only orders in this status.
            search: Only orders with this text in number, name, e-mail address or a dedication.
            skip: Leave out so many of the newest, for readers that know no cursors.

        Returns:
            The page.

        Raises:
            InvalidInputError: The limit is out of its range.
        """
        if not 1 <= limit <= _LONGEST_PAGE:
            raise InvalidInputError(
                "A page holds 1 to {most} orders, not {limit}.", most=_LONGEST_PAGE, limit=limit
            )
        return await order_queries.read_page(
            self.session, limit=limit, before=before, status=status, search=search, skip=skip
        )

    async def get_order(self, ref: str) -> OrderDetail:
        """Read one order with everything in it.

        Args:
            ref: Its number, with or without "#", or its ULID.

        Returns:
            The order.

        Raises:
            NotFoundError: There is none.
        """
        found = await read_details(self.session, is_order(ref))
        if not found:
            raise no_such_order(ref)
        return found[0]

    async def get_image(self, image_id: int) -> ImageView:
        """Read one image with everything made from it.

        Args:
            image_id: The image.

        Returns:
            The image.

        Raises:
            NotFoundError: There is none.
        """
        for order in await read_details(self.session, Image.id == image_id):
            for image in order.images:
                return image
        raise NotFoundError("There is no image {id}; look at the order again.", id=image_id)

    async def count_by_status(self) -> dict[OrderStatus, int]:
        """How many orders are in each status; every status is named."""
        return await order_queries.count_by_status(self.session)

    async def _reserve_line_item_id(self) -> int:
        """Take an id before its row is written: it is part of the photos' keys."""
        sequence = func.pg_get_serial_sequence(LineItem.__tablename__, LineItem.id.key)
        async with transaction(self.session):
            return (await self.session.scalars(select(func.nextval(sequence, type_=Integer)))).one()

    async def _insert(self, order: Order, *, photos: int) -> None:
        try:
            await self._insert_numbered(order, photos)
        except BaseException:
            # They stay: if it was the answer to the commit that got lost, the order is there.
            log.warning("photos may be left in storage without an order", prefix=f"{order.id}/")
            raise

    async def _insert_numbered(self, order: Order, photos: int) -> None:
        async with transaction(self.session):
            order.order_number = await self._take_number()
            self.session.add(order)
            self._activity.add(
                ActivityAction.ORDER_CREATED,
                order_id=order.id,
                detail=Sentence.make("{count} photo", "{count} photos", count=photos),
            )

    async def _take_number(self) -> str:
        """Take the next number that no order has: the shop may name its own in the same way."""
        while True:
            # The row stays locked until the commit, a few round trips from here.
            taken = await self.session.scalar(
                insert(ManualOrderSequence)
                .values(id=1, next_value=_FIRST_MANUAL_NUMBER + 1)
                .on_conflict_do_update(
                    index_elements=[ManualOrderSequence.id],
                    set_={"next_value": ManualOrderSequence.next_value + 1},
                )
                .returning(ManualOrderSequence.next_value - 1)
            )
            number = f"#M{taken}"
            if not await self.session.scalar(select(exists().where(Order.order_number == number))):
                return number


async def _check_all(photos: Sequence[PhotoInput]) -> list[_Photo]:
    """Read and look into all photos; one that is none refuses them all, and all such are named."""
    limit = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def check(photo: PhotoInput) -> _Photo | Sentence:
        async with limit:
            try:
                return await _check(photo)
            except InvalidInputError as error:
                return Sentence.make(
                    "{name}: {reason}", name=clean_line(photo.name), reason=error.sentence
                )

    results = await asyncio.gather(*(check(photo) for photo in photos))
    if wrong := tuple(result for result in results if isinstance(result, Sentence)):
        raise InvalidInputError("No order was made. {reasons}", reasons=wrong)
    return [result for result in results if isinstance(result, _Photo)]


async def _check(photo: PhotoInput) -> _Photo:
    data = photo.source
    if isinstance(data, Path):
        data = await asyncio.to_thread(_read, data)
    # Only making an order looks into pictures.
    from fototui.clients.photo_decoding import inspect_apart

    return _Photo(photo.name, data, await inspect_apart(data))


_TOO_BIG = Sentence.make(
    "The file is bigger than {limit} MB; scale the photo down first.",
    limit=MAX_PHOTO_BYTES // 1_000_000,
)


def _read(path: Path) -> bytes:
    if not path.is_file():  # a pipe would never end
        raise InvalidInputError("There is no such file; correct its name.")
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_PHOTO_BYTES:
                raise InvalidInputError(_TOO_BIG)
            return file.read()
    except OSError as error:
        raise InvalidInputError(
            "The file cannot be read ({reason}); see to its rights.",
            reason=str(error.strerror),
        ) from error


async def _store_all(
    storage: Storage, photos: Sequence[_Photo], order_id: ULID, line_item_id: int
) -> list[S3ObjectRefData]:
    """Store all photos at once; if one fails, no further one is begun and none is kept."""
    limit, failed = asyncio.Semaphore(_UPLOADS_AT_ONCE), asyncio.Event()

    async def store(position: int, photo: _Photo) -> S3ObjectRefData | None:
        paths = OrderStoragePaths(str(order_id), line_item_id, position)
        async with limit:
            if failed.is_set():
                return None
            try:
                return await storage.put(
                    paths.photo(photo.info.ext),
                    photo.data,
                    content_type=photo.info.content_type,
                    original_filename=photo.name,
                )
            except BaseException:
                failed.set()
                raise

    results = await asyncio.gather(
        *(store(position, photo) for position, photo in enumerate(photos, start=1)),
        return_exceptions=True,
    )
    stored = [result for result in results if isinstance(result, S3ObjectRefData)]
    for result in results:
        if isinstance(result, BaseException):
            await _remove(storage, stored)
            raise result
    return stored


async def _remove(storage: Storage, files: Sequence[S3ObjectRefData]) -> None:
    for file in files:
        try:
            await storage.delete(file.key)
        except OutsideError as error:
            log.warning("a photo is left in storage", key=file.key, reason=str(error))
            return


def _line_or_none(text: str | None) -> str | None:
    return clean_line(text) or None if text else None
