"""The shop's pictures: photos, and what is made from them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image as Picture
from PIL import ImageChops, ImageDraw, ImageFilter

from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.sandbox.pictures.generator import Generator


@dataclass(frozen=True, slots=True)
class Art:
    """What pictures the shop has.

    Args:
        photos: Customers' photos, taken in turn.
        generator: Makes colourings and SVGs of them.
    """

    photos: Sequence[bytes]
    generator: Generator


class FlatGenerator:
    """Outlines of flat pictures: the same bytes on every machine, and few colours on the glass."""

    async def coloring(self, photo: bytes, options: ColoringOptions) -> bytes:
        """See `Generator`; with more steps the lines are finer."""
        with Picture.open(io.BytesIO(photo)) as picture:
            grey = picture.convert("L")
        wide = grey.filter(ImageFilter.MaxFilter(9 if options.steps < 8 else 5))
        lines = ImageChops.difference(wide, grey).point(lambda value: 0 if value > 8 else 255)
        return _png(lines)

    async def svg(self, png: bytes, options: SvgOptions) -> bytes:
        """See `Generator`; always the same house."""
        return (
            b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 120"><g fill="none" '
            b'stroke="#000000" stroke-width="4"><path d="M30 110V60L80 20L130 60V110Z"/>'
            b'<path d="M65 110V75H95V110"/></g></svg>'
        )


def flat_art() -> Art:
    """Pictures for snapshots."""
    photos = []
    for sky, sun, hill in (
        ("#8ecae6", "#ffb703", "#588157"),
        ("#cdb4db", "#ffafcc", "#6d597a"),
        ("#f8edeb", "#e76f51", "#2a9d8f"),
    ):
        picture = Picture.new("RGB", (160, 120), sky)
        draw = ImageDraw.Draw(picture)
        draw.ellipse((100, 12, 140, 52), fill=sun)
        draw.polygon([(0, 120), (60, 50), (160, 120)], fill=hill)
        photos.append(_png(picture))
    return Art(photos, FlatGenerator())


def _png(picture: Picture.Image) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()
