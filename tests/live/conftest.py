"""Live stores on a real PostgreSQL and a real hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.events import (
    Event,
    ImageStatusEvent,
    ImageUpdateEvent,
    ListUpdateEvent,
    OrderUpdateEvent,
    parse_event,
)
from fototui.live.state import Changed
from fototui.live.store import LiveStore
from fototui.mercure.hub import HubSettings, serving_hub
from fototui.mercure.publisher import MercurePublishService
from fototui.mercure.subscriber import MercureSubscriber
from fototui.net.asgi import bind
from fototui.services.backend import Backend
from fototui.services.orders.manual import OrderService
from fototui.storage.directory import DirectoryStorage
from tests.factories import make_order
from tests.pgproxy import PgProxy
from tests.waiting import in_time, until

PUBLISHER_KEY = SecretStr("publisher-key-of-the-tests-0123456789")
SUBSCRIBER_KEY = SecretStr("subscriber-key-of-the-tests-0123456789")
NEVER = 1e6
PATIENT, IMPATIENT = 10.0, 0.3
"""Seconds in which a database must answer: where it is there on a busy machine, and where it is
not."""


class Hub:
    """An embedded hub that can be stopped and started at the same address, without its history."""

    def __init__(self) -> None:
        self._sock = bind()
        self._port: int = self._sock.getsockname()[1]
        self._stack = AsyncExitStack()
        self.url = ""

    async def start(self) -> None:
        settings = HubSettings(publisher_key=PUBLISHER_KEY, subscriber_key=SUBSCRIBER_KEY)
        sock = self._sock if self._sock.fileno() >= 0 else bind(port=self._port)
        self.url = await self._stack.enter_async_context(serving_hub(settings, sock=sock))

    async def stop(self) -> None:
        await self._stack.aclose()

    def subscriber(
        self,
        url: str | None = None,
        *,
        is_known: Callable[[str], bool] = lambda _event_id: False,
        answer_seconds: float = PATIENT,
        quiet_seconds: float = PATIENT,
    ) -> MercureSubscriber[Event]:
        return MercureSubscriber(
            url or self.url,
            SUBSCRIBER_KEY,
            parse_event,
            is_known=is_known,
            answer_seconds=answer_seconds,
            quiet_seconds=quiet_seconds,
            first_wait_seconds=0.02,
            longest_wait_seconds=0.1,
        )


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
async def publisher(hub: Hub) -> AsyncIterator[MercurePublishService]:
    async with MercurePublishService(
        hub.url,
        PUBLISHER_KEY,
        after_loss=ListUpdateEvent(),
        timeout_seconds=PATIENT,
        retry_seconds=0.02,
        max_age_seconds=NEVER,
    ) as publisher:
        yield publisher


@pytest.fixture
async def shop(database_url: str, publisher: MercurePublishService) -> AsyncIterator[Database]:
    """The test's database, whose commits are published."""
    async with Database(database_url, publish=publisher.publish) as database:
        yield database


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PgProxy]:
    """A proxy in front of the test's database."""
    async with PgProxy(database_url) as proxy:
        yield proxy


def tracked(session: TrackedAsyncSession) -> TrackedAsyncSession:
    """A session that makes all events, as those of services do."""
    session.track_changes(OrderUpdateEvent, ListUpdateEvent, ImageUpdateEvent, ImageStatusEvent)
    return session


@dataclass
class Ear:
    """What a listener heard."""

    heard: list[Changed] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(bool(changed.rows) for changed in self.heard)


@asynccontextmanager
async def running(store: LiveStore, *, complete: bool = True) -> AsyncIterator[Ear]:
    """A store that runs while the block does; in it nothing may have failed."""
    ear = Ear()
    stop = store.listen(ear.heard.append)
    task = asyncio.create_task(store.run())
    try:
        if complete:
            await until(lambda: store.is_complete or task.done())
        yield ear
        assert not task.done(), task
    finally:
        stop()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def is_at_rest(store: LiveStore) -> bool:
    """Whether a store has been filled, and neither asks anything nor has anything to ask."""
    reader, model = store._reader, store._model
    is_asking = reader._turn.locked() or model.is_poll_asked or model.has_marks
    return store.is_complete and bool(store.lanes) and not is_asking


def wait_for_answers(store: LiveStore, seconds: float) -> None:
    """Have a store take a database for lost that does not answer the next question in time."""
    store._reader._answer_seconds = seconds


@dataclass(frozen=True)
class Truth:
    """What the database holds."""

    database: Database

    async def is_in(self, store: LiveStore) -> bool:
        """Whether the store holds just that, in the same order."""
        async with self.database.autocommit() as session:
            page = await OrderService(session, operator="truth").list_orders(limit=1000)
        return [store.orders[order_id] for order_id in store.listing] == list(page.orders)

    async def comes_to(self, store: LiveStore) -> None:
        """Wait until the store holds just that."""
        async with in_time():
            while not await self.is_in(store):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.02)


@pytest.fixture
def truth(database: Database) -> Truth:
    return Truth(database)


StoreOn = Callable[..., LiveStore]


@pytest.fixture
def store_on(tmp_path: Path) -> StoreOn:
    """Make a store on a database: quick frames, and polls only where asked for."""

    def make(
        database: Database,
        subscriber: MercureSubscriber[Event] | None = None,
        *,
        most_done: int = 20_000,
        **options: float,
    ) -> LiveStore:
        backend = Backend(database, DirectoryStorage(tmp_path, None), operator="jana")
        defaults = {
            "frame_seconds": 0.03,
            "poll_seconds": 0.05,
            "slow_poll_seconds": NEVER,
            "hub_patience_seconds": 0.3,
            "answer_seconds": PATIENT,
            "work_seconds": 0.2,
            "slow_work_seconds": 0.2,
        }
        return LiveStore(backend, subscriber, most_done=most_done, **defaults | options)

    return make


async def add_orders(database: Database, count: int = 1, *, images: int = 1) -> list[str]:
    """Add orders, and publish that; gives their ULIDs."""
    async with tracked(database.session()) as session, session.begin():
        return [str((await make_order(session, images=images)).id) for _ in range(count)]
