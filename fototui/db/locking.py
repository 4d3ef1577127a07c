"""The one way to lock rows that an operator, an ingest or a job is about to change.

`FOR NO KEY UPDATE` because `FOR UPDATE` on a row with children fails or waits while anyone inserts
a child. Several rows are locked by their keys, so that two who want the same wait for each other
instead of locking each other out. Picking any free row is another thing: that is SKIP LOCKED.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, func, inspect, select
from sqlalchemy.orm import undefer
from sqlalchemy.orm.interfaces import ORMOption

from fototui.db.base import Base
from fototui.db.errors import (
    AmbiguousRecordError,
    LockNotAcquiredError,
    RecordNotFoundError,
    UnexpectedStatusError,
)
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.transaction import transaction
from fototui.domain.errors import FototuiError
from fototui.domain.flags import ProcessingStatusEnum

ModelT = TypeVar("ModelT", bound=Base)
Predicates = Iterable[ColumnElement[bool]]


class RecordLock(Generic[ModelT]):
    """One row, held by its lock while the block of `ProcessingLock.acquire` runs.

    Attributes:
        record: The row as it stands under the lock; only readable after the block.
        now: When its transaction began, by the database's clock.
    """

    def __init__(self, session: TrackedAsyncSession, record: ModelT, now: datetime) -> None:
        self.record = record
        self.now = now
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
        *,
        otherwise: FototuiError | None = None,
        **fields: object,
    ) -> None:
        """Move the row on, if it stands where the move starts.

        Args:
            expected: Status, or statuses, from which the move starts.
            new_status: Where it goes.
            otherwise: What to raise where it is in another, if there is more to say.
            fields: Columns written along with it.

        Raises:
            UnexpectedStatusError: The row is in another status; nothing is written.
            LockNotAcquiredError: The block is over.
            TypeError: The model has no such column.
        """
        allowed = expected if isinstance(expected, frozenset) else frozenset({expected})
        actual = self.record.status  # type: ignore[attr-defined]  # of models that have one
        if actual not in allowed:
            raise otherwise or UnexpectedStatusError(frozenset(allowed), actual)
        await self.update_record(status=new_status, **fields)

    def _release(self) -> None:
        self._is_held = False


class ProcessingLock(Generic[ModelT]):
    """The lock on some rows of a table; it can be acquired again and again.

    Args:
        session: Session to work in.
        model: The rows' model.
        predicates: Conditions that name the rows; all must hold.
        predicate_factory: Makes the conditions at each `acquire`; instead of `predicates`.
        wait: Wait for whoever holds a row, as long as the connection waits for locks at all. An
            engine holds rows for a moment only; who wants to know at once whether one is free
            does not wait.
        along: What is to be read with the rows; it is not locked.
        missing: What `acquire` raises where no row matches, if there is more to say.

    Raises:
        TypeError: Predicates and a factory were given, or neither.
    """

    def __init__(
        self,
        session: TrackedAsyncSession,
        model: type[ModelT],
        *predicates: ColumnElement[bool],
        predicate_factory: Callable[[], Predicates] | None = None,
        wait: bool = False,
        along: Sequence[ORMOption] = (),
        missing: FototuiError | None = None,
    ) -> None:
        if bool(predicates) == (predicate_factory is not None):
            raise TypeError("give either predicates or a predicate_factory")
        self._session = session
        self._model = model
        self._predicates = predicate_factory or (lambda: predicates)
        self._wait = wait
        self._along = along
        self._missing = missing

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[RecordLock[ModelT]]:
        """Hold the one row while the block runs, in a `transaction` of its own.

        Yields:
            The held row.

        Raises:
            RecordLockedError: Someone else holds it.
            RecordNotFoundError: No row matches, and there is no other error for that.
            AmbiguousRecordError: More than one row matches.
        """
        async with self.acquire_all() as locks:
            if not locks:
                raise self._missing or RecordNotFoundError(
                    "There is no such record in {table} any more, or it has moved on. "
                    "Look at its present state.",
                    table=self._model.__tablename__,
                )
            if len(locks) > 1:
                raise AmbiguousRecordError(
                    "A lock names more than one record of {table}. Report this as a bug.",
                    table=self._model.__tablename__,
                )
            yield locks[0]

    @asynccontextmanager
    async def acquire_all(self) -> AsyncIterator[list[RecordLock[ModelT]]]:
        """Hold all rows that match, also none, while the block runs.

        Yields:
            The held rows, by their keys.

        Raises:
            RecordLockedError: Someone else holds one.
        """
        async with transaction(self._session):
            locks = await self.hold()
            try:
                yield locks
            finally:
                for lock in locks:
                    lock._release()

    async def hold(self) -> list[RecordLock[ModelT]]:
        """Lock all rows that match until the transaction ends that the session is in.

        For who finds out only inside a transaction what is to be locked.

        Returns:
            The held rows, by their keys.
        """
        found = await self._session.execute(
            select(self._model, func.now())
            .where(*self._predicates())
            .order_by(*inspect(self._model).primary_key)
            .with_for_update(key_share=True, nowait=not self._wait, of=self._model)
            # What an UPDATE gives back is asked for once more where it is not there: a round trip.
            .options(undefer("*"), *self._along)
            # What an earlier transaction of this session has read is old news under the lock.
            .execution_options(populate_existing=True)
        )
        return [RecordLock(self._session, record, now) for record, now in found]
