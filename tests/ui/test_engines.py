"""Engines and jobs: every key, what may not be done, and tables that keep their cursor."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from textual.widgets import Input, Static
from ulid import ULID

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.operations import Activity, Engine, Lane
from fototui.db.models.orders import ColoringVersion, Order, SvgVersion
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.domain.statuses import SvgProcessingStatus as Svg
from fototui.i18n import set_language
from fototui.screens.dialogs import AskText, Confirm
from fototui.screens.engines import EnginesScreen
from fototui.screens.job import JobScreen
from fototui.services.backend import Backend
from fototui.services.operations.lanes import LaneService
from fototui.widgets.cost_line import CostLine
from fototui.widgets.sparkline import sparkline
from fototui.widgets.tables.job_rows import duration
from fototui.widgets.tables.simple_table import SimpleTable
from fototui.widgets.throughput import ThroughputChart
from fototui.widgets.version_words import kind_word
from tests.cases import case
from tests.factories import make_call, make_coloring, make_order, make_svg
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import lines, messages
from tests.waiting import until_shown

HOSTILE = "[/foo] [@click=app.quit]x[/] \x1b[31mred\u202e"


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def engine(name: str, **fields: object) -> Engine:
    values: dict[str, object] = {
        "id": uuid.uuid4(),
        "operator": name,
        "host": "studio-2",
        "pid": 4711,
        "version": "0.1.0",
        "lanes": ["coloring", "svg"],
        "capacity": 8,
        "lease_seconds": 15.0,
    }
    return Engine(**values | fields)


@dataclass
class Shop:
    """What the tests work with."""

    order_id: str
    number: str
    mine: Engine
    running: ColoringVersion
    waiting: ColoringVersion
    svg: SvgVersion
    failed: ColoringVersion


@pytest.fixture
async def shop(database: Database) -> Shop:
    async with database.session() as session, session.begin():
        mine, other = engine("jana"), engine("petr", host="notebook", pid=99)
        session.add_all([mine, other])
        order = await make_order(session, images=3)
        one, two, three = order.line_items[0].images
        running = await make_coloring(
            session,
            one,
            status=Coloring.RUNPOD_PROCESSING,
            claimed_by=mine.id,
            claimed_at=func.now(),
            started_at=ago(seconds=75),
            attempts=1,
            queued_at=ago(minutes=3),
        )
        waiting = await make_coloring(
            session,
            two,
            queued_at=ago(minutes=2),
            not_before=ago(minutes=-10),
            error="RunPod is busy (HTTP 503).",
            attempts=1,
        )
        done = await make_coloring(
            session, three, status=Coloring.COMPLETED, completed_at=ago(minutes=4)
        )
        svg = await make_svg(session, done, queued_at=ago(minutes=1))
        failed = await make_coloring(
            session,
            three,
            version=60,
            status=Coloring.ERROR,
            started_at=ago(minutes=6),
            completed_at=ago(minutes=5),
            attempts=3,
            error="RunPod could not read the photo. Upload another one.",
        )
        session.add_all(
            ColoringVersion(
                image_id=three.id,
                version=version,
                status=Coloring.COMPLETED,
                completed_at=ago(minutes=version**2 % 59),
            )
            for version in range(3, 60)
        )
    return Shop(str(order.id), order.order_number, mine, running, waiting, svg, failed)


def table(app: FototuiApp, name: str) -> SimpleTable:
    return app.screen.query_one(f"#{name}", SimpleTable)


def shown(app: FototuiApp, name: str) -> str:
    """All lines of a table, as they stand on the glass."""
    widget = table(app, name)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def why(app: FototuiApp) -> str:
    return str(app.screen.query_one("#why", Static).render())


async def ready(app: FototuiApp, pilot: AppPilot, jobs: int = 4) -> None:
    await until_shown(pilot, lambda: table(app, "jobs").row_count == jobs)
    await until_shown(pilot, lambda: table(app, "lanes").row_count == len(JobKind))


async def go_to(app: FototuiApp, pilot: AppPilot, key: str, name: str = "jobs") -> None:
    """Put the cursor of a table on a row."""
    table(app, name).focus()
    await pilot.press("home")
    while table(app, name).cursor != key:
        before = table(app, name).cursor
        await pilot.press("down")
        assert table(app, name).cursor != before, f"{key} is not there"


async def status_of(database: Database, version: ColoringVersion | SvgVersion) -> str:
    async with database.autocommit() as session:
        model = type(version)
        return str(await session.scalar(select(model.status).where(model.id == version.id)))


async def last_activity(database: Database) -> Activity:
    async with database.session() as session:
        return (await session.scalars(select(Activity).order_by(Activity.id.desc()))).first() or (
            pytest.fail("nothing was written down")
        )


# --- what is shown ---------------------------------------------------------------------------


async def test_everything_is_there(open_app: OpenApp, shop: Shop) -> None:
    async with open_app(EnginesScreen) as (app, pilot):
        await ready(app, pilot)
        for size in ((60, 20), (80, 24), (120, 36), (200, 60)):
            with case(size):
                await pilot.resize_terminal(*size)
                table(app, "jobs").focus()
                await pilot.press("home")
                await _all_is_there(app, pilot, shop, size)


async def _all_is_there(
    app: FototuiApp, pilot: AppPilot, shop: Shop, size: tuple[int, int]
) -> None:
    lanes = [line.split() for line in shown(app, "lanes").splitlines()[1:]]
    assert lanes[0][:5] == ["▸", "Fetching", "orders", "0", "0"]
    assert [line[0] for line in lanes[1:]] == ["Fetching", "Colourings", "SVGs", "Books"]
    assert lanes[2][:3] == ["Colourings", "1", "1"]
    colouring = shown(app, "lanes").splitlines()[3]
    assert ("1 min" in colouring) is (size[0] >= 80)
    assert ("█░" in colouring) is (size[0] >= 120)
    assert "open" in shown(app, "lanes")
    assert "jana" in shown(app, "engines")
    assert "1/8" in shown(app, "engines")
    jobs = shown(app, "jobs").splitlines()
    assert next(line for line in jobs if shop.number in line) == jobs[1]
    assert "1/1" in jobs[1]
    assert re.search(r" [1-9]:\d\d ", jobs[1])  # a minute and some seconds
    await go_to(app, pilot, f"coloring:{shop.waiting.id}")
    await until_shown(pilot, lambda: "again at" in why(app))
    assert "RunPod is busy (HTTP 503)." in why(app)
    await go_to(app, pilot, f"coloring:{shop.failed.id}")
    await until_shown(pilot, lambda: "RunPod could not read the photo." in why(app))
    chart, first = app.screen.query_one(ThroughputChart), table(app, "lanes")
    assert (chart.region.y == first.region.y) is (size[0] >= 160)
    if size[0] >= 120:
        assert "RunPod could" in jobs[4]
    if size[0] >= 200:
        assert f"{str(shop.mine.id)[:8]} jana" in jobs[1]
    assert chart.display is (size[1] >= 24)
    if chart.display:
        assert " 58 " in str(chart.render())
        assert " 1 " in str(chart.render())


PAID = {
    "cs": (
        "Dnes 1 chyba, 12,5 s RunPodu (z toho vyplýtváno 2,5 s RunPodu)",
        " · tento měsíc 12,5",
    ),
    "en": ("Today 1 failure, 12.5 s of RunPod (2.5 s of RunPod wasted)", " · this month 12.5 s"),
}


async def test_what_failed_and_was_paid_is_told_and_the_language_changes_in_place(
    open_app: OpenApp, shop: Shop, database: Database
) -> None:
    async with open_app(EnginesScreen, size=(80, 24), language="cs") as (app, pilot):
        await ready(app, pilot)
        await go_to(app, pilot, f"svg:{shop.svg.id}")
        line = app.screen.query_one(CostLine)
        await until_shown(pilot, lambda: line.display and str(line.render()) == "Dnes 1 chyba")
        async with database.session() as session, session.begin():
            order = await session.get_one(Order, ULID.from_str(shop.order_id))
            failed = make_call(order, execution_ms=2500, outcome="failed", wasted=True)
            session.add_all([make_call(order, execution_ms=10_000), failed])
        for language, (today, month) in PAID.items():
            with case(language):
                if app.preferences.language != language:
                    await pilot.press("f10")
                assert app.preferences.language == language
                await pilot.resize_terminal(80, 24)
                await until_shown(pilot, lambda: str(line.render()) == today)  # noqa: B023
                await pilot.resize_terminal(120, 36)
                whole = today + month
                await until_shown(pilot, lambda: str(line.render()).startswith(whole))  # noqa: B023
                assert line.render().cell_length <= line.content_size.width
        assert shown(app, "jobs").splitlines()[0].split()[:3] == ["Order", "Photo", "Kind"]
        assert table(app, "jobs").cursor == f"svg:{shop.svg.id}"


async def test_empty_tables_say_what_to_do(open_app: OpenApp) -> None:
    async with open_app(EnginesScreen) as (app, pilot):
        await until_shown(pilot, lambda: "0 running" in str(table(app, "jobs").border_title))
        assert "No engine is running" in shown(app, "engines")
        assert "Nothing is waiting" in shown(app, "jobs")
        await pilot.press("x")
        await pilot.press("enter")
        assert "Go to a job first" in messages(app)


async def test_hostile_texts_are_only_text(open_app: OpenApp, database: Database) -> None:
    async with database.session() as session, session.begin():
        bad = engine(HOSTILE, host=HOSTILE, version=HOSTILE, lanes=[HOSTILE])
        session.add(bad)
        order = await make_order(session, order_number=f"#{HOSTILE}")
        await make_coloring(
            session,
            order.line_items[0].images[0],
            status=Coloring.ERROR,
            completed_at=ago(minutes=1),
            error=HOSTILE,
        )
        await session.execute(
            text("UPDATE lanes SET paused_at = now(), paused_by = :it, paused_reason = :it"),
            {"it": HOSTILE},
        )
    async with open_app(EnginesScreen, size=(200, 60)) as (app, pilot):
        await ready(app, pilot, jobs=1)
        for name in ("lanes", "engines", "jobs"):
            assert "[/foo]" in shown(app, name)
            assert not {"\x1b", "\u202e"} & set(shown(app, name))
        await go_to(app, pilot, table(app, "jobs").cursor or "")
        await pilot.press("r")  # the toast names the order
        await until_shown(pilot, lambda: "[/foo]" in messages(app))


async def test_jobs_come_and_go_under_a_steady_cursor(
    open_app: OpenApp, database: Database, shop: Shop
) -> None:
    async with open_app(EnginesScreen) as (app, pilot):
        await ready(app, pilot)
        await go_to(app, pilot, f"svg:{shop.svg.id}")
        async with database.session() as session, session.begin():
            order = await make_order(session, images=2)
            for image in order.line_items[0].images:
                await make_coloring(session, image, queued_at=ago(minutes=90))
            await session.execute(
                text("UPDATE coloring_versions SET status = 'completed' WHERE id = :id"),
                {"id": shop.running.id},
            )
        await until_shown(pilot, lambda: table(app, "jobs").row_count == 5)
        assert table(app, "jobs").cursor == f"svg:{shop.svg.id}"


# --- lanes and engines -------------------------------------------------------------------------


SEARCHES = {
    "is:failed": 1,
    "je:čeká": 2,
    "kind:svg": 1,
    "druh:omalovánka is:running": 1,
    "by:jan": 1,
    "upload another": 1,
    "before:yesterday": 0,
}


async def test_jobs_are_searched_by_words_and_fields(open_app: OpenApp, shop: Shop) -> None:
    async with open_app(EnginesScreen) as (app, pilot):
        await ready(app, pilot)
        await _the_line_tells_what_may_be_typed(app, pilot)
        for typed, count in SEARCHES.items():
            with case(typed):
                await pilot.press("slash")
                app.screen.query_one(Input).insert_text_at_cursor(typed)
                await ready(app, pilot, jobs=count)
                await pilot.press("enter")
                assert app.focused is table(app, "jobs")
                if not count:
                    assert "Nothing matches; esc clears the search." in "\n".join(lines(app))
                await pilot.press("escape")
                await ready(app, pilot)
                assert isinstance(app.screen, EnginesScreen)


async def _the_line_tells_what_may_be_typed(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("slash")
    await until_shown(pilot, lambda: "kind:colouring, svg" in "\n".join(lines(app)))
    await pilot.press(*"paid:no")
    words = "There is no field “paid:”: is:running"
    await until_shown(pilot, lambda: words in "\n".join(lines(app)))
    await pilot.press("escape")
    await until_shown(pilot, lambda: words not in "\n".join(lines(app)))
    await ready(app, pilot)


async def test_p_pauses_a_lane_with_a_reason_and_resumes_it(
    open_app: OpenApp, database: Database, shop: Shop
) -> None:
    async def paused() -> Lane:
        async with database.session() as session:
            return await session.get_one(Lane, "svg")

    async with open_app(EnginesScreen) as (app, pilot):
        await ready(app, pilot)
        await go_to(app, pilot, "svg", "lanes")
        await pilot.press("p")
        await until_shown(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, EnginesScreen))
        assert (await paused()).paused_at is None

        await pilot.press("p")
        await until_shown(pilot, lambda: isinstance(app.screen, AskText))
        app.screen.query_one(Input).value = "No credits [left]"
        await pilot.press("enter")
        await until_shown(pilot, lambda: isinstance(app.screen, EnginesScreen))
        await until_shown(pilot, lambda: "paused by jana since" in shown(app, "lanes"))
        assert "No credits [left]" in why(app)
        assert "paused by jana since" in why(app)
        lane = await paused()
        assert (lane.paused_by, lane.paused_reason) == ("jana", "No credits [left]")
        assert (await last_activity(database)).action == "lane_paused"

        await pilot.press("p")
        await until_shown(pilot, lambda: "paused by" not in shown(app, "lanes"))
        assert (await paused()).paused_at is None
        assert (await last_activity(database)).action == "lane_resumed"


async def test_tab_leads_to_an_engine_that_p_pauses_and_resumes(
    open_app: OpenApp, database: Database, shop: Shop
) -> None:
    async def paused_by() -> str | None:
        async with database.autocommit() as session:
            return await session.scalar(select(Engine.paused_by).where(Engine.id == shop.mine.id))

    async with open_app(EnginesScreen, operator="eva") as (app, pilot):
        await ready(app, pilot)
        assert table(app, "jobs").has_focus
        await pilot.press("p")
        assert "Go to a lane or an engine first" in messages(app)
        for name in ("lanes", "engines", "jobs", "lanes"):
            await pilot.press("tab")
            assert table(app, name).has_focus
        await pilot.press("r")
        assert "Go to a job first" in messages(app)

        await go_to(app, pilot, str(shop.mine.id), "engines")
        await pilot.press("p")
        await until_shown(pilot, lambda: "paused by eva" in shown(app, "engines"))
        assert await paused_by() == "eva"
        entry = await last_activity(database)
        assert (entry.action, entry.detail) == ("engine_paused", "jana @ studio-2, pid 4711")
        await pilot.press("p")
        await until_shown(pilot, lambda: "paused by eva" not in shown(app, "engines"))
        assert await paused_by() is None
        assert (await last_activity(database)).action == "engine_resumed"

        async with database.session() as session, session.begin():
            await session.execute(text("UPDATE engines SET retired_at = now()"))
        await pilot.press("p")
        await until_shown(pilot, lambda: "This engine is gone" in messages(app))


# --- jobs ----------------------------------------------------------------------------------------


async def test_x_cancels_what_waits_at_once_and_asks_where_it_may_be_charged(
    open_app: OpenApp, database: Database, shop: Shop
) -> None:
    async with open_app(EnginesScreen) as (app, pilot):
        await ready(app, pilot)
        await go_to(app, pilot, f"svg:{shop.svg.id}")
        await pilot.press("x")
        await until_shown(pilot, lambda: table(app, "jobs").row_count == 3)
        assert await status_of(database, shop.svg) == Svg.ERROR
        entry = await last_activity(database)
        assert (entry.operator, entry.action, entry.version_type) == ("jana", "cancelled", "svg")
        # Cancelled is not failed.
        assert " 1 open failure" in str(table(app, "jobs").border_title)

        await go_to(app, pilot, f"coloring:{shop.running.id}")
        await pilot.press("x")
        await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("enter")  # the careful answer
        await until_shown(pilot, lambda: isinstance(app.screen, EnginesScreen))
        assert await status_of(database, shop.running) == Coloring.RUNPOD_PROCESSING
        await pilot.press("x")
        await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until_shown(pilot, lambda: table(app, "jobs").row_count == 2)
        assert await status_of(database, shop.running) == Coloring.RUNPOD_CANCELLED


async def test_r_retries_a_failed_job(open_app: OpenApp, database: Database, shop: Shop) -> None:
    async with open_app(EnginesScreen) as (app, pilot):
        await ready(app, pilot)
        await go_to(app, pilot, f"coloring:{shop.failed.id}")
        await pilot.press("x")
        assert "failed already" in messages(app)
        await pilot.press("r")
        await until_shown(pilot, lambda: " 0 open failures" in str(table(app, "jobs").border_title))
        assert await status_of(database, shop.failed) == Coloring.QUEUED
        assert (await last_activity(database)).action == "retried"
        # It goes up among those that wait, and the cursor with it.
        assert table(app, "jobs").cursor == f"coloring:{shop.failed.id}"
        await pilot.press("r")
        assert "This job has not failed." in messages(app)


async def test_orders_that_are_fetched_are_retried_and_their_lanes_paused(
    open_app: OpenApp, database: Database
) -> None:
    async with database.session() as session, session.begin():
        loading = await make_order(session, status=OrderStatus.DOWNLOADING, uploaded=False)
        failed = await make_order(
            session, status=OrderStatus.ERROR, uploaded=False, error="2 photos are missing."
        )
    async with open_app(EnginesScreen, size=(160, 36)) as (app, pilot):
        await ready(app, pilot, jobs=2)
        await go_to(app, pilot, f"download:{loading.id}")
        assert "Photos" in shown(app, "jobs")
        await pilot.press("x")
        assert "pause its lane" in messages(app)
        await go_to(app, pilot, f"download:{failed.id}")
        await until_shown(pilot, lambda: "2 photos are missing." in why(app))
        await pilot.press("r")
        await until_shown(pilot, lambda: " 0 open failures" in str(table(app, "jobs").border_title))
        assert (await last_activity(database)).action == "retried"
        await go_to(app, pilot, "download", "lanes")
        await pilot.press("p")
        await until_shown(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press(*"busy", "enter")
        await until_shown(pilot, lambda: "paused by jana" in shown(app, "lanes"))
        assert (await last_activity(database)).version_type == "download"


async def test_enter_tells_all_of_a_job(
    open_app: OpenApp, database: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shows(words: str) -> bool:
        return words in "\n".join(lines(app))

    async with open_app(EnginesScreen, size=(100, 36)) as (app, pilot):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        opened: list[str] = []
        monkeypatch.setattr(app, "open_order", opened.append)
        await ready(app, pilot)
        await go_to(app, pilot, f"coloring:{shop.running.id}")
        await pilot.press("enter")
        await until_shown(pilot, lambda: shows(f"{shop.number} · Colouring v1 · book 1, photo 1"))
        command = f"--lane coloring --version {shop.running.id}"
        for words in ("after 1:4", "jana on studio-2, process 4711", command):
            assert shows(words), words
        await pilot.press("y", "Y")
        assert copied[0].endswith(command)
        assert "Status: ◐" in copied[1]
        # What changes meanwhile is shown.
        async with database.session() as session, session.begin():
            row = await session.get_one(ColoringVersion, shop.running.id)
            row.status, row.error = Coloring.ERROR, "RunPod [broke]."
            row.completed_at, row.claimed_by = datetime.now(UTC), None
        await until_shown(pilot, lambda: shows("RunPod [broke].") and shows("none has it now"))
        await pilot.press("escape")
        assert isinstance(app.screen, EnginesScreen)
        await go_to(app, pilot, f"coloring:{shop.running.id}")
        await pilot.press("enter")
        await until_shown(pilot, lambda: shows(command))
        await pilot.press("enter")
        await until_shown(pilot, lambda: opened == [shop.order_id])
        assert isinstance(app.screen, EnginesScreen)


async def test_the_keys_of_a_long_job_stay_in_sight_and_one_that_waits_tells_for_what(
    open_app: OpenApp, shop: Shop
) -> None:
    async with open_app(EnginesScreen, size=(80, 18)) as (app, pilot):
        await ready(app, pilot)
        await go_to(app, pilot, f"coloring:{shop.running.id}")
        await pilot.press("enter")
        facts = app.screen.query_one("#facts")
        await until_shown(pilot, lambda: facts.virtual_size.height > facts.size.height > 0)
        assert "esc closes" in "\n".join(lines(app))
        command = f"--version {shop.running.id}"
        await pilot.press("G")
        await until_shown(pilot, lambda: command in "\n".join(lines(app)))
        await pilot.press("escape")

        await pilot.resize_terminal(120, 36)
        async with app.context.backend.transaction(LaneService) as lanes:
            await lanes.pause(JobKind.SVG, reason="no credits")
        await until_shown(pilot, lambda: "no credits" in shown(app, "lanes"))
        await go_to(app, pilot, f"svg:{shop.svg.id}")
        await pilot.press("enter")
        told = "the lane “SVGs” is paused: no credits"
        await until_shown(pilot, lambda: told in "\n".join(lines(app)))


async def test_o_opens_the_order_and_escape_goes_back(
    open_app: OpenApp, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    async with open_app(EnginesScreen) as (app, pilot):
        await ready(app, pilot)
        monkeypatch.setattr(app, "open_order", opened.append)
        await pilot.press("o")
        assert opened == [shop.order_id]
        await pilot.double_click("#jobs", offset=(5, 3))
        await until_shown(pilot, lambda: isinstance(app.screen, JobScreen))
        await pilot.press("escape", "escape")
        assert not isinstance(app.screen, EnginesScreen)


async def test_a_read_only_terminal_looks(
    open_app: OpenApp, database: Database, shop: Shop
) -> None:
    async with open_app(EnginesScreen, read_only=True) as (app, pilot):
        await ready(app, pilot)
        for key in ("x", "r", "p"):
            await pilot.press(key)
        assert messages(app).count("read-only") == 3
        assert await status_of(database, shop.running) == Coloring.RUNPOD_PROCESSING


async def test_a_reading_that_fails_ends_nothing(open_app: OpenApp, shop: Shop) -> None:
    async with open_app(EnginesScreen) as (app, pilot):
        await ready(app, pilot)
        screen = app.screen
        assert isinstance(screen, EnginesScreen)
        nowhere = Backend(
            Database("postgresql://nobody@127.0.0.1:1/none"),
            app.context.backend.storage,
            operator="jana",
        )
        screen.context = replace(app.context, backend=nowhere)
        await until_shown(pilot, lambda: screen.refresher.failure)
        assert "does not answer" in str(screen.refresher.failure)
        assert table(app, "jobs").row_count == 4
        assert "as of" in str(table(app, "jobs").border_title)
        screen.context = app.context
        await until_shown(pilot, lambda: "as of" not in str(table(app, "jobs").border_title))


def test_kinds_and_spans_of_time_have_words() -> None:
    set_language("en")
    words = [kind_word(kind) for kind in (*JobKind, "other")]
    assert words == ["Colouring", "SVG", "Book", "Order data", "Photos", "other"]
    assert [duration(s) for s in (-1, 5, 65, 3725)] == ["0:00", "0:05", "1:05", "1:02:05"]


def test_sparkline_tells_nothing_from_little_and_keeps_peaks() -> None:
    def bars(values: list[int], width: int, *, plain: bool = False) -> str:
        return sparkline(values, width, style="$success", ascii_signs=plain).plain

    assert bars([0, 1, 50, 100], 10) == "▁▂▅█"
    assert bars([0, 0, 0], 3) == "▁▁▁"
    assert bars([], 5) == bars([1], 0) == ""
    assert bars([0, 9, 0, 0, 0, 0, 0, 0], 4) == "█▁▁▁"  # a peak is not averaged away
    assert bars([0, 3], 2, plain=True) == "_#"
    assert sparkline([5], 1, style="$error", top=10).plain == "▅"
