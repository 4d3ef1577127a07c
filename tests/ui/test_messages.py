"""What one is told: in a line above the footer, errors until they are read, all of it in a list."""

from __future__ import annotations

import asyncio

from textual.geometry import Region
from textual.screen import Screen

from fototui.app import FototuiApp
from fototui.screens.activity import ActivityScreen
from fototui.screens.messages import MessagesScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.widgets.message_line import MessageLine
from tests.cases import case
from tests.ui.conftest import OpenApp
from tests.ui.pages import lines
from tests.waiting import until_shown

# Long enough to be looked at; what is to go is told with the shortest time there is.
_STAYS = 600.0
_GOES = 0.001


def _line(app: FototuiApp) -> str:
    return str(app.screen.query_one(MessageLine).render())


def _region(app: FototuiApp) -> Region:
    return app.screen.query_one(MessageLine).region


async def test_a_message_stands_above_the_footer_and_goes(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        app.notify("Copied [b]#1001[/b].", timeout=_STAYS)
        await until_shown(pilot, lambda: "Copied [b]#1001[/b]." in lines(app)[-2])
        assert "Leave" in lines(app)[-1]
        app.notify("Fetching…", timeout=_GOES)
        await until_shown(pilot, lambda: not lines(app)[-2].strip())


async def test_the_time_of_one_message_does_not_end_another(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        app.notify("first", timeout=_GOES)
        app.notify("second", timeout=_STAYS)
        log = app.context.messages
        first = log.entries[0]
        log.fade(first)
        await pilot.pause()
        assert "second" in _line(app)


async def test_an_error_stands_until_it_is_read(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        for number in (1, 2):
            app.notify(f"Failure {number}.", severity="error", timeout=_GOES)
        app.notify("Fetching…", timeout=_STAYS)
        await until_shown(pilot, lambda: "Fetching…  ^l ✗ 2" in _line(app))
        app.context.messages.fade(app.context.messages.entries[-1])
        assert "Failure 2.  ^l ✗ 2" in _line(app)
        await pilot.press("4")
        await until_shown(pilot, lambda: isinstance(app.screen, ActivityScreen))
        await until_shown(pilot, lambda: "Failure 2." in lines(app)[-2])
        await pilot.press("ctrl+l")
        await until_shown(pilot, lambda: isinstance(app.screen, MessagesScreen))
        await until_shown(pilot, lambda: any("Failure 1." in line for line in lines(app)))
        shown = "\n".join(lines(app))
        assert shown.index("Fetching…") < shown.index("Failure 2.") < shown.index("Failure 1.")
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, ActivityScreen))
        assert not _line(app).strip()


async def test_a_list_of_nothing(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        await pilot.press("ctrl+l")
        await until_shown(pilot, lambda: any("Nothing has been said yet" in x for x in lines(app)))
        await pilot.press("ctrl+l")
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))


async def test_a_long_message_is_read_whole_and_covers_nothing(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        for size in ((80, 24), (120, 36)):
            with case(size):
                await pilot.resize_terminal(*size)
                words = "The storage does not answer, " * 5 + "so look at its settings."
                app.notify(words, severity="error", timeout=_STAYS)
                await until_shown(pilot, lambda: _region(app).height > 1)
                above = app.screen.query_one("#body").region
                assert above.bottom == _region(app).y
                assert "settings." in lines(app)[_region(app).bottom - 1]
                app.context.messages.read()
                app.notify("Short.", timeout=_STAYS)
                await until_shown(pilot, lambda: _region(app).height == 1)


async def test_what_takes_as_much_room_as_before_lays_nothing_out_anew(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen, size=(120, 36)) as (app, pilot):
        app.notify("First.", timeout=_STAYS)
        await until_shown(pilot, lambda: "First." in lines(app)[-2])
        screen = app.screen
        assert isinstance(screen, OrdersScreen)
        laid_out: list[Screen[object]] = []
        screen.screen_layout_refresh_signal.subscribe(screen, laid_out.append, immediate=True)
        app.notify("Second.", timeout=_STAYS)
        screen.refresh_bars()
        screen.pane.show_words("")
        drawn = asyncio.Event()
        screen.call_after_refresh(drawn.set)
        await until_shown(pilot, drawn.is_set)
        assert "Second." in lines(app)[-2]
        assert not laid_out
        app.notify("Now it needs more than a line. " * 5, timeout=_STAYS)
        await until_shown(pilot, lambda: laid_out)
