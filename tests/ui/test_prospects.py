"""What is told of jobs that were asked for: that they run, or why they wait."""

import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from fototui.db.database import Database
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.i18n import set_language
from fototui.screens.orders.bulk import Outcome
from fototui.services.operations.lanes import LaneService
from fototui.services.views.operations import EngineView, LaneView
from fototui.storage.directory import DirectoryStorage
from fototui.ui import prospects
from fototui.ui.context import AppContext
from tests.cases import case
from tests.factories import make_order
from tests.ui.orders_app import orders_app, row
from tests.waiting import until_shown

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RUNNING = LaneView(JobKind.COLORING, None, 0, 0, None, None, None)
PAUSED = replace(RUNNING, paused_at=NOW, paused_by="petr")
ENGINE = EngineView(uuid.UUID(int=1), "jana", "host", 7, "1.0", ("coloring",), 3, {}, NOW, NOW, 0.0)


WAITS: tuple[tuple[tuple[LaneView, ...], tuple[EngineView, ...], str | None, str | None], ...] = (
    ((), (), None, None),
    ((RUNNING,), (ENGINE,), "NEVER TOLD", None),
    ((RUNNING,), (), None, "no engine is running"),
    ((RUNNING,), (), "STORAGE_PATH is missing.", "the engine here cannot start: STORAGE_PATH"),
    ((PAUSED,), (ENGINE,), None, "the lane “Colourings” is paused by petr"),
    (
        (replace(PAUSED, paused_reason=Sentence.plain("RunPod refused the key.")),),
        (ENGINE,),
        None,
        "the lane “Colourings” is paused: RunPod refused the key.",
    ),
    ((RUNNING,), (replace(ENGINE, lanes=("svg",)),), None, "no running engine works in"),
    ((RUNNING,), (replace(ENGINE, paused_at=NOW),), None, "every engine that works in"),
)


async def test_why_jobs_wait(database: Database, storage: DirectoryStorage) -> None:
    async with orders_app(database, storage, [row(1)]) as (app, _pilot):
        for lanes, engines, problem, reason in WAITS:
            with case(lanes, engines, problem):
                context = _with(app.context, problem)
                context.store.lanes, context.store.engines = lanes, engines
                told = prospects.why_waiting(context, JobKind.COLORING)
                if reason is None:
                    assert told is None
                else:
                    assert told is not None
                    assert told.startswith(reason)


def _with(context: AppContext, problem: str | None) -> AppContext:
    words = None if problem is None else Sentence.plain(problem)
    return replace(context, engine_problem=lambda: words)


async def test_what_is_told_of_many_orders(database: Database, storage: DirectoryStorage) -> None:
    async with orders_app(database, storage, [row(1)]) as (app, _pilot):
        app.store.lanes, app.store.engines = (RUNNING,), (ENGINE,)
        outcome = Outcome(
            Counter({JobKind.COLORING: 12}),
            {"#1", "#2"},
            {"The photo is not in storage yet.": ["#1010", "#1016"]},
        )
        assert outcome.in_words(app.context) == (
            "Started: 12 colourings in 2 orders. "
            "2 left out: The photo is not in storage yet (#1010, #1016)."
        )
        app.store.lanes = (PAUSED,)
        assert outcome.in_words(app.context).startswith(
            "Queued: 12 colourings in 2 orders; the lane “Colourings” is paused by petr. 2 left out"
        )
        set_language("cs")
        assert outcome.in_words(app.context).startswith(
            "Zařazeno: 12 omalovánek ve 2 objednávkách; fronta „Omalovánky“ je pozastavená"
        )


async def test_a_lane_that_was_just_paused_is_told_of(
    database: Database, storage: DirectoryStorage
) -> None:
    async with database.session() as session, session.begin():
        await make_order(session)
    async with database.session() as session:
        lanes = LaneService(session, operator="petr")
        await lanes.pause(JobKind.COLORING, reason="The printer is being cleaned")
    async with orders_app(database, storage) as (app, pilot):
        await until_shown(pilot, lambda: app.store.lanes)
        await pilot.press("g")
        await until_shown(pilot, lambda: app.messages)
        assert app.messages == [
            "Queued: 1 colouring; the lane “Colourings” is paused: The printer is being cleaned."
        ]
