"""What an operator can do with books."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from fototui.db.events.session import mercure_autotrack
from fototui.db.locking import ProcessingLock
from fototui.db.models.books import Book
from fototui.db.models.orders import LineItem, Order
from fototui.db.notify import lane_payload, notify
from fototui.domain.books import BookOptions
from fototui.domain.errors import ConflictError, InProgressError, NotFoundError
from fototui.domain.events import ListUpdateEvent, OrderUpdateEvent
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus, JobKind
from fototui.domain.text import clean_line
from fototui.services.books.recipe import BookRecipe, ItemState, is_current, read_items
from fototui.services.operations.activity import ActivityAction
from fototui.services.operations.file_jobs import FileJobService
from fototui.services.orders.refs import is_order, no_such_order
from fototui.services.views.books import BookReport, BookView, read_options

_WITH_ORDER = joinedload(LineItem.order, innerjoin=True)


@mercure_autotrack(OrderUpdateEvent, ListUpdateEvent)
class BookService(FileJobService[Book]):
    """Books: the chosen SVGs of a line item, typeset for a print shop.

    Each call is a transaction of its own. Whoever asks for a book or retries one holds the line
    item's lock, so that the next number, and whether one is being made already, stay true until the
    commit.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
    """

    model = Book

    # --- reading -----------------------------------------------------------------------------

    async def list_books(self, order_ref: str) -> tuple[BookView, ...]:
        """All books of an order, by line item and number.

        Args:
            order_ref: The order's number or ULID.

        Raises:
            NotFoundError: There is no such order.
        """
        wanted = select(LineItem, func.now()).join(LineItem.order).where(is_order(order_ref))
        async with self.session.begin():
            found = (await self.session.execute(wanted.options(_WITH_ORDER))).all()
            if not found:
                await self._require_order(order_ref)
                return ()
            items = [item for item, _ in found]
            states = await read_items(self.session, items, found[0][1])
        return tuple(state.view(book) for state in states for book in state.books)

    # --- asking ------------------------------------------------------------------------------

    async def create_first(self, line_item_id: int, options: BookOptions) -> BookView:
        """Ask for a book of one line item, unless one was ever made.

        Args:
            line_item_id: The line item.
            options: How it is to be typeset.

        Returns:
            The book, queued.

        Raises:
            NotFoundError: There is no such line item.
            ConflictError: There is one already, or none can be made yet.
            RecordLockedError: Someone else kept it locked.
        """
        async with self._lock(LineItem.id == line_item_id) as states:
            if not states:
                raise NotFoundError(
                    "There is no line item {id}; look at the order again.", id=line_item_id
                )
            (state,) = states
            if state.books:
                raise ConflictError("One was made already.")
            book = _new(state, options)
            await self._insert([(state, book)])
            return state.view(book)

    async def create_for_order(
        self,
        order_ref: str,
        options: BookOptions,
        *,
        positions: Collection[int] | None = None,
        exactly: bool = False,
    ) -> tuple[BookReport, ...]:
        """Ask for a book of each line item of an order that has no true one.

        Args:
            order_ref: The order's number or ULID.
            options: How they are to be typeset.
            positions: Only of the line items in these places, from 1; None for all that are still
                in the order.
            exactly: A true book with other options will not do.

        Returns:
            For each line item what was started, or why nothing was.

        Raises:
            NotFoundError: There is no such order, or no line item in such a place.
            RecordLockedError: Someone else kept a line item locked.
        """
        started: dict[int, tuple[ItemState, Book]] = {}
        skipped: dict[int, Sentence] = {}
        wanted = LineItem.quantity > 0 if positions is None else LineItem.position.in_(positions)
        in_order = select(Order.id).where(is_order(order_ref))
        async with self._lock(LineItem.order_id.in_(in_order), wanted) as states:
            await self._require_found(order_ref, states, positions or ())
            for state in states:
                try:
                    started[state.item.id] = state, _new(state, options, exactly=exactly)
                except ConflictError as error:
                    skipped[state.item.id] = error.sentence
            if started:
                await self._insert(list(started.values()))
            views = {item_id: state.view(book) for item_id, (state, book) in started.items()}
        return tuple(
            BookReport(
                line_item_id=state.item.id,
                position=state.item.position,
                book=views.get(state.item.id),
                skipped=skipped.get(state.item.id),
            )
            for state in states
        )

    async def _require_found(
        self, order_ref: str, states: Sequence[ItemState], positions: Collection[int]
    ) -> None:
        if not states:
            await self._require_order(order_ref)
        for position in sorted(set(positions) - {state.item.position for state in states}):
            raise NotFoundError(
                "Order {number} has no line item {position}; look at the order again.",
                number=clean_line(order_ref, limit=40),
                position=position,
            )

    async def _insert(self, started: Sequence[tuple[ItemState, Book]]) -> None:
        for state, book in started:
            book.requested_by = self.operator
            self.session.add(book)
            state.books.append(book)
        await self.session.flush()
        for _, book in started:
            self._log(ActivityAction.REQUESTED, book)
        await notify(self.session, lane_payload(JobKind.BOOK))

    # --- again, or not at all ------------------------------------------------------------------

    async def retry(self, book_id: int) -> BookView:
        """Have a failed or cancelled book made again, or one go on that is held.

        Args:
            book_id: The book.

        Returns:
            The book, queued.

        Raises:
            NotFoundError: There is no such book.
            ConflictError: It did not fail, or something else would be in it today.
            RecordLockedError: Someone else kept its line item locked.
        """
        item_id = select(Book.line_item_id).where(Book.id == book_id).scalar_subquery()
        async with self._lock(LineItem.id == item_id) as states:
            found = [
                (state, book) for state in states for book in state.books if book.id == book_id
            ]
            if not found:
                raise _no_such_book(book_id)
            state, book = found[0]
            if book.held_at is not None and not book.status.meta.is_final:
                book.held_at = None  # it goes on in whatever status it stands
            else:
                _require_retryable(state, book)
                self._requeue(book, state.now)
            self._log(ActivityAction.RETRIED, book)
            await self.session.flush()
            await notify(self.session, lane_payload(JobKind.BOOK))
            return state.view(book)

    # --- shared ------------------------------------------------------------------------------

    @asynccontextmanager
    async def _lock(self, *which: ColumnElement[bool]) -> AsyncIterator[list[ItemState]]:
        locking = ProcessingLock(self.session, LineItem, *which, wait=True, along=[_WITH_ORDER])
        async with locking.acquire_all() as locks:
            if not locks:
                yield []
                return
            yield await read_items(self.session, [lock.record for lock in locks], locks[0].now)

    async def _require_order(self, order_ref: str) -> None:
        if await self.session.scalar(select(Order.id).where(is_order(order_ref))) is None:
            raise no_such_order(order_ref)

    def _name(self, row: Book) -> Sentence:
        return _name(row)

    def _missing(self, row_id: int) -> NotFoundError:
        return _no_such_book(row_id)


def _new(state: ItemState, options: BookOptions, *, exactly: bool = False) -> Book:
    """The row of a line item's next book; raises what stands against it."""
    recipe, newest = state.recipe, state.newest
    if recipe is None:
        assert state.obstacle is not None
        raise ConflictError(state.obstacle)
    if newest is not None and is_current(newest, recipe):
        if not newest.status.meta.is_final and newest.held_at is None:
            raise InProgressError("{version} is being made already.", version=_name(newest))
        if not exactly or read_options(newest) == options:
            raise ConflictError(
                "{version} is made already, and nothing has changed since.", version=_name(newest)
            )
    return Book(
        line_item_id=state.item.id,
        order_id=state.item.order_id,
        version=1 if newest is None else newest.version + 1,
        status=BookProcessingStatus.QUEUED,
        svg_ids=list(recipe.svg_ids),
        title=recipe.title,
        dedication=recipe.dedication,
        layout=recipe.layout,
        options=options.model_dump(mode="json"),
        queued_at=state.now,
    )


def _require_retryable(state: ItemState, book: Book) -> None:
    if not book.status.meta.is_retryable:
        raise ConflictError(
            "{version} has not failed; only a failed or cancelled one can be retried.",
            version=_name(book),
        )
    if book is not state.newest or BookRecipe.of(book) != state.recipe:
        raise ConflictError(
            "{version} is not what would be made today; make a new book instead.",
            version=_name(book),
        )


def _name(book: Book) -> Sentence:
    return Sentence.make(
        "Book v{number} of {title}", number=book.version, title=clean_line(book.title)
    )


def _no_such_book(book_id: int) -> NotFoundError:
    return NotFoundError("There is no book {id}; look at the order again.", id=book_id)
