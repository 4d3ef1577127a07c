"""The orders screen: every key, what stays where it is, 100,000 orders, hostile names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from PIL import Image as PictureFile
from rich.cells import cell_len
from sqlalchemy import func, select
from textual.command import CommandPalette
from textual.widgets import Input

from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, SvgVersion
from fototui.domain.badges import Badge
from fototui.domain.stages import BookState
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus, SvgProcessingStatus
from fototui.live.order_list import Tab
from fototui.live.state import Changed
from fototui.screens.dialogs import AskText
from fototui.services.versions.coloring import ColoringService
from fototui.services.views.orders import ImageBadges, OrderRow
from fototui.storage.directory import DirectoryStorage
from fototui.ui.preferences import Preferences
from fototui.widgets.key_bar import KeyBar
from tests.cases import case
from tests.factories import file_ref, make_coloring, make_order, make_svg
from tests.ui.orders_app import App, AppPilot, orders_app, row, some
from tests.ui.pages import lines
from tests.waiting import until_shown

DONE, FAILED, WORKING = (
    ColoringProcessingStatus.COMPLETED,
    ColoringProcessingStatus.ERROR,
    ColoringProcessingStatus.RUNPOD_PROCESSING,
)
SVG_DONE = SvgProcessingStatus.COMPLETED


Opened = AbstractAsyncContextManager[tuple[App, AppPilot]]
OpenOrders = Callable[..., Opened]


@pytest.fixture
def open_orders(database: Database, storage: DirectoryStorage) -> OpenOrders:
    return partial(orders_app, database, storage)


# --- moving and opening ------------------------------------------------------------------------


@pytest.mark.quick
async def test_moving(open_orders: OpenOrders) -> None:
    async with open_orders(some(100)) as (app, pilot):
        assert app.under_cursor == "#100"
        await pilot.press("down", "down", "up")
        assert app.under_cursor == "#99"
        await pilot.press("end")
        assert app.under_cursor == "#1"
        assert "#1 " in app.lines[-1]
        await pilot.press("down", "pageup")
        page = app.home.table.size.height - 1
        assert app.under_cursor == f"#{1 + page}"
        await pilot.press("pagedown", "home")
        assert app.under_cursor == "#100"
        assert "▸" in app.lines[1]


async def test_opening_review_and_copying(open_orders: OpenOrders) -> None:
    rows = [row(1), row(2), row(3, customer_email="jana@example.com\x1b")]
    async with open_orders(rows) as (app, pilot):
        await pilot.press("e")
        assert app.clipboard == "jana@example.com"
        assert app.messages[-1] == "Copied: jana@example.com"
        await pilot.press("down", "e")
        assert app.messages[-1] == "No e-mail address of this customer is known."
        assert app.clipboard == "jana@example.com"
        await pilot.press("enter", "v", "y", "f")
        assert app.opened == [row(2).id, "review"]
        assert app.clipboard == "#2"
        assert "Shopify is not connected here" in app.messages[-1]


async def test_a_attaches_a_photo_to_the_order(
    open_orders: OpenOrders, database: Database, tmp_path: Path
) -> None:
    PictureFile.new("RGB", (30, 40), "blue").save(tmp_path / "photo.png")
    async with database.session() as session, session.begin():
        two_books = await make_order(session, line_items=2)
        lacking = await make_order(session, images=2)
        lacking.line_items[0].images[1].file_ref = None
    async with open_orders(size=(100, 30)) as (app, pilot):
        await until_shown(pilot, lambda: len(app.shown_numbers) == 2)
        for number, told in (
            (lacking.order_number, "Photo 2 is attached."),
            (lacking.order_number, "The photo is attached, as the last one of its book."),
        ):
            app.messages.clear()
            await pilot.press("home", *["j"] * app.shown_numbers.index(number), "a")
            await until_shown(pilot, lambda: isinstance(app.screen, AskText))
            assert f"{number} · File of" in "\n".join(lines(app))
            app.screen.query_one(Input).value = str(tmp_path / "photo.png")
            await pilot.press("enter")
            await until_shown(pilot, partial(app.messages.__contains__, told))
        await pilot.press("home", *["j"] * app.shown_numbers.index(two_books.order_number), "a")
        # Which of them is meant cannot be known.
        await until_shown(pilot, lambda: "has several books" in app.messages[-1])


async def test_a_mark_tells_what_waits_for_the_customer(
    open_orders: OpenOrders, database: Database
) -> None:
    rows = [row(1), row(2, customer_note="", urgent=True), row(3, customer_note="a photo")]
    async with open_orders(rows) as (app, _):
        assert [" ? " in line for line in app.lines[1:4]] == [True, True, False]
        assert "#2 ? !" in app.lines[2]
    async with database.session() as session, session.begin():
        for customer in ("Jana", "Eva"):
            await make_order(session, customer_name=customer)
    async with open_orders(size=(160, 30)) as (app, pilot):
        await pilot.press("ctrl+a", "w")
        await until_shown(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press(*"a photo", "enter")
        await until_shown(pilot, lambda: "2 orders wait for their customers." in app.messages)
        await until_shown(pilot, lambda: "customer: a photo" in app.home.pane.plain)
        await pilot.press("ctrl+a", "w")
        await until_shown(pilot, lambda: "2 orders no longer wait" in app.messages[-1])


async def test_mouse(open_orders: OpenOrders) -> None:
    async with open_orders(some(100)) as (app, pilot):
        await pilot.click("OrderTable", offset=(10, 3))
        assert app.under_cursor == "#98"
        await pilot.click("OrderTable", offset=(10, 4), times=2)
        await pilot.pause()
        assert app.opened == [row(97).id]
        await pilot.click("OrderTable", offset=(5, 0))
        assert app.home.list.sort == "number"
        assert "Number▲" in app.lines[0]
        await pilot.click("OrderTable", offset=(5, 0))
        assert "Number▼" in app.lines[0]
        app.home.table.scroll_to(y=30, animate=False)
        await pilot.pause()
        assert app.under_cursor == "#97"


# --- filter, tabs, sorting ---------------------------------------------------------------------


async def test_the_footer_of_the_search_tells_the_way_out(open_orders: OpenOrders) -> None:
    async with open_orders(some(3)) as (app, pilot):
        bar = app.home.query_one(KeyBar)
        assert "/ Search" in str(bar.render())
        assert "esc" not in str(bar.render())
        await pilot.press("slash")
        await until_shown(pilot, lambda: "esc Back" in str(bar.render()))
        # What would be typed into the field is no key now.
        assert "Search" not in str(bar.render())
        assert "Review" not in str(bar.render())
        assert "^q Quit" in str(bar.render())
        await pilot.press("escape")
        await until_shown(pilot, lambda: "/ Search" in str(bar.render()))


async def test_the_stage_counts_what_waits_for_the_operator(open_orders: OpenOrders) -> None:
    rows = [row(1), row(2, waiting=3), row(3, waiting=12), row(4, status=OrderStatus.ERROR)]
    async with open_orders(rows) as (app, _):
        assert re.search(r"Error(?! \d)", app.lines[1])
        assert "To review 12" in app.lines[2]
        assert "To review 3" in app.lines[3]
        assert "To vectorise 1" in app.lines[4]
        assert str(app.home.filter.tabs.render()).count("To review 2") == 1


async def test_filtering_as_one_types(open_orders: OpenOrders) -> None:
    rows = [row(1, "Jana Nováková"), row(2, "Petr Dvořák"), row(3, "NOVAK")]
    async with open_orders(rows) as (app, pilot):
        await pilot.press("slash", *"nová")
        assert app.shown_numbers == ["#3", "#1"]
        assert app.preferences.search == "nová"
        await pilot.press("space", *"jan")
        assert app.shown_numbers == ["#1"]
        await pilot.press(*"zz")
        assert "Nothing matches" in "".join(app.lines)
        await pilot.press("escape")
        assert app.shown_numbers == []
        assert app.focused is app.home.table
        await pilot.press("escape")
        assert app.shown_numbers == ["#3", "#2", "#1"]
        await pilot.press("slash", "d", "v", "enter", "g")
        assert app.focused is app.home.table
        assert app.shown_numbers == ["#2"]


async def test_tabs_with_counts(open_orders: OpenOrders) -> None:
    finished = (ImageBadges(1, 1, DONE, 1, SVG_DONE, has_svg=True, is_svg_chosen=True),)
    rows = [
        row(1, images=finished),
        # What is to be judged is what waits in the review, and not what its badges look like.
        row(2, images=finished, waiting=1),
        row(3, images=(ImageBadges(3, 1, WORKING, None, None),), waiting=2),
        row(4, images=(ImageBadges(4, 1, FAILED, None, None),), waiting=1),
        row(5, images=(ImageBadges(5, 1, WORKING, None, None),)),
        row(6, status=OrderStatus.DOWNLOADING, images=()),
        row(7, images=finished, finished_at=datetime(2026, 11, 20, tzinfo=UTC)),
    ]
    async with open_orders(rows, size=(200, 20)) as (app, pilot):
        assert app.shown_numbers == ["#6", "#5", "#4", "#3", "#2", "#1"]
        assert str(app.home.filter.tabs.render()).split("│") == [
            " Not done 6 ",
            " Coming in 1 ",
            " Running 1 ",
            " To review 2 ",
            " To hand over 1 ",
            " Error 1 ",
            " Done 1 ",
            " All 7 ",
        ]
        shown = []
        for _ in range(8):
            await pilot.press("tab")
            shown.append(app.shown_numbers)
        every = ["#6", "#5", "#4", "#3", "#2", "#1"]
        ones = [["#6"], ["#5"], ["#3", "#2"], ["#1"], ["#4"], ["#7"]]
        assert shown == [*ones, ["#7", *every], every]
        await pilot.press("shift+tab", "shift+tab")
        assert app.preferences.tab == "done"
        await pilot.click("OrderTabs", offset=(45, 0))
        assert app.home.list.tab is Tab.TO_REVIEW
        app.held.change(row(2, images=finished, waiting=0))
        assert app.shown_numbers == ["#3"]
        # A tab stays while one looks at it, and goes when it is left empty.
        app.held.change(row(3, images=finished, waiting=0))
        assert app.shown_numbers == []
        assert " To review 0 " in str(app.home.filter.tabs.render())
        await pilot.press("tab")
        assert app.preferences.tab == "to hand over"
        assert "To review" not in str(app.home.filter.tabs.render())


async def test_tabs_that_do_not_fit_give_way_to_the_chosen_one(open_orders: OpenOrders) -> None:
    made = (ImageBadges(1, 1, DONE, 1, SVG_DONE, has_svg=True, is_svg_chosen=True),)
    rows = [
        row(1, images=made),
        row(2, images=made, books=(BookState.NONE,)),
        row(3),
        row(4, waiting=2),
        row(5, images=(ImageBadges(5, 1, WORKING, None, None),)),
        row(6, images=(ImageBadges(6, None, None, None, None),)),
        row(7, status=OrderStatus.PENDING, images=()),
        row(8, status=OrderStatus.ERROR),
        row(9, finished_at=datetime(2026, 11, 20, tzinfo=UTC)),
    ]
    async with open_orders(rows, size=(80, 24)) as (app, pilot):
        tabs = app.home.filter.tabs
        for tab in Tab:
            assert app.home.list.tab is tab
            line = str(tabs.render())
            assert f" {tab.label} {app.home.list.count(tab)} " in line
            assert cell_len(line) <= tabs.size.width == 80
            assert line.startswith("‹") is ("Not done" not in line)
            assert line.endswith("›") is (" All " not in line)
            await pilot.press("tab")


async def test_what_is_found_under_another_tab_is_one_key_away(open_orders: OpenOrders) -> None:
    rows = [row(1), row(2, finished_at=datetime(2026, 11, 20, tzinfo=UTC))]
    async with open_orders(rows) as (app, pilot):
        for ways in (("enter",), ("escape", "enter")):
            with case(ways):
                assert app.shown_numbers == ["#1"]
                await pilot.press("slash", "2")
                assert "Nothing under Not done; 1 under All – enter" in "".join(app.lines)
                await pilot.press(*ways)
                assert app.home.list.tab is Tab.ALL
                assert app.shown_numbers == ["#2"]
                assert app.preferences.search == "2"
                assert app.focused is app.home.table
                await pilot.press("enter")
                assert app.opened.pop() == row(2).id
                await pilot.press("escape")
                assert app.shown_numbers == ["#2", "#1"]
                await pilot.press("tab")


async def test_the_way_back_from_a_tab_leads_to_all(open_orders: OpenOrders) -> None:
    preferences = Preferences(tab="error")
    async with open_orders(some(2), preferences=preferences) as (app, pilot):
        assert app.shown_numbers == []
        await pilot.press("escape")
        assert app.home.list.tab is Tab.ALL
        assert app.shown_numbers == ["#2", "#1"]


async def test_fields_filter_and_the_line_below_tells_of_them(open_orders: OpenOrders) -> None:
    rows = [row(1), row(2, payment_status="PENDING"), row(3, urgent=True)]
    async with open_orders(rows, size=(120, 20)) as (app, pilot):
        await pilot.press("slash")
        await until_shown(pilot, lambda: "is:failed, review" in "\n".join(lines(app)))
        await pilot.press("escape")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await _filter_by_fields(app, pilot)


async def _filter_by_fields(app: App, pilot: AppPilot) -> None:
    page = "\n".join(lines(app))
    assert "is:failed" not in page
    await pilot.press("slash")
    await until_shown(pilot, lambda: "is:failed, review" in "\n".join(lines(app)))
    await pilot.press(*"paid:no")
    assert app.shown_numbers == ["#2"]
    await pilot.press("space", *"is:")
    await until_shown(pilot, lambda: "is: takes failed" in "\n".join(lines(app)))
    assert app.shown_numbers == ["#2"]
    await pilot.press(*"urgent")
    assert app.shown_numbers == []
    await pilot.press("escape", "escape", "slash", *"colour:red")
    words = "There is no field “colour:”: is:failed, review"
    await until_shown(pilot, lambda: words in "\n".join(lines(app)))
    assert len(app.shown_numbers) == 3
    # It stays to be read until the search is another.
    await pilot.press("enter")
    assert words in "\n".join(lines(app))
    await pilot.press("escape")
    await until_shown(pilot, lambda: words not in "\n".join(lines(app)))


async def test_a_change_brings_an_order_into_what_a_field_finds(open_orders: OpenOrders) -> None:
    async with open_orders(some(2)) as (app, pilot):
        await pilot.press("slash", *"is:urgent", "enter")
        assert app.shown_numbers == []
        app.held.change(row(1, urgent=True))
        assert app.shown_numbers == ["#1"]
        app.held.change(row(1))
        assert app.shown_numbers == []


def _shows(app: App, words: str) -> bool:
    return words in "\n".join(lines(app))


async def test_a_number_in_the_palette_leads_to_its_order(open_orders: OpenOrders) -> None:
    rows = [row(n) for n in (12, 1270, 127)] + [row(3, number="#M1000")]
    async with open_orders(rows) as (app, pilot):
        for typed, wanted in (("127", 127), ("#1270", 1270), ("m10", 3), ("1000", 3)):
            await pilot.press("ctrl+p")
            await until_shown(pilot, lambda: isinstance(app.screen, CommandPalette))
            await pilot.press(*typed)
            words = f"Open order {app.store.orders[row(wanted).id].number}"
            await until_shown(pilot, partial(_shows, app, words))
            await pilot.press("enter")
            await until_shown(pilot, lambda: app.screen is app.home and bool(app.opened))
            assert app.opened.pop() == row(wanted).id


async def test_sorting(open_orders: OpenOrders) -> None:
    rows = [
        row(9, "Žofie", payment_status="NEW"),
        row(10, "Čeněk", payment_status=None),
        row(100, "Adam", payment_status="PENDING", waiting=1),
    ]
    async with open_orders(rows, size=(110, 30)) as (app, pilot):
        assert "Received▼" in app.lines[0]
        orders = [app.shown_numbers]
        for _ in range(5):
            await pilot.press("o")
            orders.append(app.shown_numbers)
        newest = ["#100", "#10", "#9"]
        assert orders == [newest, newest[::-1], newest, ["#100", "#9", "#10"], newest, newest]
        await pilot.press("O")
        assert app.shown_numbers == newest[::-1]
        assert "Received▲" in app.lines[0]
        assert (app.preferences.sort, app.preferences.reverse) == ("created", True)


async def test_preferences_are_taken_up(open_orders: OpenOrders) -> None:
    remembered = Preferences(tab="to review", sort="number", reverse=True, search="Customer")
    rows = [row(number, waiting=1) for number in (1, 2, 3)]
    async with open_orders(rows, preferences=remembered) as (app, _):
        assert app.home.filter.field.value == "Customer"
        assert app.shown_numbers == ["#3", "#2", "#1"]
        assert "Number▼" in app.lines[0]
    broken = Preferences(tab="?", sort="?", search="\x1b[31m")
    async with open_orders(some(3), preferences=broken) as (app, _):
        assert app.home.list.tab is Tab.WORKING
        assert app.home.filter.field.value == "[31m"


async def test_empty(open_orders: OpenOrders) -> None:
    async with open_orders([]) as (app, pilot):
        assert "No orders yet. `fototui orders add photo.jpg` makes one." in app.lines[2]
        await pilot.press("enter", "space", "ctrl+a", "g", "y", "down", "end")
        assert set(app.messages) == {"There is no order here."}
        app.held.put([row(1)])
        app.held.tell(Changed(listing=True))
        assert app.under_cursor == "#1"


# --- nothing jumps -----------------------------------------------------------------------------


async def test_cursor_and_scroll_stay(open_orders: OpenOrders) -> None:
    async with open_orders(some(200)) as (app, pilot):
        await pilot.press("pagedown", "pagedown", "up")
        cursor = app.under_cursor
        [line] = [number for number, each in enumerate(app.lines) if each.startswith("▸")]

        def check() -> None:
            assert app.under_cursor == cursor
            assert app.lines[line].startswith("▸")
            assert cursor in app.lines[line]

        app.held.put([*some(200), *(row(number) for number in range(300, 320))])
        app.held.tell(Changed(listing=True))
        check()
        app.held.put([row for row in app.held.orders.values() if int(row.number[1:]) < 190])
        app.held.tell(Changed(listing=True))
        check()
        await pilot.pause()
        check()
        await pilot.press("o", "O")
        assert app.under_cursor == cursor
        await pilot.press("slash", *cursor[1:])
        assert app.under_cursor == cursor
        await pilot.press("escape", "escape")
        assert app.under_cursor == cursor


async def test_scroll_without_cursor_stays(open_orders: OpenOrders) -> None:
    async with open_orders(some(200)) as (app, pilot):
        app.home.table.scroll_to(y=100, animate=False)
        await pilot.pause()
        seen = app.lines[1:]
        app.held.put([*some(200), row(300), row(301)])
        app.held.tell(Changed(listing=True))
        await pilot.pause()
        assert app.lines[1:] == seen
        assert app.under_cursor == "#200"


async def test_a_new_order_is_seen_at_the_top(open_orders: OpenOrders) -> None:
    async with open_orders(some(50)) as (app, _):
        app.held.put(some(51))
        app.held.tell(Changed(listing=True))
        assert "#51" in app.lines[1]
        assert app.under_cursor == "#50"


async def test_the_cursor_of_a_removed_order_goes_to_its_neighbour(open_orders: OpenOrders) -> None:
    async with open_orders(some(10)) as (app, pilot):
        await pilot.press("down", "down")
        app.held.put([row for row in some(10) if row.number not in ("#8", "#7")])
        app.held.tell(Changed(listing=True))
        assert app.under_cursor == "#6"
        await pilot.press("end")
        app.held.put([row(10), row(9)])
        app.held.tell(Changed(listing=True))
        assert app.under_cursor == "#9"


async def test_a_changed_badge_glows_for_a_while(open_orders: OpenOrders) -> None:
    images = (ImageBadges(5, 1, WORKING, None, None), ImageBadges(6, 2, WORKING, None, None))
    async with open_orders([row(1, images=images), row(2)]) as (app, pilot):

        def reversed_texts() -> str:
            return "".join(s.text for s in app.home.table.render_line(2) if s.style.reverse)  # type: ignore[union-attr] # every segment has one

        assert "◐◐" in app.lines[2]
        done = dataclasses.replace(images[1], coloring=DONE)
        app.held.change(row(1, images=(images[0], done)))
        assert "◐◉" in app.lines[2]
        assert reversed_texts() == "◉"
        await until_shown(pilot, lambda: not reversed_texts())


# --- strangers' texts --------------------------------------------------------------------------

HOSTILE = (
    "[/foo] [bold]x[/bold] [@click=app.quit]quit[/]",
    "\x1b[31mred\x1b]0;title\x07 \x9b2J",
    "\u202eevil\u202c \u200f\u2066x",
    "👨‍👩‍👧 rodina 🇨🇿 👍🏽 ❤️",
    "李小龍の家族さんと友達のみなさん全員でお願いします",
    "Z" + "\u0301\u0489" * 50 + "algo",
    "x" * 10_000,
    "line\nbreak\ttab\u2028sep",
    "\u00ad\u115f\u3164\ufdfd\U000e0041",
)


async def test_hostile_names_keep_the_columns(open_orders: OpenOrders) -> None:
    rows = [
        row(n, text, number=f"#{n}", payment_status=text, images=row(7).images * 200)
        for n, text in enumerate(HOSTILE, 1)
    ]
    async with open_orders(rows) as (app, pilot):
        for size in ((60, 20), (80, 24), (120, 36), (200, 60)):
            with case(size):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                width = app.home.table.scrollable_content_region.width
                lines = app.lines[1 : len(rows) + 1]
                assert {cell_len(line) for line in app.lines} == {width}
                starts = {cell_len(line[: line.index("◉")]) for line in lines}
                assert len(starts) == 1
                assert all("+1" in line for line in lines)
                assert not any(c in "".join(lines) for c in "\x1b\x9b\x07\u202e\u200d\n\t")
                assert "[/foo] [bold]" in "".join(lines) or size[0] < 120


async def test_essential_columns_at_each_width(open_orders: OpenOrders) -> None:
    titles = {}
    async with open_orders(some(3)) as (app, pilot):
        for width in (30, 60, 80, 119, 120, 160):
            await pilot.resize_terminal(width, 20)
            await until_shown(pilot, lambda: app.home.size.width == width)  # noqa: B023
            await pilot.pause()
            titles[width] = app.lines[0].split()
    assert titles[30] == ["Number", "Colourings", "SVG"]
    assert titles[60] == ["Number", "Customer", "Stage", "Colourings", "SVG"]
    assert titles[80][1:4] == ["Received▼", "Customer", "Payment"]
    assert len(titles[80]) == 7
    assert len(titles[119]) == len(titles[160]) == 8
    # What the side pane tells too gives way to it.
    assert titles[120] == ["Number", "Customer", "Payment", "Stage", "Colourings", "SVG"]


async def test_names_and_payments_are_whole_beside_the_side_pane(open_orders: OpenOrders) -> None:
    rows = [row(1, "Kateřina Procházková", payment_status="PENDING")]
    async with open_orders(rows, size=(120, 36), language="cs") as (app, pilot):
        assert app.home.pane.display
        assert "Kateřina Procházková Čeká na platbu " in app.lines[1]
        # No column tells of the sorting by the time, so a message does.
        await pilot.press("o")
        assert "Číslo▲" in app.lines[0]
        await pilot.press("O", *"oooo")
        assert not any(sign in app.lines[0] for sign in "▼▲")
        assert app.messages[-1] == "Seřazeno podle: Přijato"


async def test_ascii_signs(open_orders: OpenOrders) -> None:
    async with open_orders(some(3), ascii_badges=True) as (app, pilot):
        await pilot.press("space")
        assert all(line.isascii() for line in app.lines)
        assert ">" in app.lines[2]
        assert "*" in app.lines[1]


async def test_a_range_is_marked_from_the_last_mark_to_the_cursor(open_orders: OpenOrders) -> None:
    async with open_orders(some(9)) as (app, pilot):
        await pilot.press("M")
        assert "Mark the first order with space" in app.messages[-1]
        await pilot.press("down", "space", "down", "down", "M")
        numbers = {app.store.orders[order_id].number for order_id in app.home.table.marked}
        assert numbers == {"#8", "#7", "#6", "#5"}
        await pilot.press("end", "M")
        assert len(app.home.table.marked) == 8


async def test_language_changes_in_place(open_orders: OpenOrders) -> None:
    async with open_orders(some(50), size=(110, 30)) as (app, pilot):
        await pilot.press("end", "space", "f10")
        assert app.under_cursor == "#1"
        assert "1.11. 01:01" in app.lines[-1]
        assert app.home.table.marked


# --- many orders -------------------------------------------------------------------------------


async def test_of_many_orders_only_those_in_sight_are_painted(
    open_orders: OpenOrders, painted_rows: list[OrderRow]
) -> None:
    async with open_orders([]) as (app, pilot):
        app.held.put(some(4_000))
        app.held.tell(Changed(listing=True))
        await pilot.pause()
        screenful = 2 * len(app.home.table.in_sight)
        assert 0 < len(painted_rows) <= screenful
        keys = "down pagedown end home space o o O ctrl+a ctrl+a slash 9 9 escape escape tab"
        for key in keys.split():
            painted_rows.clear()
            await pilot.press(key)
            assert len(painted_rows) <= screenful, key
        painted_rows.clear()
        for number in range(1, 100):
            app.held.tell(Changed(rows=frozenset({row(number).id})))
        await pilot.pause()
        assert len(painted_rows) <= screenful


# --- marks and commands ---------------------------------------------------------------------------


async def test_marks(open_orders: OpenOrders) -> None:
    async with open_orders(some(4)) as (app, pilot):
        marked = app.home.table
        await pilot.press("space", "space")
        assert marked.marked == {row(4).id, row(3).id}
        assert app.under_cursor == "#2"
        assert "✓" in app.lines[1]
        assert "2 marked" in str(app.home.filter.tabs.render())
        await pilot.press("ctrl+a")
        assert len(marked.marked) == 4
        await pilot.press("ctrl+a")
        assert not marked.marked
        await pilot.press("space", "escape")
        assert not marked.marked
        await pilot.press("ctrl+a")
        app.held.put(some(2))
        app.held.tell(Changed(listing=True))
        assert len(marked.marked) == 2


async def _count(database: Database, model: type[ColoringVersion | SvgVersion]) -> int:
    async with database.session() as session, session.begin():
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_bulk_colourings(open_orders: OpenOrders, database: Database) -> None:
    async with database.session() as session, session.begin():
        first = await make_order(session, images=2)
        await make_coloring(session, first.line_items[0].images[0], status=DONE)
        await make_order(session, images=2)
        await make_order(session, images=1, uploaded=False)
    async with open_orders() as (app, pilot):
        await pilot.press("ctrl+a", "g")
        await until_shown(pilot, lambda: app.messages)
        assert await _count(database, ColoringVersion) == 4
        assert app.messages[0].startswith(
            "Queued: 3 colourings in 2 orders; no engine is running. 2 left out: "
        )
        assert "completed already" in app.messages[0]
        assert not app.home.table.marked
        await until_shown(pilot, lambda: app.home.list.count(Tab.RUNNING) == 2)


async def test_svg_of_the_order_under_the_cursor(
    open_orders: OpenOrders, database: Database
) -> None:
    async with database.session() as session, session.begin():
        for _ in range(2):
            order = await make_order(session)
            image = order.line_items[0].images[0]
            coloring = await make_coloring(session, image, status=DONE, file_ref=image.file_ref)
            await session.flush()
            image.selected_coloring_id = coloring.id
    async with open_orders() as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, lambda: app.messages)
        assert app.messages == ["Queued: 1 SVG; no engine is running."]
        async with database.session() as session, session.begin():
            image_ids = (await session.scalars(select(SvgVersion.image_id))).all()
            order_id = await session.scalar(
                select(Image.line_item_id).where(Image.id == image_ids[0])
            )
        assert len(image_ids) == 1
        assert order_id is not None


async def test_retry_of_both_kinds(open_orders: OpenOrders, database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, images=2)
        one, two = order.line_items[0].images
        await make_coloring(session, one, status=FAILED)
        coloring = await make_coloring(session, two, status=DONE, file_ref=two.file_ref)
        await make_svg(session, coloring, status=SvgProcessingStatus.ERROR)
    async with open_orders() as (app, pilot):
        await pilot.press("r")
        await until_shown(pilot, lambda: app.messages)
        await pilot.press("r")
        await until_shown(pilot, lambda: len(app.messages) == 2)
        assert app.messages == [
            (
                "Queued: 1 colouring, 1 SVG; no engine is running. "
                "Made of Colouring v1: none is chosen."
            ),
            "There is nothing to start.",
        ]
        async with database.session() as session, session.begin():
            statuses = (await session.scalars(select(SvgVersion.status))).all()
        assert statuses == [SvgProcessingStatus.QUEUED]


async def test_many_images_are_asked_about(open_orders: OpenOrders, database: Database) -> None:
    async with database.session() as session, session.begin():
        await make_order(session, images=3)
    async with open_orders(ask_above=2) as (app, pilot):
        await pilot.press("g")
        await until_shown(pilot, lambda: len(app.screen_stack) == 3)
        await pilot.press("enter")
        await until_shown(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.pause()
        assert await _count(database, ColoringVersion) == 0
        await pilot.press("g")
        await until_shown(pilot, lambda: len(app.screen_stack) == 3)
        await pilot.press("y")
        await until_shown(pilot, lambda: app.messages)
        assert await _count(database, ColoringVersion) == 3


async def test_read_only(open_orders: OpenOrders, database: Database) -> None:
    async with database.session() as session, session.begin():
        await make_order(session)
    async with open_orders(read_only=True) as (app, pilot):
        await pilot.press("g", "s", "r", "space")
        assert app.messages == ["This terminal is read-only."] * 3
        assert await _count(database, ColoringVersion) == 0


# --- the side pane -----------------------------------------------------------------------------


async def test_side_pane_follows_the_cursor(open_orders: OpenOrders, database: Database) -> None:
    async with database.session() as session, session.begin():
        older = await make_order(session, customer_name="Older [/x]")
        older.line_items[0].dedication = "Pro babičku \x1b[31m[bold]"
        older.line_items[0].layout = "A4"
        await make_coloring(session, older.line_items[0].images[0], status=WORKING)
        newer = await make_order(
            session, customer_name="Newer", created_at=datetime(2030, 1, 1, tzinfo=UTC)
        )
    async with open_orders(size=(160, 30)) as (app, pilot):
        pane = app.home.pane
        await until_shown(pilot, lambda: "Newer" in pane.plain)
        await pilot.press("down")
        await until_shown(pilot, lambda: "Older [/x]" in pane.plain)
        assert "Pro babičku [31m[bold]" in pane.plain
        assert "◐" in pane.plain
        assert "jana@example.com" in pane.plain
        assert app.store.detail(str(newer.id)) is None
        assert app.store.detail(str(older.id)) is not None
        app.company.present = ["petr[/]\x1b"]
        await until_shown(pilot, lambda: "Also viewing: petr[/]\n" in pane.plain)
        await pilot.resize_terminal(100, 30)
        await until_shown(pilot, lambda: app.store.detail(str(older.id)) is None)
        assert not pane.display


async def test_the_side_pane_tells_who_approved_and_what_signs_mean(
    open_orders: OpenOrders, database: Database
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        image = order.line_items[0].images[0]
        version = await make_coloring(session, image, status=DONE, file_ref=file_ref())
    async with database.session() as session:
        await ColoringService(session, operator="petr").select(version.id)
    async with open_orders(size=(160, 30)) as (app, pilot):
        for words, signs in (
            (r"✓ approved by petr .*\d\d:\d\d", "approved"),
            (r"✓ schváleno: petr, .*\d\d:\d\d", "schváleno"),
        ):
            with case(signs):
                await until_shown(pilot, lambda: re.search(words, app.home.pane.plain))  # noqa: B023
                page = "\n".join(lines(app)).replace("\xa0", " ")
                assert f"✓ {signs}" in page
                assert all(badge.value[0] in page for badge in Badge)
                await pilot.press("f10")
