"""Compares the screen with a stored picture of it.

`pytest-textual-snapshot` runs an app on its own event loop; ours has a database on the test's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot

FOLDER = Path(__file__).parent / "svg"
_STEADY_LOOKS = 20
_PATIENT_LOOKS = 200
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
    if drawn(app) == wanted or (now := await _steady(app, pilot, wanted)) == wanted:
        return True
    other.write_text(now, "utf-8")
    return False


async def _steady(app: App[Any], pilot: Pilot[Any], wanted: str | None = None) -> str:
    """The screen as it is wanted, or else after it has been the same for many looks."""
    # What is to come to a picture may be held up by a busy machine.
    enough = _STEADY_LOOKS if wanted is None else _PATIENT_LOOKS
    picture, looks = drawn(app), 0
    while picture != wanted and looks < enough:
        await pilot.pause(0.05)
        now = drawn(app)
        picture, looks = now, looks + 1 if now == picture else 0
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
