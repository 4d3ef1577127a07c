"""What is found out about a file before any decoder sees it."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fototui.decoding.limits import jpeg_scans, without_broken_extras, without_extras


def _encoded(kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    Image.effect_noise((90, 60), 60).convert("RGB").save(target, kind, **options)
    return target.getvalue()


def _chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def _with_chunk(png: bytes, chunk: bytes) -> bytes:
    return png[:33] + chunk + png[33:]  # behind IHDR


def test_scans_are_counted_and_nothing_that_looks_like_them() -> None:
    assert jpeg_scans(_encoded("JPEG")) == 1
    assert jpeg_scans(_encoded("JPEG", progressive=True)) == 10
    # A note of scans, and a film behind the picture as phones put it there, are no scans.
    plain = _encoded("JPEG")
    note = b"\xff\xfe" + struct.pack(">H", 2 + 3000) + b"\xff\xda\x00" * 1000
    assert jpeg_scans(plain[:2] + note + plain[2:] + b"\xff\xda\x00\x02" * 1000) == 1
    assert jpeg_scans(_encoded("PNG")) == 0


BIG = zlib.compress(b"a" * 1_200_000)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(_chunk(b"iCCP", b"p\0\0" + BIG), id="profile"),
        pytest.param(_chunk(b"iCCP", b"p\0\0nonsense"), id="damaged profile"),
        pytest.param(_chunk(b"zTXt", b"k\0\0" + BIG), id="zTXt"),
        pytest.param(_chunk(b"iTXt", b"k\0\1\0cs\0k\0" + BIG), id="iTXt"),
        pytest.param(_chunk(b"tEXt", b"k\0" + b"a" * 1_200_000), id="tEXt"),
        pytest.param(_chunk(b"tEXt", b"k\0text", crc=7), id="wrong CRC"),
    ],
)
def test_a_png_s_extras_do_not_condemn_it(chunk: bytes) -> None:
    png = _encoded("PNG")
    assert without_broken_extras(_with_chunk(png, chunk)) == png


def test_extras_in_order_stay() -> None:
    png = _encoded("PNG", icc_profile=b"profile")
    for chunk in (
        _chunk(b"tEXt", b"k\0text"),
        _chunk(b"zTXt", b"k\0\0" + zlib.compress(b"text")),
        _chunk(b"iTXt", b"k\0\0\0cs\0k\0text"),
    ):
        assert without_broken_extras(_with_chunk(png, chunk)) == _with_chunk(png, chunk)


def test_many_texts_that_are_fine_each() -> None:
    png = _encoded("PNG")
    text = _chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 900_000))
    kept = without_broken_extras(_with_chunk(png, text * 80))
    assert len(png) < len(kept) < len(png) + 40 * len(text)
    with Image.open(io.BytesIO(kept)) as image:
        image.load()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_nothing_but_pixels_is_left(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    full = _encoded(kind, exif=exif, icc_profile=b"profile" * 20, quality=90)
    bare = without_extras(full)
    assert b"profile" not in bare
    with Image.open(io.BytesIO(full)) as one, Image.open(io.BytesIO(bare)) as other:
        assert one.tobytes() == other.tobytes()
        assert not other.getexif()


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]),
    place=st.floats(0, 1),
    noise=st.binary(max_size=40),
)
def test_no_file_is_too_strange(kind: str, place: float, noise: bytes) -> None:
    data = bytearray(FILES[kind])
    start = int(place * len(data))
    data[start : start + len(noise)] = noise
    for cleaned in (without_broken_extras(bytes(data)), without_extras(bytes(data))):
        assert len(cleaned) <= len(data) + 1
    assert jpeg_scans(bytes(data)) >= 0


FILES = {
    kind: _encoded(kind, **({} if kind == "GIF" else {"icc_profile": b"profile" * 20}))
    for kind in ("PNG", "JPEG", "WEBP", "GIF")
}
