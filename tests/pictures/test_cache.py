"""The cache on disk, shared by threads and programs."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from fototui.pictures.cache import DiskCache
from tests.conftest import IS_LATER
from tests.logs import capture_logs


def noise(seed: int) -> Image.Image:
    return Image.effect_noise((40, 40), 50 + seed).convert("RGB")


@pytest.mark.skipif(IS_LATER, reason="files keep to the machine's own date")
def test_many_who_write_and_trim_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    picture = noise(1)
    DiskCache(tmp_path / "one", 10**9).put("a", 384, picture)
    (size,) = (path.stat().st_size for path in (tmp_path / "one").iterdir())
    folder, limit = tmp_path / "many", size * 2

    def fill(writer: int) -> int:
        cache, found = DiskCache(folder, limit), 0
        for number in range(30):
            cache.put(f"{writer}-{number}", 384, picture)
            found += cache.get(f"{number % 4}-{number}", 384) is not None
        return found

    with capture_logs() as logs, ThreadPoolExecutor(6) as threads:
        list(threads.map(fill, range(6)))
    assert logs == []
    assert sum(path.stat().st_size for path in folder.iterdir()) <= limit
    assert {path.suffix for path in folder.iterdir()} == {".jpg"}


def test_what_a_crash_left_behind_goes_after_a_while(tmp_path: Path) -> None:
    fresh, old = tmp_path / "fresh.part", tmp_path / "old.part"
    for path, age in ((fresh, 0), (old, 7200)):
        path.write_bytes(b"x" * 10_000)
        os.utime(path, (time.time() - age,) * 2)
    DiskCache(tmp_path, 5_000).put("a", 384, noise(1))
    assert fresh.exists()
    assert not old.exists()


def test_what_is_bigger_will_do_and_what_is_smaller_only_where_it_is_all_there_is(
    tmp_path: Path,
) -> None:
    cache = DiskCache(tmp_path, 10**9)
    cache.put("a", 768, Image.new("RGB", (1000, 20)))
    cache.put("whole", 384, Image.new("RGB", (383, 20)))
    found = [cache.get(name, side) for name in ("a", "whole") for side in (384, 768, 1536)]
    assert [picture and picture.width for picture in found] == [1000, 1000, None, 383, 383, 383]
