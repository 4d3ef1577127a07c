"""A storm of events: the operator's keys are answered as quickly as in a calm."""

import asyncio
import statistics
from collections.abc import AsyncGenerator
from itertools import cycle
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from textual.events import Key

from fototui.app import AppSettings, FototuiApp
from fototui.db.database import Database
from fototui.domain.events import Event, ImageStatusEvent, parse_event
from fototui.domain.statuses import ColoringProcessingStatus, VersionType
from fototui.live.store import LiveStore
from fototui.mercure.subscriber import LinkState, Lost, MercureSubscriber, Message, StateChange
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.backend import Backend
from fototui.storage.directory import DirectoryStorage
from fototui.ui.preferences import Preferences
from tests.factories import make_coloring, make_order
from tests.ui.conftest import until

EVENTS_A_SECOND = 500
SECONDS = 10
STEPS = ("runpod_queued", "runpod_processing", "processing")


class Storm(MercureSubscriber[Event]):
    """A hub's stream with ever more badges to paint."""

    def __init__(self, targets: list[tuple[str, int, int]]) -> None:
        super().__init__("http://127.0.0.1:9", SecretStr("k" * 32), parse_event)
        self._targets = targets
        self.begins = asyncio.Event()
        self.sent = 0
        self.is_over = False

    async def stream(self) -> AsyncGenerator[Message[Event] | StateChange | Lost, None]:
        yield StateChange(LinkState.LIVE)
        await self.begins.wait()
        clock = asyncio.get_running_loop().time
        began = clock()
        for target, status in zip(cycle(self._targets), cycle(STEPS), strict=False):
            if clock() - began > SECONDS:
                break
            yield self._message(target, status)
            self.sent += 1
            if self.sent % 10 == 0:
                await asyncio.sleep(max(0.0, began + self.sent / EVENTS_A_SECOND - clock()))
        self.is_over = True
        await asyncio.Event().wait()

    def _message(self, target: tuple[str, int, int], status: str) -> Message[Event]:
        order_id, image_id, version_id = target
        event = ImageStatusEvent(
            order_id=order_id,
            image_id=image_id,
            status_type=VersionType.COLORING,
            version_id=version_id,
            status=status,
        )
        return Message(str(self.sent), event.model_dump_json(), event)


async def _shop(database: Database) -> list[tuple[str, int, int]]:
    """Orders with a running colouring each: order, image and version."""
    found = []
    async with database.session() as session, session.begin():
        for _ in range(200):
            order = await make_order(session)
            image = order.line_items[0].images[0]
            version = await make_coloring(
                session, image, status=ColoringProcessingStatus.PROCESSING
            )
            found.append((str(order.id), image.id, version.id))
    return found


async def _answer(app: FototuiApp, screen: OrdersScreen, key: str) -> float:
    """Milliseconds from a key to the painted cursor."""
    clock = asyncio.get_running_loop().time
    before, asked, painted = screen.table.cursor, clock(), asyncio.Event()
    app.post_message(Key(key, None))
    while screen.table.cursor == before:  # noqa: ASYNC110 - a timer would blur what is measured
        await asyncio.sleep(0)
    screen.call_after_refresh(painted.set)
    await painted.wait()
    return (clock() - asked) * 1000


async def test_keys_are_answered_within_50_ms_in_a_storm(
    database: Database, storage: DirectoryStorage
) -> None:
    storm = Storm(await _shop(database))
    backend = Backend(database, storage, operator="jana")
    app = FototuiApp(
        backend,
        LiveStore(backend, storm),
        AppSettings(ZoneInfo("Europe/Prague")),
        Preferences(language="en"),
        home=OrdersScreen,
    )
    async with app.run_test(size=(120, 36)) as pilot:
        screen = app.screen
        assert isinstance(screen, OrdersScreen)
        await until(pilot, lambda: len(app.store.orders) == 200 and screen.table.cursor)
        storm.begins.set()
        waits = []
        for key in cycle(["down", "down", "down", "up"]):
            async with asyncio.timeout(5):
                waits.append(await _answer(app, screen, key))
            await asyncio.sleep(0.05)  # a quick hand
            if storm.is_over:
                break
    assert storm.sent >= EVENTS_A_SECOND * SECONDS * 0.8
    assert len(waits) > 50
    assert statistics.median(waits) < 50, statistics.quantiles(waits)
