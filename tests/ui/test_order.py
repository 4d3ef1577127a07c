"""The order screen: what it shows, and every key of it."""

from __future__ import annotations

import io
import os
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from PIL import Image as Pillow
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from textual.widgets import Input, Static
from ulid import ULID

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import GroupBy, ShapeStacking, SvgOptions
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus, VersionType
from fototui.screens.compare import CompareScreen
from fototui.screens.dialogs import AskText, Confirm
from fototui.screens.options import ColoringDialog, Pick, SvgDialog
from fototui.screens.order.attaching import completed
from fototui.screens.order.screen import OrderScreen
from fototui.screens.order.selection import Selection
from fototui.screens.picture import PictureScreen
from fototui.services.backend import Backend
from fototui.services.orders.manual import OrderService
from fototui.services.versions.coloring import ColoringService
from fototui.services.views.orders import OrderDetail
from fototui.services.views.versions import VersionView
from fototui.storage.directory import DirectoryStorage
from fototui.widgets.picture.widget import Picture, PictureState
from fototui.widgets.preset_line import PresetLine
from tests.cases import case
from tests.factories import make_call, make_coloring, make_order, make_svg
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import lines, messages, suggestion
from tests.waiting import until_shown

DONE = ColoringProcessingStatus.COMPLETED
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><path d="M0 0h4v3z"/></svg>'


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def png(colour: str) -> bytes:
    file = io.BytesIO()
    Pillow.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


@dataclass
class Shop:
    """What the tests change and look at."""

    database: Database
    storage: DirectoryStorage
    open_app: OpenApp
    orders: list[str] = field(default_factory=list)

    def backend(self, operator: str) -> Backend:
        return Backend(self.database, self.storage, operator=operator)

    async def file(self, key: str, data: bytes, kind: str = "image/png") -> S3ObjectRefData:
        return await self.storage.put(key, data, content_type=kind)

    async def order(
        self,
        *statuses: ColoringProcessingStatus,
        images: int = 1,
        selected: int | None = None,
        svg: SvgProcessingStatus | None = None,
        **fields: str,
    ) -> str:
        """An order; its first image has colourings with these statuses."""
        async with self.database.session() as session, session.begin():
            order = await make_order(session, images=images)
            for name, value in fields.items():
                setattr(order, name, value)
            key = f"{order.id}/1"
            for image in order.line_items[0].images:
                name = f"{key}/image_{image.position}.png"
                image.file_ref = await self.file(name, png("red"))
            first = order.line_items[0].images[0]
            for number, status in enumerate(statuses, start=1):
                name = f"{key}/coloring/v{number}/image_1.png"
                file = await self.file(name, png("white")) if status is DONE else None
                row = await make_coloring(
                    session, first, status=status, version=number, file_ref=file, steps=number
                )
                if number == selected:
                    first.selected_coloring_id = row.id
                    if svg is not None:
                        is_done = svg is SvgProcessingStatus.COMPLETED
                        ref = await self.file(f"{key}/svg/v1/image_1.svg", SVG, "image/svg+xml")
                        await make_svg(session, row, status=svg, file_ref=ref if is_done else None)
            self.orders.append(str(order.id))
        return self.orders[-1]

    async def detail(self, order_id: str) -> OrderDetail:
        async with self.backend("test").autocommit(OrderService) as service:
            return await service.get_order(order_id)

    async def colorings(self, order_id: str) -> tuple[VersionView, ...]:
        return (await self.detail(order_id)).images[0].coloring

    @asynccontextmanager
    async def opened(
        self,
        order_id: str,
        *,
        size: tuple[int, int] = (110, 30),
        read_only: bool = False,
        language: str = "en",
    ) -> AsyncIterator[tuple[FototuiApp, AppPilot, OrderScreen]]:
        async with self.open_app(
            lambda context: OrderScreen(context, order_id),
            size=size,
            read_only=read_only,
            language=language,
        ) as (app, pilot):
            screen = app.screen
            assert isinstance(screen, OrderScreen)
            await until_shown(pilot, lambda: app.store.detail(order_id))
            await until_shown(pilot, lambda: screen.images.option_count)
            yield app, pilot, screen


@pytest.fixture
def shop(database: Database, storage: DirectoryStorage, open_app: OpenApp) -> Shop:
    return Shop(database, storage, open_app)


