from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from fototui.clients.photos import (
    MAX_PREPARED_BYTES,
    PhotoInfo,
    inspect_photo,
    peek_photo,
    prepare_photo,
    to_png,
)
from fototui.clients.runpod import MAX_BODY_BYTES
from fototui.clients.runpod_wire import run_body
from fototui.domain.errors import InvalidInputError
from fototui.domain.options import ColoringOptions

if TYPE_CHECKING:
    from tests.clients.conftest import Claim, Picture

RED = (255, 0, 0)
BLUE = (0, 0, 255)
WHITE = (255, 255, 255)


def _open(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def _rotated(picture: Picture, orientation: int, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(kind="JPEG", exif=exif, quality=95, **options)


def _is_close(colour: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(one - other) < 40 for one, other in zip(colour, wanted, strict=True))


# --- telling what a file is --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content_type", "ext"),
    [
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
    ],
)
def test_the_content_tells_the_kind(
    picture: Picture, kind: str, content_type: str, ext: str
) -> None:
    data = picture(kind=kind)
    info = PhotoInfo(content_type, ext, 60, 40)
    assert inspect_photo(data) == info
    assert peek_photo(data) == info


def test_a_jpeg_with_a_second_picture_is_a_jpeg(picture: Picture) -> None:
    second = Image.new("RGB", (10, 10))
    data = picture(kind="MPO", save_all=True, append_images=[second])
    assert _open(data).format == "MPO"
    assert inspect_photo(data) == PhotoInfo("image/jpeg", "jpg", 60, 40)


@pytest.mark.parametrize(
    ("orientation", "size"),
    [(1, (60, 40)), (3, (60, 40)), (5, (40, 60)), (6, (40, 60)), (8, (40, 60)), (99, (60, 40))],
)
def test_the_size_is_that_which_is_seen(
    picture: Picture, orientation: int, size: tuple[int, int]
) -> None:
    info = inspect_photo(_rotated(picture, orientation))
    assert (info.width, info.height) == size


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"Dear shop, the photo follows.", "not a JPEG, PNG, WebP or GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG, PNG, WebP or GIF"),
        (b"%PDF-1.7\n", "not a JPEG, PNG, WebP or GIF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a JPEG, PNG, WebP or GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\xd8\xff", "not a JPEG|damaged"),
    ],
)
def test_what_is_no_photo_is_told(data: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        inspect_photo(data)
    with pytest.raises(InvalidInputError, match=sentence):
        prepare_photo(data)
    with pytest.raises(InvalidInputError, match=sentence):
        to_png(data)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM"])
def test_other_kinds_of_pictures_are_refused(picture: Picture, kind: str) -> None:
    with pytest.raises(InvalidInputError, match="not a JPEG, PNG, WebP or GIF"):
        inspect_photo(picture(kind=kind))


@pytest.mark.parametrize(
    ("width", "height", "sentence"),
    [
        (8_001, 8_000, "64 megapixels"),
        (10_000, 8_000, "64 megapixels"),
        (40_000, 40_000, "64 megapixels"),
        (8_000, 8_000, "damaged or incomplete"),
    ],
)
def test_bombs_are_refused_by_their_header_alone(
    claim: Claim, width: int, height: int, sentence: str
) -> None:
    for work in (inspect_photo, prepare_photo, to_png):
        with pytest.raises(InvalidInputError, match=sentence):
            work(claim(width, height))


def test_a_peek_decodes_nothing(claim: Claim) -> None:
    assert peek_photo(claim(8_000, 8_000)) == PhotoInfo("image/png", "png", 8_000, 8_000)
    with pytest.raises(InvalidInputError, match="64 megapixels"):
        peek_photo(claim(8_001, 8_000))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_photo_cut_off_is_told(picture: Picture, kind: str) -> None:
    data = picture(300, 200, kind=kind, noise=True)
    with pytest.raises(InvalidInputError):
        inspect_photo(data[: len(data) // 2])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@settings(max_examples=40, deadline=None)
@given(changes=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1)), min_size=1))
def test_damaged_photos_never_raise_anything_else(
    picture: Picture, kind: str, changes: list[tuple[float, bytes]]
) -> None:
    data = bytearray(_rotated(picture, 6) if kind == "JPEG" else picture(kind=kind))
    for place, new in changes:
        at = int(place * len(data))
        data[at : at + len(new)] = new
    for work in (inspect_photo, peek_photo, prepare_photo, to_png):
        try:
            work(bytes(data))
        except InvalidInputError as error:
            assert str(error).endswith((".", "first"))  # noqa: PT017 - either outcome is right


# --- making photos fit to be sent --------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((600, 400), (1200, 800)), ((400, 600), (800, 1200)), ((1199, 10), (1200, 10))],
)
def test_a_small_photo_is_scaled_up(
    picture: Picture, size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    image = _open(prepare_photo(picture(*size, kind="JPEG")))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", wanted)


def test_scaling_up_is_lanczos(picture: Picture) -> None:
    small = picture(60, 40, noise=True)
    wanted = _open(small).resize((120, 80), Image.Resampling.LANCZOS)
    assert _open(prepare_photo(small, min_size=120)).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_photo_that_fits_is_sent_as_it_is(picture: Picture, kind: str, mode: str) -> None:
    data = picture(1200, 40, kind=kind, mode=mode)
    assert prepare_photo(data) == data


@pytest.mark.parametrize("kind", ["WEBP", "GIF"])
def test_other_kinds_become_jpeg(picture: Picture, kind: str) -> None:
    image = _open(prepare_photo(picture(1300, 40, kind=kind)))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (1300, 40))
    assert _is_close(image.getpixel((10, 20)), RED)


