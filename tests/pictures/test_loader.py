"""Pictures loaded, kept, loaded ahead, and refused."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from fototui.domain.files import S3ObjectRefData
from fototui.pictures import decoding
from fototui.pictures.apart import PICTURE_WORKERS
from fototui.pictures.cache import DiskCache, MemoryCache
from fototui.pictures.errors import PictureBrokenError, PictureMissingError, PictureTooBigError
from fototui.pictures.levels import SIDES
from fototui.pictures.loader import PictureLoader
from fototui.pictures.terminal import Graphics, Renderer
from tests.pictures.conftest import CountingStorage, MakeLoader, encoded
from tests.waiting import PATIENCE, in_time


async def put(
    storage: CountingStorage, key: str, data: bytes | None = None, colour: str = "red"
) -> S3ObjectRefData:
    content = encoded(Image.new("RGB", (80, 40), colour)) if data is None else data
    return await storage.put(key, content, content_type="image/png")


async def settled(condition: Callable[[], object]) -> None:
    async with in_time():
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


async def look(loader: PictureLoader, ref: S3ObjectRefData) -> tuple[int, ...]:
    """The colour of the picture's middle."""
    image = await loader.load(ref, width_px=10, height_px=10)
    pixel = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(pixel, tuple)
    return tuple(round(part, -1) for part in pixel)


@pytest.mark.quick
async def test_it_fits_its_window(storage: CountingStorage, loader: PictureLoader) -> None:
    ref = await put(storage, "a/wide.png")
    assert (await loader.load(ref, width_px=20, height_px=20)).size == (20, 10)
    assert (await loader.load(ref, width_px=400, height_px=50)).size == (100, 50)
    assert (await loader.load(ref, width_px=1, height_px=1)).size == (1, 1)


async def test_zoom_and_pan(storage: CountingStorage, loader: PictureLoader) -> None:
    image = Image.new("RGB", (80, 40), "white")
    image.paste((255, 0, 0), (40, 20, 80, 40))  # the lower right quarter
    ref = await put(storage, "a/quarter.png", encoded(image))
    seen = await loader.load(ref, width_px=20, height_px=10, zoom=2, pan=(1.0, 1.0))
    assert seen.size == (20, 10)
    assert seen.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) == pytest.approx(
        (255, 0, 0), abs=12
    )


async def test_two_loads_at_once_are_one(storage: CountingStorage, loader: PictureLoader) -> None:
    ref = await put(storage, "a/1.png")
    storage.gate.clear()
    loads = [asyncio.create_task(look(loader, ref)) for _ in range(3)]
    await settled(lambda: storage.reads[ref.key])
    loads[0].cancel()  # the others go on
    await asyncio.sleep(0)
    storage.gate.set()
    assert await loads[1] == await loads[2]
    assert storage.reads[ref.key] == 1


async def test_work_that_nobody_waits_for_ends(
    storage: CountingStorage, loader: PictureLoader
) -> None:
    ref = await put(storage, "a/1.png")
    storage.gate.clear()
    load = asyncio.create_task(look(loader, ref))
    await settled(lambda: storage.reads[ref.key])
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    await settled(lambda: not loader._under_way)
    storage.gate.set()
    await look(loader, ref)
    assert storage.reads[ref.key] == 2


