"""The file of a row is the one that the row tells of, whoever else was about to write it."""

import asyncio
import hashlib
import os
import threading
import uuid

import pytest

from fototui.db.models.orders import VERSION_MODEL, ColoringVersion
from fototui.domain.statuses import VersionType
from fototui.services.versions.coloring import ColoringService
from tests.engine.conftest import World
from tests.engine.one_life import open_pipeline, register, take_up
from tests.waiting import until


async def test_a_write_that_was_given_up_does_not_end_last(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    sync = os.fsync
    [version_id] = await world.queue_colorings(1)

    def stall(descriptor: int) -> None:
        if not reached.is_set():
            reached.set()
            assert go_on.wait(30)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", stall)
    async with world.engine() as engine:
        assert await asyncio.to_thread(reached.wait, 20)
        async with world.database.session() as session:
            await ColoringService(session, operator="eva").cancel(version_id)

        async def dropped() -> bool:
            return engine.running == 0

        await until(dropped)
        async with world.database.session() as session, session.begin():
            # So that the two files are not the same.
            (await session.get_one(ColoringVersion, version_id)).megapixels = 2.0
        async with world.database.session() as session:
            await ColoringService(session, operator="eva").retry(version_id)
        await world.until(version_id, "completed")
        go_on.set()

        async def cleared_up() -> bool:
            return not list(world.folder.rglob(".*.part"))

        await until(cleared_up)
    version = await world.coloring(version_id)
    assert version.file_ref is not None
    content = await world.stored(version.file_ref)
    assert hashlib.sha256(content).hexdigest() == version.file_ref.sha256
    assert len(content) == version.file_ref.size


@pytest.mark.parametrize("kind", list(VersionType))
async def test_a_claim_that_is_lost_during_the_write_leaves_the_file_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: VersionType
) -> None:
    queue = world.queue_colorings if kind is VersionType.COLORING else world.queue_svgs
    [version_id] = await queue(1)
    reached, go_on = threading.Event(), threading.Event()
    sync = os.fsync

    def stall(descriptor: int) -> None:
        if not reached.is_set():
            reached.set()
            assert go_on.wait(30)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", stall)
    working = asyncio.create_task(take_up(world, open_pipeline(world, kind), await register(world)))
    assert await asyncio.to_thread(reached.wait, 20)
    files = {path for path in world.folder.rglob("*.*") if not path.name.startswith(".")}
    async with world.database.session() as session, session.begin():
        version = await session.get_one(VERSION_MODEL[kind], version_id)
        version.claim_token = uuid.uuid4()
    go_on.set()
    assert await working == "claim lost"
    after = {path for path in world.folder.rglob("*.*") if not path.name.startswith(".")}
    assert after == files