# Where the left half, which is red, comes to lie.
@pytest.mark.parametrize(
    ("orientation", "red", "blue"),
    [
        (2, (55, 20), (5, 20)),
        (3, (55, 20), (5, 20)),
        (4, (5, 20), (55, 20)),
        (5, (20, 5), (20, 55)),
        (6, (20, 5), (20, 55)),
        (7, (20, 55), (20, 5)),
        (8, (20, 55), (20, 5)),
    ],
)
def test_a_turned_photo_is_set_upright(
    picture: Picture, orientation: int, red: tuple[int, int], blue: tuple[int, int]
) -> None:
    image = _open(prepare_photo(_rotated(picture, orientation), min_size=60))
    assert _is_close(image.getpixel(red), RED)
    assert _is_close(image.getpixel(blue), BLUE)
    assert 0x0112 not in image.getexif()


def test_a_small_turned_photo_is_set_upright_too(picture: Picture) -> None:
    image = _open(prepare_photo(_rotated(picture, 6), min_size=120))
    assert (image.format, image.size) == ("PNG", (80, 120))
    assert _is_close(image.getpixel((40, 10)), RED)
    assert 0x0112 not in image.getexif()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("min_size", [60, 120])
def test_transparency_becomes_white(mode: str, min_size: int) -> None:
    image = Image.new("RGBA", (60, 40), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (30, 0, 60, 40))
    target = io.BytesIO()
    if mode == "P":
        image = Image.new("P", (60, 40), 0)
        image.putpalette([*RED, *BLUE])
        image.paste(1, (30, 0, 60, 40))
        image.save(target, "PNG", transparency=0)
    else:
        image.convert(mode).save(target, "PNG")
    ready = _open(prepare_photo(target.getvalue(), min_size=min_size))
    assert ready.mode == "RGB"
    assert _is_close(ready.getpixel((2, 2)), WHITE)
    assert not _is_close(ready.getpixel((ready.width - 2, 2)), WHITE)


def test_cmyk_becomes_rgb(picture: Picture) -> None:
    image = _open(prepare_photo(picture(kind="JPEG", mode="CMYK"), min_size=60))
    assert image.mode == "RGB"
    assert _is_close(image.getpixel((5, 20)), RED)


def test_sixteen_bits_are_scaled_not_cut() -> None:
    image = Image.new("I;16", (60, 40), 32_896)
    target = io.BytesIO()
    image.save(target, "PNG")
    ready = _open(prepare_photo(target.getvalue(), min_size=60))
    assert ready.mode == "RGB"
    assert _is_close(ready.getpixel((5, 5)), (128, 128, 128))


def test_a_colour_profile_goes_along_only_where_it_fits(picture: Picture) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode, wanted in (("RGB", profile), ("CMYK", None), ("L", None)):
        data = picture(kind="JPEG", mode=mode, icc_profile=profile)
        assert _open(prepare_photo(data, min_size=120)).info.get("icc_profile") == wanted


def test_a_heavy_photo_is_made_lighter(picture: Picture) -> None:
    data = picture(2600, 2000, noise=True, compress_level=0)
    assert len(data) > 15_000_000
    ready = prepare_photo(data)
    assert len(ready) <= MAX_PREPARED_BYTES
    image = _open(ready)
    assert (image.format, image.size) == ("JPEG", (2600, 2000))


def test_a_photo_is_scaled_down_as_far_as_it_takes(picture: Picture) -> None:
    ready = prepare_photo(picture(800, 600, noise=True), min_size=800, max_bytes=60_000)
    assert len(ready) <= 60_000
    image = _open(ready)
    assert 100 < image.width < 800
    assert image.width / image.height == pytest.approx(4 / 3, rel=0.05)


def test_a_small_photo_that_grows_too_heavy_becomes_a_jpeg(picture: Picture) -> None:
    ready = prepare_photo(picture(300, 200, noise=True), min_size=900, max_bytes=200_000)
    assert len(ready) <= 200_000
    assert _open(ready).format == "JPEG"


def test_a_photo_longer_than_a_jpeg_may_be_is_scaled(picture: Picture) -> None:
    ready = prepare_photo(picture(70_000, 4, kind="PNG", mode="RGBA"))
    assert _open(ready).size == (65_500, 4)


def test_a_limit_that_nothing_fits_is_refused(picture: Picture) -> None:
    with pytest.raises(InvalidInputError, match="allow more"):
        prepare_photo(picture(noise=True), max_bytes=10)


def test_the_heaviest_result_fits_into_a_request() -> None:
    body = run_body(bytes(MAX_PREPARED_BYTES), ColoringOptions(8.0, 20), timeout_seconds=86_400)
    assert len(body) <= MAX_BODY_BYTES
    assert len(base64.b64encode(bytes(MAX_PREPARED_BYTES))) > 0.98 * MAX_BODY_BYTES


# --- results -----------------------------------------------------------------------------------


def test_a_png_result_stays_as_it_is(picture: Picture) -> None:
    data = picture(mode="L")
    assert to_png(data) == data


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_other_results_become_png(picture: Picture, kind: str) -> None:
    image = _open(to_png(picture(kind=kind, quality=95)))
    assert (image.format, image.size) == ("PNG", (60, 40))
    assert _is_close(image.getpixel((5, 20)), RED)


def test_a_gif_is_no_result(picture: Picture) -> None:
    with pytest.raises(InvalidInputError):
        to_png(picture(kind="GIF"))
