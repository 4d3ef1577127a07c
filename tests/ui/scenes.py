"""How one gets to each screen and state of it in the shop, by keys as an operator does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, OptionList

from fototui.app import FototuiApp
from fototui.books.preflight import THIN
from fototui.books.request import BookRequest
from fototui.books.typesetter import Typesetter
from fototui.db.database import Database
from fototui.db.models.books import Book
from fototui.db.models.orders import Image, LineItem, Order, SvgVersion
from fototui.domain.books import BookOptions, Finding, FindingKind
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus, VersionType
from fototui.i18n import _
from fototui.live.state import FeedState
from fototui.screens.activity import ActivityScreen
from fototui.screens.book import BookScreen
from fototui.screens.compare import CompareScreen
from fototui.screens.dialogs import AskText, Confirm, LeaveDialog
from fototui.screens.engines import EnginesScreen
from fototui.screens.help import HelpScreen
from fototui.screens.job import JobScreen
from fototui.screens.messages import MessagesScreen
from fototui.screens.options import ColoringDialog, SvgDialog
from fototui.screens.order.screen import OrderScreen
from fototui.screens.order.sheet import SheetScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.screens.picture import PictureScreen
from fototui.screens.review.screen import ReviewScreen
from fototui.screens.undo import UndoScreen
from fototui.services.orders.finishing import FinishReport
from fototui.storage.directory import DirectoryStorage
from fototui.ui.judged import Judgement
from fototui.ui.message_log import Told
from fototui.ui.undo import Choice, HandingOver
from fototui.widgets.picture.widget import Picture, PictureState
from fototui.widgets.review_panel import ReviewPanel
from fototui.widgets.tables.job_rows import lane_word
from fototui.widgets.tables.simple_table import SimpleTable
from tests.ui.pages import ReviewPage
from tests.ui.shop import ago, order_id
from tests.waiting import until_shown

AppPilot = Pilot[None]
Go = Callable[[FototuiApp, AppPilot], Awaitable[None]]
Prepare = Callable[[Database, DirectoryStorage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A screen in some state.

    Args:
        go: Gets there from the list of orders.
        options: Of `shop_app`.
        sql: What happens in the shop before it opens.
        prepare: The same, where files belong to it.
        translates: It follows when the language changes; what was said, and dialogs, do not.
        back: What is pressed so that the list of orders, once it is shown again, is as before.
    """

    go: Go
    options: Mapping[str, object] = field(default_factory=dict)
    sql: str = ""
    prepare: Prepare | None = None
    translates: bool = True
    back: tuple[str, ...] = ()


async def begin(app: FototuiApp, pilot: AppPilot) -> None:
    """Wait until the list stands and the bar knows everything."""
    store = app.store
    await until_shown(
        pilot,
        lambda: (
            store.is_complete
            and store.lanes
            and isinstance(app.screen, OrdersScreen)
            and len(app.screen.list.shown) == len(store.orders)
            and store.health.feed in (FeedState.LIVE, FeedState.POLLING)
        ),
    )


async def go_home(app: FototuiApp, pilot: AppPilot) -> None:
    """Leave whatever is above the list of orders."""
    while len(app.screen_stack) > 2:
        app.pop_screen()
    await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))


def _is_displayed(widget: Widget) -> bool:
    """Whether it has a place; what is hidden before it had one is not loaded."""
    return all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))


async def settle(app: App[Any], pilot: Pilot[Any]) -> None:
    """Wait until pictures are there; nothing on the screen blinks from then on."""
    for entry in app.screen.query(Input):
        entry.cursor_blink = False
    done = (PictureState.SHOWN, PictureState.FAILED, PictureState.EMPTY)
    await until_shown(
        pilot,
        lambda: all(p.state in done or not _is_displayed(p) for p in app.screen.query(Picture)),
    )
    await pilot.pause()


