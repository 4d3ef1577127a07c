"""A photo that an operator brings: in place of one that is missing, or as one more of a book."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Select, func, select

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.locking import ProcessingLock
from fototui.db.models.orders import Image, LineItem, Order
from fototui.db.transaction import transaction
from fototui.domain.errors import ConflictError, InvalidInputError, NotFoundError
from fototui.domain.events import (
    Change,
    ImageUpdateEvent,
    ListUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import OrderStatus
from fototui.services.ingest.apply import move_on, tell_lack
from fototui.services.ingest.diff import is_missing
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.coming_back import bring_back, new_photos
from fototui.services.orders.photos import CheckedPhoto, PhotoInput, check_photo, remove
from fototui.storage.base import Storage
from fototui.storage.keys import OrderStoragePaths, incoming_key


@mercure_autotrack(OrderUpdateEvent, ListUpdateEvent, ImageUpdateEvent)
class AttachService:
    """Attaches photos to orders that are there. What was attached goes on like a downloaded one.

    A photo is checked and stored before anything is locked. It takes its place, by no more than a
    rename, while its order and its picture are: so whoever else attaches one, or fetches it, finds
    it there and puts no other under its key.

    An order that the shop cancelled takes photos too, since somebody asks for it by hand, as for
    versions of it; no rule makes anything of them.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
        storage: Where photos go.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str, storage: Storage) -> None:
        self.session = session
        self.operator = operator
        self._storage = storage
        self._activity = ActivityService(session, operator=operator)

    async def replace_missing(self, image_id: int, photo: PhotoInput) -> int:
        """Attach a photo in place of one that is missing.

        Args:
            image_id: The picture.
            photo: The photo.

        Returns:
            The picture's id.

        Raises:
            InvalidInputError: The file is no photo that we take; nothing was changed.
            NotFoundError: There is no such picture.
            ConflictError: Its photo is there, or is being fetched.
            RecordLockedError: Someone else kept the order locked.
            OutsideError: Storage did not take the photo; nothing was changed.
        """
        checked = await _checked(photo)
        gone = NotFoundError("The picture no longer exists.")
        its_book = select(LineItem).join(Image, Image.line_item_id == LineItem.id)
        item = await self._find(its_book.where(Image.id == image_id), gone)
        async with self._stored(checked) as stored, transaction(self.session):
            row = await self._hold_order(item)
            is_it = Image.id == image_id
            locks = await ProcessingLock(self.session, Image, is_it, wait=True).hold()
            if not locks:
                raise gone
            image = locks[0].record
            if image.file_ref is not None:
                raise ConflictError(
                    "The photo is there by now; attach yours as one more, or leave it."
                )
            await self._arrive(row, item, image, checked, stored)
            await self._go_on(row)
        return image_id

    async def add(self, line_item_id: int, photo: PhotoInput) -> int:
        """Attach a photo as one more of a book.

        Args:
            line_item_id: The book.
            photo: The photo.

        Returns:
            The new picture's id.

        Raises:
            InvalidInputError: The file is no photo that we take; nothing was changed.
            NotFoundError: There is no such book, or it was taken out of the order.
            ConflictError: The order's photos are being fetched.
            RecordLockedError: Someone else kept the order locked.
            OutsideError: Storage did not take the photo; nothing was changed.
        """
        checked = await _checked(photo)
        gone = NotFoundError("The book is no longer in the order; look at it again.")
        its_book = select(LineItem).where(LineItem.id == line_item_id, LineItem.quantity > 0)
        item = await self._find(its_book, gone)
        async with self._stored(checked) as stored, transaction(self.session):
            row = await self._hold_order(item)
            if await self.session.scalar(its_book) is None:
                raise gone
            last = select(func.max(Image.position)).where(Image.line_item_id == item.id)
            image = Image(line_item_id=item.id, position=(await self.session.scalar(last) or 0) + 1)
            self.session.add(image)
            await self._arrive(row, item, image, checked, stored)
            # A new picture is news of its order.
            status = {"status": str(row.status)}
            self.session.report(Change(Order.__name__, str(row.id), Operation.UPDATE, status))
            tell_lack(row, is_so=False)
            await self.session.flush()
        return image.id

    async def _find(self, which: Select[LineItem], missing: NotFoundError) -> LineItem:
        async with transaction(self.session):
            item = await self.session.scalar(which)
        if item is None:
            raise missing
        return item

    async def _hold_order(self, item: LineItem) -> Order:
        is_it = Order.id == item.order_id
        locks = await ProcessingLock(self.session, Order, is_it, wait=True).hold()
        if not locks:
            raise NotFoundError("The order no longer exists.")
        row = locks[0].record
        if row.claimed_by is not None:
            # An engine at it has made up its mind which photos it fetches, and under which keys.
            raise ConflictError(
                "Order {number} is being fetched just now; attach the photo when that is done.",
                number=row.order_number,
            )
        if row.finished_at is not None:
            why = new_photos(1)
            await bring_back(self.session, row, why)
            self._activity.add(ActivityAction.REOPENED, order_id=row.id, detail=why)
        return row

    async def _arrive(
        self,
        row: Order,
        item: LineItem,
        image: Image,
        photo: CheckedPhoto,
        stored: S3ObjectRefData,
    ) -> None:
        paths = OrderStoragePaths(str(row.id), item.id, image.position)
        image.file_ref = await self._storage.put_in_place(stored, paths.photo(photo.info.ext))
        image.uploaded_at = func.now()
        image.error = image.error_code = image.error_words = None
        await self.session.flush()
        self._activity.add(
            ActivityAction.PHOTO_ATTACHED, order_id=row.id, image_id=image.id, detail=photo.name
        )

    @asynccontextmanager
    async def _stored(self, photo: CheckedPhoto) -> AsyncIterator[S3ObjectRefData]:
        """The photo in storage, under a key of its own until it is put in its place."""
        key = incoming_key(photo.info.ext)
        stored = await self._storage.put(
            key,
            photo.data,
            content_type=photo.info.content_type,
            original_filename=photo.name,
        )
        try:
            yield stored
        finally:
            await remove(self._storage, [stored])

    async def _go_on(self, row: Order) -> None:
        """Let an order that failed for want of photos be worked on, once none is missing."""
        images = await self.session.scalars(
            select(Image)
            .join(LineItem, LineItem.id == Image.line_item_id)
            .where(LineItem.order_id == row.id, LineItem.quantity > 0)
        )
        if row.status is OrderStatus.ERROR and not any(map(is_missing, images)):
            move_on(row, OrderStatus.READY_FOR_REVIEW)
            await self.session.flush()


async def _checked(photo: PhotoInput) -> CheckedPhoto:
    try:
        return await check_photo(photo)
    except InvalidInputError as error:
        raise InvalidInputError(
            "{name}: {reason}", name=photo.name, reason=error.sentence
        ) from error
