"""No key acts on what is not on the screen, however fast keys come."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from textual.app import App
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import Screen
from textual.timer import Timer

from fototui.db.database import Database
from fototui.screens.activity import ActivityScreen
from fototui.screens.dialogs import AskText
from fototui.screens.order.screen import OrderScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.ui import in_turn
from fototui.ui.in_turn import InTurnApp
from fototui.widgets.tables.job_rows import lane_word
from tests.factories import make_order
from tests.ui.conftest import OpenApp
from tests.ui.pages import lines, messages
from tests.waiting import PATIENCE, until, until_shown


def at_once(app: App[None], *keys: str) -> None:
    """Hand over keys as a terminal does that has them all: none waits for the one before."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a screen may need longer to be filled than an operator would wait."""
    monkeypatch.setattr(in_turn, "_LONGEST", PATIENCE)


async def test_keys_after_a_screen_was_asked_for_act_on_what_it_shows(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        at_once(app, "f3", "tab", "down", "down", "p")
        await until_shown(pilot, lambda: isinstance(app.screen, AskText))
        third = lane_word(app.store.lanes[2].lane)
        await until_shown(pilot, lambda: f"Why pause {third}" in "\n".join(lines(app)))


async def test_letters_after_the_search_key_are_searched_for(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        at_once(app, "slash", *"novak")
        await until_shown(pilot, lambda: app.context.order_list.search == "novak")


async def test_keys_wait_for_the_order_that_they_are_for(
    open_app: OpenApp, database: Database
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, images=3)
        wanted = order.line_items[0].images[2].id
    async with open_app(OrdersScreen) as (app, pilot):
        at_once(app, "enter", "down", "down")
        await until_shown(pilot, lambda: isinstance(app.screen, OrderScreen))
        screen = app.screen
        assert isinstance(screen, OrderScreen)
        await until_shown(pilot, lambda: screen.selection.image_id == wanted)


async def test_orders_that_the_store_alone_has_are_not_in_the_list_yet(
    open_app: OpenApp, database: Database
) -> None:
    async with database.session() as session, session.begin():
        await make_order(session)
    async with open_app(OrdersScreen) as (app, pilot):
        screen, store = app.screen, app.context.store
        assert isinstance(screen, OrdersScreen)
        await until_shown(pilot, lambda: not screen.is_filling)
        screen.list.take({}, [])
        assert screen.is_filling
        screen.list.take(store.orders, store.listing)
        assert not screen.is_filling


async def test_a_log_that_is_still_read_says_so(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        screen = ActivityScreen(app.context)
        assert screen.reason_against("activity.by_operator") == "This is still being loaded."
        assert screen.reason_against("activity.back") is None
        await app.push_screen(screen)
        await until_shown(pilot, lambda: not screen.is_filling)
        assert "still being loaded" not in (screen.reason_against("activity.open") or "")
        assert not messages(app)


class Filling(Screen[None]):
    """A screen that is filled when the test says so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "note('x')", id="activity.more"),
        Binding("y", "note('y')", id="activity.open"),
        Binding("q", "note('q')", id="activity.back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.is_filling = True
        self.done: list[str] = []

    def action_note(self, key: str) -> None:
        self.done.append(key)


async def test_keys_are_held_until_a_screen_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_turn, "_LONGEST", 1000.0)
    app = InTurnApp()
    async with app.run_test() as pilot:
        screen = Filling()
        await app.push_screen(screen)
        at_once(app, "x", "y")
        await pilot.pause()
        assert screen.done == []
        screen.is_filling = False
        await until(lambda: screen.done == ["x", "y"])


async def test_the_way_out_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_turn, "_LONGEST", 1000.0)
    app = InTurnApp()
    async with app.run_test() as pilot:
        screen = Filling()
        await app.push_screen(screen)
        at_once(app, "x", "q")
        await until_shown(pilot, lambda: screen.done)
        screen.is_filling = False
        at_once(app, "y")
        await until(lambda: screen.done[-1] == "y")
        assert screen.done == ["q", "y"]  # what stood before it was for a screen that was left


async def test_all_keys_that_wait_are_looked_after_by_one_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_turn, "_LONGEST", 1000.0)
    monkeypatch.setattr(in_turn, "_LOOK_AGAIN", 1000.0)
    timers: list[float] = []

    class Counting(InTurnApp):
        def set_timer(self, delay: float, *args: Any, **options: Any) -> Timer:
            timers.append(delay)
            return super().set_timer(delay, *args, **options)

    app = Counting()
    async with app.run_test() as pilot:
        await app.push_screen(Filling())
        at_once(app, *"x" * 50)
        await pilot.pause()
        assert timers.count(1000.0) == 1


async def test_a_screen_that_is_not_filled_gets_the_key_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_turn, "_LONGEST", 0.0)
    app = InTurnApp()
    async with app.run_test():
        screen = Filling()
        await app.push_screen(screen)
        at_once(app, "x", "y")
        await until(lambda: screen.done == ["x", "y"])
