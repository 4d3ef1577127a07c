"""The app in a storm: 500 events a second come by the hub while somebody presses keys.

The events say that colourings of a thousand orders move on; the store paints those from the event
itself. A key goes to the end of the list and back, and is timed until the other end's orders are
written to the terminal. What the events cost is the app's processor time over seconds in which
nobody presses a key, without what it takes at rest.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from time import perf_counter

from pydantic import SecretStr

from bench.processes import spent
from bench.rows import Figures, Part, Row, Way
from bench.shop import KEY, UNDER_WAY, WAITING, Version, app, filled, hub
from bench.terminal import Terminal
from fototui.mercure.publisher import MercurePublishService
from fototui.sandbox.postgres.server import temporary_postgres

ORDERS = 1000
A_SECOND, SECONDS, TICK = 500, 6, 0.01
KEYS = 10
SOONEST, LATEST = 0.1, 0.4

END, HOME = (b"\x1b[F", f"#{ORDERS}"), (b"\x1b[H", "#2")


async def storm(publisher: MercurePublishService, versions: Sequence[Version]) -> None:
    """Publish at the pace until cancelled."""
    moving = cycle((version, status) for status in (WAITING, UNDER_WAY) for version in versions)
    began, sent = perf_counter(), 0
    while True:
        due = int((perf_counter() - began) * A_SECOND)
        while sent < due:
            version, status = next(moving)
            publisher.publish(version.event(status))
            sent += 1
        await asyncio.sleep(TICK)


async def pressed(terminal: Terminal) -> Figures:
    """To the end of the list and back, some times, after pauses of various lengths.

    The side pane follows 0.15 s after a key. With one pause of that length each key met it.
    """
    waits = []
    for place in range(KEYS):
        for key, shows in (END, HOME):
            await asyncio.sleep(SOONEST + (LATEST - SOONEST) * place / (KEYS - 1))
            at = perf_counter()
            terminal.press(key)
            waits.append((await terminal.shows(shows) - at) * 1000)
    return {"key ms": statistics.median(waits), "key ms, longest": max(waits)}


async def at_rest(terminal: Terminal) -> Figures:
    """Keys when nothing else happens."""
    await terminal.rests()
    return await pressed(terminal)


async def in_storm(terminal: Terminal, hub_url: str, versions: Sequence[Version]) -> Figures:
    """What events cost, then keys between them."""
    await terminal.rests()
    rest = spent(terminal.pid)
    await asyncio.sleep(SECONDS)
    rest = spent(terminal.pid) - rest
    async with MercurePublishService(hub_url, SecretStr(KEY), close_seconds=30) as publisher:
        blowing = asyncio.create_task(storm(publisher, versions))
        try:
            await asyncio.sleep(1)
            before, known = spent(terminal.pid), publisher.stats.published
            await asyncio.sleep(SECONDS)
            cost = spent(terminal.pid) - before - rest
            events = publisher.stats.published - known
            keys = await pressed(terminal)
        finally:
            blowing.cancel()
            with suppress(asyncio.CancelledError):
                await blowing
    return {
        **keys,
        "CPU s per 1,000 events": cost / events * 1000,
        "events/s": events / SECONDS,
    }


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    with tempfile.TemporaryDirectory() as name:
        async with temporary_postgres() as postgres, hub() as hub_url:
            await postgres.create_database("bench")
            url = postgres.url("bench")
            versions = await filled(url, ORDERS, UNDER_WAY)
            async with app(url, Path(name), hub_url) as terminal:
                yield {
                    "at rest": partial(at_rest, terminal),
                    "in a storm": partial(in_storm, terminal, hub_url, versions),
                }


PART = Part(
    "storm",
    opened,
    rows=[
        Row(
            "key → repaint in a storm of 500 events a second, and at rest",
            figure="key ms",
            ours="in a storm",
            unit="ms",
            floor="at rest",
            to_floor=1.5,
            why="a key that comes while a frame of the list is painted, or the pane is read, waits "
            "for its end, some milliseconds beside the nine that it takes at rest",
        ),
        Row(
            "processor time of the app per 1,000 events",
            figure="CPU s per 1,000 events",
            ours="in a storm",
            unit="s",
            limit=0.35,
        ),
    ],
)
