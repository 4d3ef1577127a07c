"""The generator: photos become line art, line art becomes SVG."""

import io
import re
from functools import cache
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from fototui.domain.errors import InvalidInputError
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions
from fototui.sandbox.pictures.generator import GeneratorKind, create_generator
from fototui.sandbox.pictures.lineart import line_art
from fototui.sandbox.samples import sample_photos
from fototui.sandbox.vectorizer.tracing import vectorize

SVG = "{http://www.w3.org/2000/svg}"
PHOTOS = {photo.name: photo.data for photo in sample_photos()}


@cache
def drawn(name: str, megapixels: float = 0.5, steps: int = 4) -> bytes:
    return line_art(PHOTOS[name], ColoringOptions(megapixels, steps))


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.asarray(image)


def strokes(picture: npt.NDArray[np.uint8]) -> list[int]:
    """Areas of the connected black parts."""
    mask = (picture < 128).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return [int(area) for area in stats[1:, cv2.CC_STAT_AREA]]


def test_samples_may_be_shipped() -> None:
    assert 6 <= len(PHOTOS) <= 8
    for name, data in PHOTOS.items():
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == "JPEG"
            assert max(image.size) <= 640, name
        assert len(data) < 120_000, name


@pytest.mark.parametrize("name", sorted(PHOTOS))
def test_line_art_is_a_colouring_page(name: str) -> None:
    picture = pixels(drawn(name))
    assert (picture > 200).mean() > 0.75, "mostly paper"
    assert 0.02 < (picture < 64).mean() < 0.25, "and enough ink"
    assert ((picture > 64) & (picture < 200)).mean() < 0.1, "grey only where edges are smoothed"
    areas = strokes(picture)
    specks = [area for area in areas if area < picture.size * 0.00005]
    assert len(areas) < 150
    assert len(specks) <= 5, "no salt and pepper"


