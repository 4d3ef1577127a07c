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

from fototui.db.database import Database
from fototui.i18n import set_language
from fototui.runtime.setup import FirstRun
from fototui.screens.setup import SetupApp
from fototui.storage.directory import DirectoryStorage
from tests.ui.scenes import SCENES, Scene, begin, settle
from tests.ui.shop import shop_app
from tests.ui.snapshots.harness import FOLDER, KINDS, complain, difference, text_of

SIZES = ((120, 36), (80, 24), (200, 60))
IN_ALL_SIZES = ("orders", "order", "review", "engines")
LANGUAGES = ("cs", "en")
SETUP = ("welcome", "connect")


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


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        (name, languages)
        for name, scene in SCENES.items()
        # Getting there takes longer than looking: one app shows as much as it can.
        for languages in ([LANGUAGES] if scene.translates else [(each,) for each in LANGUAGES])
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
async def test_looks_as_stored(
    name: str, languages: Sequence[str], shop: Database, files: DirectoryStorage, tmp_path: Path
) -> None:
    scene = SCENES[name]
    await _happen(shop, scene)
    if scene.prepare is not None:
        await scene.prepare(shop, files)
    app = shop_app(shop, files, tmp_path / "cache", language=languages[0], **scene.options)  # type: ignore[arg-type]  # its own
    different = []
    async with app.run_test(size=SIZES[0]) as pilot:
        await begin(app, pilot)
        await scene.go(app, pilot)
        for language in languages:
            if language != app.preferences.language:
                app.next_language()
            different += [found async for found in _different(app, pilot, name, language)]
    complain(different)


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