async def book_of(session: AsyncSession, order_id: str) -> LineItem:
    """The order's first book."""
    found = select(LineItem).where(LineItem.order_id == ULID.from_str(order_id))
    return (await session.scalars(found)).one()


def rows(screen: OrderScreen) -> str:
    """The versions that are listed."""
    return "\n".join(str(option.prompt) for option in screen.versions.options)


def at(selection: Selection) -> int:
    """The number of the version under the cursor."""
    assert selection.version is not None
    return selection.version.version


def page(app: FototuiApp) -> str:
    return "\n".join(lines(app))


def suggests(field: Input, whole: str) -> bool:
    return suggestion(field) == whole


async def hears(app: FototuiApp, pilot: AppPilot, words: str) -> None:
    await until_shown(pilot, lambda: words in messages(app))


class TestShowing:
    async def test_what_an_svg_was_made_of_is_not_cut_off(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, selected=1, svg=SvgProcessingStatus.COMPLETED)
        async with shop.opened(order_id, language="cs") as (app, pilot, _):
            await pilot.press("tab")
            for width in (120, 80):
                with case(width):
                    await pilot.resize_terminal(width, 36)
                    await until_shown(pilot, lambda: "v1 · z omalovánky v1" in page(app))

    async def test_what_was_paid_stands_with_the_order(self, shop: Shop) -> None:
        order_id, other = await shop.order(DONE), await shop.order(DONE)
        async with shop.database.session() as session, session.begin():
            order = await session.get_one(Order, ULID.from_str(order_id))
            session.add(make_call(order, execution_ms=10_000))
        async with shop.opened(order_id) as (app, pilot, screen):
            about = screen.query_one("#about", Static)
            await until_shown(pilot, lambda: "Cost: 10 s of RunPod" in str(about.render()))
            await pilot.press("f10")
            await until_shown(pilot, lambda: "Cena: 10 s RunPodu" in str(about.render()))
            app.open_order(other)
            await until_shown(pilot, lambda: app.screen is not screen and app.store.detail(other))
            about = app.screen.query_one("#about", Static)
            await until_shown(pilot, lambda: "jana@example.com" in str(about.render()))
            assert "Cena" not in str(about.render())

    async def test_images_stand_under_their_books(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, images=2)
        async with shop.database.session() as session, session.begin():
            item = await book_of(session, order_id)
            item.quantity, item.dedication, item.layout = 3, "Pro Áďu", "A4"
        async with shop.opened(order_id) as (_, _pilot, screen):
            texts = [str(option.prompt) for option in screen.images.options]
            assert texts[0].splitlines() == ["Omalovánka 1 × 3", "Pro Áďu", "A4"]
            assert texts[1].startswith("  Photo 1  ◉ ·")
            assert texts[2].startswith("  Photo 2  · ·")

    @pytest.mark.quick
    async def test_a_version_is_told_with_all_that_is_known(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, ColoringProcessingStatus.ERROR, selected=1)
        async with shop.database.session() as session, session.begin():
            row = await session.get_one(ColoringVersion, (await shop.colorings(order_id))[1].id)
            row.error, row.attempts, row.requested_by = "RunPod said no; try later.", 3, "petr"
            row.started_at, row.completed_at = row.created_at, row.created_at
        async with shop.opened(order_id, language="cs") as (_, _pilot, screen):
            first, second = (str(option.prompt) for option in screen.versions.options)
            assert first.startswith("★  ◉ Dokončeno  v1 · 1 Mpx")
            assert "✗ Chyba" in second
            assert "0:00" in second
            assert "petr" in second
            assert second.endswith("RunPod said no; try later.")

    async def test_credits_of_an_svg(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, selected=1, svg=SvgProcessingStatus.COMPLETED)
        async with shop.database.session() as session, session.begin():
            svg = (await shop.detail(order_id)).images[0].svg[0]
            (await session.get_one(SvgVersion, svg.id)).credits_charged = 0.2
        async with shop.opened(order_id) as (_, pilot, screen):
            await pilot.press("tab")
            assert "0.2 credits" in rows(screen)
            await until_shown(pilot, lambda: screen.picture.state is PictureState.SHOWN)

    async def test_time_of_a_running_version_ticks(self, shop: Shop) -> None:
        order_id = await shop.order(ColoringProcessingStatus.RUNPOD_PROCESSING)
        async with shop.database.session() as session, session.begin():
            row = await session.get_one(ColoringVersion, (await shop.colorings(order_id))[0].id)
            row.started_at = row.created_at
        async with shop.opened(order_id) as (_, pilot, screen):
            before = rows(screen)
            assert "  0:0" in before
            await until_shown(pilot, lambda: rows(screen) != before)

    async def test_the_photo_is_shown_until_there_is_a_version(self, shop: Shop) -> None:
        order_id = await shop.order(ColoringProcessingStatus.QUEUED)
        async with shop.opened(order_id) as (_, pilot, screen):
            await until_shown(pilot, lambda: screen.picture.state is PictureState.SHOWN)
            assert "original" in str(screen.picture.query_one(".caption").render())

    async def test_a_missing_and_a_broken_file_are_told_of(self, shop: Shop) -> None:
        order_id = await shop.order(images=2)
        first, second = (await shop.detail(order_id)).images
        assert first.file
        assert second.file
        await shop.storage.delete(first.file.key)
        await shop.storage.put(second.file.key, b"no picture", content_type="image/png")
        async with shop.opened(order_id) as (_, pilot, screen):
            await until_shown(pilot, lambda: screen.picture.state is PictureState.FAILED)
            assert "not in storage" in screen.picture.reason
            await pilot.press("down")
            await until_shown(pilot, lambda: "damaged" in screen.picture.reason)

    async def test_an_order_that_is_not_there(self, shop: Shop) -> None:
        await shop.order()
        missing = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
        async with shop.open_app(lambda context: OrderScreen(context, missing)) as (app, pilot):
            about = app.screen.query_one("#about")
            await until_shown(pilot, lambda: "no order" in str(about.render()).lower())
            await pilot.press("g", "enter")

    async def test_hostile_texts_at_any_size(self, shop: Shop) -> None:
        bad = "[/foo] [@click=app.quit]x[/] \x1b]0;x\a\u202eabc"
        order_id = await shop.order(
            DONE, ColoringProcessingStatus.ERROR, customer_name=bad, customer_email=bad
        )
        async with shop.database.session() as session, session.begin():
            item = await book_of(session, order_id)
            item.title = item.dedication = item.layout = bad
            row = await session.get_one(ColoringVersion, (await shop.colorings(order_id))[1].id)
            row.error = row.requested_by = bad
        async with shop.opened(order_id) as (app, pilot, screen):
            for size in ((60, 20), (80, 24), (200, 60)):
                with case(size):
                    await pilot.resize_terminal(*size)
                    await pilot.pause()
                    await until_shown(pilot, lambda: screen.picture.state is PictureState.SHOWN)
                    texts = [str(option.prompt) for option in screen.images.options]
                    shown = "\n".join(
                        [*texts, rows(screen), str(screen.query_one("#about").render())]
                    )
                    assert shown.count("[/foo]") >= 4
                    assert "\x1b" not in shown
                    assert "\u202e" not in shown
                    assert screen.images.outer_size.width == (36 if size[0] >= 100 else 22)
                    assert "[/foo]" in "\n".join(lines(app))


