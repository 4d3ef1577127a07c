"""Operators act while the line is cut under them, and two of them act at one instant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from chaos.world import OPERATOR, World
from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.errors import ConflictError, FototuiError
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from tests.pgproxy import PgProxy

Action = Callable[[TrackedAsyncSession], Awaitable[object]]
_MOST_TRIPS = 12


async def actions(world: World) -> None:
    """Each of an operator's actions is cut at each round trip, and then done again."""
    rows = await world.queue(world.size(40, 12))
    await world.engines(1)
    await world.finished(0)
    ids = [row_id for _, row_id in rows]
    async with PgProxy(world.url) as proxy:
        for trips in range(1, world.size(_MOST_TRIPS, 5)):
            version_id = ids[trips % len(ids)]
            image_id = await _image_of(world, version_id)
            for action in (
                lambda s, v=version_id: ColoringService(s, operator=OPERATOR).select(v),
                lambda s, i=image_id: ColoringService(s, operator=OPERATOR).create(i),
                lambda s, i=image_id: VectorizerService(s, operator=OPERATOR).create(i),
            ):
                await _cut_at(proxy, trips, action)
            await world.finished(0)


async def _image_of(world: World, version_id: int) -> int:
    async with world.connection() as connection:
        image_id: int = await connection.fetchval(
            "SELECT image_id FROM coloring_versions WHERE id = $1", version_id
        )
        return image_id


async def _cut_at(proxy: PgProxy, trips: int, action: Action) -> None:
    """Do something, with the line cut after some round trips, and then do it again."""
    for cut in (True, False):
        async with Database(proxy.url, pool_size=1) as database, database.session() as session:
            limit = proxy.round_trips + trips
            cutter = asyncio.create_task(_cut_after(proxy, limit)) if cut else None
            try:
                await action(session)
            except FototuiError:
                # Cut off, or there already from the time before: both are said in a sentence.
                pass
            finally:
                if cutter is not None:
                    cutter.cancel()


async def _cut_after(proxy: PgProxy, trips: int) -> None:
    while proxy.round_trips < trips:
        await asyncio.sleep(0)
    proxy.cut()


async def two_operators(world: World) -> None:
    """Two operators ask for, and choose, the same at one instant."""
    rows = await world.queue(world.size(40, 8))
    await world.engines(1)
    await world.finished(0)
    for _, version_id in rows:
        image_id = await _image_of(world, version_id)
        results = await asyncio.gather(
            *(_create(world, name, image_id) for name in ("jana", "petr")), return_exceptions=True
        )
        failed = [each for each in results if isinstance(each, BaseException)]
        if not all(isinstance(each, ConflictError) for each in failed) or len(failed) != 1:
            raise AssertionError(f"two operators at one instant got {results}")
    await world.finished(0)
    async with world.connection() as connection:
        made = await connection.fetchval("SELECT max(version) FROM svg_versions")
    if made != 1:
        raise AssertionError(f"{made} SVGs of one picture were made, not 1")


async def _create(world: World, operator: str, image_id: int) -> None:
    async with world.database.session() as session:
        await VectorizerService(session, operator=operator).create_first(image_id)
