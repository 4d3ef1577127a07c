"""`!` puts orders first, from the list and from an order, and takes it back."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from fototui.db.database import Database
from fototui.db.models.orders import Order
from fototui.screens.order.screen import OrderScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.storage.directory import DirectoryStorage
from fototui.widgets.key_bar import KeyBar
from tests.factories import make_order
from tests.ui.conftest import OpenApp
from tests.ui.orders_app import App, orders_app
from tests.ui.pages import messages
from tests.waiting import until_shown


async def _orders(database: Database, *numbers: str) -> list[str]:
    async with database.session() as session, session.begin():
        return [str((await make_order(session, order_number=number)).id) for number in numbers]


async def _urgent(database: Database) -> list[str]:
    async with database.session() as session:
        statement = select(Order.order_number).where(Order.urgent_at.is_not(None))
        return sorted(await session.scalars(statement))


def _line(app: App, number: str) -> str:
    return next(line for line in app.lines if number in line)


async def test_the_order_under_the_cursor_or_all_marked_are_put_first_and_back(
    database: Database, storage: DirectoryStorage
) -> None:
    await _orders(database, "#1", "#2", "#3")
    async with orders_app(database, storage) as (app, pilot):
        await until_shown(pilot, lambda: app.under_cursor == "#3")
        await pilot.press("exclamation_mark")
        await until_shown(pilot, lambda: "#3 !" in _line(app, "#3"))
        assert app.messages == ["#3 is first now."]
        assert await _urgent(database) == ["#3"]
        assert "!" not in _line(app, "#1")
        await pilot.press("exclamation_mark")
        await until_shown(pilot, lambda: "!" not in _line(app, "#3"))
        assert app.messages[1:] == ["#3 takes turns with others again."]
        assert await _urgent(database) == []

        await pilot.press("exclamation_mark")
        await until_shown(pilot, lambda: "#3 !" in _line(app, "#3"))
        # One of them is first already: the rest are put first, too, and none is taken back.
        await pilot.press("ctrl+a", "exclamation_mark")
        await until_shown(pilot, lambda: "#1 !" in _line(app, "#1"))
        assert await _urgent(database) == ["#1", "#2", "#3"]
        assert app.messages[3:] == ["2 orders are first now."]
        assert not app.home.table.marked
        await pilot.press("ctrl+a", "exclamation_mark")
        await until_shown(pilot, lambda: "!" not in _line(app, "#1"))
        assert await _urgent(database) == []
        assert app.messages[4:] == ["3 orders take turns with others again."]


async def test_a_long_number_is_cut_and_its_sign_stays(
    database: Database, storage: DirectoryStorage
) -> None:
    await _orders(database, "#M123456789012345")
    async with orders_app(database, storage) as (app, pilot):
        await pilot.press("exclamation_mark")
        await until_shown(pilot, lambda: "… !" in _line(app, "#M123"))


async def test_an_order_that_is_open_is_put_first_and_back(
    database: Database, open_app: OpenApp
) -> None:
    [order_id] = await _orders(database, "#7")
    async with open_app(lambda context: OrderScreen(context, order_id), size=(80, 24)) as (
        app,
        pilot,
    ):
        await until_shown(pilot, lambda: app.store.detail(order_id))
        about = app.screen.query_one("#about")
        assert "First" not in str(about.render())
        await pilot.press("exclamation_mark")
        await until_shown(pilot, lambda: "First" in str(about.render()))
        assert await _urgent(database) == ["#7"]
        # The key stands in the help; the footer has no room to spare for it.
        assert "esc Back" in str(app.screen.query_one(KeyBar).render())
        await pilot.press("exclamation_mark")
        await until_shown(pilot, lambda: "First" not in str(about.render()))
        assert await _urgent(database) == []


@pytest.mark.parametrize("is_open", [False, True])
async def test_a_read_only_terminal_puts_nothing_first(
    database: Database, open_app: OpenApp, *, is_open: bool
) -> None:
    [order_id] = await _orders(database, "#7")
    home = (lambda context: OrderScreen(context, order_id)) if is_open else OrdersScreen
    async with open_app(home, read_only=True) as (app, pilot):
        await until_shown(pilot, lambda: order_id in app.store.orders)
        await pilot.press("exclamation_mark")
        await until_shown(
            pilot,
            lambda: messages(app) == "This terminal is read-only.",
        )
        assert await _urgent(database) == []
