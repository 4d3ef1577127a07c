"""Orders from the shop: fetched by key, tried again where they failed, with their reasons shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from textual.widgets import Static

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import Image, Order
from fototui.domain.errors import TransientError
from fototui.domain.shop import ShopItem, ShopOrder, ShopOrderHead, ShopPhoto
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus
from fototui.i18n import set_language
from fototui.live.store import LiveStore
from fototui.screens.order.screen import OrderScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.backend import Backend
from fototui.storage.directory import DirectoryStorage
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from tests.cases import case
from tests.factories import make_coloring, make_order
from tests.ui.conftest import AppPilot
from tests.ui.pages import messages
from tests.waiting import until_shown

HOSTILE = "[/foo] \x1b[31mred\u202e"


def told(number: int, *, customer: str = "Eva Malá") -> ShopOrder:
    """An order as the shop tells it."""
    photo = ShopPhoto(1, f"https://cdn.example/{number}.jpg")
    item = ShopItem(number * 10, "Omalovánka", 1, None, None, (photo,))
    placed = datetime(2026, 11, 1, tzinfo=UTC)
    return ShopOrder(number, f"#{number}", placed, None, customer, "PAID", None, (item,))


@dataclass
class Shop:
    """A shop that answers when it is let."""

    orders: Sequence[ShopOrder] = ()
    failure: TransientError | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def order_heads(
        self, *, limit: int | None = None, since: datetime | date | None = None
    ) -> AsyncGenerator[list[ShopOrderHead], None]:
        await self.open.wait()
        yield list(self.orders[:limit])

    async def whole_orders(self, shopify_ids: Sequence[int]) -> AsyncGenerator[ShopOrder, None]:
        for order in self.orders:
            if order.shopify_id in shopify_ids:
                yield order
        if self.failure is not None:
            raise self.failure

    async def order(self, shopify_id: int) -> ShopOrder | None:
        return next((order for order in self.orders if order.shopify_id == shopify_id), None)


@dataclass
class Office:
    """The app, on a shop or on none."""

    database: Database
    storage: DirectoryStorage

    @asynccontextmanager
    async def opened(
        self,
        shop: Shop | None = None,
        *,
        read_only: bool = False,
        size: tuple[int, int] = (160, 40),
    ) -> AsyncIterator[tuple[FototuiApp, AppPilot]]:
        set_language("en")
        backend = Backend(
            self.database, self.storage, operator="jana", read_only=read_only, shop=shop
        )
        app = FototuiApp(
            backend,
            LiveStore(backend),
            AppSettings(ZoneInfo("Europe/Prague")),
            Preferences(language="en"),
            home=OrdersScreen,
        )
        async with app.run_test(size=size) as pilot:
            await until_shown(pilot, lambda: app.store.is_complete and app.store.lanes)
            shown = orders_screen(app).list
            await until_shown(pilot, lambda: len(shown.shown) == len(app.store.orders))
            await pilot.pause()
            yield app, pilot

    async def status(self, order: Order) -> str:
        async with self.database.session() as session:
            return str(await session.scalar(select(Order.status).where(Order.id == order.id)))

    async def failed_order(self, *, uploaded: bool = False, **fields: object) -> Order:
        """An order that failed because of a photo."""
        values: dict[str, object] = {
            "status": OrderStatus.ERROR,
            "error": "1 photo could not be downloaded.",
        }
        async with self.database.session() as session, session.begin():
            order = await make_order(session, uploaded=uploaded, **values | fields)  # type: ignore[arg-type]  # the factory's own
            if not uploaded:
                (image,) = order.line_items[0].images
                image.error = f"The address answers 404. {HOSTILE}"
        return order


@pytest.fixture
def office(database: Database, storage: DirectoryStorage) -> Office:
    return Office(database, storage)


def orders_screen(app: FototuiApp) -> OrdersScreen:
    (screen,) = (s for s in app.screen_stack if isinstance(s, OrdersScreen))
    return screen


def lines(app: FototuiApp) -> str:
    table = orders_screen(app).table
    return "\n".join(table.render_line(y).text for y in range(table.size.height))


async def open_order(app: FototuiApp, pilot: AppPilot, order: Order) -> OrderScreen:
    app.open_order(str(order.id))
    await until_shown(
        pilot, lambda: isinstance(app.screen, OrderScreen) and app.screen.selection.detail
    )
    assert isinstance(app.screen, OrderScreen)
    return app.screen


# --- f -----------------------------------------------------------------------------------------


async def test_f_imports_and_says_what_came(office: Office) -> None:
    shop = Shop([told(3), told(2), told(1)])
    async with office.opened(shop) as (app, pilot):
        await pilot.press("f")
        await until_shown(pilot, lambda: "Fetching orders…" in messages(app))
        assert "Fetching orders…" in str(orders_screen(app).filter.tabs.render())
        await pilot.press("f")
        await until_shown(pilot, lambda: "being fetched already" in messages(app))
        shop.open.set()
        await until_shown(pilot, lambda: "3 new." in messages(app))
        await until_shown(pilot, lambda: all(f"#{n}" in lines(app) for n in (1, 2, 3)))
        assert "Fetching" not in str(orders_screen(app).filter.tabs.render())

        shop.orders = [told(4), told(3, customer="Eva Velká"), told(2), told(1)]
        await pilot.press("f")
        await until_shown(pilot, lambda: "1 new, 1 updated." in messages(app))
        await pilot.press("f")
        await until_shown(pilot, lambda: "Shopify has nothing new." in messages(app))


async def test_a_shop_that_fails_half_way_says_why(office: Office) -> None:
    busy = TransientError("The shop is too busy. Try again later.", service="Shopify", status=429)
    shop = Shop([told(1)], failure=busy)
    shop.open.set()
    async with office.opened(shop) as (app, pilot):
        await pilot.press("f")
        await until_shown(pilot, lambda: "1 new, 1 failed." in messages(app))
        assert "The shop is too busy." in messages(app)

        shop.orders = []
        await pilot.press("f")
        await until_shown(pilot, lambda: messages(app).count("too busy") == 2)


async def test_without_a_shop_f_says_what_to_set_and_marked_orders_are_asked_for(
    office: Office, database: Database
) -> None:
    async with database.session() as session, session.begin():
        known = await make_order(session)
        await make_order(session, shopify_id=None, order_number="#M1000")
    async with office.opened() as (app, pilot):
        await pilot.press("f")
        assert "set SHOPIFY_STORE_URL" in messages(app)
        await pilot.press("ctrl+a", "f")
        await until_shown(
            pilot,
            lambda: "1 order to be fetched; no engine is running. 1 left out:" in messages(app),
        )
        assert "made by hand" in messages(app)
    async with database.session() as session:
        asked = "SELECT order_number FROM orders WHERE sync_requested_at IS NOT NULL"
        assert list(await session.scalars(text(asked))) == [known.order_number]


# --- u and r -----------------------------------------------------------------------------------


async def test_u_has_the_order_fetched_again(office: Office, database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        by_hand = await make_order(session, shopify_id=None, order_number="#M1000")
    async with office.opened() as (app, pilot):
        await open_order(app, pilot, order)
        await pilot.press("u")
        await until_shown(pilot, lambda: "will be fetched from Shopify again" in messages(app))
        await pilot.press("escape")
        await open_order(app, pilot, by_hand)
        await pilot.press("u")
        await until_shown(pilot, lambda: "made by hand" in messages(app))
    async with database.session() as session:
        found = await session.get_one(Order, order.id)
        assert found.sync_requested_at is not None


async def test_r_lets_a_failed_order_go_on(office: Office) -> None:
    cases = [
        (False, OrderStatus.DOWNLOADING, "missing photos are downloaded again"),
        (True, OrderStatus.PENDING, "will be fetched from Shopify again"),
    ]
    orders = [await office.failed_order(uploaded=uploaded) for uploaded, _, _ in cases]
    async with office.opened() as (app, pilot):
        for order, (_, status, words) in zip(orders, cases, strict=True):
            with case(status):
                await open_order(app, pilot, order)
                await pilot.press("r")
                await until_shown(pilot, lambda: words in messages(app))  # noqa: B023
                assert await office.status(order) == status
                await pilot.press("escape")


async def test_r_prefers_the_failed_version_and_shift_r_does_both(
    office: Office, database: Database
) -> None:
    order = await office.failed_order(uploaded=True)
    async with database.session() as session, session.begin():
        image = order.line_items[0].images[0]
        await make_coloring(session, image, status=ColoringProcessingStatus.ERROR)
    async with office.opened() as (app, pilot):
        screen = await open_order(app, pilot, order)
        await pilot.press("r")
        await until_shown(pilot, lambda: "Colouring v1 is asked for once more" in messages(app))
        assert await office.status(order) == OrderStatus.ERROR
        async with database.session() as session, session.begin():
            await session.execute(text("UPDATE coloring_versions SET status = 'error'"))
        await until_shown(
            pilot, lambda: screen.selection.version and screen.selection.version.status == "error"
        )
        await pilot.press("R")
        await until_shown(pilot, lambda: "1 colouring;" in messages(app))
        assert await office.status(order) == OrderStatus.PENDING


async def test_r_in_the_list_retries_the_orders_too(office: Office) -> None:
    orders = [await office.failed_order(), await office.failed_order(uploaded=True)]
    async with office.opened() as (app, pilot):
        await pilot.press("ctrl+a", "r")
        await until_shown(
            pilot, lambda: "1 order to be fetched, photos of 1 order;" in messages(app)
        )
    assert [await office.status(order) for order in orders] == ["downloading", "pending"]


async def test_a_read_only_terminal_fetches_nothing(office: Office) -> None:
    order = await office.failed_order()
    async with office.opened(Shop(), read_only=True) as (app, pilot):
        await pilot.press("f", "r")
        await open_order(app, pilot, order)
        await pilot.press("u", "r")
        await until_shown(pilot, lambda: messages(app).count("read-only") == 4)
    assert await office.status(order) == "error"


# --- reasons -----------------------------------------------------------------------------------


async def test_reasons_stand_in_list_pane_and_order(office: Office, database: Database) -> None:
    order = await office.failed_order()
    async with office.opened(size=(180, 40)) as (app, pilot):
        # The side pane, where it opens, takes the rest of it away.
        await until_shown(pilot, lambda: "1 photo c" in lines(app))
        pane = orders_screen(app).pane
        await until_shown(pilot, lambda: "1 photo could not be downloaded." in pane.plain)
        assert "The address answers 404. [/foo]" in pane.plain
        screen = await open_order(app, pilot, order)
        assert "1 photo could not be downloaded." in str(screen.query_one("#why", Static).render())
        assert "The address answers 404." in app.export_screenshot().replace("&#160;", " ")
        assert not {"\x1b", "\u202e"} & set(app.export_screenshot())

        async with database.session() as session, session.begin():
            await session.execute(
                text("UPDATE orders SET status = 'ready_for_review', error = NULL")
            )
            row = (await session.scalars(select(Image))).one()
            row.error = None
        await until_shown(pilot, lambda: screen.query_one("#why").has_class("-nothing"))
