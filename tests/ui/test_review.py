"""The review: one key per picture, never the same one for two, and where it stopped it goes on."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from PIL import Image as Picture
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from textual.widgets import Input

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, Order
from fototui.domain.events import BaseMercureEvent, ImageUpdateEvent
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus
from fototui.live.state import Changed
from fototui.live.store import LiveStore
from fototui.pictures.viewport import Viewport
from fototui.screens.compare import CompareScreen
from fototui.screens.dialogs import Confirm
from fototui.screens.order.screen import OrderScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.screens.review import claiming
from fototui.screens.review.screen import ReviewScreen
from fototui.services.backend import Backend
from fototui.services.review.service import ReviewService
from fototui.services.versions.coloring import ColoringService
from fototui.storage.directory import DirectoryStorage
from fototui.ui.actions import Scope
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from fototui.widgets.picture.widget import Picture as PictureWidget
from fototui.widgets.picture.widget import PictureState
from tests.cases import case
from tests.factories import file_ref, make_coloring, make_order, make_svg
from tests.pgproxy import PgProxy
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import ReviewPage, messages
from tests.waiting import until_shown

T = TypeVar("T")
HOSTILE = "[/foo] [@click=app.quit]x[/] \x1b[31m\u202e"


def picture(colour: str) -> bytes:
    target = io.BytesIO()
    Picture.new("RGB", (64, 48), colour).save(target, "PNG")
    return target.getvalue()


async def _version(
    session: AsyncSession, storage: DirectoryStorage, image: Image, version: int
) -> int:
    file = file_ref(f"{image.id}/v{version}.png")
    await storage.put(file.key, picture("white"), content_type="image/png")
    done = ColoringProcessingStatus.COMPLETED
    row = await make_coloring(session, image, status=done, version=version, file_ref=file)
    return row.id


async def add_version(
    database: Database, storage: DirectoryStorage, image_id: int, version: int
) -> int:
    """A completed colouring, chosen by its completion."""
    async with database.session() as session, session.begin():
        image = await session.get_one(Image, image_id)
        image.selected_coloring_id = await _version(session, storage, image, version)
        return image.selected_coloring_id


async def make_waiting_svg(database: Database, storage: DirectoryStorage, image_id: int) -> None:
    """A completed SVG of the chosen colouring, chosen by its completion."""
    async with database.session() as session, session.begin():
        image = await session.get_one(Image, image_id)
        coloring = await session.get_one(ColoringVersion, image.selected_coloring_id)
        key = f"{image_id}/v1.svg"
        await storage.put(key, b"<svg/>", content_type="image/svg+xml")
        svg = await make_svg(
            session, coloring, status=SvgProcessingStatus.COMPLETED, file_ref=file_ref(key)
        )
        image.selected_svg_id = svg.id


async def add_order(
    database: Database, storage: DirectoryStorage, images: int, **fields: object
) -> Order:
    """An order; each of its images has a completed colouring, chosen by its completion."""
    async with database.session() as session, session.begin():
        order = await make_order(session, images=images, **fields)  # type: ignore[arg-type]  # the factory's own
        for image in order.line_items[0].images:
            assert image.file_ref is not None
            await storage.put(image.file_ref.key, picture("orange"), content_type="image/png")
            image.selected_coloring_id = await _version(session, storage, image, 1)
    return order


@pytest.fixture
async def order(database: Database, storage: DirectoryStorage) -> Order:
    """Three images that wait."""
    return await add_order(database, storage, 3)


@pytest.fixture
def ids(order: Order) -> list[int]:
    """The images, as they come."""
    return [image.id for image in order.line_items[0].images]


class Review(ReviewPage):
    """The app on the review, and who drives it."""

    def __init__(self, app: FototuiApp, pilot: AppPilot) -> None:
        super().__init__(app)
        self.pilot = pilot

    async def see(self, image_id: int) -> None:
        await until_shown(self.pilot, lambda: self.shown == image_id)

    async def toast(self, words: str) -> None:
        await until_shown(self.pilot, lambda: words in messages(self.app))


OpenReview = Callable[..., AbstractAsyncContextManager[Review]]


@pytest.fixture
def review(open_app: OpenApp) -> OpenReview:
    @asynccontextmanager
    async def opened(**options: object) -> AsyncIterator[Review]:
        opening = open_app(
            ReviewScreen,
            **options,  # type: ignore[arg-type]  # the fixture's own
        )
        async with opening as (app, pilot):
            yield Review(app, pilot)

    return opened


async def column(database: Database, sql: str) -> list[object]:
    async with database.session() as session:
        return list(await session.scalars(text(sql)))


async def waiting(database: Database) -> list[object]:
    return await column(
        database, "SELECT image_id FROM reviews WHERE decision IS NULL ORDER BY image_id"
    )


async def held(database: Database) -> list[object]:
    return await column(
        database, "SELECT image_id FROM reviews WHERE decision IS NULL AND claimed_until > now()"
    )


async def run(database: Database, sql: str) -> None:
    async with database.session() as session, session.begin():
        await session.execute(text(sql))


async def ask(database: Database, call: Callable[[ReviewService], Awaitable[T]]) -> T:
    async with database.session() as session:
        return await call(ReviewService(session, operator="eva"))


# --- keys --------------------------------------------------------------------------------------


async def test_accepting_another_version_publishes_it(
    review: OpenReview,
    database: Database,
    storage: DirectoryStorage,
    ids: list[int],
    published: list[BaseMercureEvent],
) -> None:
    await add_version(database, storage, ids[0], 2)
    published.clear()
    async with review() as r:
        await r.see(ids[0])
        assert "v2 · 1 Mpx, 4 steps · ★ · 2/2" in r.words("version .caption")
        await r.pilot.press("left_square_bracket")
        await until_shown(r.pilot, lambda: "· 1/2" in r.words("version .caption"))
        await r.pilot.press("right", "left")
        await r.see(ids[0])
        await r.pilot.press("enter")
        await r.see(ids[1])
        assert r.app.context.undo.entries
    assert [event.image_id for event in published if isinstance(event, ImageUpdateEvent)] == [
        ids[0]
    ]


async def test_a_choice_that_is_taken_back_is_shown_again_and_then_the_review_goes_on(
    review: OpenReview, database: Database, ids: list[int]
) -> None:
    async with review() as r:
        await r.see(ids[0])
        await r.pilot.press("enter")
        await r.see(ids[1])
        assert await waiting(database) == ids[1:]
        await r.pilot.press("ctrl+z")
        await r.see(ids[0])
        assert "back in the review" in messages(r.app)
        assert r.words("progress") == "3 left"
        assert await waiting(database) == ids
        for image_id in ids:
            await r.see(image_id)
            await r.pilot.press("enter")
        await until_shown(r.pilot, lambda: r.is_empty)
        assert re.search(r"Approved +3\n", r.words("empty"))


async def test_space_skips_to_the_end_and_what_is_unseen_is_not_accepted(
    review: OpenReview, database: Database, ids: list[int]
) -> None:
    async with review() as r:
        for image_id in (*ids, ids[0]):
            await r.see(image_id)
            await r.pilot.press("space")
        await r.see(ids[1])
        # What nobody has seen is not accepted.
        r.screen.query_one("#version", PictureWidget).state = PictureState.LOADING
        await r.pilot.press("enter")
        await r.toast("still being loaded")
    assert await waiting(database) == ids


async def test_the_only_one_is_not_skipped_and_shown_at_once_when_it_is_taken_back(
    review: OpenReview, database: Database, ids: list[int]
) -> None:
    await run(database, f"UPDATE reviews SET decision = 'noted' WHERE image_id > {ids[0]}")
    async with review() as r:
        await r.see(ids[0])
        await r.pilot.press("space")
        await r.toast("only one waiting")
        await r.see(ids[0])
        await r.pilot.press("enter")
        await until_shown(r.pilot, lambda: "No picture is waiting" in r.words("empty"))
        await r.pilot.press("ctrl+z")
        await r.see(ids[0])


async def test_escape_gives_the_picture_back(
    review: OpenReview, database: Database, ids: list[int]
) -> None:
    async with review() as r:
        await r.see(ids[0])
        assert await held(database) == ids
        await r.pilot.press("escape")
        await until_shown(
            r.pilot, lambda: not any(isinstance(s, ReviewScreen) for s in r.app.screen_stack)
        )
        assert await held(database) == []
        r.app.show_section(Scope.REVIEW)
        await until_shown(r.pilot, lambda: isinstance(r.app.screen, ReviewScreen))
        await r.see(ids[0])
    assert await held(database) == []


# --- two operators -----------------------------------------------------------------------------


async def test_two_operators_judge_different_orders(
    review: OpenReview, database: Database, storage: DirectoryStorage, ids: list[int]
) -> None:
    theirs = await ask(database, lambda s: s.next(uuid.uuid4()))
    assert theirs is not None
    order = await add_order(database, storage, 1)
    async with review() as r:
        await r.see(order.line_items[0].images[0].id)
        await r.pilot.press("enter")
        await until_shown(
            r.pilot, lambda: "Other operators are looking at the last 3" in r.words("empty")
        )


async def test_a_claim_that_was_lost_chooses_nothing_and_goes_on(
    review: OpenReview,
    database: Database,
    storage: DirectoryStorage,
    ids: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claiming, "_RENEW_SECONDS", 0.1)
    other = await add_order(database, storage, 1)
    async with review() as r:
        await r.see(ids[0])
        await run(
            database,
            "UPDATE reviews SET claimed_by = 'eva', terminal_id = gen_random_uuid(), "
            f"claimed_until = now() + interval '1 hour' WHERE image_id <= {ids[2]}",
        )
        await until_shown(r.pilot, lambda: "Someone else has this picture" in r.words("warning"))
        await r.see(ids[0])  # it does not change under the finger
        await r.pilot.press("enter")
        await r.toast("eva has taken this picture")
        await r.see(other.line_items[0].images[0].id)
    assert set(ids) < set(await waiting(database))


async def test_another_operators_choice_is_shown_and_asked_about(
    review: OpenReview, database: Database, storage: DirectoryStorage, ids: list[int]
) -> None:
    newest = [await add_version(database, storage, image_id, 2) for image_id in ids[:2]]
    older = await column(
        database,
        "SELECT id FROM coloring_versions WHERE version = 1 ORDER BY image_id LIMIT 2",
    )
    async with review() as r:
        for place, answer in enumerate("ny"):
            with case(answer):
                await r.see(ids[place])
                async with database.session() as session:
                    await ColoringService(session, operator="eva").select(int(str(older[place])))
                r.screen.on_store_changed(Changed(rows=frozenset(r.app.store.orders)))
                await until_shown(
                    r.pilot, lambda: "Another version was chosen" in r.words("warning")
                )
                assert "★" not in r.words("version .caption")
                assert "Colouring: approved by eva" in r.words("words")
                await r.pilot.press("enter")
                await until_shown(r.pilot, lambda: isinstance(r.app.screen, Confirm))
                await r.pilot.press(answer)
                await r.see(ids[place + 1])
    chosen = "SELECT selected_coloring_id FROM images ORDER BY id LIMIT 2"
    assert await column(database, chosen) == [older[0], newest[1]]


# --- the rest ----------------------------------------------------------------------------------


async def test_an_empty_queue_says_so_and_fills_itself(
    review: OpenReview, database: Database, storage: DirectoryStorage
) -> None:
    async with review() as r:
        await until_shown(r.pilot, lambda: "No picture is waiting" in r.words("empty"))
        await until_shown(r.pilot, lambda: r.is_empty)
        await r.pilot.press("enter")
        await r.toast("No picture is waiting")
        order = await add_order(database, storage, 1)
        r.screen.on_store_changed(Changed(listing=True))
        # The list of orders has not heard of it.
        number = order.order_number
        await until_shown(r.pilot, lambda: r.is_ready and number in r.words("order"))


async def test_losing_the_database_keeps_the_picture_and_goes_on(
    database: Database,
    database_url: str,
    storage: DirectoryStorage,
    ids: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claiming, "_RETRY_SECONDS", 0.1)
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        backend = Backend(far, storage, operator="jana")
        app = FototuiApp(
            backend,
            LiveStore(backend),
            AppSettings(ZoneInfo("Europe/Prague")),
            Preferences(language="en"),
            home=ReviewScreen,
        )
        async with app.run_test(size=(120, 36)) as pilot:
            r = Review(app, pilot)
            await r.see(ids[0])
            await proxy.refuse()
            proxy.cut()
            await pilot.press("enter")
            await until_shown(pilot, lambda: "does not answer" in r.words("warning"))
            assert r.shown == ids[0]
            assert await waiting(database) == ids
            await proxy.accept()
            await until_shown(pilot, lambda: not r.words("warning"))
            await pilot.press("enter")
            await r.see(ids[1])
    assert await waiting(database) == ids[1:]


async def test_a_read_only_terminal_takes_no_pictures(
    review: OpenReview, database: Database, ids: list[int]
) -> None:
    async with review(read_only=True) as r:
        assert "read-only" in r.words("empty")
        for key in ("enter", "space", "r", "m"):
            await r.pilot.press(key)
        await r.toast("read-only")
    assert await held(database) == []
    assert await waiting(database) == ids


async def test_strangers_texts_are_only_shown(
    review: OpenReview, database: Database, storage: DirectoryStorage
) -> None:
    order = await add_order(database, storage, 1, customer_name=HOSTILE)
    async with database.session() as session, session.begin():
        await session.execute(
            text("UPDATE line_items SET dedication = :words, title = :words"), {"words": HOSTILE}
        )
        await session.execute(text("UPDATE reviews SET note = :words"), {"words": HOSTILE})
        await session.execute(text("UPDATE orders SET customer_note = 'a sharper photo \x1b[31m'"))
    async with review(size=(60, 20)) as r:
        await r.see(order.line_items[0].images[0].id)
        for name in ("order", "words"):
            assert "[/foo] [@click=app.quit]x[/] [31m" in r.words(name)
            assert "\x1b" not in r.words(name)
        assert "Waits for the customer: a sharper photo [31m" in r.words("words")


async def test_it_fits(review: OpenReview, ids: list[int]) -> None:
    async with review(language="cs") as r:
        await r.see(ids[0])
        for size in ((60, 20), (80, 24), (200, 60)):
            with case(size):
                await r.pilot.resize_terminal(*size)
                await r.pilot.pause()
                for picture_id in ("original", "version"):
                    region = r.screen.query_one(f"#{picture_id}").region
                    assert region.width >= size[0] * 0.35
                    assert region.right <= size[0]
                    assert region.height >= size[1] - 5


# --- what is reviewed --------------------------------------------------------------------------


async def test_only_colourings_only_svgs_and_only_this_order(
    review: OpenReview, database: Database, storage: DirectoryStorage, ids: list[int]
) -> None:
    order = await add_order(database, storage, 2)
    others = [image.id for image in order.line_items[0].images]
    await make_waiting_svg(database, storage, others[1])
    async with review() as r:
        await r.see(ids[0])
        assert r.words("progress") == "6 left"
        await r.pilot.press("tab")
        await until_shown(r.pilot, lambda: r.words("progress") == "Colouring · 5 left")
        await r.pilot.press("tab")
        await until_shown(r.pilot, lambda: r.words("progress") == "SVG · 1 left")
        await r.see(others[1])
        await r.pilot.press("o")
        await until_shown(r.pilot, lambda: r.words("progress") == "SVG · this order · 1 left")
        await r.pilot.press("tab")
        await until_shown(r.pilot, lambda: r.words("progress") == "this order · 3 left")
        for _picture in range(3):
            await until_shown(r.pilot, lambda: r.is_ready)
            await r.pilot.press("enter")
        await until_shown(r.pilot, lambda: r.is_empty)
        assert "3 more pictures wait that the filter keeps out." in r.words("empty")
        await r.pilot.press("o")
        await r.see(ids[0])


async def test_v_on_an_order_begins_with_it(
    open_app: OpenApp, database: Database, storage: DirectoryStorage, ids: list[int]
) -> None:
    order = await add_order(database, storage, 2)
    async with open_app(OrdersScreen) as (app, pilot):
        r = Review(app, pilot)
        await until_shown(pilot, lambda: len(app.store.orders) == 2)
        app.open_order(str(order.id))
        await until_shown(
            pilot, lambda: isinstance(app.screen, OrderScreen) and app.screen.selection.detail
        )
        await pilot.press("v")
        await until_shown(pilot, lambda: isinstance(app.screen, ReviewScreen))
        await r.see(order.line_items[0].images[0].id)
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, OrdersScreen))
        theirs = uuid.uuid4()
        held_by_other = await ask(database, lambda s: s.next(theirs, first=[str(order.id)]))
        assert held_by_other is not None
        assert isinstance(app.screen, OrdersScreen)
        app.screen.table.cursor = str(order.id)
        await pilot.press("v")
        await r.toast("Somebody else is judging that order")
        await r.see(ids[0])


# --- the end -----------------------------------------------------------------------------------


@pytest.mark.quick
async def test_enter_accepts_and_shows_the_next_and_the_end_takes_their_orders_on(
    review: OpenReview, database: Database, ids: list[int]
) -> None:
    async with review() as r:
        await r.see(ids[0])
        assert "Jana Nováková" in r.words("order")
        assert r.screen.reason_against("review.next_step") is not None
        for place, image_id in enumerate(ids):
            await r.see(image_id)
            assert r.words("progress") == f"{3 - place} left"
            await r.pilot.press("enter")
        await until_shown(r.pilot, lambda: r.is_empty)
        await until_shown(r.pilot, lambda: "To vectorise" in r.words("empty"))
        told = r.words("empty")
        assert re.search(r"Approved +3\n", told)
        assert re.search(r"1 order, now: *\nTo vectorise +1\n", told)
        assert ".  The next step: make the missing SVGs." in told
        assert await waiting(database) == []
        chosen = await column(database, "SELECT coloring_chosen_at IS NOT NULL FROM images")
        assert chosen == [True, True, True]

        await r.pilot.press("full_stop")
        await until_shown(r.pilot, lambda: "Running" in r.words("empty"))
        assert r.screen.reason_against("review.next_step") is not None
    made = await column(database, "SELECT status FROM svg_versions")
    assert made == ["queued"] * 3


async def test_each_kind_of_judgement_is_made_by_its_key_and_counted_at_the_end(
    review: OpenReview, database: Database, storage: DirectoryStorage, ids: list[int]
) -> None:
    compared, aside, again = ids
    await add_version(database, storage, compared, 2)
    async with review() as r:

        async def ask(key: str, is_there: Callable[[], object], image_id: int) -> None:
            """Ask, think better of it, and ask once more."""
            await r.see(image_id)
            await r.pilot.press(key)
            await until_shown(r.pilot, is_there)
            await r.pilot.press("escape")
            await until_shown(r.pilot, lambda: r.app.screen is r.screen)
            await r.see(image_id)
            await r.pilot.press(key)
            await until_shown(r.pilot, is_there)

        await ask("c", lambda: isinstance(r.app.screen, CompareScreen), compared)
        await until_shown(r.pilot, lambda: r.app.screen.query(".current"))
        await r.pilot.press("left", "enter")
        await r.see(aside)
        assert await waiting(database) == [aside, again]
        await ask("m", lambda: r.app.screen.query(Input), aside)
        await r.pilot.press(*"dark", "enter")
        await ask("r", lambda: r.app.screen.query("#steps"), again)
        r.app.screen.query_one("#steps", Input).value = "9"
        await r.pilot.press("enter")
        await until_shown(r.pilot, lambda: r.is_empty)
        told = r.words("empty")
        for words in ("Approved", "Asked for again", "Set aside"):
            assert re.search(rf"{words} +1\n", told)
    assert await waiting(database) == []
    noted = "SELECT note FROM reviews WHERE decision = 'noted'"
    assert await column(database, noted) == ["dark"]
    made = "SELECT steps FROM coloring_versions WHERE status = 'queued'"
    assert await column(database, made) == [9]


# --- looking closer ----------------------------------------------------------------------------


def seen(r: Review, name: str) -> PictureWidget:
    return r.screen.query_one(f"#{name}", PictureWidget)


async def test_both_pictures_are_enlarged_and_moved_and_the_next_is_whole(
    review: OpenReview, ids: list[int]
) -> None:
    async with review() as r:
        await r.see(ids[0])
        await r.pilot.press("plus", "plus", "l", "j")
        await until_shown(r.pilot, lambda: "2.2×" in r.words("version .caption"))
        left, right = seen(r, "original").viewport, seen(r, "version").viewport
        assert left == right
        assert right.zoom == pytest.approx(2.25)
        assert min(right.pan) > 0.5
        await r.pilot.press("0")
        await until_shown(r.pilot, lambda: seen(r, "version").viewport == Viewport())
        await r.pilot.press("0")
        await r.toast("The whole picture is shown already.")
        await r.pilot.press("plus")
        await r.see(ids[0])
        await r.pilot.press("enter")
        await r.see(ids[1])
        assert {seen(r, "original").viewport, seen(r, "version").viewport} == {Viewport()}


async def test_the_version_blinks_with_what_it_was_made_from(
    review: OpenReview, database: Database, ids: list[int]
) -> None:
    async with review() as r:
        await r.see(ids[0])
        beside = seen(r, "version").size.width
        await r.pilot.press("plus", "b")
        await until_shown(r.pilot, lambda: not seen(r, "original").display)
        assert "v1" in r.words("version .caption")
        await until_shown(r.pilot, lambda: seen(r, "version").size.width > beside)
        await r.pilot.press("b")
        await until_shown(r.pilot, lambda: "Original" in r.words("version .caption"))
        assert seen(r, "version").viewport.zoom == 1.5
        await r.see(ids[0])
        await r.pilot.press("enter")
        await r.toast("Look at the version itself first.")
        assert len(await waiting(database)) == 3
        await r.pilot.press("b")
        await until_shown(r.pilot, lambda: seen(r, "original").display)
        await r.see(ids[0])
        await r.pilot.press("b", "enter")
        await r.see(ids[1])
        assert seen(r, "original").display


async def test_an_svg_stands_beside_its_colouring(
    review: OpenReview, database: Database, storage: DirectoryStorage
) -> None:
    order = await add_order(database, storage, 1)
    image_id = order.line_items[0].images[0].id
    await add_version(database, storage, image_id, 2)
    await run(database, "UPDATE reviews SET decision = 'accepted', decided_at = now()")
    await make_waiting_svg(database, storage, image_id)
    async with review() as r:
        await until_shown(r.pilot, lambda: r.words("original .caption") == "Colouring v2")
        said = [r.words("version .caption")]
        for _step in range(3):
            await r.pilot.press("b")
            said.append(r.words("version .caption"))
        assert [words.split(" ")[0] for words in said] == ["v1", "v1", "Colouring", "Original"]
