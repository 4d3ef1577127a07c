"""A shop with more orders than the list holds: nothing feels different."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
from textual.command import CommandPalette

from fototui.db.database import Database
from fototui.live.order_list import Tab
from fototui.storage.directory import DirectoryStorage
from fototui.ui.preferences import Preferences
from tests.factories import make_order
from tests.old_orders import add_old_orders
from tests.ui.orders_app import App, AppPilot, orders_app
from tests.ui.pages import lines
from tests.waiting import until_shown

OpenOrders = Callable[..., AbstractAsyncContextManager[tuple[App, AppPilot]]]
_PAGE = 500


@pytest.fixture
async def open_orders(database: Database, storage: DirectoryStorage) -> OpenOrders:
    """Three orders that are not done, and 1,200 that were done long ago."""
    await add_old_orders(database, 1200)
    async with database.session() as session, session.begin():
        for number in (2001, 2002, 2003):
            await make_order(session, order_number=f"#{number}")
    return partial(orders_app, database, storage)


def _all() -> Preferences:
    return Preferences(language="en", tab=Tab.ALL)


async def test_scrolling_goes_on_into_older_orders(open_orders: OpenOrders) -> None:
    async with open_orders(preferences=_all()) as (app, pilot):
        await until_shown(pilot, lambda: len(app.shown_numbers) == 3 + _PAGE)
        assert app.under_cursor == "#2003"
        assert app.shown_numbers[:5] == ["#2003", "#2002", "#2001", "#1200", "#1199"]
        await pilot.press("down", "space", "end")
        assert app.under_cursor == "#701"
        await until_shown(pilot, lambda: len(app.shown_numbers) == 3 + 2 * _PAGE)
        assert app.under_cursor == "#701"  # where it was, in the midst of them now
        for _ in range(2):
            await pilot.press("end")
            await until_shown(pilot, lambda: not app.home.list.goes_on)
        await pilot.press("end")
        assert app.under_cursor == "#1"
        assert len(app.shown_numbers) == app.home.list.count(Tab.ALL) == 1203
        assert [app.store.orders[key].number for key in app.home.table.marked] == ["#2002"]
        await pilot.press("home")
        assert app.under_cursor == "#2003"
        assert app.shown_numbers == sorted(
            app.shown_numbers, key=lambda number: int(number[1:]), reverse=True
        )


async def test_sorting_holds_when_older_ones_come(open_orders: OpenOrders) -> None:
    preferences = Preferences(language="en", tab=Tab.DONE, sort="number")
    async with open_orders(preferences=preferences) as (app, pilot):
        await until_shown(pilot, lambda: len(app.shown_numbers) == _PAGE)
        assert app.under_cursor == "#701"
        assert "500 of 1200" in "\n".join(lines(app))
        await pilot.press("end")
        assert app.under_cursor == "#1200"
        assert "Older orders: 700. Go on to have them read." in app.lines[-1]
        assert len(app.shown_numbers) == _PAGE
        await pilot.press("down")
        await until_shown(pilot, lambda: len(app.shown_numbers) == 2 * _PAGE)
        assert app.under_cursor == "#1200"
        assert app.shown_numbers == [f"#{n}" for n in range(201, 1201)]


async def test_the_oldest_first_goes_on_at_the_top(open_orders: OpenOrders) -> None:
    preferences = Preferences(language="en", tab=Tab.DONE, reverse=True)
    async with open_orders(preferences=preferences) as (app, pilot):
        await until_shown(pilot, lambda: len(app.shown_numbers) == 2 * _PAGE)
        assert app.under_cursor == "#701"
        await pilot.press("home")
        assert app.under_cursor == "#201"
        await until_shown(pilot, lambda: len(app.shown_numbers) == 1200)
        assert app.under_cursor == "#201"
        await pilot.press("home")
        assert app.under_cursor == "#1"


async def test_a_search_finds_older_orders(open_orders: OpenOrders) -> None:
    async with open_orders(preferences=_all()) as (app, pilot):
        await until_shown(pilot, lambda: len(app.shown_numbers) == 3 + _PAGE)
        await pilot.press("slash", *"customer", "space", *"17")
        await until_shown(pilot, lambda: len(app.shown_numbers) == 32)
        assert app.shown_numbers[0] == "#1179"
        assert app.shown_numbers[-2:] == ["#117", "#17"]
        assert "32 found" in "\n".join(lines(app))
        await pilot.press("enter", "end")
        assert app.under_cursor == "#17"
        await pilot.press("space", "escape")
        # The list goes down to where it has no gaps; what is marked beyond is kept.
        await until_shown(pilot, lambda: "1 marked" in "\n".join(lines(app)))
        assert "#17" not in app.shown_numbers


async def test_the_working_set_alone_is_held_and_older_orders_are_found(
    open_orders: OpenOrders,
) -> None:
    async with open_orders() as (app, pilot):
        assert app.shown_numbers == ["#2003", "#2002", "#2001"]
        assert len(app.store.orders) == 3
        assert app.home.list.tabs == [Tab.WORKING, Tab.TO_COLOUR, Tab.DONE, Tab.ALL]
        assert [app.home.list.count(tab) for tab in (Tab.WORKING, Tab.DONE, Tab.ALL)] == [
            *(3, 1200, 1203)
        ]
        assert "All 1203" in "\n".join(lines(app))

        # By a number in the palette.
        await pilot.press("ctrl+p")
        await until_shown(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"17")
        await until_shown(pilot, lambda: "Open order #17" in "\n".join(lines(app)))
        await pilot.press("enter")
        await until_shown(pilot, lambda: app.screen is app.home and bool(app.opened))
        assert app.opened.pop() not in app.store.orders

        # By a search, which says that it finds many.
        await pilot.press("slash", *"customer")
        await until_shown(
            pilot, lambda: "Nothing under Not done; 200 under All" in "\n".join(lines(app))
        )
        await until_shown(pilot, lambda: "0 found, and more" in "\n".join(lines(app)))
        await pilot.press("enter")
        await until_shown(pilot, lambda: app.shown_numbers[:2] == ["#1200", "#1199"])
        await pilot.press("slash", "space", *"1001")
        await until_shown(pilot, lambda: app.shown_numbers == ["#1001"])
        assert "1 found" in "\n".join(lines(app))
