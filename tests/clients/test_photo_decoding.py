"""Photos made to cost without end, and photos whose side data is wrong."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from fototui.clients import photo_decoding
from fototui.clients.photo_decoding import inspect_apart, prepare_apart
from fototui.clients.photos import PhotoInfo, inspect_photo, prepare_photo
from fototui.decoding.workers import WorkerLimits, Workers
from fototui.domain.errors import InvalidInputError
from fototui.pictures.decoding import decode
from fototui.pictures.errors import PictureTooBigError
from tests.waiting import in_time

if TYPE_CHECKING:
    from tests.clients.conftest import Picture


def _with_scans(jpeg: bytes, count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * count + jpeg[-2:]


def test_a_jpeg_of_countless_scans_is_refused_undecoded(picture: Picture) -> None:
    jpeg = picture(kind="JPEG", progressive=True)
    assert inspect_photo(_with_scans(jpeg, 20)).width == 60
    with pytest.raises(InvalidInputError, match="1010 steps"):
        inspect_photo(_with_scans(jpeg, 1000))
    with pytest.raises(PictureTooBigError):
        decode(_with_scans(jpeg, 1000))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    workers = Workers(WorkerLimits(cpu_seconds=1))
    monkeypatch.setattr(photo_decoding, "PHOTO_WORKERS", workers)
    yield workers
    workers.close()


async def test_a_photo_that_costs_too_much_is_refused_and_others_come_through(
    picture: Picture, hurried: Workers
) -> None:
    heavy = _with_scans(picture(6000, 6000, kind="JPEG", progressive=True), 180)
    with pytest.raises(InvalidInputError, match="takes more than 1 s"):
        await inspect_apart(heavy)
    hurried.limits = WorkerLimits()
    assert await inspect_apart(picture()) == PhotoInfo("image/png", "png", 60, 40)


async def test_nobody_waits_for_a_photo_that_is_no_longer_wanted(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = Workers(WorkerLimits(cpu_seconds=60))
    monkeypatch.setattr(photo_decoding, "PHOTO_WORKERS", workers)
    heavy = _with_scans(picture(6000, 6000, kind="JPEG", progressive=True), 180)
    task = asyncio.create_task(inspect_apart(heavy))
    await asyncio.sleep(0)
    task.cancel()
    async with in_time():
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not workers.pids


async def test_what_a_worker_finds_is_what_is_told(picture: Picture) -> None:
    with pytest.raises(InvalidInputError, match="web page"):
        await inspect_apart(b"<!doctype html>")
    small = picture()
    assert await prepare_apart(small, min_size=120) == prepare_photo(small, min_size=120)


# --- what is no pixel --------------------------------------------------------------------------


def _chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


BIG = zlib.compress(b"a" * 1_200_000)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(_chunk(b"iCCP", b"p\0\0" + BIG), id="iCCP"),
        pytest.param(_chunk(b"zTXt", b"k\0\0" + BIG), id="zTXt"),
        pytest.param(_chunk(b"iTXt", b"k\0\1\0cs\0k\0" + BIG), id="iTXt"),
        pytest.param(_chunk(b"tEXt", b"k\0text", crc=7), id="wrong CRC"),
        pytest.param(_chunk(b"eXIf", b"nonsense"), id="eXIf"),
    ],
)
def test_side_data_of_a_png_does_not_condemn_it(picture: Picture, chunk: bytes) -> None:
    png = picture()
    odd = png[:33] + chunk + png[33:]
    assert inspect_photo(odd) == inspect_photo(png)
    with Image.open(io.BytesIO(prepare_photo(odd, min_size=60))) as sent:  # readable for others too
        sent.load()
        assert sent.size == (60, 40)
    assert decode(odd).size == (60, 40)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("exif", [b"nonsense", b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 9])
def test_damaged_exif_does_not_condemn_a_photo(picture: Picture, kind: str, exif: bytes) -> None:
    odd = picture(kind=kind, exif=b"Exif\0\0" + exif)
    assert (inspect_photo(odd).width, inspect_photo(odd).height) == (60, 40)
    assert decode(odd).size == (60, 40)


def test_damaged_segments_do_not_condemn_a_jpeg(picture: Picture) -> None:
    jpeg = picture(kind="JPEG", icc_profile=b"p" * 500)
    spoiled = jpeg.replace(b"ICC_PROFILE\0\1\1", b"ICC_PROFILE\0\xff\0")
    assert spoiled != jpeg
    photoshop = b"\xff\xed" + struct.pack(">H", 24) + b"Photoshop 3.0\x008BIM\x04\x04\0\0"
    for odd in (spoiled, jpeg[:2] + photoshop + jpeg[2:]):
        assert inspect_photo(odd).width == 60
        assert decode(odd).size == (60, 40)
