"""How soon a picture is on the screen: seen before, not seen before, and one of 12 megapixels.

*Seen before:* in the app on a terminal (half blocks) the key that shows an order's picture on the
whole screen is pressed, until the first of it is written; the order's screen has shown it small.
*Not seen before:* the app's loader reads the file, has it decoded by its worker process, keeps it
on disk, scales it and draws it in half blocks; the floor is Pillow's decoding and scaling of the
same bytes to the same size. The worker runs already, and each file is a new one.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

import asyncpg
from PIL import Image

from bench.rows import Figures, Part, Row, Way
from bench.shop import UNDER_WAY, app, filled
from bench.terminal import Terminal
from fototui.domain.files import S3ObjectRefData
from fototui.pictures.loader import PictureLoader
from fototui.pictures.terminal import Graphics, Renderer
from fototui.sandbox.postgres.server import temporary_postgres
from fototui.sandbox.samples import sample_photos
from fototui.storage.directory import DirectoryStorage
from fototui.widgets.picture.symbols import draw, grid

ORDERS, TIMES = 10, 5
WIDTH, HEIGHT = 120, 34
RENDERER = Renderer.of(Graphics.HALFCELL)
SIZE = (WIDTH * RENDERER.cell_width, HEIGHT * RENDERER.cell_height)
BLOCK = "▀"
REST = 0.4
BIG = (4000, 3000)

_IMAGES = "UPDATE images SET file_ref = $1"


def jpeg(size: tuple[int, int] | None, number: int) -> bytes:
    """A photo of its own: a sample, as it is or bigger, with another pixel each time."""
    image = Image.open(io.BytesIO(sample_photos()[0].data)).convert("RGB")
    if size is not None:
        image = image.resize(size)
    image.putpixel((0, 0), (number % 256, number // 256 % 256, 0))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


async def pressed(terminal: Terminal) -> Figures:
    """The picture of the order on the whole screen, and back, some times."""
    took = []
    for _ in range(TIMES):
        await terminal.rests(REST)
        began = time.perf_counter()
        terminal.press(b"p")
        took.append((await terminal.shows(BLOCK) - began) * 1000)
        await terminal.rests(REST)
        terminal.press(b"\x1b")
    return {"ms": statistics.median(took)}


async def loaded(
    loader: PictureLoader,
    storage: DirectoryStorage,
    size: tuple[int, int] | None,
    names: Iterator[int],
) -> Figures:
    """By the program: from the file to the characters."""
    took = []
    for _ in range(TIMES):
        name = next(names)
        key, data = f"new/{name}.jpg", jpeg(size, name)
        await storage.put(key, data, content_type="image/jpeg")
        ref = S3ObjectRefData(
            key=key,
            bucket="bench",
            content_type="image/jpeg",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        began = time.perf_counter()
        image = await loader.load(ref, width_px=SIZE[0], height_px=SIZE[1])
        list(draw(image, grid(Graphics.HALFCELL), WIDTH, HEIGHT))
        took.append((time.perf_counter() - began) * 1000)
    return {"ms": statistics.median(took)}


async def by_pillow(size: tuple[int, int] | None) -> Figures:
    """By Pillow alone."""
    data = jpeg(size, 0)
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        image = Image.open(io.BytesIO(data)).convert("RGB")
        ratio = min(SIZE[0] / image.width, SIZE[1] / image.height)
        image.resize(
            (round(image.width * ratio), round(image.height * ratio)), Image.Resampling.LANCZOS
        )
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0)
    return {"ms": statistics.median(took)}


async def _photographed(url: str, folder: Path) -> None:
    """An order's images, all of the same photo."""
    await filled(url, ORDERS, UNDER_WAY)
    photo = sample_photos()[0].data
    (folder / "photo.jpg").write_bytes(photo)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    told = {"bucket": "local", "key": "photo.jpg", "content_type": "image/jpeg", "size": len(photo)}
    await connection.execute(_IMAGES, json.dumps(told))
    await connection.close()


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    with tempfile.TemporaryDirectory() as name:
        folder, storage = Path(name), DirectoryStorage(Path(name))
        async with temporary_postgres() as postgres:
            await postgres.create_database("bench")
            url, names = postgres.url("bench"), count()
            await _photographed(url, folder)
            loader = PictureLoader(storage, cache_folder=folder / "cache", renderer=RENDERER)
            async with app(url, folder) as terminal, loader:
                terminal.press(b"\r")
                await terminal.shows(BLOCK)
                await loaded(loader, storage, None, names)  # its worker has started
                yield {
                    "seen before": partial(pressed, terminal),
                    "a photo": partial(loaded, loader, storage, None, names),
                    "Pillow, a photo": partial(by_pillow, None),
                    "12 megapixels": partial(loaded, loader, storage, BIG, names),
                    "Pillow, 12 megapixels": partial(by_pillow, BIG),
                }


PART = Part(
    "picture",
    opened,
    rows=[
        Row(
            "picture seen before: key → on screen",
            figure="ms",
            ours="seen before",
            unit="ms",
            limit=50,
        ),
        *(
            Row(
                f"picture not seen before, {which}: → on screen",
                figure="ms",
                ours=which,
                unit="ms",
                floor=f"Pillow, {which}",
                to_floor=1.3,
                why="the floor draws nothing, and drawing 4,080 characters takes as long as all of "
                "it; strangers' pictures are decoded in another process, which sends the pixels",
            )
            for which in ("a photo", "12 megapixels")
        ),
    ],
)