class TestMoving:
    async def test_images_kinds_and_versions(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, DONE, DONE, images=2, selected=2)
        async with shop.opened(order_id) as (app, pilot, screen):
            selection = screen.selection
            assert at(selection) == 2
            for key, number in [
                ("]", 3),
                ("[", 2),
                ("1", 1),
                ("3", 3),
                ("right_square_bracket", 1),
            ]:
                await pilot.press(key)
                assert at(selection) == number, key
                assert f"v{number}" in str(screen.picture.query_one(".caption").render())
            await pilot.press("7")
            await hears(app, pilot, "There is no v7.")
            await pilot.press("tab")
            assert selection.kind is VersionType.SVG
            assert "No SVG yet" in rows(screen)
            await pilot.press("down")
            assert selection.image
            assert selection.image.position == 2
            await pilot.press("tab", "up")
            assert at(selection) == 1  # where the cursor was

    async def test_next_and_previous_order(self, shop: Shop) -> None:
        older, newer = await shop.order(DONE), await shop.order(DONE, DONE)
        async with shop.opened(older) as (app, pilot, screen):
            app.context.order_list.shown = [newer, older]
            await pilot.press("n")
            await hears(app, pilot, "last order")
            await pilot.press("N")
            await until_shown(pilot, lambda: len(screen.selection.versions) == 2)
            assert screen.order_id == newer
            assert app.store.detail(older) is None
            await pilot.press("N")
            await hears(app, pilot, "first order")
            await pilot.press("n")
            await until_shown(pilot, lambda: app.store.detail(older))

    async def test_an_order_that_left_its_tab_has_the_neighbours_it_had(self, shop: Shop) -> None:
        ids = [await shop.order(DONE) for _number in range(4)]
        async with shop.opened(ids[0]) as (app, pilot, _screen):
            known = app.context.order_list
            known.take(app.store.orders, app.store.listing)
            newest, one, other, oldest = known.shown
            screen = OrderScreen(app.context, one)
            await app.push_screen(screen)
            known.shown = [newest, oldest]  # both in the middle were worked on
            await pilot.press("n")
            assert screen.order_id == other
            await pilot.press("n")
            assert screen.order_id == oldest
            await pilot.press("n")
            await hears(app, pilot, "last order")
            await pilot.press("N", "N", "N")
            assert screen.order_id == newest

    async def test_what_is_gone_is_stepped_over_and_what_came_since_is_reached(
        self, shop: Shop
    ) -> None:
        ids = [await shop.order(DONE) for _number in range(4)]
        async with shop.opened(ids[0]) as (app, pilot, _screen):
            known = app.context.order_list
            known.take(app.store.orders, app.store.listing)
            came, one, gone, oldest = known.shown
            known.shown = [one, gone, oldest]
            screen = OrderScreen(app.context, one)
            await app.push_screen(screen)
            app.store.orders = {i: r for i, r in app.store.orders.items() if i != gone}
            known.shown = [came, oldest, one]  # the last one moved up, and is no news
            await pilot.press("n")
            assert screen.order_id == oldest
            await pilot.press("n")
            await hears(app, pilot, "last order")
            known.shown = [came, one, oldest]
            await pilot.press("N", "N")
            assert screen.order_id == came
            await pilot.press("n")
            assert screen.order_id == one

    async def test_full_screen_compare_and_back(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, images=2)
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("p")
            await until_shown(pilot, lambda: isinstance(app.screen, PictureScreen))
            picture = app.screen.query_one(Picture)
            await until_shown(pilot, lambda: picture.state is PictureState.SHOWN)
            await pilot.press("right")
            await hears(app, pilot, "The whole picture is shown already")
            await pilot.press("plus", "right")
            assert picture.viewport.zoom == 1.5
            assert picture.viewport.pan[0] > 0.5
            await pilot.press("escape")
            assert app.screen is screen

            await pilot.press("c")
            await until_shown(pilot, lambda: isinstance(app.screen, CompareScreen))
            assert cast("CompareScreen", app.screen).order_id == order_id
            await pilot.press("escape")
            await until_shown(pilot, lambda: app.screen is screen)
            await pilot.press("down", "c")
            await hears(app, pilot, "no completed version")
            assert app.screen is screen

    async def test_escape_goes_back_and_closes_the_order(self, shop: Shop) -> None:
        order_id = await shop.order()
        async with shop.opened(order_id) as (app, pilot, _screen):
            below = app.screen
            await app.push_screen(OrderScreen(app.context, order_id))
            await pilot.press("escape")
            assert app.screen is below
            await pilot.press("n")
            await hears(app, pilot, "last order")


