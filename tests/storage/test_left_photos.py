"""Photos that a killed process left on their way are removed after a day, and nothing else is."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fototui.db.database import Database
from fototui.engine.maintenance.left_photos import OLD, LeftPhotos
from fototui.storage.base import Storage
from fototui.storage.directory import DirectoryStorage
from fototui.storage.keys import incoming_key
from tests.conftest import IS_LATER

PLACED = "01ARZ3NDEKTSV4RRFFQ69G5FAV/7/image_1.jpg"

pytestmark = pytest.mark.skipif(IS_LATER, reason="files keep to the machine's own date")


async def _keys(storage: Storage) -> list[str]:
    return [key async for key in storage.list_keys()]


async def _put(storage: Storage, *keys: str) -> None:
    for key in keys:
        await storage.put(key, b"a photo", content_type="image/png")


async def test_what_was_just_stored_stays(database: Database, storage: Storage) -> None:
    key = incoming_key("png")
    await _put(storage, key)
    await LeftPhotos(database, storage).sweep()
    assert await _keys(storage) == [key]


async def test_what_is_old_goes_and_placed_photos_stay(
    database: Database, storage: Storage
) -> None:
    await _put(storage, PLACED, *(incoming_key("png") for _ in range(3)))
    # As if an hour had gone by for the store; its clock cannot be set.
    await LeftPhotos(database, storage, old=timedelta(hours=-1)).sweep()
    assert await _keys(storage) == [PLACED]


async def test_a_day_is_told_by_the_files_own_time(database: Database, tmp_path: Path) -> None:
    storage = DirectoryStorage(tmp_path)
    left, fresh = incoming_key("png"), incoming_key("png")
    await _put(storage, PLACED, left, fresh)
    for key, age in ((PLACED, 2 * OLD), (left, OLD), (fresh, OLD - timedelta(hours=1))):
        at = (datetime.now(UTC) - age).timestamp()
        os.utime(tmp_path / key, (at, at))
    await LeftPhotos(database, storage).sweep()
    assert sorted(await _keys(storage)) == sorted([PLACED, fresh])
    assert not any(left.rpartition("/")[2] in path.name for path in tmp_path.rglob(".*"))


async def test_nothing_is_asked_of_the_database_where_nothing_is_on_its_way(
    storage: Storage,
) -> None:
    await _put(storage, PLACED)
    await LeftPhotos(Database("postgresql://nobody@127.0.0.1:1/none"), storage).sweep()
    assert await _keys(storage) == [PLACED]
