"""Compares the screen with a stored picture of it, and with that picture's plain text.

The picture tells all of how the screen looks, but a change of it is seen only by opening both. The
text beside it is what a reviewer reads in a diff: what stands where, without colours.

`pytest-textual-snapshot` runs an app on its own event loop; ours has a database on the test's.
"""

from __future__ import annotations

import html
import os
import re
from difflib import unified_diff
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.pilot import Pilot

FOLDER = Path(__file__).parent / "svg"
KINDS = ("svg", "txt")
_STEADY_LOOKS = 20
_PATIENT_LOOKS = 200
_CELL = 12.2
"""How wide Rich draws a cell."""
_RUN = re.compile(r'<text [^>]*\bx="([\d.]+)"[^>]*#terminal-line-(\d+)\)">([^<]*)</text>')
IS_UPDATING = os.environ.get("UPDATE_SNAPSHOTS") == "1"


def drawn(app: App[Any]) -> str:
    """The screen as SVG, without the id that Rich makes out of its content."""
    return re.sub(r"terminal-\d+", "terminal", app.export_screenshot(simplify=True))


def text_of(picture: str) -> str:
    """What stands on a screen, each sign in its column.

    Args:
        picture: The screen as SVG.
    """
    rows: dict[int, str] = {}
    for x, row, run in _RUN.findall(picture):
        before = rows.get(int(row), "")
        gap = round(float(x) / _CELL) - cell_len(before)
        rows[int(row)] = before + " " * gap + html.unescape(run).replace("\xa0", " ")
    # Nothing is drawn of a row without text.
    return "".join(rows.get(row, "").rstrip() + "\n" for row in range(max(rows) + 1))


async def difference(app: App[Any], pilot: Pilot[Any], name: str) -> str | None:
    """How the screen looks other than its stored picture; None if it comes to look the same.

    With UPDATE_SNAPSHOTS=1 picture and text are stored, once the screen changes no more. Where it
    looks different, how it looks now is written beside them.

    Args:
        app: The app.
        pilot: Drives it.
        name: The picture's name.
    """
    stored = {kind: FOLDER / f"{name}.{kind}" for kind in KINDS}
    other = {kind: FOLDER / f"{name}.new.{kind}" for kind in KINDS}
    for path in other.values():
        path.unlink(missing_ok=True)
    if IS_UPDATING:
        picture = await _steady(app, pilot)
        _write(stored, picture)
        return None
    picture, text = (_read(stored[kind]) for kind in KINDS)
    now = drawn(app)
    if now != picture:
        now = await _steady(app, pilot, picture)
    if now == picture and text_of(now) == text:
        return None
    _write(other, now)
    lines = unified_diff(
        text.splitlines(), text_of(now).splitlines(), "stored", "now", n=1, lineterm=""
    )
    return f"{name} looks different:\n" + ("\n".join(lines) or "Its text is the same.")


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def _write(paths: dict[str, Path], picture: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    for path, content in zip(paths.values(), (picture, text_of(picture)), strict=True):
        if _read(path) != content:
            path.write_text(content, "utf-8")


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
    """Fail where screens look different.

    Args:
        different: How they do.

    Raises:
        AssertionError: There are some.
    """
    if different:
        raise AssertionError(
            "\n\n".join(different) + f"\n\nCompare each with its .new.svg in {FOLDER}. "
            "If the new ones are right, run this test with UPDATE_SNAPSHOTS=1."
        )