class TestGenerating:
    async def test_a_colouring_is_started_and_followed(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, selected=1)
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("tab", "g")
            await hears(app, pilot, "v2 is requested")
            assert screen.selection.kind is VersionType.COLORING
            await until_shown(pilot, lambda: at(screen.selection) == 2)
            assert (await shop.colorings(order_id))[1].requested_by == "jana"

    async def test_options_of_a_colouring_are_checked(self, shop: Shop) -> None:
        order_id = await shop.order()
        async with shop.opened(order_id) as (app, pilot, _screen):
            await pilot.press("ctrl+g")
            await until_shown(pilot, lambda: isinstance(app.screen, ColoringDialog))
            megapixels, steps = app.screen.query(Input)
            megapixels.value, steps.value = "9", "2.5"
            await pilot.press("enter")
            assert "from 0.5 to 8" in str(app.screen.query_one("#megapixels-wrong").render())
            assert "from 1 to 20" in str(app.screen.query_one("#steps-wrong").render())
            megapixels.value, steps.value = "nan", "8"
            await pilot.press("enter")
            assert isinstance(app.screen, ColoringDialog)
            megapixels.value = " 2,5 "
            await pilot.press("enter")
            await hears(app, pilot, "v1 is requested")
            options = (await shop.colorings(order_id))[0].options
            assert repr(options) == "ColoringOptions(megapixels=2.5, steps=8)"
            await pilot.press("ctrl+g")
            await until_shown(pilot, lambda: isinstance(app.screen, ColoringDialog))
            await pilot.press("escape")
            assert len(await shop.colorings(order_id)) == 1

    async def test_presets_are_gone_to_by_arrows_and_tell_what_they_took(self, shop: Shop) -> None:
        order_id = await shop.order(DONE)
        async with shop.database.session() as session, session.begin():
            order = await session.get_one(Order, ULID.from_str(order_id))
            session.add(
                make_call(
                    order,
                    options={"megapixels": 2.0, "steps": 2},
                    execution_ms=42_000,
                    ended_at=func.now(),
                )
            )
        async with shop.opened(order_id) as (app, pilot, _screen):
            await pilot.press("ctrl+g")
            await until_shown(pilot, lambda: isinstance(app.screen, ColoringDialog))
            shown = [str(each.render()) for each in app.screen.query(PresetLine)]
            assert shown == [
                "Another try – the same options again\n  1 Mpx, 1 step · not made lately",
                "Finer – bigger, more steps: more detail\n  2 Mpx, 2 steps · lately 0:42",
                "Fewer lines – smaller: less detail\n  0.5 Mpx, 1 step · not made lately",
            ]
            await pilot.click(app.screen.query(PresetLine)[2])
            assert [field.value for field in app.screen.query(Input)] == ["0.5", "1"]
            app.screen.query_one("#megapixels").focus()
            await pilot.press("up", "up", "enter")
            await hears(app, pilot, "v2 is requested")
            options = (await shop.colorings(order_id))[1].options
            assert repr(options) == "ColoringOptions(megapixels=2.0, steps=2)"

    async def test_svgs_have_presets_too(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, selected=1)
        async with shop.opened(order_id) as (app, pilot, _screen):
            await pilot.press("ctrl+s")
            await until_shown(pilot, lambda: isinstance(app.screen, SvgDialog))
            shown = [str(each.render()) for each in app.screen.query(PresetLine)]
            assert [each.split(" – ")[0] for each in shown] == [
                *("As before", "For cutting", "For drawing")
            ]
            assert shown[1].endswith("\n  Cut out, By colour · not made lately")
            await pilot.click(app.screen.query(PresetLine)[2])
            assert [pick.place for pick in app.screen.query(Pick)] == [0, 2]
            app.screen.query_one("#stacking").focus()
            await pilot.press("up", "up", "enter")
            await hears(app, pilot, "v1 is requested")
            svg = (await shop.detail(order_id)).images[0].svg[0]
            assert svg.options == SvgOptions(ShapeStacking.CUTOUTS, GroupBy.COLOR)

    async def test_an_svg_with_options(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, selected=1)
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("s")
            await hears(app, pilot, "v1 is requested")
            assert screen.selection.kind is VersionType.SVG
            await pilot.press("ctrl+s")
            await until_shown(pilot, lambda: isinstance(app.screen, SvgDialog))
            app.screen.query_one("#stacking", Pick).focus()
            await pilot.press("right", "tab", "left", "enter")
            await hears(app, pilot, "v2 is requested")
            svg = (await shop.detail(order_id)).images[0].svg[1]
            assert "CUTOUTS" in repr(svg.options)
            assert "NONE" in repr(svg.options)

    async def test_all_images_of_the_order(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, images=3, selected=1)
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("G")
            await hears(app, pilot, "2 colourings; no engine is running. 1 left out:")
            await pilot.press("S")
            await until_shown(pilot, lambda: screen.selection.kind is VersionType.SVG)
            images = (await shop.detail(order_id)).images
            assert [len(image.coloring) for image in images] == [1, 1, 1]
            assert [len(image.svg) for image in images] == [1, 0, 0]

    async def test_why_not_and_asked_for_twice_is_no_failure(self, shop: Shop) -> None:
        order_id = await shop.order()
        async with shop.opened(order_id) as (app, pilot, _screen):
            for key, words in [
                ("s", "Make a colouring first"),
                ("r", "no version yet"),
                ("x", "no version yet"),
                ("enter", "no version yet"),
                ("R", "Nothing failed"),
                ("g", "v1 is requested"),
                ("g", "is being made already with the same options"),
            ]:
                await pilot.press(key)
                await hears(app, pilot, words)
            assert app.context.messages.entries[-1].severity == "warning"
            assert not app.context.messages.unread

    async def test_read_only(self, shop: Shop) -> None:
        order_id = await shop.order(DONE)
        async with shop.opened(order_id, read_only=True) as (app, pilot, _screen):
            await pilot.press("enter")
            await hears(app, pilot, "read-only")
            assert not (await shop.colorings(order_id))[0].selected


