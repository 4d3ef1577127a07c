"""Compares the screen with a stored picture of it.

`pytest-textual-snapshot` runs an app on its own event loop; ours has a database on the test's.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot

FOLDER = Path(__file__).parent / "svg"
_STEADY_SECONDS = 0.4
_PATIENCE_SECONDS = 6.0
IS_UPDATING = os.environ.get("UPDATE_SNAPSHOTS") == "1"


def drawn(app: App[Any]) -> str:
    """The screen as SVG, without the id that Rich makes out of its content."""
    return re.sub(r"terminal-\d+", "terminal", app.export_screenshot(simplify=True))


async def matches(app: App[Any], pilot: Pilot[Any], name: str) -> bool:
    """Whether the screen comes to look as it did when its picture was stored.

    With UPDATE_SNAPSHOTS=1 the picture is stored, once the screen changes no more. Where it looks
    different, how it looks now is written beside it.

    Args:
        app: The app.
        pilot: Drives it.
        name: The picture's name.
    """
    stored, other = FOLDER / f"{name}.svg", FOLDER / f"{name}.new.svg"
    other.unlink(missing_ok=True)
    if IS_UPDATING:
        picture = await _steady(app, pilot)
        FOLDER.mkdir(exist_ok=True)
        if not stored.exists() or stored.read_text("utf-8") != picture:
            stored.write_text(picture, "utf-8")
        return True
    wanted = stored.read_text("utf-8") if stored.exists() else None
    end = time.monotonic() + (_PATIENCE_SECONDS if wanted else 0)
    while drawn(app) != wanted:
        if time.monotonic() > end:
            other.write_text(await _steady(app, pilot), "utf-8")
            return False
        await pilot.pause(0.02)
    return True


async def _steady(app: App[Any], pilot: Pilot[Any]) -> str:
    """The screen after it has been the same for a while."""
    picture, since = drawn(app), time.monotonic()
    while time.monotonic() - since < _STEADY_SECONDS:
        await pilot.pause(0.05)
        if (now := drawn(app)) != picture:
            picture, since = now, time.monotonic()
    return picture


def complain(different: list[str]) -> None:
    """Fail where pictures differ.

    Args:
        different: Their names.

    Raises:
        AssertionError: There are some.
    """
    if different:
        raise AssertionError(
            f"These look different: {', '.join(different)}. Compare each with its .new.svg in "
            f"{FOLDER}. If the new ones are right, run this test with UPDATE_SNAPSHOTS=1."
        )
