"""The map in a picture's corner tells which part of it is seen."""

from __future__ import annotations

import pytest
from PIL import Image

from fototui.pictures.decoding import fit
from fototui.pictures.loader import PictureLoader
from fototui.pictures.viewport import Viewport
from tests.pictures.conftest import CountingStorage, encoded

CELL = (2, 4)
SEEN = (255, 170, 60)
WINDOW = (160, 160)  # 80 characters by 40


def seen_part(viewport: Viewport, size: tuple[int, int] = (800, 800)) -> tuple[int, ...] | None:
    """Where the mark is, in characters."""
    white = Image.new("RGB", size, "white")
    shown = fit(white, *WINDOW, viewport.zoom, viewport.pan, cell=CELL)
    mask = shown.point(lambda _value: 0).convert("1")
    pixels = shown.load()
    assert pixels is not None
    for x in range(shown.width):
        for y in range(shown.height):
            if pixels[x, y] == SEEN:
                mask.putpixel((x, y), 1)
    box = mask.getbbox()
    if box is None:
        return None
    return tuple(edge // side for edge, side in zip(box, CELL * 2, strict=True))


def test_all_of_a_picture_has_no_map() -> None:
    assert seen_part(Viewport()) is None


def test_it_shows_which_part_is_seen_and_follows() -> None:
    near = Viewport().zoomed(4)
    middle = seen_part(near)
    assert middle is not None
    corner = near
    for _step in range(99):
        corner = corner.moved(1, 1)
    # A map of 16 characters by 8, one from the corner.
    found = seen_part(corner)
    assert found is not None
    assert found[2:] == (79, 39)
    assert found[0] >= 75
    left, top, right, bottom = middle
    assert (left + right) / 2 == pytest.approx(79 - 8, abs=1)
    assert (top + bottom) / 2 == pytest.approx(39 - 4, abs=1)
    closer = seen_part(near.zoomed(2))
    assert closer is not None
    assert closer[2] - closer[0] < right - left


@pytest.mark.parametrize("size", [(3000, 40), (40, 3000)])
def test_where_there_is_no_room_there_is_none(size: tuple[int, int]) -> None:
    assert seen_part(Viewport().zoomed(2), size) is None


async def test_it_is_drawn_only_where_it_is_asked_for(
    storage: CountingStorage, loader: PictureLoader
) -> None:
    ref = await storage.put(
        "a.png", encoded(Image.new("RGB", (800, 800), "white")), content_type="image/png"
    )
    plain = await loader.load(ref, width_px=160, height_px=160, zoom=2)
    mapped = await loader.load(ref, width_px=160, height_px=160, zoom=2, has_map=True)
    assert SEEN not in {colour for _count, colour in plain.getcolors(99999) or ()}
    assert SEEN in {colour for _count, colour in mapped.getcolors(99999) or ()}
    whole = await loader.load(ref, width_px=160, height_px=160, has_map=True)
    assert whole.getpixel((150, 150)) == (255, 255, 255)
