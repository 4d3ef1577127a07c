"""Every screen and state as it is to look; the pictures are in `svg/`."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.i18n import set_language
from fototui.screens.setup import Checked, SetupApp
from fototui.storage.directory import DirectoryStorage
from tests.ui.scenes import SCENES, Scene, begin, settle
from tests.ui.shop import shop_app
from tests.ui.snapshots.harness import matches

_SMALL, _USUAL, _LARGE = (80, 24), (120, 36), (200, 60)
_ON_LARGE = ("orders", "order", "review", "engines-paused")
"""Screens that are laid out otherwise where there is much room."""

_CASES = [
    (name, size, language)
    for name in SCENES
    for size in (_SMALL, _USUAL, *([_LARGE] if name in _ON_LARGE else []))
    for language in ("cs", "en")
    # One language each shows the frame of what the other has shown.
    if not (name.startswith("orders-") and language == "en" and size == _USUAL)
]


def _name(name: str, size: tuple[int, int], language: str) -> str:
    return f"{name}-{size[0]}x{size[1]}-{language}"


async def _happen(database: Database, scene: Scene) -> None:
    async with database.engine.begin() as connection:
        for statement in filter(str.strip, scene.sql.split(";")):
            await connection.execute(text(statement))


@pytest.mark.parametrize(("name", "size", "language"), _CASES, ids=[_name(*c) for c in _CASES])
async def test_looks_as_stored(
    name: str,
    size: tuple[int, int],
    language: str,
    shop: Database,
    files: DirectoryStorage,
    tmp_path: Path,
) -> None:
    scene = SCENES[name]
    await _happen(shop, scene)
    app = shop_app(shop, files, tmp_path / "cache", language=language, **scene.options)  # type: ignore[arg-type]  # its own
    async with app.run_test(size=size) as pilot:
        await begin(app, pilot)
        await scene.go(app, pilot)
        await settle(app, pilot)
        await matches(app, pilot, _name(name, size, language))


@pytest.mark.parametrize("language", ["cs", "en"])
@pytest.mark.parametrize("key", ["welcome", "connect"])
async def test_the_first_run_looks_as_stored(key: str, language: str, tmp_path: Path) -> None:
    async def check(_values: object) -> Checked:
        return Checked(ok=True, words="")

    set_language(language)
    app = SetupApp(tmp_path / "config.toml", check)
    async with app.run_test(size=_SMALL) as pilot:
        if key == "connect":
            await pilot.press("c")
        await settle(app, pilot)
        await matches(app, pilot, f"setup-{key}-80x24-{language}")
