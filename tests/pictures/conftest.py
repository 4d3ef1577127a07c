"""A storage that counts what is read of it, and pictures to put there."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image

from fototui.pictures.loader import PictureLoader
from fototui.storage.directory import DirectoryStorage


class CountingStorage(DirectoryStorage):
    """Counts reads, and can hold them up."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()

    async def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        self.reads[key] += 1
        await self.gate.wait()
        return await super().get(key, max_bytes=max_bytes)


@pytest.fixture
def storage(tmp_path: Path) -> CountingStorage:
    return CountingStorage(tmp_path / "files")


MakeLoader = Callable[[], PictureLoader]


@pytest.fixture
async def make_loader(storage: CountingStorage, tmp_path: Path) -> AsyncIterator[MakeLoader]:
    made: list[PictureLoader] = []

    def make() -> PictureLoader:
        made.append(PictureLoader(storage, cache_folder=tmp_path / "cache"))
        return made[-1]

    yield make
    for loader in made:
        await loader.aclose()


@pytest.fixture
def loader(make_loader: MakeLoader) -> PictureLoader:
    return make_loader()


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