class TestRetryingAndCancelling:
    async def test_what_failed_is_not_chosen_but_retried_and_cancelled_unasked(
        self, shop: Shop
    ) -> None:
        order_id = await shop.order(ColoringProcessingStatus.ERROR)
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("enter")
            await hears(app, pilot, "v1 is not completed")
            await pilot.press("r")
            await hears(app, pilot, "Colouring v1 is asked for once more. It waits: no engine")
            assert (await shop.colorings(order_id))[0].status == "queued"
            await until_shown(pilot, lambda: "○" in rows(screen))
            await pilot.press("r")
            await hears(app, pilot, "v1 did not fail")
            await pilot.press("x")
            await hears(app, pilot, "v1 is cancelled")

    async def test_retry_all_of_both_kinds(self, shop: Shop) -> None:
        error = ColoringProcessingStatus.ERROR
        order_id = await shop.order(DONE, error, selected=1, svg=SvgProcessingStatus.ERROR)
        async with shop.opened(order_id) as (app, pilot, _screen):
            await pilot.press("R")
            await hears(app, pilot, "1 colouring, 1 SVG;")
            image = (await shop.detail(order_id)).images[0]
            assert [view.status for view in (image.coloring[1], image.svg[0])] == ["queued"] * 2

    async def test_cancel_asks_where_it_may_be_paid(self, shop: Shop) -> None:
        order_id = await shop.order(ColoringProcessingStatus.RUNPOD_QUEUED)
        version_id = (await shop.colorings(order_id))[0].id
        async with shop.database.session() as session, session.begin():
            (await session.get_one(ColoringVersion, version_id)).submissions = 1
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("x")
            await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("enter")
            assert (await shop.colorings(order_id))[0].status == "runpod_queued"
            await pilot.press("x")
            await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("y")
            await hears(app, pilot, "v1 is cancelled")
            assert (await shop.colorings(order_id))[0].status == "runpod_cancelled"
            await until_shown(pilot, lambda: "⊘" in rows(screen))
            await pilot.press("x")
            await hears(app, pilot, "nothing to cancel")