async def _orders(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("down", "down", "down", "down")


async def _filtered(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("slash", *"rihova")


async def _empty(app: FototuiApp, pilot: AppPilot) -> None:
    """Nothing to press."""


async def _no_database(app: FototuiApp, pilot: AppPilot) -> None:
    await _orders(app, pilot)
    for worker in app.workers:
        if worker.name == "live store":
            worker.cancel()
    await pilot.pause()
    app.store.health = replace(
        app.store.health,
        feed=FeedState.CATCHING_UP,
        database_ok=False,
        database_lost_at=ago(minutes=3),
    )
    app.screen.query_one("StatusBar").refresh()


async def _order(app: FototuiApp, pilot: AppPilot) -> None:
    app.open_order(order_id(app, "#1270"))
    await until_shown(
        pilot,
        lambda: (
            isinstance(app.screen, OrderScreen)
            and app.screen.selection.detail
            and app.context.viewers(order_id(app, "#1270"))
        ),
    )


async def _order_failed(app: FototuiApp, pilot: AppPilot) -> None:
    await _order(app, pilot)
    await pilot.press("3")


async def _order_error(app: FototuiApp, pilot: AppPilot) -> None:
    """An order that failed itself, on the photo that is missing."""
    app.open_order(order_id(app, "#1271"))
    await until_shown(
        pilot, lambda: isinstance(app.screen, OrderScreen) and app.screen.selection.detail
    )
    await pilot.press("down")


async def _orders_error(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("shift+tab")


async def _marked(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("down", "down", "space", "space", "space")


async def _svg_options(app: FototuiApp, pilot: AppPilot) -> None:
    await _order(app, pilot)
    await pilot.press("ctrl+s")
    await until_shown(pilot, lambda: isinstance(app.screen, SvgDialog))


async def _review_note(app: FototuiApp, pilot: AppPilot) -> None:
    await _review(app, pilot)
    await pilot.press("m")
    await until_shown(pilot, lambda: isinstance(app.screen, AskText))


async def _review_taken(app: FototuiApp, pilot: AppPilot) -> None:
    """Another choice was made while the picture was looked at."""
    await _review(app, pilot)
    app.screen.query_one(ReviewPanel).warn(_("Another version was chosen meanwhile."))


async def _by_operator(app: FototuiApp, pilot: AppPilot) -> None:
    await _activity(app, pilot)
    await pilot.press("u")


async def _options(app: FototuiApp, pilot: AppPilot) -> None:
    await _order(app, pilot)
    await pilot.press("ctrl+g")
    await until_shown(pilot, lambda: isinstance(app.screen, ColoringDialog))


async def _picture(app: FototuiApp, pilot: AppPilot) -> None:
    await _order(app, pilot)
    await pilot.press("p")
    await until_shown(pilot, lambda: isinstance(app.screen, PictureScreen))


async def _sheet(app: FototuiApp, pilot: AppPilot) -> None:
    await _order(app, pilot)
    await pilot.press("P")
    await until_shown(pilot, lambda: isinstance(app.screen, SheetScreen))
    await pilot.press("right")


async def _picture_zoomed(app: FototuiApp, pilot: AppPilot) -> None:
    await _picture(app, pilot)
    await settle(app, pilot)
    await pilot.press("plus", "plus", "plus", "right", "down")
    picture = app.screen.query_one(Picture)
    await until_shown(pilot, lambda: picture.viewport.zoom > 3)


async def _make_book(database: Database, storage: DirectoryStorage) -> None:
    """A book of an order whose SVGs are chosen, of the one drawing that lies in the storage."""
    async with database.session() as session, session.begin():
        item = await session.scalar(
            select(LineItem).join(Order).where(Order.order_number == "#1260")
        )
        assert item is not None
        item.dedication = 'Pro Aničku k 5. narozeninám, s láskou "babička Věra"'
        svg_ids = list(
            await session.scalars(
                select(Image.selected_svg_id)
                .where(Image.line_item_id == item.id)
                .order_by(Image.position)
            )
        )
        drawings = (
            select(SvgVersion)
            .join(Image, Image.id == SvgVersion.image_id)
            .join(LineItem)
            .join(Order)
            .where(Order.order_number == "#1270", SvgVersion.status == "completed")
        )
        (drawing,) = await session.scalars(drawings)
        assert drawing.file_ref is not None
        pages = (await storage.get(drawing.file_ref.key),) * len(svg_ids)
        options = BookOptions()
        request = BookRequest("#1260", item.title, item.dedication, item.layout, pages, options)
        async with Typesetter() as typesetter:
            made = await typesetter.typeset(request)
        thin = Sentence.make(
            "Many lines are thinner than {millimetres} mm; a press may lose them.", millimetres=THIN
        )
        finding = Finding(page=2, kind=FindingKind.THIN_LINES, sentence=thin)
        session.add(
            Book(
                line_item_id=item.id,
                order_id=item.order_id,
                version=1,
                status=BookProcessingStatus.COMPLETED,
                svg_ids=svg_ids,
                title=item.title,
                dedication=item.dedication,
                layout=item.layout,
                options=options.model_dump(mode="json"),
                pages=made.pages,
                findings=[finding.model_dump(mode="json")],
                file_ref=await storage.put("1260-1.pdf", made.pdf, content_type="application/pdf"),
                completed_at=ago(minutes=3),
            )
        )


async def _book(app: FototuiApp, pilot: AppPilot) -> None:
    """Its first picture; before it is the page of the dedication."""
    app.open_order(order_id(app, "#1260"))
    await until_shown(
        pilot,
        lambda: isinstance(app.screen, OrderScreen) and app.screen.selection.book is not None,
    )
    await pilot.press("B")
    await until_shown(pilot, lambda: isinstance(app.screen, BookScreen))
    await pilot.press("right")


async def _compare(app: FototuiApp, pilot: AppPilot) -> None:
    await _order(app, pilot)
    await pilot.press("c")
    await until_shown(
        pilot, lambda: isinstance(app.screen, CompareScreen) and len(app.screen.query(Picture)) > 2
    )


async def _review(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("v")
    page = ReviewPage(app)
    await until_shown(
        pilot,
        lambda: isinstance(app.screen, ReviewScreen) and (page.is_ready or page.is_empty),
    )


async def _review_done(app: FototuiApp, pilot: AppPilot) -> None:
    """All is judged; of another order there was more to do."""
    page = ReviewPage(app)
    await _review(app, pilot)
    app.context.judged.add((0, VersionType.SVG), order_id(app, "#1260"), Judgement.ASIDE)
    while not page.is_over:
        await pilot.press("enter")
        await until_shown(pilot, lambda: page.is_ready or page.is_over)


async def _engines(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("f3")
    await until_shown(
        pilot,
        lambda: (
            isinstance(app.screen, EnginesScreen)
            and app.screen.query_one("#jobs", SimpleTable).row_count
        ),
    )


async def _paused(app: FototuiApp, pilot: AppPilot) -> None:
    await _engines(app, pilot)
    await pilot.press("tab")


async def _job(app: FototuiApp, pilot: AppPilot) -> None:
    """A colouring that RunPod works on."""
    await _engines(app, pilot)
    await pilot.press("down", "enter")
    await until_shown(
        pilot, lambda: isinstance(app.screen, JobScreen) and len(app.screen.query(".row")) > 0
    )


async def _activity(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("f4")
    await until_shown(
        pilot,
        lambda: (
            isinstance(app.screen, ActivityScreen)
            and app.screen.query_one("#log", SimpleTable).row_count
        ),
    )


async def _help(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("question_mark")
    await until_shown(pilot, lambda: isinstance(app.screen, HelpScreen))


async def _undo(app: FototuiApp, pilot: AppPilot) -> None:
    """Some choices, and orders that were handed over."""
    colouring, svg = VersionType.COLORING, VersionType.SVG
    app.context.undo.keep(HandingOver(ago(minutes=9), FinishReport(changed=("#1251", "#1252"))))
    for minutes, kind, page, number in ((4, colouring, 1, 2), (3, colouring, 2, 1), (1, svg, 1, 1)):
        app.context.undo.keep(
            Choice(ago(minutes=minutes), kind, page, None, page, number, "#1270", page)
        )
    await pilot.press("Z")
    await until_shown(pilot, lambda: isinstance(app.screen, UndoScreen))


async def _confirm(app: FototuiApp, pilot: AppPilot) -> None:
    await _order(app, pilot)
    await pilot.press("down", "2", "x")
    await until_shown(pilot, lambda: isinstance(app.screen, Confirm))


async def _leave(app: FototuiApp, pilot: AppPilot) -> None:
    await pilot.press("ctrl+q")
    await until_shown(pilot, lambda: isinstance(app.screen, LeaveDialog))


async def _messages(app: FototuiApp, pilot: AppPilot) -> None:
    """What was told in the last hour."""
    lane = lane_word("svg")
    words = _("{lane}: paused on all engines; running jobs continue.").format(lane=lane)
    log = app.context.messages
    log.add(Told(ago(minutes=52), words))
    log.add(Told(ago(minutes=41), _("The choice is undone. The picture is back in the review.")))
    log.add(Told(ago(minutes=40), _("This job has not failed."), "warning"))
    log.add(Told(ago(minutes=12), _("This job is gone."), "error"))
    await pilot.press("ctrl+l")
    await until_shown(pilot, lambda: isinstance(app.screen, MessagesScreen))


async def _palette(app: FototuiApp, pilot: AppPilot) -> None:
    await _orders(app, pilot)
    await pilot.press("ctrl+p")
    await until_shown(
        pilot, lambda: any(each.option_count > 4 for each in app.screen.query(OptionList))
    )


_PAUSE = """
    UPDATE lanes SET paused_at = now() - interval '26 minutes', paused_by = 'petr',
        paused_reason = 'Vectorizer.ai refused the account (HTTP 402): no credits are left.'
    WHERE name = 'svg';
    UPDATE engines SET paused_at = now() - interval '5 minutes', paused_by = 'jana'
    WHERE operator = 'petr';
"""
_MADE_LATELY = """
    INSERT INTO calls (id, kind, version_id, order_id, service, options, began_at, ended_at,
        execution_ms, credits, outcome, wasted)
    SELECT ('00000000-0000-0000-0000-00000000001' || n)::uuid, call.kind, 1, orders.id, service,
        options::jsonb, now() - interval '2 days', now() - interval '2 days' + took,
        ms, credits, 'completed', false
    FROM orders, (VALUES
        (1, 'coloring', 'RunPod', '{"megapixels": 2.0, "steps": 8}', interval '50 seconds',
         42400, NULL::numeric),
        (2, 'coloring', 'RunPod', '{"megapixels": 1.0, "steps": 8}', interval '40 seconds',
         21300, NULL::numeric),
        (3, 'svg', 'Vectorizer.ai', '{"shape_stacking": "stacked", "group_by": "color"}',
         interval '19 seconds', NULL::integer, 1.0)
    ) AS call(n, kind, service, options, took, ms, credits)
    WHERE order_number = '#1270';
    UPDATE reviews SET note = 'Babička má jen půl obličeje.'
    WHERE image_id = (SELECT min(image.id) FROM images image JOIN line_items item
        ON item.id = image.line_item_id JOIN orders ON orders.id = item.order_id
        WHERE order_number = '#1270')
"""
_CALLED = """
    UPDATE coloring_versions SET submissions = 2, resubmissions = 1, retries = 1, attempts = 2,
        runpod_job_id = '8f1c2f70-5d5c-4b0e-9f0e-2e5f1f6f0a11-e1'
    WHERE status = 'runpod_processing';
    INSERT INTO calls (id, kind, version_id, order_id, service, outside_id, began_at, ended_at,
        delay_ms, outcome, wasted)
    SELECT ('00000000-0000-0000-0000-00000000000' || call.n)::uuid, 'coloring', version.id,
        item.order_id, 'RunPod', call.outside_id, now() - call.ago,
        now() - call.ago + call.took, call.delay, call.outcome, call.outcome IS NOT NULL
    FROM coloring_versions version
    JOIN images image ON image.id = version.image_id
    JOIN line_items item ON item.id = image.line_item_id,
    (VALUES
        (1, '3a90b6d1-77c3-4a52-8a55-6f0a0c1d2e33-e1', interval '165 seconds',
         interval '40 seconds', 900, 'lost'),
        (2, '8f1c2f70-5d5c-4b0e-9f0e-2e5f1f6f0a11-e1', interval '70 seconds',
         NULL::interval, NULL, NULL)
    ) AS call(n, outside_id, ago, took, delay, outcome)
    WHERE version.status = 'runpod_processing';
"""
_MOSTLY_DECIDED = """
    UPDATE reviews SET decision = 'accepted', decided_at = now()
    WHERE image_id NOT IN (
        SELECT min(review.image_id) FROM reviews review
        JOIN images image ON image.id = review.image_id WHERE review.decision IS NULL
        GROUP BY image.line_item_id, review.kind
    )
"""
"""Of each book one picture waits."""
_DECIDED = "UPDATE reviews SET decision = 'accepted', decided_at = now()"

SCENES: dict[str, Scene] = {
    "orders": Scene(_orders, back=("home",)),
    "orders-filtered": Scene(_filtered, back=("escape", "escape", "home")),
    "orders-marked": Scene(_marked, back=("escape", "home")),
    "orders-error": Scene(_orders_error, back=("tab", "home")),
    "orders-empty": Scene(_empty, sql="TRUNCATE orders CASCADE"),
    "orders-no-database": Scene(_no_database),
    "orders-polling": Scene(_orders, {"has_hub": False}),
    "order": Scene(_order),
    "order-failed": Scene(_order_failed),
    "order-error": Scene(_order_error),
    "order-options": Scene(_options, sql=_MADE_LATELY, translates=False),
    "order-svg-options": Scene(_svg_options, sql=_MADE_LATELY, translates=False),
    "sheet": Scene(_sheet),
    "picture": Scene(_picture),
    "picture-zoomed": Scene(_picture_zoomed),
    "book": Scene(_book, prepare=_make_book),
    "compare": Scene(_compare),
    "review": Scene(_review),
    "review-note": Scene(_review_note, translates=False),
    "review-warning": Scene(_review_taken, translates=False),
    "review-done": Scene(_review_done, sql=_MOSTLY_DECIDED),
    "review-empty": Scene(_review, sql=_DECIDED),
    "engines": Scene(_engines),
    "engines-paused": Scene(_paused, sql=_PAUSE),
    "engines-job": Scene(_job, sql=_CALLED, translates=False),
    "activity": Scene(_activity),
    "activity-operator": Scene(_by_operator),
    "messages": Scene(_messages, translates=False),
    "palette": Scene(_palette, translates=False, back=("home",)),
    "help": Scene(_help, translates=False),
    "undo": Scene(_undo, translates=False),
    "confirm": Scene(_confirm, translates=False),
    "leave": Scene(_leave, {"jobs_here": 3}, translates=False),
}