def test_texture_alone_draws_nothing() -> None:
    noise = np.random.default_rng(1).integers(118, 138, (400, 600, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    assert (pixels(line_art(buffer.getvalue(), ColoringOptions(0.5))) > 200).all()


def test_more_steps_draw_more_and_finer_strokes() -> None:
    few, usual, many = (len(strokes(pixels(drawn("cat.jpg", steps=n)))) for n in (1, 4, 20))
    assert few < usual < many


@pytest.mark.parametrize(
    ("name", "megapixels"),
    [("cat.jpg", 0.5), ("astronaut.jpg", 0.5), ("cat.jpg", 1.0)],
)
def test_line_art_has_the_megapixels_asked_for_and_the_photos_shape(
    name: str, megapixels: float
) -> None:
    height, width = pixels(drawn(name, megapixels)).shape
    assert height * width == pytest.approx(megapixels * 1e6, rel=0.1)
    with Image.open(io.BytesIO(PHOTOS[name])) as photo:
        assert width / height == pytest.approx(photo.width / photo.height, rel=0.01)


def test_line_art_is_upright_and_white_where_the_photo_is_transparent() -> None:
    with Image.open(io.BytesIO(PHOTOS["cat.jpg"])) as photo:
        turned = photo.transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6  # orientation: turn clockwise to view
        buffer = io.BytesIO()
        turned.save(buffer, "JPEG", exif=exif, quality=95)
    upright = pixels(line_art(buffer.getvalue(), ColoringOptions(0.5)))
    expected = pixels(drawn("cat.jpg"))
    assert upright.shape == expected.shape
    assert (np.abs(upright.astype(int) - expected) > 128).mean() < 0.02

    clear = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(clear).ellipse((100, 50, 200, 150), fill="black")
    buffer = io.BytesIO()
    clear.save(buffer, "PNG")
    picture = pixels(line_art(buffer.getvalue(), ColoringOptions(0.5)))
    assert len(strokes(picture)) == 1, "the outline of the disc"
    assert picture[0, 0] == picture[picture.shape[0] // 2, picture.shape[1] // 2] == 255


def test_what_is_no_picture_is_told_so() -> None:
    broken = PHOTOS["cat.jpg"][:2000]
    for data in (b"", b"no picture", broken):
        with pytest.raises(InvalidInputError, match="cannot be read"):
            line_art(data, ColoringOptions())
    with pytest.raises(InvalidInputError, match="cannot be read"):
        vectorize(b"no picture", SvgOptions())


def test_a_photo_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    buffer = io.BytesIO()
    Image.new("1", (9000, 9000)).save(buffer, "PNG")
    with pytest.raises(InvalidInputError, match="9000 × 9000 pixels"):
        line_art(buffer.getvalue(), ColoringOptions())


# --- SVG ---------------------------------------------------------------------------------------


def traced(stacking: ShapeStacking, group_by: GroupBy, png: bytes | None = None) -> ET.Element:
    return ET.fromstring(vectorize(png or drawn("astronaut.jpg"), SvgOptions(stacking, group_by)))


@pytest.mark.parametrize("group_by", GroupBy)
@pytest.mark.parametrize("stacking", ShapeStacking)
def test_svg_is_well_formed_and_keeps_every_shape(
    stacking: ShapeStacking, group_by: GroupBy
) -> None:
    root = traced(stacking, group_by)
    height, width = pixels(drawn("astronaut.jpg")).shape
    assert root.tag == f"{SVG}svg"
    assert root.get("viewBox") == f"0 0 {width} {height}"
    paths = list(root.iter(f"{SVG}path"))
    assert len(paths) > 20
    assert {path.get("fill") for path in paths} <= {"#000000", "#ffffff"}
    ungrouped = traced(stacking, GroupBy.NONE)
    assert [path.get("d") for path in paths] == [path.get("d") for path in ungrouped]
    groups = list(root.iter(f"{SVG}g"))
    assert bool(groups) is (group_by is not GroupBy.NONE)
    assert {child.tag for child in root} == {f"{SVG}g" if groups else f"{SVG}path"}


def rings() -> bytes:
    """A ring with a ring in it."""
    image = Image.new("L", (400, 400), 255)
    draw = ImageDraw.Draw(image)
    for radius, colour in ((180, 0), (150, 255), (90, 0), (60, 255)):
        draw.ellipse((200 - radius, 200 - radius, 200 + radius, 200 + radius), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_stacked_shapes_lie_on_each_other_and_cut_out_ones_have_holes() -> None:
    stacked = traced(ShapeStacking.STACKED, GroupBy.NONE, rings())
    assert [path.get("fill") for path in stacked] == [
        *("#ffffff", "#000000", "#ffffff", "#000000", "#ffffff")
    ]
    cut = traced(ShapeStacking.CUTOUTS, GroupBy.NONE, rings())
    assert [path.get("fill") for path in cut] == ["#000000", "#000000"]
    assert [len(re.findall("M", path.get("d", ""))) for path in cut] == [2, 2]


def test_groups_name_colours_and_layers() -> None:
    by_color = traced(ShapeStacking.STACKED, GroupBy.COLOR, rings())
    assert [group.get("fill") for group in by_color] == [
        *("#ffffff", "#000000", "#ffffff", "#000000", "#ffffff")
    ]
    by_layer = traced(ShapeStacking.STACKED, GroupBy.LAYER, rings())
    assert [group.get("id") for group in by_layer] == [f"layer-{n}" for n in range(1, 6)]


# --- both kinds --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", GeneratorKind)
async def test_generators_make_what_depends_on_input_and_options(kind: GeneratorKind) -> None:
    generator = create_generator(kind)
    one = await generator.coloring(PHOTOS["cat.jpg"], ColoringOptions(0.5))
    two = await generator.coloring(PHOTOS["cat.jpg"], ColoringOptions(0.5, 9))
    other = await generator.coloring(PHOTOS["coffee.jpg"], ColoringOptions(0.5))
    assert one == await generator.coloring(PHOTOS["cat.jpg"], ColoringOptions(0.5))
    assert len({one, two, other}) == 3
    for png in (one, two, other):
        with Image.open(io.BytesIO(png)) as image:
            image.verify()
    svg = await generator.svg(one, SvgOptions())
    assert ET.fromstring(svg).get("viewBox")
    assert svg not in (
        await generator.svg(two, SvgOptions()),
        await generator.svg(one, SvgOptions(ShapeStacking.CUTOUTS)),
    )
    with pytest.raises(InvalidInputError):
        await generator.coloring(b"no picture", ColoringOptions())
    with pytest.raises(InvalidInputError):
        await generator.svg(b"no picture", SvgOptions())
