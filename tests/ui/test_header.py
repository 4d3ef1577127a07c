"""The header in little room, and in fonts that have only the usual letters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from textual.app import App, ComposeResult

from fototui.i18n import set_language
from fototui.live.state import FeedState, Health
from fototui.widgets.status_bar import StatusBar, StatusLine, Way

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
LINE = StatusLine(
    ways=(
        Way("everywhere.show_orders", "1", "Orders", is_here=True),
        Way("everywhere.show_review", "2", "Review", count=36),
        Way("everywhere.show_engines", "3", "Engines", alarm="‖1"),
        Way("everywhere.show_activity", "4", "History"),
    ),
    heading="",
    read_only=False,
    health=Health(feed=FeedState.LIVE),
    others=("eva", "jana"),
    trouble="‖ Colouring",
    engines=2,
    running=3,
    waiting=5,
    now=NOW,
)


async def header(line: StatusLine, width: int) -> str:
    """The header's text."""
    set_language("en")

    class Header(App[None]):
        def compose(self) -> ComposeResult:
            yield StatusBar(lambda: line)

    async with Header().run_test(size=(width, 5)) as pilot:
        await pilot.pause()
        content = pilot.app.query_one(StatusBar).render()
        assert content.cell_length <= width
        return content.plain


async def test_at_80_columns_the_feed_and_the_engines_stay() -> None:
    words = await header(LINE, 80)
    assert "4 History" in words
    assert "● " in words
    assert "⚙ 2" in words
    assert "3 Engines ‖1" in words


async def test_with_room_all_is_told() -> None:
    words = await header(LINE, 160)
    assert "⚙ 2 engines · 3 running · 5 waiting" in words
    assert "● live" in words
    assert "☻ eva, jana" in words


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("feed", FeedState)
async def test_ascii_means_ascii(width: int, feed: FeedState) -> None:
    lost = Health(feed=feed, database_ok=False, database_lost_at=NOW)
    for line in (LINE, replace(LINE, health=lost, heading="#1270 › book", trouble="✗ no engine")):
        words = await header(replace(line, plain=True), width)
        assert words.isascii(), words
        assert "& 2" in words
