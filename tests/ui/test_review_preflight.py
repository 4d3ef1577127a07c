"""What would be found in print is told in the review, when it is known, and holds nobody up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update

from fototui.db.database import Database
from fototui.db.models.orders import Image
from fototui.db.models.reviews import Review
from fototui.domain.statuses import VersionType
from fototui.pictures.preflight import Preflight
from fototui.screens.review.screen import ReviewScreen
from fototui.storage.directory import DirectoryStorage
from fototui.widgets.review_panel import ReviewPanel
from tests.books.conftest import drawing, svg
from tests.factories import choose_svgs, file_ref, make_order
from tests.ui.conftest import OpenApp
from tests.ui.pages import ReviewPage
from tests.waiting import until_shown

EMPTY = svg('<circle cx="90" cy="90" r="2"/>')
LINES = "".join(
    f'<path d="M0 {10 + 5 * n}H180" stroke="#000" stroke-width="0.05"/>' for n in range(40)
)
THIN = svg(f'{LINES}<path d="M0 0H180" stroke="#000" stroke-width="3"/>')


class GatedStorage(DirectoryStorage):
    """Gives nothing until its gate opens."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.gate = asyncio.Event()

    async def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        await self.gate.wait()
        return await super().get(key, max_bytes=max_bytes)


@pytest.fixture
async def pictures(database: Database, storage: DirectoryStorage) -> list[int]:
    """Images whose SVGs wait: an empty one, one of thin lines along the edge, a good one."""
    async with database.session() as session, session.begin():
        order = await make_order(session, images=3)
        await choose_svgs(session, order)
        await session.execute(
            update(Review).where(Review.kind == VersionType.COLORING).values(decision="accepted")
        )
        ids = list(await session.scalars(select(Image.id).order_by(Image.position)))
    for image_id, data in zip(ids, (EMPTY, THIN, drawing("cat")), strict=True):
        await storage.put(f"{image_id}.svg", data, content_type="image/svg+xml")
    return ids


async def test_findings_stand_on_one_line_with_the_svg(
    open_app: OpenApp, pictures: list[int]
) -> None:
    async with open_app(ReviewScreen) as (app, pilot):
        page = ReviewPage(app)
        warning = page.screen.query_one("#warning")
        await until_shown(pilot, lambda: page.shown == pictures[0])
        await until_shown(
            pilot, lambda: page.words("warning") == "In print: The page is nearly empty."
        )
        assert warning.display
        await pilot.press("enter")
        await until_shown(pilot, lambda: page.shown == pictures[1])
        await until_shown(pilot, lambda: page.words("warning").startswith("In print (2): "))
        assert "Many lines are thinner than 0.11 mm" in page.words("warning")
        assert warning.size.height == 1
        # A warning of another kind is more pressing, and the hint comes back after it.
        page.screen.query_one(ReviewPanel).warn("Someone else has this picture by now.")
        assert page.words("warning").startswith("Someone else")
        page.screen.query_one(ReviewPanel).warn("")
        assert page.words("warning").startswith("In print (2): ")
        await pilot.press("enter")
        await until_shown(pilot, lambda: page.shown == pictures[2])
        await until_shown(pilot, lambda: not warning.display)
        await pilot.press("enter")
        await until_shown(pilot, lambda: page.is_over)
        assert not warning.display


async def test_a_check_that_does_not_end_holds_no_key_up(
    open_app: OpenApp, pictures: list[int], tmp_path: Path
) -> None:
    gated = GatedStorage(tmp_path / "files")
    first, last = (file_ref(f"{image_id}.svg") for image_id in (pictures[0], pictures[2]))
    async with Preflight(gated) as preflight:
        screen = open_app(lambda context: ReviewScreen(replace(context, preflight=preflight)))
        async with screen as (app, pilot):
            page = ReviewPage(app)
            for image_id in pictures[:2]:
                await until_shown(pilot, partial(page.shows, image_id))
                assert page.words("warning") == ""
                await pilot.press("enter")
            await until_shown(pilot, lambda: page.shown == pictures[2])
            # What comes late is not told of another picture.
            gated.gate.set()
            await until_shown(pilot, lambda: preflight.known(last) == ())
            assert preflight.known(first)
            assert page.words("warning") == ""
            await pilot.press("enter")
            await until_shown(pilot, lambda: page.is_over)


async def test_a_check_that_ends_while_the_screen_is_left_says_nothing(
    open_app: OpenApp, pictures: list[int], tmp_path: Path
) -> None:
    gated = GatedStorage(tmp_path / "files")
    async with Preflight(gated) as preflight:
        screen = open_app(lambda context: ReviewScreen(replace(context, preflight=preflight)))
        async with screen as (app, pilot):
            page = ReviewPage(app)
            await until_shown(pilot, partial(page.shows, pictures[0]))
            # What is in the panel goes before the panel, and before what the panel waits for.
            await page.screen.query_one(ReviewPanel).remove_children()
            gated.gate.set()
            await until_shown(
                pilot, lambda: preflight.known(file_ref(f"{pictures[0]}.svg")) is not None
            )
            assert isinstance(app.screen, ReviewScreen)
