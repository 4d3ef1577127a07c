"""The live store: keyed, coalescing, never asked by widgets to query.

Events come at once of what is committed in this process, and by the hub from others. They, and the
database's own record of what changed (`LiveService.changes`), only mark orders; one query a frame
fetches what is marked. A badge is painted from its event at once. However many events come, and
whichever of them are lost, what is kept is bounded by the number of orders, and it comes to equal
what the database holds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from fototui.domain.errors import FototuiError
from fototui.domain.events import BaseMercureEvent, Event
from fototui.live.health import Feed
from fototui.live.model import Model
from fototui.live.notifier import Notifier
from fototui.live.reader import Reader
from fototui.live.state import Changed, Older
from fototui.log import get_logger
from fototui.mercure.link import LinkState, Lost, Message
from fototui.retry import Backoff
from fototui.services.backend import Backend
from fototui.services.orders.refs import no_such_order
from fototui.services.orders.search import OrderSearch
from fototui.services.views.operations import EngineView, LaneView
from fototui.services.views.orders import OrderDetail, OrderRow

if TYPE_CHECKING:
    from fototui.mercure.subscriber import MercureSubscriber

log = get_logger(__name__)

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 3.0
# Polls fall due, and the hub's patience runs out, while nothing happens.
_LONGEST_REST = 0.5
_LONGEST_PAUSE = 1.0
_QUIET_AFTER = 15.0
QUIET_POLLS = 2
"""How many times longer a store waits that polls, where nothing has changed for so long."""

# While the store is filled the screen must live.
_FILL_PAUSE = 0.01


class LiveStore:
    """What all widgets render from.

    Args:
        backend: The services.
        subscriber: Listens to the hub; None where none is configured. It may pass over what was
            committed in this process: the store has that at once, from the backend.
        frame_seconds: Listeners hear of changes, and rows are fetched, at most this often.
        poll_seconds: Without a hub, changes are asked for this often; half as often while nothing
            has changed for a while.
        slow_poll_seconds: The same while the hub is there: for what was written without an event.
        hub_patience_seconds: A hub that is away for longer is done without until it is back.
        answer_seconds: A database that does not answer a question within this time is lost.
        work_seconds: Lanes and engines are read this often while somebody looks at them or
            something happens.
        slow_work_seconds: The same while nobody does and nothing does.
        refused_seconds: A database that refuses is asked again this often.
        working_days: Orders that were done before are not held unless somebody asks for them.
        most_done: Nor are more than these that were done since.
    """

    def __init__(
        self,
        backend: Backend,
        subscriber: MercureSubscriber[Event] | None = None,
        *,
        frame_seconds: float = 0.1,
        poll_seconds: float = 2.0,
        slow_poll_seconds: float = 30.0,
        hub_patience_seconds: float = 3.0,
        answer_seconds: float = 10.0,
        work_seconds: float = 2.0,
        slow_work_seconds: float = 15.0,
        refused_seconds: float = 15.0,
        working_days: float = 30,
        most_done: int = 20_000,
    ) -> None:
        self._subscriber = subscriber
        self._frame_seconds = frame_seconds
        self._poll_seconds = poll_seconds
        self._slow_poll_seconds = slow_poll_seconds
        self._work_seconds = work_seconds
        self._slow_work_seconds = slow_work_seconds
        self._is_work_watched = False
        self.refused_seconds = refused_seconds
        self._notifier = Notifier(frame_seconds)
        self._model = Model(self._notifier, working_days=working_days)
        self._reader = Reader(
            backend, self._model, answer_seconds=answer_seconds, most_done=most_done
        )
        self._feed = Feed(has_hub=subscriber is not None, patience_seconds=hub_patience_seconds)
        self._has_heard = asyncio.Event()
        self._try_now = asyncio.Event()
        self._is_let_in = asyncio.Event()  # the database has answered, and has not refused since
        self._is_behind = True
        backend.listen(self._on_event)

        self.orders: Mapping[str, OrderRow] = self._model.table.rows
        """All orders that are held, by ULID."""
        self.listing: Sequence[str] = self._model.table.listing
        """Their ULIDs, newest first."""
        self.health = self._feed.health(is_behind=True)
        """How far what is shown can be trusted."""
        self.lanes: tuple[LaneView, ...] = ()
        self.engines: tuple[EngineView, ...] = ()

    @property
    def is_complete(self) -> bool:
        """What is not done, or was done lately, is in it; false while it is still being filled."""
        return self._reader.is_complete

    @property
    def older(self) -> Older:
        """What is not held."""
        return self._model.working_set.older

    @property
    def fresh_at(self) -> datetime | None:
        """When the database last told what had changed, by this machine's clock.

        While the feed is live, events tell of all that came after.
        """
        return self._reader.fresh_at

    def listen(self, listener: Callable[[Changed], None]) -> Callable[[], None]:
        """Hear of changes, at most once a frame.

        Returns:
            Call it to hear no more.
        """
        return self._notifier.listen(listener)

    def look_at(self, order_ids: Sequence[str]) -> None:
        """Tell which orders are on the screen: they are fetched before others.

        Args:
            order_ids: Their ULIDs.
        """
        self._model.in_view = order_ids

    def keep(self, which: Callable[[], Collection[str]]) -> None:
        """Tell which orders are never let go.

        Args:
            which: Gives their ULIDs at any time.
        """
        self._model.working_set.kept = which

    async def read_older(self) -> None:
        """Take in the next page of older orders, if there is one.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        await self._reader.read_older()

    async def find(self, search: OrderSearch) -> bool:
        """Take in older orders that a search finds: the newest of them.

        Args:
            search: What is searched for.

        Returns:
            Whether there are no more.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        return await self._reader.find(search)

    async def named(self, ref: str) -> OrderRow | None:
        """The line of an order, held or not; None where there is none.

        Args:
            ref: Its number.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        return await self._reader.named(ref)

    def detail(self, order_id: str) -> OrderDetail | None:
        """An opened order; None where it is not open or not there (yet, or any more)."""
        return self._model.details.get(order_id)

    async def open(self, order_id: str) -> OrderDetail:
        """Fetch an order, and keep it true until it was closed as often as opened.

        Args:
            order_id: ULID.

        Raises:
            NotFoundError: There is no such order.
            DatabaseUnavailableError: The database does not answer.
        """
        self._model.details.open(order_id)
        detail: OrderDetail | None = None
        try:
            if order_id not in self.orders:
                await self._reader.fetch_rows([order_id])
            detail = await self._reader.fetch_detail(order_id)
        finally:
            if detail is None:
                self._model.details.close(order_id)
        if detail is None:
            raise no_such_order(order_id)
        return self.detail(order_id) or detail

    def close(self, order_id: str) -> None:
        """Keep an order true no longer."""
        self._model.details.close(order_id)

    async def refresh(self, *order_ids: str) -> None:
        """Fetch some orders again now, for instance after an act of one's own.

        What cannot be fetched now follows by itself.

        Args:
            order_ids: ULIDs; with none of them, whatever has changed is fetched soon.
        """
        for order_id in order_ids:
            self._model.mark(order_id)
        if not order_ids:
            self._model.ask_poll()
            return
        # A failure is met, and told of, by `_keep_true`: what is marked is its work.
        with suppress(FototuiError):
            await self._reader.fetch_rows(order_ids)
            for order_id in set(order_ids).intersection(self._model.details.marked()):
                await self._reader.fetch_detail(order_id)

    def try_again(self) -> None:
        """Ask a database that refused once more, and at once."""
        self._try_now.set()

    def refresh_work(self) -> None:
        """Have lanes and engines read again soon, for instance after an act of one's own."""
        self._has_heard.set()

    def watch_work(self, *, closely: bool) -> None:
        """Tell whether somebody looks at lanes and engines, and so wants them as they are now."""
        self._is_work_watched = closely
        self._has_heard.set()

    async def run(self) -> None:
        """Fill the store and keep it true, forever; no outage ends it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_true(), name="live: keep true")
            tasks.create_task(self._listen_to_hub(), name="live: listen to the hub")
            tasks.create_task(self._watch_work(), name="live: watch lanes and engines")
            tasks.create_task(self._notifier.run(), name="live: notifier")

    def _on_event(self, event: BaseMercureEvent) -> None:
        if isinstance(event, Event):
            self._model.hear(event)
            self._has_heard.set()

    async def _listen_to_hub(self) -> None:
        if self._subscriber is None:
            return
        async with aclosing(self._subscriber.stream()) as items:
            async for item in items:
                if isinstance(item, Message):
                    self._on_event(item.event)
                    continue
                if isinstance(item, Lost):
                    log.info("live events were lost", reason=item.reason)
                else:
                    self._feed.hub(item)
                if isinstance(item, Lost) or item.state is LinkState.LIVE:
                    self._fall_behind()
                self._note_health()

    async def _keep_true(self) -> None:
        backoff = Backoff(_FIRST_WAIT, _LONGEST_WAIT)
        while True:
            self._model.has_work.clear()
            began = time.monotonic()
            try:
                has_asked = await self._reader.step(poll_seconds=self._pause_of_polls(began))
            except FototuiError as error:
                if self.health.database_ok:
                    log.warning("the live store cannot read the database", reason=str(error))
                self._feed.database_lost(error)
                self._fall_behind()
                self._note_health()
                if self.health.is_refused:
                    await self._wait_refused()
                else:
                    await asyncio.sleep(backoff.next_wait())
                continue
            if self._reader.told_at >= began:
                self._has_heard.set()
            if has_asked:
                backoff.reset()
                self._feed.database_found()
                self._is_let_in.set()
            self._note_health()
            if not self.is_complete:
                await asyncio.sleep(_FILL_PAUSE)
            elif has_asked:
                # Never busy for more than half of the time.
                took = min(time.monotonic() - began, _LONGEST_PAUSE)
                await asyncio.sleep(max(self._frame_seconds, took))
            if not self._model.has_marks and self.is_complete:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(self._poll_seconds, _LONGEST_REST)):
                        await self._model.has_work.wait()

    def _pause_of_polls(self, now: float) -> float:
        if not self._feed.is_polling:
            return self._slow_poll_seconds
        is_quiet = now - self._reader.told_at > _QUIET_AFTER
        return self._poll_seconds * (QUIET_POLLS if is_quiet else 1)

    async def _watch_work(self) -> None:
        await self._is_let_in.wait()  # the first orders are read before
        await asyncio.sleep(self._frame_seconds)  # and told of, and drawn
        while True:
            await self._is_let_in.wait()
            self._has_heard.clear()
            try:
                self.lanes, self.engines = await self._reader.work()
            except FototuiError:
                # `_keep_true` finds out what is wrong, and tells.
                self._model.ask_poll()
                await asyncio.sleep(self._work_seconds)
                continue
            self._notifier.engines = True
            self._notifier.note()
            # A job that began or ended shows soon; a thousand of them show no more often.
            await asyncio.sleep(self._work_seconds / 4)
            rest = self._work_seconds if self._is_work_watched else self._slow_work_seconds
            with suppress(TimeoutError):
                async with asyncio.timeout(rest - self._work_seconds / 4):
                    await self._has_heard.wait()

    async def _wait_refused(self) -> None:
        """Ask rarely where every question is refused: servers lock out who asks often."""
        self._try_now.clear()
        self._is_let_in.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.refused_seconds):
                await self._try_now.wait()

    def _fall_behind(self) -> None:
        self._is_behind = True
        self._model.ask_poll()

    def _note_health(self) -> None:
        self._is_behind = self._is_behind and self._reader.is_behind
        health = self._feed.health(is_behind=self._is_behind)
        if health != self.health:
            self.health = health
            self._notifier.health = True
            self._notifier.note()
