"""What is asked for without an operator, where the configuration says so."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, Text, cast, false, func, or_, select
from sqlalchemy.orm import aliased

from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.books import BookOptions
from fototui.domain.errors import ConflictError, FototuiError
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus, PaymentStatus
from fototui.log import get_logger
from fototui.services.books.service import BookService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService

log = get_logger(__name__)

# Older ones were left alone on purpose: switching a rule on must not pay for the whole past.
_DAYS = 7
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Which rules hold.

    Args:
        coloring: Ask for a colouring of each photo of an order whose photos are all there.
        svg: Ask for the SVG of each colouring that an operator chose.
        book: Ask for the books of each order of which every picture has its SVG.
        paid_only: All for paid orders only.
        options: What colourings are made with.
        book_options: How books are typeset.
    """

    coloring: bool = False
    svg: bool = False
    book: bool = False
    paid_only: bool = False
    options: ColoringOptions = field(default_factory=ColoringOptions)
    book_options: BookOptions = field(default_factory=BookOptions)


class Rules:
    """Applies the rules; a duty of every engine that is configured so.

    What is due is read from the rows themselves, and asked for under the image's lock like
    anything that an operator asks for. So it happens once, whichever engine comes first and
    wherever one dies. What was ever made of an image, or a line item, is left to the operators: a
    book that is true no more too.

    Args:
        database: The database.
        settings: Which rules hold.
        actor: Who the activity log names.
    """

    def __init__(self, database: Database, settings: RuleSettings, *, actor: str) -> None:
        self._database = database
        self._settings = settings
        self._actor = actor

    @property
    def when(self) -> ColumnElement[bool]:
        """Whether there is something to ask for."""
        return or_(false(), *(due.exists() for due, _ in self._rules()))

    async def apply(self) -> None:
        """Ask for all that is due."""
        for due, ask in self._rules():
            await ask(await self._first(due))

    def _rules(self) -> Iterator[tuple[Select[int], Callable[[Sequence[int]], Awaitable[None]]]]:
        """For each rule that holds: what is due, and how it is asked for."""
        if self._settings.coloring:
            yield self._photos_due(), self._ask_for_colorings
        if self._settings.svg:
            yield self._colorings_due(), self._ask_for_svgs
        if self._settings.book:
            yield self._items_due(), self._ask_for_books

    def _photos_due(self) -> Select[int]:
        none_made = ~select(ColoringVersion.id).where(ColoringVersion.image_id == Image.id).exists()
        return self._images(
            Image.uploaded_at > _recently(),
            _has_photo(),
            Order.status == OrderStatus.READY_FOR_REVIEW,
            none_made,
        )

    async def _ask_for_colorings(self, image_ids: Sequence[int]) -> None:
        for image_id in image_ids:
            async with self._database.session() as session:
                service = ColoringService(session, operator=self._actor)
                try:
                    await service.create_first(image_id, self._settings.options)
                except ConflictError:  # another engine, or an operator, was first
                    continue
                except FototuiError as error:
                    log.warning("a rule could not ask for a colouring", reason=str(error))

    def _colorings_due(self) -> Select[int]:
        none_made = (
            ~select(SvgVersion.id)
            .where(SvgVersion.coloring_version_id == Image.selected_coloring_id)
            .exists()
        )
        return self._images(
            Image.coloring_chosen_at > _recently(),
            select(ColoringVersion.id)
            .where(
                ColoringVersion.id == Image.selected_coloring_id,
                # One that was asked for since was chosen by its completion, and by nobody else.
                ColoringVersion.queued_at <= Image.coloring_chosen_at,
                ColoringVersion.status == ColoringProcessingStatus.COMPLETED,
            )
            .exists(),
            none_made,
        )

    async def _ask_for_svgs(self, image_ids: Sequence[int]) -> None:
        for image_id in image_ids:
            async with self._database.session() as session:
                service = VectorizerService(session, operator=self._actor)
                try:
                    await service.create_first(image_id)
                except ConflictError:
                    continue
                except FototuiError as error:
                    log.warning("a rule could not ask for an SVG", reason=str(error))

    async def _ask_for_books(self, item_ids: Sequence[int]) -> None:
        for item_id in item_ids:
            async with self._database.session() as session:
                service = BookService(session, operator=self._actor)
                try:
                    await service.create_first(item_id, self._settings.book_options)
                except ConflictError:
                    continue
                except FototuiError as error:
                    log.warning("a rule could not ask for a book", reason=str(error))

    def _items_due(self) -> Select[int]:
        """Line items without a book, of orders that are ready as a whole."""
        made_lately = (
            select(Image.line_item_id)
            .join(SvgVersion, SvgVersion.id == Image.selected_svg_id)
            .where(SvgVersion.completed_at > _recently())
        )
        another = aliased(LineItem)
        unready = (
            select(Image.id)
            .join(another, another.id == Image.line_item_id)
            .where(
                another.order_id == Order.id,
                another.quantity > 0,
                _has_photo(),
                Image.selected_svg_id.is_(None),
            )
            .exists()
        )
        statement = (
            select(LineItem.id)
            .join(Order, Order.id == LineItem.order_id)
            .where(
                LineItem.id.in_(made_lately),
                LineItem.quantity > 0,
                Order.cancelled_at.is_(None),
                Order.finished_at.is_(None),
                Order.status == OrderStatus.READY_FOR_REVIEW,
                ~select(Book.id).where(Book.line_item_id == LineItem.id).exists(),
                ~unready,
            )
        )
        return self._paid(statement.order_by(LineItem.id))

    def _images(self, *conditions: ColumnElement[bool]) -> Select[int]:
        statement = (
            select(Image.id)
            .join(LineItem, LineItem.id == Image.line_item_id)
            .join(Order, Order.id == LineItem.order_id)
            # What was cancelled, handed over or taken out of its order is not to be paid for.
            .where(
                Order.cancelled_at.is_(None),
                Order.finished_at.is_(None),
                LineItem.quantity > 0,
                *conditions,
            )
            .order_by(Image.id)
        )
        return self._paid(statement)

    def _paid(self, due: Select[int]) -> Select[int]:
        """What is due, but for orders that are not paid, where these are to wait."""
        if self._settings.paid_only:
            return due.where(Order.payment_status == PaymentStatus.PAID)
        return due

    async def _first(self, due: Select[int]) -> list[int]:
        async with self._database.autocommit() as session:
            return list(await session.scalars(due.limit(_AT_ONCE)))


def _has_photo() -> ColumnElement[bool]:
    # Older writers left a JSON `null` where they meant no file.
    return cast(Image.file_ref, Text) != "null"


def _recently() -> ColumnElement[datetime]:
    return func.now() - func.make_interval(0, 0, 0, _DAYS)
