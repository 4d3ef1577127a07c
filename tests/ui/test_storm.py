"""A storm of events: the operator's keys are answered as quickly as in a calm."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import cycle
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from textual.events import Key

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion
from fototui.domain.events import Event, ImageStatusEvent, parse_event
from fototui.domain.statuses import ColoringProcessingStatus, VersionType
from fototui.live.state import Changed
from fototui.live.store import LiveStore
from fototui.mercure.subscriber import LinkState, Lost, MercureSubscriber, Message, StateChange
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.backend import Backend
from fototui.services.views.orders import OrderRow
from fototui.storage.directory import DirectoryStorage
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from tests.factories import make_order
from tests.waiting import in_time, until_shown

EVENTS = 1_000
ORDERS = 200
FRAME_SECONDS = 0.1
MOST_TURNS = 60
STEPS = ("runpod_queued", "runpod_processing", "processing")


class Storm(MercureSubscriber[Event]):
    """A hub's stream with ever more badges to paint, as fast as they are taken."""

    def __init__(self, targets: list[tuple[str, int, int]]) -> None:
        super().__init__("http://127.0.0.1:9", SecretStr("k" * 32), parse_event)
        self._targets = targets
        self.begins = asyncio.Event()
        self.sent = 0
        self.is_over = False

    async def stream(self) -> AsyncGenerator[Message[Event] | StateChange | Lost, None]:
        yield StateChange(LinkState.LIVE)
        await self.begins.wait()
        for target, status in zip(cycle(self._targets), cycle(STEPS), strict=False):
            yield self._message(target, status)
            self.sent += 1
            if self.sent % 10 == 0:
                await asyncio.sleep(0.005)
            if self.sent >= EVENTS:
                break
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
    async with database.session() as session, session.begin():
        orders = [await make_order(session) for _ in range(ORDERS)]
        images = [order.line_items[0].images[0] for order in orders]
        running = ColoringProcessingStatus.PROCESSING
        versions = [ColoringVersion(image_id=each.id, version=1, status=running) for each in images]
        session.add_all(versions)
        await session.flush()
        return [
            (str(order.id), image.id, version.id)
            for order, image, version in zip(orders, images, versions, strict=True)
        ]


async def _turns_until_it_moves(app: FototuiApp, screen: OrdersScreen, key: str) -> int:
    """How often the event loop goes round from a key to the cursor's move."""
    before, turns = screen.table.cursor, 0
    app.post_message(Key(key, None))
    async with in_time():
        while screen.table.cursor == before:
            await asyncio.sleep(0)
            turns += 1
    return turns


async def test_a_storm_holds_no_key_up(
    database: Database, storage: DirectoryStorage, painted_rows: list[OrderRow]
) -> None:
    """No wait grows with the events: they are taken a few a turn, and painted once a frame."""
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
        await until_shown(pilot, lambda: len(app.store.orders) == ORDERS and screen.table.cursor)
        frames: list[Changed] = []
        app.store.listen(frames.append)
        painted_rows.clear()
        clock = asyncio.get_running_loop().time
        began = clock()
        storm.begins.set()
        turns = []
        for key in cycle(["down", "down", "down", "up"]):
            turns.append(await _turns_until_it_moves(app, screen, key))
            await asyncio.sleep(0.02)  # a quick hand
            if storm.is_over:
                break
        most_frames = (clock() - began) / FRAME_SECONDS + 2
        in_sight = len(screen.table.in_sight)
    assert max(turns) <= MOST_TURNS, turns
    # The opened order has frames of its own, and engines have none.
    of_rows = [changed for changed in frames if changed.rows or changed.listing]
    assert 1 <= len(of_rows) <= most_frames
    assert len(painted_rows) <= (len(of_rows) + len(turns)) * in_sight
