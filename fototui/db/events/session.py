"""Sessions that know what they changed, and make events of it once it is committed.

The listeners are registered once, when this module is imported, on the session class: one per
session would leak and cross-talk.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Row, TextClause, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import (
    ORMExecuteState,
    PassiveFlag,
    Session,
    SessionTransaction,
    UOWTransaction,
    object_mapper,
)
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.sql.dml import UpdateBase

from fototui.db.events.context import RESOLVERS
from fototui.db.events.tracker import Publish, Tracker
from fototui.db.fixed import FixedStatement
from fototui.domain.errors import FototuiError
from fototui.domain.events import BaseMercureEvent, Change, ChangeContext, Operation
from fototui.log import get_logger

log = get_logger(__name__)


class _TrackedSession(Session):
    """The half of a `TrackedAsyncSession` that SQLAlchemy's events speak of."""

    # Any: SQLAlchemy's own declaration.
    def __init__(self, *args: Any, tracker: Tracker, autocommit: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tracker = tracker
        self.is_autocommit = autocommit
        self.refuses_writes = False

    def close(self) -> None:
        """Close; what an autocommit session reported is true already, so it is published."""
        if self.is_autocommit:
            try:
                self.tracker.prepare(self)
            except (SQLAlchemyError, FototuiError):
                log.warning("could not ask what changed rows belong to", exc_info=True)
            self.tracker.publish()
        super().close()


class TrackedAsyncSession(AsyncSession):
    """A session that makes events of what it changed.

    It makes none until told which (`track_changes`). ORM writes are seen; a bare statement's
    changes are told by `report`. Events are published after the commit and never without one.

    Args:
        engine: The database. With isolation level AUTOCOMMIT each statement is its own
            transaction: what was reported is published on `commit()` or on closing, whichever
            comes first, and ORM writes are refused.
        listeners: Each takes each event; without any, none are made.
    """

    sync_session: _TrackedSession

    def __init__(self, engine: AsyncEngine, *, listeners: Sequence[Publish] = ()) -> None:
        self._tracker = Tracker(listeners)
        options = engine.sync_engine.get_execution_options()
        super().__init__(
            engine,
            sync_session_class=_TrackedSession,
            # Objects stay readable after the commit; reading them again would be a round trip.
            expire_on_commit=False,
            tracker=self._tracker,
            autocommit=options.get("isolation_level") == "AUTOCOMMIT",
        )

    def track_changes(self, *event_types: type[BaseMercureEvent]) -> None:
        """Make these events of what is flushed or reported from now on.

        Args:
            event_types: Event classes; batch events bring along those that they collect.
        """
        self._tracker.track(*event_types)

    def refuse_writes(self) -> None:
        """Let only queries through from now on; it costs no round trip."""
        self.sync_session.refuses_writes = True

    async def run(
        self, statement: FixedStatement, values: Mapping[str, object]
    ) -> Sequence[Row[*tuple[Any, ...]]]:  # Any: as the driver reads them
        """Run a statement that is run often, within the present transaction.

        Args:
            statement: The statement; no changes of its are seen by themselves.
            values: Its values, by their names in it.

        Returns:
            All rows that it gives.
        """
        if self.sync_session.refuses_writes:
            raise TypeError("this session only reads, and nobody looks at what is fixed")
        connection = await self.connection()
        text, [given] = statement.on(connection.dialect, [values])
        return (await connection.exec_driver_sql(text, tuple(given))).all()

    def report(self, change: Change, context: ChangeContext | None = None) -> None:
        """Tell of a row that a bare statement changed in the present transaction.

        Args:
            change: What changed.
            context: What the row belongs to, where that is known: it saves a query.
        """
        self._tracker.add(change)
        if context is not None:
            self._tracker.add_hint(change.model, change.key, context)

    @asynccontextmanager
    async def deferred_batch_events(self) -> AsyncIterator[None]:
        """Make one batch event of all the commits inside the block, and none if it raises."""
        with self._tracker.deferring():
            yield


def _on(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a listener on the session class."""

    def register(listener: Callable[..., None]) -> Callable[..., None]:
        event.listen(_TrackedSession, name, listener)
        return listener

    return register


@_on("before_flush")
def _refuse_autocommit(session: _TrackedSession, _flush: UOWTransaction, _objects: object) -> None:
    if session.is_autocommit:
        raise TypeError("an autocommit session takes no ORM writes: half a flush could stay")


@_on("do_orm_execute")
def _refuse_writes(state: ORMExecuteState) -> None:
    session, statement = state.session, state.statement
    if not isinstance(session, _TrackedSession) or not session.refuses_writes:
        return
    # What a query hides deeper inside is not looked for: walking all of a long one takes 40 ms.
    if isinstance(statement, TextClause):
        is_query = statement.text.lstrip()[:6].upper() == "SELECT"
    else:
        is_query = not isinstance(statement, UpdateBase)
    if not is_query:
        raise TypeError("this session only reads; a service that writes by it has to say so")


@_on("after_flush")
def _note_flushed(session: _TrackedSession, _flush: UOWTransaction) -> None:
    if not session.tracker.is_active:
        return
    for rows, operation in (
        (session.new, Operation.INSERT),
        (session.dirty, Operation.UPDATE),
        (session.deleted, Operation.DELETE),
    ):
        for row in rows:
            if change := _change(session.tracker, row, operation):
                session.tracker.add(change, row)


def _change(tracker: Tracker, row: object, operation: Operation) -> Change | None:
    model = type(row).__name__
    if model != "Order" and model not in RESOLVERS:
        return None
    fields: dict[str, object] = {}
    names = tracker.trigger_fields(model)
    if operation is Operation.INSERT:
        # What defaults filled in is no history; the row's values tell.
        fields = {name: vars(row)[name] for name in names if vars(row).get(name) is not None}
    elif operation is Operation.UPDATE:
        for name in names:
            history = get_history(row, name, passive=PassiveFlag.PASSIVE_NO_INITIALIZE)
            if history.has_changes():
                fields[name] = history.added[0] if history.added else None
        if not fields:
            return None
    key, *_ = object_mapper(row).primary_key_from_instance(row)
    return Change(model, key if isinstance(key, int) else str(key), operation, fields)


@_on("after_transaction_create")
def _begin(session: _TrackedSession, transaction: SessionTransaction) -> None:
    if transaction.nested:
        session.tracker.begin_savepoint(transaction)


@_on("before_commit")
def _prepare(session: _TrackedSession) -> None:
    # SQLAlchemy calls this for savepoints too, and before the last flush.
    if not session.in_nested_transaction():
        session.flush()
        session.tracker.prepare(session)


@_on("after_commit")
def _publish(session: _TrackedSession) -> None:
    if savepoint := session.get_nested_transaction():
        session.tracker.release_savepoint(savepoint)
    else:
        session.tracker.publish()


@_on("after_transaction_end")
def _end(session: _TrackedSession, transaction: SessionTransaction) -> None:
    # However it ended: by a commit, a rollback, an error or by closing the session.
    if transaction.nested:
        session.tracker.end_savepoint(transaction)
    elif transaction.parent is None and not session.is_autocommit:
        session.tracker.clear()


class MercureTrackable(Protocol):
    """What `mercure_autotrack` can stand on."""

    @property
    def session(self) -> TrackedAsyncSession:
        """The session whose changes are tracked."""


T = TypeVar("T", bound=MercureTrackable)


def mercure_autotrack(*event_types: type[BaseMercureEvent]) -> Callable[[type[T]], type[T]]:
    """Declare which events come of what a class does with its `session`.

    Args:
        event_types: Event classes, tracked from the moment an instance is made.

    Returns:
        A class decorator. Making an instance without a `session` raises TypeError.
    """

    def decorate(cls: type[T]) -> type[T]:
        original = cls.__init__

        @functools.wraps(original)
        def init(self: T, *args: Any, **options: Any) -> None:  # Any: whatever the class takes
            original(self, *args, **options)
            session = getattr(self, "session", None)
            if not isinstance(session, TrackedAsyncSession):
                raise TypeError(
                    f"{cls.__name__} is decorated with mercure_autotrack, but its __init__ "
                    "sets no `session` that is a TrackedAsyncSession"
                )
            session.track_changes(*event_types)

        cls.__init__ = init  # type: ignore[assignment,method-assign]  # this is what it is for
        return cls

    return decorate