class TestChoosing:
    async def test_choose_and_take_back(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, DONE, selected=1)
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("2", "enter")
            await hears(app, pilot, "v2 is chosen")
            assert [v.selected for v in await shop.colorings(order_id)] == [False, True]
            await until_shown(pilot, lambda: rows(screen).splitlines()[1].startswith("★"))
            assert "is the chosen one now" not in messages(app)
            await pilot.press("enter")
            await hears(app, pilot, "v2 is the chosen one already")
            await pilot.press("ctrl+z")
            await hears(app, pilot, "undone")
            assert [v.selected for v in await shop.colorings(order_id)] == [True, False]

    async def test_a_choice_made_meanwhile_is_asked_about(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order_id = await shop.order(DONE, DONE, DONE, selected=1)
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("3")
            for theirs, answer, chosen in ((2, "enter", 2), (1, "y", 3)):
                with case(answer):
                    # This terminal does not hear of the other's choice in time.
                    with monkeypatch.context() as deaf:
                        deaf.setattr(screen, "on_store_changed", lambda _changed: None)
                        version = (await shop.colorings(order_id))[theirs - 1]
                        async with shop.backend("petr").transaction(ColoringService) as service:
                            await service.select(version.id)
                        await pilot.press("enter")
                        await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
                    question = str(app.screen.query("Static").first().render())
                    assert question == f"petr chose v{theirs} meanwhile. Choose v3 anyway?"
                    await pilot.press(answer)
                    await self._is_chosen(shop, app, pilot, chosen)

    async def _is_chosen(self, shop: Shop, app: FototuiApp, pilot: AppPilot, chosen: int) -> None:
        await until_shown(pilot, lambda: isinstance(app.screen, OrderScreen))
        screen = cast("OrderScreen", app.screen)
        await until_shown(
            pilot, lambda: all(w.is_finished for w in app.workers if w.group == "commands")
        )
        views = await shop.colorings(screen.order_id)
        assert [view.version for view in views if view.selected] == [chosen]
        await until_shown(pilot, lambda: rows(screen).splitlines()[chosen - 1].startswith("★"))

    async def test_anothers_choice_is_shown_and_who_approved_it(self, shop: Shop) -> None:
        order_id = await shop.order(DONE, DONE, selected=1)
        second = (await shop.colorings(order_id))[1]
        async with shop.opened(order_id) as (app, pilot, screen):
            assert "approved" not in rows(screen)
            async with shop.backend("petr").transaction(ColoringService) as service:
                await service.select(second.id)
            await app.store.refresh(order_id)
            await hears(app, pilot, "v2 is the chosen one now")
            assert rows(screen).splitlines()[1].startswith("★")
            await until_shown(pilot, lambda: "approved by petr" in rows(screen))
            assert rows(screen).count("approved by") == 1


async def test_w_marks_what_waits_for_the_customer_and_takes_it_back(shop: Shop) -> None:
    order_id = await shop.order()
    async with shop.opened(order_id) as (app, pilot, _):
        await pilot.press("w")
        await until_shown(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press("escape", "w")
        await until_shown(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press(*"a sharper photo", "enter")
        await hears(app, pilot, "waits for the customer.")
        await until_shown(pilot, lambda: "Waits for the customer: a sharper photo" in page(app))
        await pilot.press("w")
        await hears(app, pilot, "no longer waits for the customer.")
        await until_shown(pilot, lambda: "Waits for the customer" not in page(app))
        assert (await shop.detail(order_id)).customer_note is None


class TestAttaching:
    async def test_a_missing_photo_is_attached_and_its_path_completed(
        self, shop: Shop, tmp_path: Path
    ) -> None:
        (tmp_path / "od zákazníka").mkdir()
        (tmp_path / "od zákazníka" / "babička.png").write_bytes(png("blue"))
        order_id = await shop.order(images=2)
        async with shop.database.session() as session, session.begin():
            image = (await session.scalars(select(Image).where(Image.position == 2))).one()
            image.file_ref = None
        async with shop.opened(order_id) as (app, pilot, screen):
            await pilot.press("down", "a")
            await until_shown(pilot, lambda: "File of photo 2, which is missing" in page(app))
            field = app.screen.query_one(Input)
            for typed, whole in (
                (f"{tmp_path}/od", f"{tmp_path}/od zákazníka/"),
                ("bab", f"{tmp_path}/od zákazníka/babička.png"),
            ):
                field.insert_text_at_cursor(typed)
                await until_shown(pilot, partial(suggests, field, whole))
                await pilot.press("tab")
                assert field.value == whole
            await pilot.press("enter")
            await hears(app, pilot, "Photo 2 is attached.")
            await until_shown(pilot, lambda: "missing" not in str(screen.images.options[2].prompt))
        file = (await shop.detail(order_id)).images[1].file
        assert file is not None
        assert await shop.storage.get(file.key) == png("blue")

    async def test_one_more_photo_and_a_file_that_is_none(self, shop: Shop, tmp_path: Path) -> None:
        (tmp_path / "a b.png").write_bytes(png("blue"))
        (tmp_path / "notes.txt").write_text("no photo")
        order_id = await shop.order(DONE)
        async with shop.opened(order_id, language="cs") as (app, pilot, screen):
            for typed, told in (
                (f"{tmp_path}/none", "none: Takový soubor neexistuje"),
                (f"{tmp_path}/notes.txt", "notes.txt: "),
                (f"'{tmp_path}/a b.png'", "Fotka je přiložena"),
                (f"{tmp_path}/a\\ b.png", "Fotka je přiložena"),
            ):
                await pilot.press("plus")
                await until_shown(pilot, lambda: "Soubor další fotky" in page(app))
                app.screen.query_one(Input).value = typed
                await pilot.press("enter")
                await hears(app, pilot, told)
            await until_shown(pilot, lambda: screen.images.option_count == 4)
            await pilot.press("plus", "x", "escape")
            await until_shown(pilot, lambda: app.screen is screen)
        assert len((await shop.detail(order_id)).images) == 3

    def test_completion_looks_where_it_may(self, tmp_path: Path) -> None:
        (tmp_path / ".hidden").touch()
        (tmp_path / "b.jpg").touch()
        assert completed(f"{tmp_path}/") == f"{tmp_path}/b.jpg"
        assert completed(f"{tmp_path}/.") == f"{tmp_path}/.hidden"
        for nothing in (f"{tmp_path}/z", f"{tmp_path}/none/", "\0/", "~nobody-here/"):
            assert completed(nothing) is None


class TestFiles:
    async def test_addresses_are_copied_or_opened(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []

        def browse(address: str) -> bool:
            opened.append(address)
            return True

        monkeypatch.setattr(webbrowser, "open", browse)
        monkeypatch.setenv("DISPLAY", ":0")
        order_id = await shop.order(DONE, customer_email="eva@example.com")
        async with shop.opened(order_id) as (app, pilot, _screen):
            monkeypatch.setenv("SSH_CONNECTION", "")
            await pilot.press("o")
            await hears(app, pilot, "Opened in the browser")
            assert len(opened) == 1
            assert len(app.clipboard) == 0
            await pilot.press("y")
            await hears(app, pilot, "Copied: file:///")
            assert app.clipboard.endswith("coloring/v1/image_1.png")
            await pilot.press("e")
            await hears(app, pilot, "Copied: eva@example.com")
            assert app.clipboard == "eva@example.com"
            monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")
            await pilot.press("o")
            await hears(app, pilot, "the address is copied")
            assert len(opened) == 1
            assert app.clipboard.endswith("coloring/v1/image_1.png")

    async def test_save_never_overwrites_unasked(
        self, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "work").mkdir()
        monkeypatch.chdir(tmp_path / "work")
        order_id = await shop.order(DONE, order_number="#../e vil")
        async with shop.opened(order_id) as (app, pilot, _screen):

            async def save_as(name: str | None = None) -> Path:
                await pilot.press("d")
                await until_shown(pilot, lambda: isinstance(app.screen, AskText))
                entry = app.screen.query_one(Input)
                path = Path(entry.value if name is None else name)
                entry.value = str(path)
                await pilot.press("enter")
                return path

            path = await save_as()
            await hears(app, pilot, "Saved as")
            assert path.parent == tmp_path / "work"
            assert path.name == "e-vil-Photo-1-Colouring-v1.png"
            assert path.read_bytes() == png("white")
            path.write_bytes(b"mine")
            await save_as()
            await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("enter")
            await until_shown(pilot, lambda: isinstance(app.screen, OrderScreen))
            assert path.read_bytes() == b"mine"
            await save_as()
            await until_shown(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("y")
            await until_shown(pilot, lambda: path.read_bytes() != b"mine")
            await save_as("/no/such/folder/x.png")
            await hears(app, pilot, "could not be written")
            assert os.listdir(tmp_path / "work") == [path.name]


async def test_updates_keep_the_cursor(shop: Shop) -> None:
    order_id = await shop.order(ColoringProcessingStatus.QUEUED, images=30)
    async with shop.opened(order_id, size=(80, 24)) as (app, pilot, screen):
        await pilot.press("end", "up")
        image_id, scroll = screen.images.image_id, screen.images.scroll_y
        assert scroll > 0
        async with shop.database.session() as session, session.begin():
            row = await session.get_one(Image, (await shop.detail(order_id)).images[0].id)
            row.position = 99
        await app.store.refresh(order_id)
        await until_shown(pilot, lambda: "99" in str(screen.images.options[-1].prompt))
        assert screen.images.image_id == image_id
