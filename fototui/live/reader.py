"""The live store's way to the database: one question at a time, about what is marked."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from fototui.live.model import STRANGERS, Model
from fototui.services.backend import Backend
from fototui.services.changes import LiveService, Watermark, no_answer
from fototui.services.orders.search import OrderSearch
from fototui.services.views.operations import EngineView, LaneView
from fototui.services.views.orders import OrderCursor, OrderDetail, OrderRow

T = TypeVar("T")

_FIRST_PAGE = 200
_PAGE = 1000
_BATCH = 500
_OLDER_PAGE = 500


class Reader:
    """Fills the model and keeps it true.

    Args:
        backend: The services.
        model: What is known.
        answer_seconds: A database that does not answer within this time is lost.
        most_done: Of what was done lately, so many are held without being asked for.
    """

    def __init__(
        self, backend: Backend, model: Model, *, answer_seconds: float, most_done: int
    ) -> None:
        self._backend = backend
        self._model = model
        self._answer_seconds = answer_seconds
        self._turn = asyncio.Lock()
        self._watermark: Watermark | None = None
        self._cursor: OrderCursor | None = None
        self._has_working = False
        self._done = 0
        self._most_done = most_done
        self._orders: int | None = None
        self._polled = -math.inf
        self._polled_tick = math.inf
        self.told_at = time.monotonic()
        """When a poll last told of changes, by the clock of waits; at first when this was made."""
        self.is_complete = False
        """All orders of the working set are in the model."""
        self.fresh_at: datetime | None = None
        """What was committed until then is in the model or marked; by this machine's clock."""

    @property
    def is_behind(self) -> bool:
        """What the last poll told of is not all here."""
        return self._model.is_poll_asked or self._model.oldest_mark <= self._polled_tick

    async def step(self, *, poll_seconds: float) -> bool:
        """Ask one frame's worth of questions.

        Args:
            poll_seconds: Ask what changed if that was not asked for so long.

        Returns:
            Whether there was anything to ask.

        Raises:
            FototuiError: The database does not answer; what was marked stays so.
        """
        async with self._turn:
            is_due = time.monotonic() - self._polled >= poll_seconds
            if is_due:
                self._model.verify_painted()
            is_asking = is_due or self._model.is_poll_asked or self._model.has_marks
            if is_due or self._model.is_poll_asked:
                await self._poll()
            if batch := self._model.next_batch(_BATCH):
                await self._fetch_rows(batch)
            for order_id in self._model.details.marked():
                await self.fetch_detail(order_id)
            if not self.is_complete:
                await self._fill()
            elif not batch and self._orders not in (None, self._model.known):
                await self._count()
        return is_asking or not self.is_complete

    async def fetch_rows(self, ids: Sequence[str]) -> None:
        """Fetch rows now.

        Raises:
            FototuiError: The database does not answer; the orders are marked.
        """
        async with self._turn:
            await self._fetch_rows(ids)

    async def fetch_detail(self, order_id: str) -> OrderDetail | None:
        """Fetch an opened order now.

        Returns:
            The order; None where there is none.

        Raises:
            FototuiError: The database does not answer; the order is marked.
        """
        began = self._model.next_tick()
        self._model.details.unmark(order_id)
        try:
            detail = await self._ask(lambda service: service.detail(order_id))
        except BaseException:
            self._model.details.mark(order_id)
            raise
        self._model.put_detail(order_id, detail, began)
        return detail

    async def read_older(self) -> None:
        """Fetch the next page of older orders, if there is one.

        Raises:
            FototuiError: The database does not answer.
        """
        async with self._turn:
            older = self._model.working_set.older
            began, before = self._model.next_tick(), older.before
            if before is not None and not older.is_full:
                page = await self._ask(lambda service: service.older(before, limit=_OLDER_PAGE))
                self._model.reach(page, began)

    async def find(self, search: OrderSearch) -> bool:
        """Fetch older orders that a search finds: the newest of them.

        Returns:
            Whether there are no more.

        Raises:
            FototuiError: The database does not answer.
        """
        horizon = self._model.working_set.horizon
        if horizon is None:
            return True
        async with self._turn:
            began = self._model.next_tick()
            found = await self._ask(lambda service: service.find(search, done_before=horizon))
            self._model.put_rows(found.orders, began, are_wanted=True)
        return found.is_all

    async def named(self, ref: str) -> OrderRow | None:
        """Fetch the line of an order by its number; it is not kept.

        Raises:
            FototuiError: The database does not answer.
        """
        return await self._ask(lambda service: service.named(ref))

    async def work(self) -> tuple[tuple[LaneView, ...], tuple[EngineView, ...]]:
        """Read lanes and engines.

        Raises:
            FototuiError: The database does not answer.
        """
        return await self._ask(lambda service: service.work())

    async def _poll(self) -> None:
        now = datetime.now(UTC)
        self._model.is_poll_asked = False
        try:
            changes = await self._ask(lambda service: service.changes(self._watermark))
        except BaseException:
            self._model.is_poll_asked = True
            raise
        known = self._model.table.rows.keys()
        are_many = len(changes.order_ids - known) > STRANGERS
        for order_id in changes.order_ids & known if are_many else changes.order_ids:
            self._model.mark(order_id)
        if changes.order_ids or changes.is_everything:
            self.told_at = time.monotonic()
        if changes.is_everything:
            for order_id in {*known, *self._model.details}:
                self._model.mark(order_id)
        if changes.is_everything or are_many:
            self._cursor, self._has_working, self.is_complete = None, False, False
        self._model.working_set.begin(changes.at)
        self._watermark, self._orders = changes.watermark, changes.orders
        self._polled, self._polled_tick = time.monotonic(), self._model.next_tick()
        self.fresh_at = now

    async def _fetch_rows(self, ids: Sequence[str]) -> None:
        began = self._model.next_tick()
        marks = self._model.take_marks(ids)
        try:
            rows = await self._ask(lambda service: service.rows(ids))
        except BaseException:
            self._model.restore_marks(marks)
            raise
        self._model.forget(set(ids).difference(row.id for row in rows))
        self._model.put_rows(rows, began)

    async def _fill(self) -> None:
        """Read what is not done, then what was done lately."""
        began, cursor = self._model.next_tick(), self._cursor
        since = self._model.working_set.horizon
        if not self._has_working:
            limit = _FIRST_PAGE if cursor is None else _PAGE
            page = await self._ask(lambda service: service.working(cursor, limit=limit))
        else:
            assert since is not None  # the first poll told
            limit = min(_PAGE, self._most_done - self._done)
            page = await self._ask(lambda service: service.done_since(since, cursor, limit=limit))
            self._done += len(page.orders)
        self._model.put_rows(page.orders, began)
        if page.next is not None and self._done >= self._most_done:
            self._model.working_set.narrow(page.next.at)
            page = replace(page, next=None)
        self._cursor = page.next
        if page.next is None and not self._has_working:
            self._has_working, self._done = True, 0
        elif page.next is None:
            await self._count()
            self.is_complete = self._model.notifier.listing = True

    async def _count(self) -> None:
        """Find orders that are no more, and how many are not held.

        A poll brings all that is new: another number means that orders are gone.
        """
        self._orders = None
        held = list(self._model.table.rows)
        present = await self._ask(lambda service: service.present(held))
        self._model.forget(present.gone)
        if self._model.working_set.count(present.others):
            self._model.note_older()
            # What came at this moment is among them, and is told of by a poll.
            self._model.ask_poll()

    async def _ask(self, question: Callable[[LiveService], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._answer_seconds):
                async with self._backend.autocommit(LiveService) as service:
                    return await question(service)
        except TimeoutError as error:
            raise no_answer(self._answer_seconds) from error
