"""A Czech app tells errors and stored reasons in Czech, and numbers as Czechs write them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sqlalchemy import update
from textual.widgets import Input

from fototui.config.settings import Settings
from fototui.db.database import Database
from fototui.db.models.operations import Activity, Lane
from fototui.db.models.orders import ColoringVersion
from fototui.domain.errors import AccountError, PermanentError
from fototui.domain.options import ColoringOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import ColoringProcessingStatus, JobKind
from fototui.engine.engine import engine_actor
from fototui.i18n import set_language, translate
from fototui.runtime.checks import examine
from fototui.screens.activity import ActivityScreen
from fototui.screens.engines import EnginesScreen
from fototui.screens.options import ColoringDialog
from fototui.screens.order.screen import OrderScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.operations.lanes import LaneService
from fototui.services.versions.coloring import ColoringService
from fototui.ui.commands import perform
from tests.cases import case
from tests.factories import make_coloring, make_order
from tests.ui.conftest import OpenApp
from tests.ui.pages import lines, messages
from tests.waiting import until_shown

FAILED = PermanentError("RunPod failed: {reason}. Try again.", service="RunPod", reason="CUDA")
REFUSED = AccountError("RunPod refuses the API key; check RUNPOD_API_KEY", service="RunPod")
IN_CZECH = "RunPod selhal: CUDA. Zkuste to znovu."


async def failed_order(database: Database, *, words: Sentence | None) -> str:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        await make_coloring(
            session,
            order.line_items[0].images[0],
            status=ColoringProcessingStatus.ERROR,
            error_code=FAILED.code,
            error=str(FAILED),
            error_words=words,
        )
        return str(order.id)


async def test_the_reason_of_a_failed_version_follows_the_language(
    open_app: OpenApp, database: Database
) -> None:
    order_id = await failed_order(database, words=FAILED.sentence)
    home = partial(OrderScreen, order_id=order_id)
    async with open_app(home, language="cs") as (app, pilot):
        screen = app.screen
        assert isinstance(screen, OrderScreen)

        def shown() -> str:
            return "\n".join(str(option.prompt) for option in screen.versions.options)

        await until_shown(pilot, lambda: IN_CZECH in shown())
        app.next_language()
        await until_shown(pilot, lambda: str(FAILED) in shown())


async def test_a_reason_without_words_is_shown_as_it_stands(
    open_app: OpenApp, database: Database
) -> None:
    home = partial(OrderScreen, order_id=await failed_order(database, words=None))
    async with open_app(home, language="cs") as (app, pilot):
        screen = app.screen
        assert isinstance(screen, OrderScreen)
        await until_shown(
            pilot, lambda: str(FAILED) in "\n".join(str(o.prompt) for o in screen.versions.options)
        )


async def test_engines_and_jobs_tell_their_reasons_in_czech(
    open_app: OpenApp, database: Database
) -> None:
    await failed_order(database, words=FAILED.sentence)
    async with database.session() as session:
        await LaneService(session, operator="eva").pause(JobKind.COLORING, reason=REFUSED.sentence)
    async with database.session() as session, session.begin():
        await session.execute(
            update(ColoringVersion).values(completed_at=ColoringVersion.queued_at)
        )
        lane = await session.get_one(Lane, JobKind.COLORING)
        assert lane.paused_reason == str(REFUSED)
    async with open_app(EnginesScreen, language="cs", size=(200, 60)) as (app, pilot):

        def shown() -> str:
            return app.export_screenshot().replace("&#160;", " ")

        await until_shown(pilot, lambda: "RunPod selhal: CUDA" in shown())
        await pilot.press("tab", "down", "down")  # a column may cut it; below it stands whole
        await until_shown(
            pilot, lambda: "RunPod odmítá klíč API; zkontrolujte RUNPOD_API_KEY" in shown()
        )


async def test_a_number_is_taken_with_a_comma_and_with_a_point(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen, language="cs") as (app, pilot):
        for typed in ("1,5", "1.5", " 1,5 "):
            with case(typed):
                answers: list[object] = []
                dialog = ColoringDialog(ColoringOptions(megapixels=0.5))
                app.push_screen(dialog, answers.append)
                await until_shown(pilot, partial(_is_open, dialog))
                entry = dialog.query_one("#megapixels", Input)
                assert entry.value == "0,5"
                words = app.export_screenshot().replace("&#160;", " ")
                assert "Megapixely, 0,5 až 8" in words
                entry.value = typed
                await pilot.press("enter")
                await until_shown(pilot, partial(bool, answers))
                assert answers == [ColoringOptions(megapixels=1.5)]


def _is_open(dialog: ColoringDialog) -> bool:
    return dialog.is_current and bool(dialog.query(Input))


async def test_findings_are_told_in_czech(tmp_path: Path) -> None:
    set_language("cs")
    findings = {f.service: f for f in await examine(Settings(storage_path=tmp_path))}
    set_language("en")
    assert {"database", "storage", "engine"} <= findings.keys()
    assert str(findings["storage"].detail) == "directory: a file was written, read and removed"
    set_language("cs")
    assert translate(findings["storage"].detail) == "directory: soubor se zapsal, přečetl a smazal"
    assert translate(findings["hub"].detail) == "nenastaveno"
    set_language("en")


async def test_the_palette_and_messages_are_czech(open_app: OpenApp) -> None:
    async with open_app(OrdersScreen, language="cs") as (app, pilot):
        await pilot.press("ctrl+p")
        await until_shown(pilot, lambda: "Najít akci nebo objednávku" in "\n".join(lines(app)))
        await pilot.press(*"qqqq")
        await until_shown(pilot, lambda: "Nic takového tu není." in "\n".join(lines(app)))
        assert "No matches" not in "\n".join(lines(app))
        await pilot.press("escape")

        async def retry() -> None:
            async with app.context.backend.transaction(ColoringService) as service:
                await service.retry(77)

        perform(app.screen.app, retry)
        await until_shown(pilot, lambda: "Omalovánka 77 neexistuje" in messages(app))


async def test_what_an_engine_did_is_told_in_czech(open_app: OpenApp, database: Database) -> None:
    async with database.session() as session, session.begin():
        session.add(Activity(operator=engine_actor("jana"), action="retried"))
    async with open_app(ActivityScreen, language="cs") as (app, pilot):
        await until_shown(pilot, lambda: "jana (stroj)" in "\n".join(lines(app)))
