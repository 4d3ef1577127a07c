"""Waiting for something to be so.

A test waits for a condition and never for a time: how long a busy machine takes says nothing about
the program. The only time here is the one after which a test that hangs gives up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import getsource, isawaitable
from typing import Any

from sqlalchemy import text
from textual.pilot import Pilot

from fototui.db.database import Database

PATIENCE = 250.0
"""Seconds after which a test gives up; shorter than pytest's own limit, which tells less."""

_FIRST, _LONGEST = 0.005, 0.05
"""Seconds between two looks: many ask the database, so what lasts long is looked at less often."""
_PAINTED_FIRST, _PAINTED_EACH = 3, 8
"""Looks at an app for which it is painted."""

Condition = Callable[[], object]
"""Asked again and again; may be awaited for its answer."""


def in_time() -> asyncio.Timeout:
    """A block that is given up when it hangs."""
    return asyncio.timeout(PATIENCE)


async def until(
    condition: Condition, *, pause: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """Wait until something is so.

    Args:
        condition: What is waited for.
        pause: What is done between two looks, for some seconds.

    Raises:
        AssertionError: It does not come to it.
    """
    try:
        async with in_time():
            seconds = _FIRST
            while not await _answer(condition):
                await pause(seconds)
                seconds = min(seconds * 1.2, _LONGEST)
    except TimeoutError as error:
        raise AssertionError(f"It does not come to this: {_words(condition)}") from error


# Any: an app's result, which no test asks for.
async def until_shown(pilot: Pilot[Any], condition: Condition) -> None:
    """Wait until an app has come to something, and has drawn it.

    A screen that has come is made of widgets only a moment later; that is waited for as well.
    To have all widgets come to rest and be painted takes longer than to look, and so is not done at
    each look: at the first ones, seldom from then on, and at the end.

    Args:
        pilot: Drives the app.
        condition: What is waited for.
    """

    def is_composed() -> bool:
        screens = pilot.app.screen_stack
        return not screens or screens[-1].is_mounted

    looks = 0

    async def pause(seconds: float) -> None:
        nonlocal looks
        looks += 1
        await (pilot.pause(seconds) if _is_painted(looks) else asyncio.sleep(seconds))

    await until(condition, pause=pause)
    if not _is_painted(looks) and pilot.app.screen_stack:
        await pilot.pause(0)
    await until(is_composed, pause=pilot.pause)


def _is_painted(look: int) -> bool:
    return look <= _PAINTED_FIRST or not look % _PAINTED_EACH


async def until_a_lock_is_waited_for(database: Database) -> None:
    """Wait until a session of this database's waits for a lock."""

    async def waits() -> bool:
        async with database.autocommit() as session:
            return bool(await session.scalar(_WAITING))

    await until(waits)


_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def _answer(condition: Condition) -> object:
    answer = condition()
    return await answer if isawaitable(answer) else answer


def _words(condition: Condition) -> str:
    try:
        return getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)
