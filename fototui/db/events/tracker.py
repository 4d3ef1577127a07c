"""Turn the changes of a transaction into events, and hand these over once it is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.orm import Session, SessionTransaction

from fototui.db.events.context import RowKey, resolve
from fototui.domain.events import (
    BaseMercureEvent,
    BatchMercureEvent,
    Change,
    ChangeContext,
    MercureEvent,
)
from fototui.log import get_logger

log = get_logger(__name__)

Publish = Callable[[BaseMercureEvent], None]
"""Takes one event. It must return at once; whatever it raises is logged and goes no further."""


@dataclass(slots=True)
class _Batch:
    """What batch events are made of.

    Args:
        events: Events by what they speak of, in the order of their last occurrence.
        everything: Batch events that have to speak of everything.
    """

    events: dict[tuple[str | int, ...], MercureEvent] = field(default_factory=dict)
    everything: set[type[BatchMercureEvent]] = field(default_factory=set)

    def add(self, event: MercureEvent) -> None:
        key = event.identity_key()
        self.events.pop(key, None)
        self.events[key] = event

    def drop(self, said: Set[tuple[type[MercureEvent], str]]) -> None:
        for key, event in tuple(self.events.items()):
            if (type(event), event.order_id) in said:
                del self.events[key]

    def merge(self, later: _Batch) -> None:
        for event in later.events.values():
            self.add(event)
        self.everything |= later.everything


class Tracker:
    """What one session has changed and not yet committed, and the events it wants to come of it.

    Args:
        listeners: Take the events; where there are none, nothing is made and nothing is asked.
    """

    def __init__(self, listeners: Sequence[Publish]) -> None:
        self._listeners = listeners
        self._kinds: list[type[MercureEvent]] = []
        self._batch_kinds: list[type[BatchMercureEvent]] = []
        # What batch events collect is made although it may not be sent itself.
        self._made: list[type[MercureEvent]] = []
        self._changes: list[Change] = []
        # A session forgets rows that nobody holds; these are to answer for themselves later.
        self._rows: list[object] = []
        self._marks: dict[SessionTransaction, int] = {}
        self._hints: dict[RowKey, ChangeContext] = {}
        self._contexts: dict[RowKey, ChangeContext] = {}
        self._deferred: _Batch | None = None

    @property
    def is_active(self) -> bool:
        """Whether any event is wanted."""
        return bool(self._kinds or self._batch_kinds)

    def track(self, *kinds: type[BaseMercureEvent]) -> None:
        """Want some events."""
        wanted = {*self._kinds, *self._batch_kinds}
        if not self._listeners or wanted.issuperset(kinds):
            return
        for kind in kinds:
            if issubclass(kind, BatchMercureEvent) and kind not in self._batch_kinds:
                self._batch_kinds.append(kind)
            elif issubclass(kind, MercureEvent) and kind not in self._kinds:
                self._kinds.append(kind)
        collected = [kind for batch in self._batch_kinds for kind in batch.collect_events]
        self._made = list(dict.fromkeys([*self._kinds, *collected]))

    def trigger_fields(self, model: str) -> frozenset[str]:
        """The columns of a model in which some event is interested."""
        return frozenset().union(*(kind.trigger_fields.get(model, ()) for kind in self._made))

    def add(self, change: Change, row: object = None) -> None:
        """Note a change of the present transaction, and the row where it is in memory."""
        if self.is_active:
            self._changes.append(change)
            self._rows.append(row)

    def add_hint(self, model: str, key: int | str, context: ChangeContext) -> None:
        """Note what a row belongs to."""
        self._hints[model, key] = context

    # --- transactions ------------------------------------------------------------------------

    def begin_savepoint(self, savepoint: SessionTransaction) -> None:
        """A savepoint begins."""
        self._marks[savepoint] = len(self._changes)

    def release_savepoint(self, savepoint: SessionTransaction) -> None:
        """A savepoint's changes now belong to what is around it."""
        self._marks.pop(savepoint, None)

    def end_savepoint(self, savepoint: SessionTransaction) -> None:
        """A savepoint is over; its changes are dropped unless it was released."""
        if (mark := self._marks.pop(savepoint, None)) is not None:
            del self._changes[mark:]

    def clear(self) -> None:
        """Drop what was not committed."""
        self._changes.clear()
        self._rows.clear()
        self._contexts.clear()
        self._marks.clear()

    def prepare(self, session: Session) -> None:
        """Find out what the changed rows belong to, while the transaction can still be asked.

        Args:
            session: The session, just before its commit and with nothing left to flush.
        """
        changes = [
            change
            for change in self._changes
            if any(kind.is_triggered_by(change) for kind in self._made)
        ]
        self._contexts = resolve(session, changes, self._hints)

    def trust_hints(self) -> None:
        """Every changed row was noted with what it belongs to, so that nothing has to be asked."""
        self._contexts = dict(self._hints)

    def publish(self) -> None:
        """The transaction is committed: make its events and hand them over."""
        batch = self._collect()
        self.clear()
        for event in batch.events.values():
            if type(event) in self._kinds:
                self._hand_over(event)
        if self._deferred is None:
            self._publish_batch(batch)
        else:
            self._deferred.merge(batch)

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """Keep batch events back while the block runs; drop them if it raises."""
        outer, self._deferred = self._deferred, _Batch()
        collected = self._deferred
        try:
            yield
        finally:
            self._deferred = outer
        if outer is None:
            self._publish_batch(collected)
        else:
            outer.merge(collected)

    def _collect(self) -> _Batch:
        batch = _Batch()
        said: set[tuple[type[MercureEvent], str]] = set()
        for change in self._changes:
            for kind in self._made:
                if kind.is_triggered_by(change) and (event := self._make(kind, change)):
                    batch.add(event)
            for batch_kind in self._batch_kinds:
                if batch_kind.is_triggered_by(change):
                    batch.everything.add(batch_kind)
                    said |= {(kind, str(change.key)) for kind in batch_kind.collect_events}
        # Of an order that came or went, the batch event says all: an import of hundreds is one.
        batch.drop(said)
        return batch

    def _make(self, kind: type[MercureEvent], change: Change) -> MercureEvent | None:
        context = self._contexts.get((change.model, change.key))
        if context is None or any(getattr(context, name) is None for name in kind.required_context):
            log.warning(
                "a changed row belongs to no order, so readers are not told",
                model=change.model,
                key=change.key,
                event_type=kind.__name__,
            )
            return None
        return kind.from_change(change, context)

    def _publish_batch(self, batch: _Batch) -> None:
        for kind in self._batch_kinds:
            collected = [
                event for event in batch.events.values() if isinstance(event, kind.collect_events)
            ]
            if event := kind.from_collected(collected, everything=kind in batch.everything):
                self._hand_over(event)

    def _hand_over(self, event: BaseMercureEvent) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # the work is committed; nothing may fail it any more
                log.warning(
                    "an event could not be handed over",
                    event_type=type(event).__name__,
                    exc_info=True,
                )
