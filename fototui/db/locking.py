"""Change one row under its lock, in a short transaction.

`FOR NO KEY UPDATE` because `FOR UPDATE` on a row with children fails or waits while anyone inserts
a child. NOWAIT because the lock is for one named row: whoever finds it taken says so at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import ColumnElement, Select, inspect, select, text

from fototui.db.base import Base
from fototui.db.errors import (
    AmbiguousRecordError,
    DatabaseError,
    LockNotAcquiredError,
    RecordLockedError,
    RecordNotFoundError,
    SqlState,
    UnexpectedStatusError,
)
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.flags import ProcessingStatusEnum

log = structlog.get_logger(__name__)

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=Base)
Predicates = Iterable[ColumnElement[bool]]


class RecordLock(Generic[ModelT]):
    """One row, held by its lock while the block of `ProcessingLock.acquire` runs.

    Attributes:
        record: The row as it stands under the lock; only readable after the block.
    """

    def __init__(self, session: TrackedAsyncSession, record: ModelT) -> None:
        self.record = record
        self._session = session
        self._is_held = True

    async def update_record(self, **fields: object) -> None:
        """Write columns of the row.

        Args:
            fields: Columns with their new values.

        Raises:
            LockNotAcquiredError: The block is over.
            TypeError: The model has no such column.
        """
        unknown = fields.keys() - inspect(type(self.record)).column_attrs.keys()
        if unknown:
            raise TypeError(f"{type(self.record).__name__} has no {', '.join(sorted(unknown))}")

        def write(record: ModelT) -> None:
            for name, value in fields.items():
                setattr(record, name, value)

        await self.mutate_record(write)

    async def mutate_record(self, change: Callable[[ModelT], object]) -> None:
        """Change the row by a function.

        Args:
            change: Takes the record and sets its attributes; its result is not used.

        Raises:
            LockNotAcquiredError: The block is over.
        """
        if not self._is_held:
            raise LockNotAcquiredError(
                "A record was to be changed after its lock was given up. Report this as a bug."
            )
        change(self.record)
        await self._session.flush()

    async def verify_and_update_status(
        self,
        expected: frozenset[ProcessingStatusEnum] | ProcessingStatusEnum,
        new_status: ProcessingStatusEnum,
        **fields: object,
    ) -> None:
        """Move the row on, if it stands where the move starts.

        Args:
            expected: Status, or statuses, from which the move starts.
            new_status: Where it goes.
            fields: Columns written along with it.

        Raises:
            UnexpectedStatusError: The row is in another status; nothing is written.
            LockNotAcquiredError: The block is over.
            TypeError: The model has no such column.
        """
        allowed = expected if isinstance(expected, frozenset) else frozenset({expected})
        actual = self.record.status  # type: ignore[attr-defined]  # of models that have one
        if actual not in allowed:
            raise UnexpectedStatusError(frozenset(allowed), actual)
        await self.update_record(status=new_status, **fields)

    def _release(self) -> None:
        self._is_held = False


class ProcessingLock(Generic[ModelT]):
    """The lock on one row; it can be acquired again and again.

    Args:
        session: Session to work in.
        model: The row's model.
        predicates: Conditions that name the row; all must hold.
        predicate_factory: Makes the conditions at each `acquire`; instead of `predicates`.
        wait_seconds: Longest wait for a lock that someone holds; None waits for none.

    Raises:
        TypeError: Predicates and a factory were given, or neither.
        ValueError: `wait_seconds` is not positive (PostgreSQL would wait for ever).
    """

    def __init__(
        self,
        session: TrackedAsyncSession,
        model: type[ModelT],
        *predicates: ColumnElement[bool],
        predicate_factory: Callable[[], Predicates] | None = None,
        wait_seconds: float | None = None,
    ) -> None:
        if bool(predicates) == (predicate_factory is not None):
            raise TypeError("give either predicates or a predicate_factory")
        if wait_seconds is not None and wait_seconds <= 0:
            raise ValueError("wait_seconds must be positive")
        self._session = session
        self._model = model
        self._predicates = predicate_factory or (lambda: predicates)
        self._wait_seconds = wait_seconds

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[RecordLock[ModelT]]:
        """Hold the row while the block runs, in a transaction of its own.

        The transaction is committed when the block ends and rolled back when it raises or is
        cancelled. Where the session is inside a transaction already, it is a savepoint of that one:
        a failure leaves the rest usable, and the lock is held until the outer one ends.

        Yields:
            The held row.

        Raises:
            RecordLockedError: Someone else holds it.
            RecordNotFoundError: No row matches.
            AmbiguousRecordError: More than one row matches.
        """
        session = self._session
        inside = session.in_transaction()
        transaction = await (session.begin_nested() if inside else session.begin()).start()
        try:
            lock = RecordLock(session, await self._select())
            try:
                yield lock
            finally:
                lock._release()
        except BaseException:
            await _finish(transaction.rollback())
            raise
        await _finish(transaction.commit())

    async def _select(self) -> ModelT:
        try:
            if self._wait_seconds is not None:
                milliseconds = max(1, round(self._wait_seconds * 1000))
                await self._session.execute(text(f"SET LOCAL lock_timeout = {milliseconds}"))
            records = (await self._session.scalars(self._statement())).all()
        except DatabaseError as error:
            if error.sqlstate != SqlState.LOCK_NOT_AVAILABLE:
                raise
            raise RecordLockedError(
                "Someone else is changing this record of {table}. Try again in a moment.",
                table=self._model.__tablename__,
            ) from error
        if not records:
            raise RecordNotFoundError(
                "There is no such record in {table} any more, or it has moved on. "
                "Look at its present state.",
                table=self._model.__tablename__,
            )
        if len(records) > 1:
            raise AmbiguousRecordError(
                "A lock names more than one record of {table}. Report this as a bug.",
                table=self._model.__tablename__,
            )
        return records[0]

    def _statement(self) -> Select[ModelT]:
        return (
            select(self._model)
            .where(*self._predicates())
            .limit(2)
            .with_for_update(key_share=True, nowait=self._wait_seconds is None)
            # What an earlier transaction of this session has read is old news under the lock.
            .execution_options(populate_existing=True)
        )


# Any: what a coroutine takes and sends is nobody's business here.
async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run the end of a transaction to its end, whoever cancels the caller meanwhile.

    It is bounded by the time-outs of the connection. A cancellation is raised afterwards.
    """
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if error := task.exception():
            log.warning("a transaction did not end well", exc_info=error)
        raise asyncio.CancelledError
    await task
