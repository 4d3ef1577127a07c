"""The orders screen in an app of its own, with rows from a test or from the database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from textual.pilot import Pilot

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus
from fototui.domain.text import folded
from fototui.i18n import set_language
from fototui.live.order_list import Tab
from fototui.live.state import Changed
from fototui.live.store import LiveStore
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.backend import Backend
from fototui.services.views.orders import ImageBadges, OrderRow
from fototui.storage.directory import DirectoryStorage
from fototui.ui.actions import Scope
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from fototui.ui.presence import Presence
from tests.waiting import until_shown

AppPilot = Pilot[None]


def row(n: int, name: str | None = None, **fields: object) -> OrderRow:
    """A line of the list; a higher number is a newer order."""
    name = f"Customer {n}" if name is None else name
    values: dict[str, object] = {
        "id": f"{n:026}",
        "number": f"#{n}",
        "created_at": datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=n),
        "customer_name": name,
        "customer_email": None,
        "items": 1,
        "payment_status": "PAID",
        "status": OrderStatus.READY_FOR_REVIEW,
        "images": (ImageBadges(n, 1, ColoringProcessingStatus.COMPLETED, None, None),),
        "waiting": 0,
        "search": folded(f"#{n}\n{name}"),
    }
    return OrderRow(**values | fields)  # type: ignore[arg-type] # the fields are right


class HeldStore(LiveStore):
    """A store that holds what a test put in, and asks no database."""

    def __init__(self, backend: Backend, rows: Iterable[OrderRow] = ()) -> None:
        super().__init__(backend)
        self._heard: list[Callable[[Changed], None]] = []
        self.put(rows)

    @property
    def is_complete(self) -> bool:
        return True

    def put(self, rows: Iterable[OrderRow]) -> None:
        """Hold these rows, newest first."""
        ordered = sorted(rows, key=lambda row: row.id, reverse=True)
        self.orders: Mapping[str, OrderRow] = {row.id: row for row in ordered}
        self.listing = list(self.orders)

    def listen(self, listener: Callable[[Changed], None]) -> Callable[[], None]:
        self._heard.append(listener)
        return lambda: self._heard.remove(listener)

    def tell(self, changed: Changed) -> None:
        """Tell the listeners."""
        for listener in self._heard:
            listener(changed)

    def change(self, changed: OrderRow) -> None:
        """One row is another one now."""
        self.orders = {**self.orders, changed.id: changed}
        self.tell(Changed(rows=frozenset({changed.id})))

    async def run(self) -> None:
        """Nothing comes by itself."""


class Company(Presence):
    """Others in the app, as a test has them."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend, uuid.uuid4())
        self.present: list[str] = []

    def viewers(self, order_id: str) -> list[str]:
        return self.present

    async def run(self) -> None:
        await asyncio.Event().wait()


class App(FototuiApp):
    """The app, which notes which screens it was asked for."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type] # handed through
        self.opened: list[str] = []
        self.messages: list[str] = []

    def open_order(self, order_id: str) -> None:
        self.opened.append(order_id)

    def show_section(self, section: Scope, order_ids: tuple[str, ...] = ()) -> None:
        self.opened.extend((section, *order_ids))

    def notify(self, message: str, **how: object) -> None:
        self.messages.append(message)

    @property
    def home(self) -> OrdersScreen:
        return cast("OrdersScreen", self.screen_stack[1])

    @property
    def company(self) -> Company:
        return cast("Company", self.context.presence)

    @property
    def held(self) -> HeldStore:
        return cast("HeldStore", self.store)

    @property
    def in_shop(self) -> int:
        """How many orders there are, held or not."""
        return len(self.store.orders) + self.store.older.count

    @property
    def shown_numbers(self) -> list[str]:
        return [self.store.orders[i].number for i in self.home.list.shown]

    @property
    def under_cursor(self) -> str:
        return self.store.orders[self.home.table.cursor or ""].number

    @property
    def lines(self) -> list[str]:
        """The table as it is seen."""
        table = self.home.table
        return [table.render_line(y).text for y in range(table.size.height)]


@asynccontextmanager
async def orders_app(
    database: Database,
    storage: DirectoryStorage,
    rows: Iterable[OrderRow] | None = None,
    *,
    size: tuple[int, int] = (120, 20),
    read_only: bool = False,
    preferences: Preferences | None = None,
    language: str = "en",
    **settings: object,
) -> AsyncIterator[tuple[App, AppPilot]]:
    """Open the screen; without rows, on the database's."""
    set_language(language)
    backend = Backend(database, storage, operator="jana", read_only=read_only)
    app = App(
        backend,
        LiveStore(backend, poll_seconds=600) if rows is None else HeldStore(backend, rows),
        AppSettings(ZoneInfo("Europe/Prague"), **settings),  # type: ignore[arg-type] # as named
        preferences or Preferences(language=language),
        home=OrdersScreen,
        presence=Company(backend),
    )
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, lambda: app.store.is_complete)
        # Messages tell whether an engine will do what is asked for.
        await until_shown(pilot, lambda: app.store.lanes or rows is not None)
        known = app.home.list
        await until_shown(pilot, lambda: known.count(Tab.ALL) == app.in_shop)
        await pilot.pause()
        yield app, pilot


def some(count: int) -> list[OrderRow]:
    return [row(number) for number in range(1, count + 1)]
