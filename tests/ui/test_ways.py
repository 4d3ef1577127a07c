"""The header says where one can go and what is wrong there; the footer never drops the way out."""

from dataclasses import replace

from textual.pilot import Pilot

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.domain.statuses import ColoringProcessingStatus, JobKind
from fototui.i18n import _
from fototui.screens.activity import ActivityScreen
from fototui.screens.base import FototuiScreen
from fototui.screens.compare import CompareScreen
from fototui.screens.dialogs import Confirm
from fototui.screens.engines import EnginesScreen
from fototui.screens.order.screen import OrderScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.screens.picture import PictureScreen
from fototui.screens.review.screen import ReviewScreen
from fototui.services.operations.lanes import LaneService
from fototui.ui.actions import ACTIONS, Scope
from fototui.ui.context import AppContext
from fototui.widgets.key_bar import KeyBar
from fototui.widgets.status_bar import StatusBar
from tests.cases import case
from tests.factories import file_ref, make_coloring, make_order
from tests.ui.conftest import OpenApp
from tests.ui.pages import lines, messages
from tests.waiting import until_shown


async def test_digits_go_to_screens_and_into_the_search(open_app: OpenApp) -> None:
    screens: dict[str, type[object]] = {"2": ReviewScreen, "3": EnginesScreen, "4": ActivityScreen}
    async with open_app(OrdersScreen) as (app, pilot):
        for key, screen in screens.items():
            with case(key):
                await pilot.press(key)
                await pilot.pause()
                assert isinstance(app.screen, screen)
                await pilot.press("q")
                await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
        await pilot.press("slash", "3")
        await until_shown(pilot, lambda: app.context.order_list.search == "3")
        assert isinstance(app.screen, OrdersScreen)


async def test_ctrl_c_says_how_to_leave_and_q_asks_first(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        await pilot.press("ctrl+c")
        await until_shown(pilot, lambda: "^q leaves the app." in messages(app))
        assert app.is_running
        await pilot.press("q")
        await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
        await pilot.press("q")
        await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until_shown(pilot, lambda: not app.is_running)


async def test_the_header_tells_of_pauses_and_missing_engines(
    open_app: OpenApp, database: Database
) -> None:
    async with database.session() as session:
        await LaneService(session, operator="petr").pause(JobKind.COLORING, reason="Out of ink")
    async with open_app(OrdersScreen, size=(80, 24), language="cs") as (app, pilot):
        for key in ("4", "1"):
            await pilot.press(key)
            await until_shown(pilot, lambda: "3 Stroje ✗‖1" in lines(app)[0])


async def test_the_header_counts_what_waits_for_review(
    open_app: OpenApp, database: Database
) -> None:
    async with database.session() as session, session.begin():
        image = (await make_order(session)).line_items[0].images[0]
        done = ColoringProcessingStatus.COMPLETED
        await make_coloring(session, image, status=done, file_ref=file_ref())
    async with open_app(OrdersScreen) as (app, pilot):
        (row,) = app.store.orders.values()
        waiting = app.context.order_list.waiting
        assert waiting == row.waiting
        app.context.order_list.update({row.id: replace(row, waiting=waiting + 7)}, [row.id])
        app.screen.query_one(StatusBar).refresh()
        await until_shown(pilot, lambda: f"2 Review {waiting + 7}" in lines(app)[0])


_SCREENS: dict[Scope, type[FototuiScreen]] = {
    Scope.ORDERS: OrdersScreen,
    Scope.REVIEW: ReviewScreen,
    Scope.ENGINES: EnginesScreen,
    Scope.ACTIVITY: ActivityScreen,
    Scope.ORDER: OrderScreen,
    Scope.PICTURE: PictureScreen,
    Scope.COMPARE: CompareScreen,
}


async def test_footers_keep_the_way_out_and_the_main_keys(
    open_app: OpenApp, database: Database
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        image = order.line_items[0].images[0]
        done = ColoringProcessingStatus.COMPLETED
        await make_coloring(session, image, status=done, file_ref=file_ref())
    async with open_app(_home, size=(80, 24)) as (app, pilot):
        for scope in (Scope.ORDERS, Scope.REVIEW, Scope.ENGINES, Scope.ACTIVITY):
            app.show_section(scope)
            await _check_footer(app, pilot, scope)
        app.show_section(Scope.ORDERS)
        await pilot.press("enter")
        await _check_footer(app, pilot, Scope.ORDER)
        for key, scope in (("p", Scope.PICTURE), ("c", Scope.COMPARE)):
            await pilot.press(key)
            await _check_footer(app, pilot, scope)
            await pilot.press("q")
            await until_shown(pilot, lambda: isinstance(app.screen, OrderScreen))


def _home(context: AppContext) -> FototuiScreen:
    return OrdersScreen(context)


async def _check_footer(app: FototuiApp, pilot: Pilot[None], scope: Scope) -> None:
    await until_shown(pilot, lambda: isinstance(app.screen, _SCREENS[scope]))
    screen = app.screen
    assert isinstance(screen, FototuiScreen)
    await until_shown(pilot, lambda: screen.is_mounted and screen.query(KeyBar))
    bar = screen.query_one(KeyBar)
    wanted = [a for a in ACTIONS.values() if a.stays and a.scope in (scope, Scope.EVERYWHERE)]
    assert any(action.label in ("Back", "Leave") for action in wanted)
    if scope is Scope.ORDER:
        await until_shown(pilot, lambda: screen.reason_against("order.picture") is None)
    for _language in ("en", "cs"):
        with case(scope, app.preferences.language):
            words = str(bar.render())
            assert [a.id for a in wanted if screen_word(screen, a.id) not in words] == []
            assert bar.render().cell_length <= 80
        app.next_language()
        await pilot.pause()


def screen_word(screen: FototuiScreen, action_id: str) -> str:
    """What the footer calls an action."""
    if action_id.startswith("everywhere."):
        return _(ACTIONS[action_id].label)
    return screen.label_of(action_id)
