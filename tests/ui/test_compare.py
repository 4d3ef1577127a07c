"""Compare: side by side, one window for all, and a choice that overrules nobody unseen."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image as Picture
from sqlalchemy import text
from textual.widgets import Static

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import Image, Order
from fototui.domain.events import BaseMercureEvent, ImageUpdateEvent
from fototui.domain.options import SvgOptions
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    SvgProcessingStatus,
    VersionType,
)
from fototui.live.state import Changed
from fototui.screens.compare import CompareScreen, Pane
from fototui.screens.dialogs import Confirm
from fototui.services.versions.coloring import ColoringService
from fototui.storage.directory import DirectoryStorage
from fototui.ui.context import AppContext
from fototui.widgets.picture.widget import Picture as PictureWidget
from fototui.widgets.picture.widget import PictureState
from tests.cases import case
from tests.factories import file_ref, make_coloring, make_order, make_svg
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import messages
from tests.waiting import until_shown

_SIZE = (120, 36)
"""Four stand side by side."""

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><path d="M0 0h4v3z"/></svg>'


def png(colour: str) -> bytes:
    target = io.BytesIO()
    Picture.new("RGB", (64, 48), colour).save(target, "PNG")
    return target.getvalue()


@pytest.fixture
async def order(database: Database, storage: DirectoryStorage) -> Order:
    """An image with five colourings, of which the first is chosen and the last still runs."""
    async with database.session() as session, session.begin():
        order = await make_order(session)
        (image,) = order.line_items[0].images
        assert image.file_ref is not None
        await storage.put(image.file_ref.key, png("orange"), content_type="image/png")
        for version in range(1, 6):
            key = f"v{version}.png"
            await storage.put(key, png("white"), content_type="image/png")
            row = await make_coloring(
                session,
                image,
                status=ColoringProcessingStatus.COMPLETED if version < 5 else "queued",  # type: ignore[arg-type]  # equal
                version=version,
                megapixels=version / 2,
                file_ref=file_ref(key),
            )
            if version == 1:
                image.selected_coloring_id = row.id
    return order


@pytest.fixture
def image(order: Order) -> Image:
    return order.line_items[0].images[0]


@pytest.fixture
def home(order: Order, image: Image) -> Callable[[AppContext], CompareScreen]:
    return lambda context: CompareScreen(context, str(order.id), image.id, VersionType.COLORING)


def compare(app: FototuiApp) -> CompareScreen:
    (screen,) = (screen for screen in app.screen_stack if isinstance(screen, CompareScreen))
    return screen


def panes(app: FototuiApp) -> list[Pane]:
    return [pane for pane in compare(app).query(Pane) if pane.display]


def captions(app: FototuiApp) -> list[str]:
    return [str(pane.query_one(".caption", Static).render()) for pane in panes(app)]


def current(app: FototuiApp) -> str:
    found = compare(app).query(".current .caption").results(Static)
    return next((str(caption.render()).split(" ")[0] for caption in found), "")


def pictures(app: FototuiApp) -> list[PictureWidget]:
    return [pane.picture for pane in panes(app)]


async def ready(pilot: AppPilot, app: FototuiApp) -> None:
    await until_shown(
        pilot,
        lambda: pictures(app) and all(p.state is PictureState.SHOWN for p in pictures(app)),
    )


async def chosen(database: Database, image: Image) -> int | None:
    async with database.session() as session:
        return (await session.get_one(Image, image.id)).selected_coloring_id


async def version_id(database: Database, number: int) -> int:
    async with database.session() as session:
        found = await session.scalar(
            text("SELECT id FROM coloring_versions WHERE version = :number"), {"number": number}
        )
    return int(found or 0)


async def test_the_original_the_chosen_one_and_the_newest_stand_side_by_side(
    open_app: OpenApp, home: Callable[[AppContext], CompareScreen]
) -> None:
    async with open_app(home, size=_SIZE) as (app, pilot):
        await ready(pilot, app)
        assert captions(app) == [
            "Original",
            "v1 · 0.5 Mpx, 4 steps · ★",
            "v3 · 1.5 Mpx, 4 steps",
            "v4 · 2 Mpx, 4 steps",
        ]
        assert current(app) == "v1"
        widths = {pane.size.width for pane in panes(app)}
        assert max(widths) - min(widths) <= 1

        # Arrows move and stop at the ends; a click goes to a version, and to no original.
        seen = []
        for key in ("left", "right", "right", "right", "left"):
            await pilot.press(key)
            seen.append(current(app))
        assert seen == ["v1", "v3", "v4", "v4", "v3"]
        await pilot.click(panes(app)[3])
        await until_shown(pilot, lambda: current(app) == "v4")
        await pilot.click(panes(app)[0])
        assert current(app) == "v4"


async def test_zoom_and_pan_are_those_of_all_pictures(
    open_app: OpenApp, home: Callable[[AppContext], CompareScreen]
) -> None:
    async with open_app(home, size=_SIZE) as (app, pilot):
        await ready(pilot, app)

        def seen() -> tuple[float, tuple[float, float]]:
            ((zoom, pan),) = {
                (picture.viewport.zoom, picture.viewport.pan) for picture in pictures(app)
            }
            return zoom, pan

        await pilot.press("l", "j")
        assert seen() == (1.0, (0.5, 0.5))  # all of it is seen: nothing to move
        await pilot.press("plus", "plus")
        zoom, pan = seen()
        assert (zoom, pan) == (2.25, (0.5, 0.5))
        await pilot.press("l", "j")
        right, down = seen()[1]
        assert (right, down) == pytest.approx((0.5 + 0.25 / 2.25, 0.5 + 0.25 / 2.25))
        await pilot.press("h", "h", "k", "k")
        assert seen()[1] < (0.5, 0.5)
        await pilot.press(*["h"] * 20)
        assert seen()[1][0] == pytest.approx(0.5 / 2.25)  # its edge, and not beyond
        await pilot.press(*["minus"] * 5)
        assert seen() == (1.0, (0.5, 0.5))


async def test_enter_chooses_and_goes_back(
    open_app: OpenApp,
    home: Callable[[AppContext], CompareScreen],
    database: Database,
    image: Image,
    published: list[BaseMercureEvent],
) -> None:
    async with open_app(home, size=_SIZE) as (app, pilot):
        await ready(pilot, app)
        published.clear()
        await pilot.press("right", "right", "enter")
        await until_shown(pilot, lambda: not isinstance(app.screen, CompareScreen))
        assert await chosen(database, image) == await version_id(database, 4)
        assert len([event for event in published if isinstance(event, ImageUpdateEvent)]) == 1
        app.undo_choice()
        await until_shown(pilot, lambda: "undone" in messages(app))
    assert await chosen(database, image) == await version_id(database, 1)


async def test_a_choice_made_meanwhile_is_shown_and_asked_about(
    open_app: OpenApp,
    home: Callable[[AppContext], CompareScreen],
    database: Database,
    image: Image,
) -> None:
    async with open_app(home, size=_SIZE) as (app, pilot):
        await ready(pilot, app)
        for theirs, caption, answer in (
            (3, "v3 · 1.5 Mpx, 4 steps · ★", "n"),
            (2, "v2 · 1 Mpx, 4 steps · ★", "y"),
        ):
            with case(answer):
                their_id = await version_id(database, theirs)
                async with database.session() as session:
                    await ColoringService(session, operator="eva").select(their_id)
                await pilot.press("right", "right", "enter")
                await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
                assert caption in captions(app)
                await pilot.press(answer)
                await until_shown(pilot, lambda: not isinstance(app.screen, Confirm))
                if answer == "n":
                    assert await chosen(database, image) == their_id
        await until_shown(pilot, lambda: app.context.undo.entries)
    assert await chosen(database, image) == await version_id(database, 4)


async def test_a_change_of_the_opened_order_is_shown(
    open_app: OpenApp, home: Callable[[AppContext], CompareScreen], database: Database, order: Order
) -> None:
    async with open_app(home, size=_SIZE) as (app, pilot):
        await ready(pilot, app)
        await pilot.press("right")
        async with database.session() as session, session.begin():
            await session.execute(
                text("UPDATE coloring_versions SET status = 'completed' WHERE version = 5")
            )
        await app.store.open(str(order.id))
        compare(app).on_store_changed(Changed(details=frozenset({str(order.id)})))
        await until_shown(pilot, lambda: any(caption.startswith("v5") for caption in captions(app)))
        assert current(app) == "v3"


async def test_as_many_stand_side_by_side_as_fit(
    open_app: OpenApp, home: Callable[[AppContext], CompareScreen]
) -> None:
    async with open_app(home, size=(60, 20)) as (app, pilot):
        for size, count in (((60, 20), 2), ((80, 24), 2), ((100, 30), 3), ((200, 60), 4)):
            with case(size):
                await pilot.resize_terminal(*size)
                await until_shown(pilot, lambda: len(captions(app)) == count)  # noqa: B023
                await ready(pilot, app)
                await pilot.press("left", "left", "right", "right")
                await until_shown(pilot, lambda: current(app) == "v4")
                assert captions(app)[0] == "Original"
                assert len(captions(app)) == count


async def test_svgs_are_compared_too(
    open_app: OpenApp, database: Database, storage: DirectoryStorage, order: Order, image: Image
) -> None:
    await storage.put("a.svg", SVG, content_type="image/svg+xml")
    async with database.session() as session, session.begin():
        coloring = await session.get_one(
            type(await make_coloring(session, image, version=9)), await version_id(database, 1)
        )
        options = SvgOptions()
        svg = await make_svg(
            session,
            coloring,
            status=SvgProcessingStatus.COMPLETED,
            file_ref=file_ref("a.svg"),
            shape_stacking=options.shape_stacking,
            group_by=options.group_by,
        )
    screen = lambda context: CompareScreen(context, str(order.id), image.id, VersionType.SVG)  # noqa: E731 - short
    async with open_app(screen, language="cs") as (app, pilot):
        await ready(pilot, app)
        assert captions(app)[1] == "v1 · Vrstvené, Podle barvy"
        await pilot.press("enter")
        await until_shown(pilot, lambda: app.context.undo.entries)
    async with database.session() as session:
        assert (await session.get_one(Image, image.id)).selected_svg_id == svg.id


async def test_without_versions_it_says_so_and_chooses_nothing(
    open_app: OpenApp, database: Database, storage: DirectoryStorage
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, uploaded=False, customer_name="[/foo] \x1b[31m")
        image_id = order.line_items[0].images[0].id
    screen = lambda context: CompareScreen(context, str(order.id), image_id, VersionType.COLORING)  # noqa: E731
    async with open_app(screen) as (app, pilot):
        words = compare(app).query_one("#words", Static)
        await until_shown(pilot, lambda: "no finished version" in str(words.render()))
        await pilot.press("enter")
        await until_shown(pilot, lambda: "to choose yet" in messages(app))
        await pilot.press("escape")
        await until_shown(pilot, lambda: not isinstance(app.screen, CompareScreen))


async def test_an_image_that_is_gone_is_told(open_app: OpenApp, order: Order) -> None:
    screen = lambda context: CompareScreen(context, str(order.id), 0, VersionType.COLORING)  # noqa: E731
    async with open_app(screen) as (app, pilot):
        words = compare(app).query_one("#words", Static)
        await until_shown(pilot, lambda: "no longer exists" in str(words.render()))


async def test_a_read_only_terminal_only_looks(
    open_app: OpenApp, home: Callable[[AppContext], CompareScreen], database: Database, image: Image
) -> None:
    before = await chosen(database, image)
    async with open_app(home, read_only=True) as (app, pilot):
        await ready(pilot, app)
        await pilot.press("right", "enter")
        await until_shown(pilot, lambda: "read-only" in messages(app))
    assert await chosen(database, image) == before
