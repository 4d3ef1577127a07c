"""Orders: those that operators make by hand, and reading all of them."""

from collections.abc import Sequence

from sqlalchemy import Integer, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.models.orders import Image, LineItem, ManualOrderSequence, Order
from fototui.db.transaction import transaction
from fototui.domain.errors import InvalidInputError, NotFoundError
from fototui.domain.events import ImageUpdateEvent, ListUpdateEvent
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import OrderStatus
from fototui.domain.text import clean, clean_line
from fototui.log import get_logger
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders import counts
from fototui.services.orders import queries as order_queries
from fototui.services.orders.details import read_details
from fototui.services.orders.photos import (
    DEFAULT_TITLE,
    BookInput,
    check_all,
    store_all,
)
from fototui.services.orders.refs import is_order, no_such_order
from fototui.services.views.orders import ImageView, OrderCursor, OrderDetail, OrderPage
from fototui.storage.base import Storage
from fototui.storage.keys import OrderStoragePaths

log = get_logger(__name__)

_FIRST_MANUAL_NUMBER = 1000
_LONGEST_PAGE = 1000


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
        books: Sequence[BookInput],
        *,
        customer: str | None = None,
        email: str | None = None,
        dedication: str | None = None,
        layout: str | None = None,
    ) -> OrderDetail:
        """Make an order of one colouring book or several out of photos.

        The photos are checked first, then stored, and only then is the order written, in one short
        transaction: whatever breaks before leaves no order, and at worst files that none names.

        Args:
            books: Its books.
            customer: The customer's name.
            email: Their address.
            dedication: The dedication of each book.
            layout: The layout of each.

        Returns:
            The order, with its number.

        Raises:
            InvalidInputError: A book has no photos, or some are none; nothing was made.
            OutsideError: Storage did not take a photo; nothing was made.
        """
        if self._storage is None:
            raise TypeError("an OrderService without a storage cannot make orders")
        if not books or not all(book.photos for book in books):
            raise InvalidInputError("A manual order needs at least one photo; name some files.")
        checked = await check_all(books)
        order = Order(
            id=ULID(),
            customer_name=_line_or_none(customer),
            customer_email=_line_or_none(email),
            status=OrderStatus.READY_FOR_REVIEW,
            line_items=[
                LineItem(
                    id=await self._reserve_line_item_id(),
                    position=position,
                    title=clean_line(book.title) or DEFAULT_TITLE,
                    dedication=clean(dedication).strip() or None if dedication else None,
                    layout=_line_or_none(layout),
                )
                for position, book in enumerate(books, start=1)
            ],
        )
        pages = [
            (item, position)
            for item, book in zip(order.line_items, books, strict=True)
            for position in range(1, len(book.photos) + 1)
        ]
        paths = [OrderStoragePaths(str(order.id), item.id, position) for item, position in pages]
        files = await store_all(self._storage, checked, paths)
        for (item, position), file in zip(pages, files, strict=True):
            item.images.append(Image(position=position, file_ref=file, uploaded_at=func.now()))
        await self._insert(order, photos=len(files))
        return await self.get_order(str(order.id))

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
            search: Only orders with these words in number, name, e-mail address or a dedication.
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

    async def count(self) -> int:
        """How many orders there are."""
        return await counts.count_orders(self.session)

    async def count_by_status(self) -> dict[OrderStatus, int]:
        """How many orders are in each status; every status is named."""
        return await counts.count_by_status(self.session)

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


def _line_or_none(text: str | None) -> str | None:
    return clean_line(text) or None if text else None