class Held:
    """The decoder's process, which stands still until it is let go on."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@pytest.fixture
async def held(storage: CountingStorage, loader: PictureLoader) -> Held:
    """The only decoder that there is, amid another picture than any before."""
    PICTURE_WORKERS.close()
    await look(loader, await put(storage, "a/first.png"))
    [pid] = PICTURE_WORKERS.pids
    return Held(pid)


async def test_a_picture_that_is_passed_over_costs_no_decoder(
    storage: CountingStorage, loader: PictureLoader, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fototui.pictures.loader._PASSED_SECONDS", PATIENCE)
    passed = asyncio.create_task(look(loader, await put(storage, "a/passed.png")))
    await settled(lambda: loader._decodes and not PICTURE_WORKERS._idle)
    passed.cancel()
    await asyncio.gather(passed, return_exceptions=True)
    held.go_on()
    await settled(lambda: not loader._loads)
    await look(loader, await put(storage, "a/next.png"))
    assert PICTURE_WORKERS.pids == {held.pid}


async def test_one_that_takes_long_holds_up_none_when_it_is_passed_over(
    storage: CountingStorage, loader: PictureLoader, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fototui.pictures.loader._PASSED_SECONDS", 0)
    passed = asyncio.create_task(look(loader, await put(storage, "a/passed.png")))
    await settled(lambda: loader._decodes and not PICTURE_WORKERS._idle)
    passed.cancel()
    await look(loader, await put(storage, "a/next.png"))
    assert held.pid not in PICTURE_WORKERS.pids


@pytest.mark.parametrize("is_passed", [True, False])
async def test_leaving_waits_for_no_decoder(
    storage: CountingStorage,
    loader: PictureLoader,
    held: Held,
    monkeypatch: pytest.MonkeyPatch,
    is_passed: bool,
) -> None:
    monkeypatch.setattr("fototui.pictures.loader._PASSED_SECONDS", 10 * PATIENCE)
    looking = asyncio.create_task(look(loader, await put(storage, "a/next.png")))
    await settled(lambda: loader._decodes and not PICTURE_WORKERS._idle)
    if is_passed:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    async with in_time():
        await loader.aclose()
        await asyncio.gather(looking, return_exceptions=True)
    assert not loader._loads
    assert held.pid not in PICTURE_WORKERS.pids


async def test_a_changed_file_is_not_shown_stale(
    storage: CountingStorage, loader: PictureLoader
) -> None:
    red = await put(storage, "a/1.png", colour="#ff0000")
    before = await look(loader, red)
    blue = await put(storage, "a/1.png", colour="#0000ff")
    assert await look(loader, blue) != before
    # An old row may know neither hash.
    bare = S3ObjectRefData(key="a/1.png", bucket=blue.bucket)
    assert await look(loader, bare) == await look(loader, blue)


async def test_the_disk_keeps_it_for_the_next_run(
    storage: CountingStorage, make_loader: MakeLoader, tmp_path: Path
) -> None:
    ref = await put(storage, "a/1.png", colour="#c86432")
    async with make_loader() as first:
        seen = await look(first, ref)
    assert await look(make_loader(), ref) == seen
    assert storage.reads[ref.key] == 1
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    (file,) = (tmp_path / "cache").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"half a fi")
    assert await look(make_loader(), ref) == seen
    assert storage.reads[ref.key] == 2


async def test_a_disk_that_cannot_be_written_loses_no_picture(
    storage: CountingStorage, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    async with PictureLoader(storage, cache_folder=tmp_path / "taken" / "cache") as loader:
        assert await look(loader, await put(storage, "a/1.png"))


async def test_missing_and_broken(storage: CountingStorage, loader: PictureLoader) -> None:
    with pytest.raises(PictureMissingError, match="fetch or generate"):
        await look(loader, S3ObjectRefData(key="a/none.png", bucket="files", etag="x"))
    with pytest.raises(PictureMissingError):
        await look(loader, S3ObjectRefData(key="a/none.png", bucket="files"))
    whole = encoded(Image.effect_noise((200, 200), 60).convert("RGB"))
    for number, data in enumerate([b"", b"GIF89a", whole[: len(whole) // 2], b"%!PS-Adobe-3.0\n"]):
        with pytest.raises(PictureBrokenError):
            await look(loader, await put(storage, f"a/{number}.png", data))


async def test_too_big(storage: CountingStorage, loader: PictureLoader) -> None:
    ref = (await put(storage, "a/1.png")).model_copy(update={"size": 10**9})
    with pytest.raises(PictureTooBigError, match="browser"):
        await look(loader, ref)
    assert not storage.reads
    for side in (12_000, 60_000):
        with pytest.raises(PictureTooBigError):
            await look(loader, await put(storage, f"a/{side}.png", png_header(side)))


def png_header(side: int) -> bytes:
    """A tiny file that says it is a giant picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4)

    size = side.to_bytes(4, "big") * 2
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + b"\x08\x02\0\0\0") + chunk(b"IDAT", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_no_more_is_decoded_than_a_screen_shows(
    storage: CountingStorage, loader: PictureLoader, kind: str
) -> None:
    image = Image.new("RGB", (2000, 1000), "white")
    image.paste("black", (1000, 0, 2000, 1000))
    ref = await put(storage, "a/big", encoded(image, kind))

    async def look_at(zoom: float, size: int = 200) -> int:
        await loader.load(ref, width_px=size, height_px=size, zoom=zoom)
        return storage.reads[ref.key]

    assert [await look_at(1), await look_at(1, 300), await look_at(1.9)] == [1, 1, 1]
    assert loader._memory.size < (2 * 384) ** 2 / 2 * 3
    assert [await look_at(7), await look_at(16), await look_at(1), await look_at(7)] == [2, 3, 3, 3]


async def test_a_small_picture_is_read_once_however_close_one_looks(
    storage: CountingStorage, make_loader: MakeLoader
) -> None:
    ref = await put(storage, "a/small.png")
    for _ in range(2):
        async with make_loader() as loader:
            for zoom in (1, 4, 16):
                assert (await loader.load(ref, width_px=400, height_px=200, zoom=zoom)).width == 400
    assert storage.reads[ref.key] == 1


async def test_one_decoding_serves_all_windows_of_a_screen(
    storage: CountingStorage, loader: PictureLoader
) -> None:
    loader.renderer = Renderer(Graphics.KITTY, 10, 20)
    loader.fit_screen(120, 36)
    ref = await put(storage, "a/1.png", encoded(Image.new("RGB", (2000, 1000))))
    loader.prefetch([ref])
    await settled(lambda: not loader._ahead)
    await loader.load(ref, width_px=200, height_px=100)
    await loader.load(ref, width_px=1200, height_px=720)
    assert storage.reads[ref.key] == 1
    loader.prefetch([ref], zoom=1.5)
    await settled(lambda: not loader._ahead)
    await loader.load(ref, width_px=1200, height_px=720, zoom=1.5)
    assert storage.reads[ref.key] == 2


async def test_it_is_there_while_it_is_still_being_written(
    storage: CountingStorage, loader: PictureLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, written = threading.Event(), []

    def put_slowly(key: str, side: int, image: Image.Image) -> None:
        assert disk.wait(PATIENCE)
        written.append(key)

    monkeypatch.setattr(loader._disk, "put", put_slowly)
    assert await look(loader, await put(storage, "a/1.png"))
    assert not written
    disk.set()
    await loader.aclose()
    assert len(written) == 1


def test_decoded_upright_on_white_and_bounded() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decoding.decode(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif)).size == (20, 40)
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert decoding.decode(encoded(clear)).getpixel((1, 1)) == (255, 255, 255)
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        picture = encoded(Image.new("L", (900, 450)), kind)
        assert decoding.decode(picture).size == (900, 450)
        assert 100 <= decoding.decode(picture, 100).width < 200
        wide = encoded(Image.new("L", (9000, 9)), kind)
        assert decoding.decode(wide).width == SIDES[-1]


class TestLimits:
    def test_memory(self) -> None:
        cache = MemoryCache(3 * 300)
        for name in "abc":
            cache.put(name, 384, Image.new("RGB", (10, 10)))
        cache.get("a", 384)
        cache.put("d", 384, Image.new("RGB", (10, 10)))
        assert [name for name in "abcd" if cache.get(name, 384)] == ["a", "c", "d"]
        cache.put("huge", 384, Image.new("RGB", (100, 100)))
        assert cache.get("huge", 384) is None
        assert cache.size == 900

    def test_disk(self, tmp_path: Path) -> None:
        noise = Image.effect_noise((64, 64), 99).convert("RGB")
        DiskCache(tmp_path / "one", 10**9).put("a", 384, noise)
        (file,) = (tmp_path / "one").iterdir()
        size = file.stat().st_size
        cache = DiskCache(tmp_path / "two", size * 5 // 2)
        for age, name in enumerate("ab"):
            cache.put(name, 384, noise)
            os.utime(cache._path(name, 384), (age, age))
        assert cache.get("a", 384)  # the most recently used now
        cache.put("c", 384, noise)
        assert [name for name in "abc" if cache.get(name, 384)] == ["a", "c"]


class TestAhead:
    async def test_it_is_there_when_it_is_looked_at(
        self, storage: CountingStorage, loader: PictureLoader
    ) -> None:
        refs = [await put(storage, f"a/{n}.png") for n in range(3)]
        loader.prefetch(refs)
        await settled(lambda: not loader._ahead)
        storage.gate.clear()  # nothing more is read
        for ref in refs:
            assert await look(loader, ref)
        assert set(storage.reads.values()) == {1}

    async def test_what_is_no_longer_wanted_ends(
        self, storage: CountingStorage, loader: PictureLoader
    ) -> None:
        refs = [await put(storage, f"a/{n}.png") for n in range(20)]
        storage.gate.clear()
        loader.prefetch(refs)
        await settled(lambda: storage.reads)
        assert len(loader._ahead) == 8
        loader.prefetch(refs[-1:])
        storage.gate.set()
        await settled(lambda: not loader._ahead)
        assert set(storage.reads) == {refs[0].key, refs[-1].key}

    async def test_a_missing_one_troubles_nobody(
        self, storage: CountingStorage, loader: PictureLoader
    ) -> None:
        ref = await put(storage, "a/1.png")
        loader.prefetch([S3ObjectRefData(key="a/none.png", bucket="files", etag="x"), ref])
        await settled(lambda: not loader._ahead)
        assert storage.reads[ref.key] == 1


def test_no_screen_library_is_imported() -> None:
    code = "import sys, fototui.pictures.loader; sys.exit('textual' in ' '.join(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], timeout=PATIENCE, check=False).returncode == 0
    )
