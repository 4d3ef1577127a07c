"""Every screen and state as it is to look, in two languages; see `svg/`.

The screens that operators live in are drawn in all sizes, the others in the middle one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from sqlalchemy import text
from textual.app import App
from textual.pilot import Pilot

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.i18n import set_language
from fototui.runtime.setup import FirstRun
from fototui.screens.setup import SetupApp
from fototui.storage.directory import DirectoryStorage
from tests.ui.scenes import SCENES, AppPilot, Scene, begin, go_home, settle
from tests.ui.shop import shop_app
from tests.ui.snapshots.harness import FOLDER, KINDS, complain, difference, text_of

SIZES = ((120, 36), (80, 24), (200, 60))
IN_ALL_SIZES = ("orders", "order", "review", "engines")
LANGUAGES = ("cs", "en")
SETUP = ("welcome", "connect")
TOGETHER = (
    ("orders", "orders-error", "orders-marked", "orders-filtered", "palette", "help"),
    (
        *("order", "order-failed", "order-error", "confirm"),
        *("sheet", "picture", "picture-zoomed", "compare"),
        *("engines", "activity", "activity-operator"),
        *("review", "review-note", "review-warning"),
    ),
    ("order-options", "order-svg-options"),
    *(
        (name,)
        for name in (
            *("orders-empty", "orders-no-database", "orders-polling", "leave", "book"),
            *("review-done", "review-empty", "engines-paused", "engines-job"),
        )
    ),
)
"""Scenes that are gone to one after another, since starting an app takes longer than looking."""
ALONE = ("messages", "undo")
"""What is told or done in them stays for as long as the app runs."""


async def _happen(database: Database, scene: Scene) -> None:
    async with database.engine.begin() as connection:
        for statement in filter(str.strip, scene.sql.split(";")):
            await connection.execute(text(statement))


def _sizes(name: str) -> tuple[tuple[int, int], ...]:
    return SIZES if name in IN_ALL_SIZES else SIZES[:1]


async def _different(
    app: App[Any], pilot: Pilot[Any], name: str, language: str
) -> AsyncIterator[str]:
    """Gives how the screens look different."""
    for width, height in _sizes(name):
        if app.size != (width, height):
            await pilot.resize_terminal(width, height)
        await settle(app, pilot)
        if found := await difference(app, pilot, f"{name}-{width}x{height}-{language}"):
            yield found


async def _in_all_languages(app: FototuiApp, pilot: AppPilot, name: str) -> AsyncIterator[str]:
    """Gives how a scene looks different; gone to once, or anew where it does not translate."""
    scene = SCENES[name]
    for language in LANGUAGES:
        is_there = scene.translates and language != LANGUAGES[0]
        if language != app.preferences.language:
            app.next_language()
        if not is_there:
            await scene.go(app, pilot)
        async for found in _different(app, pilot, name, language):
            yield found
        if not scene.translates or language == LANGUAGES[-1]:
            await go_home(app, pilot)
            await pilot.press(*scene.back)
    if app.size != SIZES[0]:
        await pilot.resize_terminal(*SIZES[0])


@pytest.mark.parametrize("names", TOGETHER, ids=" ".join)
async def test_looks_as_stored(
    names: Sequence[str], shop: Database, files: DirectoryStorage, tmp_path: Path
) -> None:
    first = SCENES[names[0]]
    await _happen(shop, first)
    if first.prepare is not None:
        await first.prepare(shop, files)
    app = shop_app(shop, files, tmp_path / "cache", language=LANGUAGES[0], **first.options)  # type: ignore[arg-type]  # its own
    async with app.run_test(size=SIZES[0]) as pilot:
        await begin(app, pilot)
        complain([found for name in names async for found in _in_all_languages(app, pilot, name)])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ALONE)
async def test_what_stays_in_a_shift_looks_as_stored(
    name: str, language: str, shop: Database, files: DirectoryStorage, tmp_path: Path
) -> None:
    app = shop_app(shop, files, tmp_path / "cache", language=language)
    async with app.run_test(size=SIZES[0]) as pilot:
        await begin(app, pilot)
        await SCENES[name].go(app, pilot)
        complain([found async for found in _different(app, pilot, name, language)])


def test_every_scene_is_looked_at_once_in_a_shop_of_its_kind() -> None:
    assert sorted([*ALONE, *(name for names in TOGETHER for name in names)]) == sorted(SCENES)
    for names in TOGETHER:
        scenes = [SCENES[name] for name in names]
        assert len({(each.sql, each.prepare, str(each.options)) for each in scenes}) == 1, names


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", SETUP)
async def test_the_first_run_looks_as_stored(key: str, language: str, tmp_path: Path) -> None:
    set_language(language)
    # Nothing is checked or written in these pictures.
    app = SetupApp(Path("/home/eva/.config/fototui/config.toml"), FirstRun(tmp_path))
    async with app.run_test(size=SIZES[0]) as pilot:
        if key == "connect":
            await pilot.press("c")
        complain([found async for found in _different(app, pilot, f"setup-{key}", language)])


def test_nothing_else_is_stored() -> None:
    names = [*SCENES, *(f"setup-{key}" for key in SETUP)]
    screens = [f"{n}-{w}x{h}-{lang}" for n in names for w, h in _sizes(n) for lang in LANGUAGES]
    stored = {path.name for path in FOLDER.iterdir() if ".new." not in path.name}
    assert stored == {f"{screen}.{kind}" for screen in screens for kind in KINDS}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_text_beside_a_picture_has_each_sign_in_its_column(size: tuple[int, int]) -> None:
    width, height = size
    stored = (FOLDER / f"engines-{width}x{height}-cs.txt").read_text("utf-8")
    assert text_of((FOLDER / f"engines-{width}x{height}-cs.svg").read_text("utf-8")) == stored
    lines = stored.splitlines()
    assert len(lines) == height
    (lanes,) = (line for line in lines if line.startswith("─Fronty─"))
    assert cell_len(lanes) == width
    # A table's cells stand below its heads, also beside signs that are not ASCII.
    (heads,) = (line for line in lines if "Operátor" in line)
    (petr,) = (line for line in lines if " petr " in line and "notebook" in line)
    assert (heads.index("Operátor"), heads.index("Kde běží")) == (
        petr.index("petr"),
        petr.index("notebook"),
    )
