"""The activity screen: live, by order and operator, back to the first day."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from textual.widgets import Input, Static

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Order
from fototui.i18n import set_language
from fototui.live.state import Changed
from fototui.screens.activity import PAGE, ActivityScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.operations.activity import ActivityAction
from fototui.widgets.activity_words import action_words
from fototui.widgets.tables.simple_table import SimpleTable
from tests.cases import case
from tests.factories import make_coloring, make_order
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import messages
from tests.waiting import until_shown

HOSTILE = "[/foo] [@click=app.quit]x[/] \x1b[31mred\u202e"


@dataclass
class Log:
    """Two orders and what was done to them, oldest first."""

    orders: Sequence[Order]
    entries: Sequence[Activity]


@pytest.fixture
async def activity(database: Database) -> Log:
    async with database.session() as session, session.begin():
        orders = [await make_order(session, images=2, line_items=2) for _ in range(2)]
        one, two = orders
        image = one.line_items[1].images[1]
        version = await make_coloring(session, image)
        about = {
            "order_id": one.id,
            "image_id": image.id,
            "version_type": "coloring",
            "version_id": version.id,
        }
        entries = [
            Activity(operator="eva", action="order_created", order_id=one.id),
            Activity(operator="eva", action="requested", detail="Colouring v1", **about),
            Activity(
                operator="engine a1b2c3d4",
                action="failed",
                detail="RunPod could not read the photo. Upload another one, and try again.",
                **about,
            ),
            Activity(operator="petr", action="retried", detail="Colouring v1", **about),
            Activity(operator="petr", action="selected", detail="SVG v2", order_id=two.id),
            Activity(
                operator="eva", action="lane_paused", version_type="svg", detail="No credits left."
            ),
            Activity(operator="shop", action="parcel_sent", order_id=two.id),
        ]
        session.add_all(entries)
    return Log(orders, entries)


async def write(database: Database, count: int = 1, *, operator: str = "eva") -> None:
    async with database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO activity (operator, action, detail) "
                "SELECT :who, 'selected', 'SVG v' || n FROM generate_series(1, :count) n"
            ),
            {"who": operator, "count": count},
        )


def log(app: FototuiApp) -> SimpleTable:
    return app.screen.query_one("#log", SimpleTable)


def shown(app: FototuiApp) -> list[str]:
    """The lines below the heading."""
    return [
        line
        for y in range(1, log(app).size.height)
        if (line := log(app).render_line(y).text.rstrip())
    ]


def words(app: FototuiApp, name: str) -> str:
    return str(app.screen.query_one(f"#{name}", Static).render())


async def read(app: FototuiApp, pilot: AppPilot, count: int = 7) -> None:
    await until_shown(pilot, lambda: log(app).row_count == count)


async def test_newest_first_in_words(open_app: OpenApp, activity: Log) -> None:
    async with open_app(ActivityScreen, language="cs") as (app, pilot):
        await read(app, pilot)
        await pilot.press("down", "f10")
        assert log(app).render_line(0).text.split()[:3] == ["Time", "Operator", "Action"]
        assert log(app).cursor == str(activity.entries[5].id)
        for size in ((60, 20), (80, 24), (120, 36), (200, 60)):
            with case(size):
                await pilot.resize_terminal(*size)
                await pilot.press("home")
                _are_in_words(shown(app), activity, size)
                await pilot.press(*["down"] * 4)
                # The whole reason, also where the column cuts it.
                await until_shown(pilot, lambda: words(app, "whole").endswith("and try again."))


def _are_in_words(lines: Sequence[str], activity: Log, size: tuple[int, int]) -> None:
    one, two = (order.order_number for order in activity.orders)
    assert "parcel_sent" in lines[0]  # what another program wrote
    assert "paused a lane" in lines[1]
    assert "chose" in lines[2]
    assert two in lines[2]
    assert "failed" in lines[4]
    assert one in lines[4]
    if size[0] >= 100:
        assert "SVG: No credits left." in lines[1]
        assert "2/2  Colouring: RunPod could" in lines[4]


async def test_a_log_that_is_not_read_yet_counts_nothing(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_app(OrdersScreen) as (app, pilot):
        screen = ActivityScreen(app.context)
        monkeypatch.setattr(screen.refresher, "run", asyncio.Event().wait)  # nothing comes
        await app.push_screen(screen)
        await until_shown(pilot, lambda: "Loading…" in words(app, "filter"))
        assert "entries" not in words(app, "filter")


async def test_empty_log_says_what_will_be_there(open_app: OpenApp) -> None:
    async with open_app(ActivityScreen) as (app, pilot):
        await until_shown(
            pilot, lambda: any("Nothing has been done yet" in line for line in shown(app))
        )
        for key in ("enter", "o", "u", "m"):
            await pilot.press(key)
        assert messages(app).count("This entry is not about an order.") == 2
        assert "No entry is selected" in messages(app)
        assert "There are no older entries." in messages(app)


async def test_o_shows_one_order_and_u_one_operator_and_all_again(
    open_app: OpenApp, activity: Log
) -> None:
    async with open_app(ActivityScreen) as (app, pilot):
        await read(app, pilot)
        await pilot.press("down")
        await pilot.press("o")  # a lane's entry
        assert "This entry is not about an order." in messages(app)
        await pilot.press("down", "o")
        await read(app, pilot, 2)
        number = activity.orders[1].order_number
        assert f"only order {number}" in words(app, "filter")
        assert log(app).cursor == str(activity.entries[4].id)
        assert all(number in line for line in shown(app))
        await pilot.press("o")
        await read(app, pilot)
        assert "All orders, all operators" in words(app, "filter")
        assert log(app).cursor == str(activity.entries[4].id)

        await pilot.press("home", "down", "u")
        await read(app, pilot, 3)
        assert "only eva" in words(app, "filter")
        await pilot.press("end", "o")
        await read(app, pilot, 2)
        assert "only eva" in words(app, "filter")
        assert f"only order {activity.orders[0].order_number}" in words(app, "filter")
        await pilot.press("u")
        await read(app, pilot, 4)
        await pilot.press("o")
        await read(app, pilot)


SEARCHES = {
    "is:chosen": 1,
    "je:chyba": 1,
    "by:petr": 2,
    "kdo:eva is:paused": 1,
    "no credits": 1,
    "after:yesterday retried": 1,
    "before:yesterday": 0,
}


async def test_the_log_is_searched_by_words_and_fields(open_app: OpenApp, activity: Log) -> None:
    async with open_app(ActivityScreen) as (app, pilot):
        await read(app, pilot)
        for typed, count in SEARCHES.items():
            with case(typed):
                await pilot.press("slash")
                app.screen.query_one(Input).insert_text_at_cursor(typed)
                await pilot.press("enter")
                await read(app, pilot, count)
                if not count:
                    await until_shown(pilot, lambda: "Nothing matches; esc" in "".join(shown(app)))
                await pilot.press("escape")
                await read(app, pilot)
                assert isinstance(app.screen, ActivityScreen)


async def test_a_search_goes_on_in_older_entries(
    open_app: OpenApp, activity: Log, database: Database
) -> None:
    await write(database, 3 * PAGE, operator="marie")
    async with open_app(ActivityScreen) as (app, pilot):
        await read(app, pilot, PAGE)
        await pilot.press("slash", *"by:petr")
        await read(app, pilot, 2)


async def test_filter_reads_what_was_not_shown_yet(
    open_app: OpenApp, database: Database, activity: Log
) -> None:
    await write(database, PAGE)
    await write(database, operator="petr")
    async with open_app(ActivityScreen) as (app, pilot):
        await read(app, pilot, PAGE)
        await pilot.press("u")
        await read(app, pilot, 3)  # two of them older than the page


async def test_m_and_the_cursor_bring_older_entries(
    open_app: OpenApp, database: Database, activity: Log
) -> None:
    await write(database, 2 * PAGE)
    async with open_app(ActivityScreen) as (app, pilot):
        await read(app, pilot, PAGE)
        assert "older ones follow" in words(app, "filter")
        top = log(app).cursor
        await pilot.press("m")
        await read(app, pilot, 2 * PAGE)
        assert log(app).cursor == top
        await pilot.press("end")
        await read(app, pilot, 2 * PAGE + 7)
        assert "older ones" not in words(app, "filter")
        await pilot.press("m")
        assert "There are no older entries." in messages(app)


async def test_what_is_new_comes_on_top_and_the_cursor_stays(
    open_app: OpenApp, database: Database, activity: Log
) -> None:
    await write(database, 60)
    async with open_app(ActivityScreen) as (app, pilot):
        await read(app, pilot, 67)
        await pilot.press("pagedown", "pagedown")
        key, line = log(app).cursor, _cursor_line(app)
        await write(database, 3, operator="petr")
        app.screen.on_store_changed(Changed(listing=True))  # type: ignore[attr-defined] # ours
        await read(app, pilot, 70)
        await pilot.pause()
        assert (log(app).cursor, _cursor_line(app)) == (key, line)
        await pilot.press("home")
        assert "petr" in shown(app)[0]

        # A long absence leaves no gap.
        await write(database, PAGE * 2)
        app.screen.on_store_changed(Changed(listing=True))  # type: ignore[attr-defined] # ours
        await read(app, pilot, PAGE * 2 + 70)


def _cursor_line(app: FototuiApp) -> int:
    (found,) = [y for y, line in enumerate(shown(app)) if line.startswith("▸")]
    return found


async def test_enter_opens_the_order_and_escape_goes_back(
    open_app: OpenApp, activity: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    async with open_app(ActivityScreen, read_only=True) as (app, pilot):
        await read(app, pilot)
        monkeypatch.setattr(app, "open_order", opened.append)
        await pilot.press("enter")
        await pilot.press("down", "enter")
        assert "This entry is not about an order." in messages(app)
        await pilot.double_click("#log", offset=(5, 4))
        await until_shown(pilot, lambda: len(opened) == 2)
        assert opened == [str(activity.orders[1].id), str(activity.orders[0].id)]
        await pilot.press("escape")
        assert not isinstance(app.screen, ActivityScreen)


async def test_what_is_cut_says_so_beside_a_scrollbar_too(
    open_app: OpenApp, activity: Log, database: Database
) -> None:
    async with database.session() as session, session.begin():
        failed = Activity(operator="eva", action="failed", detail="RunPod ran out of memory. " * 9)
        session.add(failed)
    await write(database, 30)
    async with open_app(ActivityScreen, size=(80, 60)) as (app, pilot):
        await read(app, pilot, 38)
        assert not log(app).show_vertical_scrollbar
        await pilot.resize_terminal(80, 24)
        await until_shown(pilot, lambda: log(app).show_vertical_scrollbar)
        await pilot.press("end", "up", "up", "up", "up", "up", "up", "up")
        (line,) = (line for line in shown(app) if "RunPod ran" in line)
        seen = log(app).scrollable_content_region.width
        assert line[:seen].endswith("…")


async def test_hostile_texts_are_only_text(open_app: OpenApp, database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, order_number=f"#{HOSTILE}")
        session.add(Activity(operator=HOSTILE, action=HOSTILE, detail=HOSTILE, order_id=order.id))
    async with open_app(ActivityScreen, size=(200, 60)) as (app, pilot):
        await read(app, pilot, 1)
        await pilot.press("o", "u")
        await until_shown(pilot, lambda: words(app, "filter").count("[/foo]") == 2)
        everything = "".join([*shown(app), words(app, "filter"), words(app, "whole")])
        assert everything.count("[@click=app.quit]x[/]") >= 3
        assert not {"\x1b", "\u202e"} & set(everything)


def test_every_action_has_words() -> None:
    set_language("cs")  # in English some are called as they are stored
    assert [action for action in ActivityAction if action_words(action) == action] == []
    assert action_words("par\x1bcel") == "parcel"
