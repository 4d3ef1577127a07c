"""What the imitated services make: real line art and SVGs, or tiny ones for load tests."""

import asyncio
import hashlib
import io
from enum import StrEnum
from typing import Protocol

from PIL import Image, UnidentifiedImageError

from fototui.domain.errors import InvalidInputError
from fototui.domain.options import ColoringOptions, SvgOptions

_AT_ONCE = 2


class GeneratorKind(StrEnum):
    """Which generator a sandbox works with."""

    LINEART = "lineart"
    QUICK = "quick"


class Generator(Protocol):
    """Makes the results that a sandbox hands out."""

    async def coloring(self, photo: bytes, options: ColoringOptions) -> bytes:
        """Make a PNG of line art from a photo.

        Raises:
            InvalidInputError: The photo cannot be read.
        """

    async def svg(self, png: bytes, options: SvgOptions) -> bytes:
        """Make an SVG from line art.

        Raises:
            InvalidInputError: The picture cannot be read.
        """


def create_generator(kind: GeneratorKind) -> Generator:
    """Make a generator of this kind; services that share one share its bound, too."""
    return LineArtGenerator() if kind is GeneratorKind.LINEART else QuickGenerator()


class LineArtGenerator:
    """Real pictures, made in threads, two at a time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def coloring(self, photo: bytes, options: ColoringOptions) -> bytes:
        """See `fototui.sandbox.pictures.lineart.line_art`."""
        # OpenCV takes a moment to load; a sandbox of quick results never pays for it.
        from fototui.sandbox.pictures.lineart import line_art

        async with self._places:
            return await asyncio.to_thread(line_art, photo, options)

    async def svg(self, png: bytes, options: SvgOptions) -> bytes:
        """See `fototui.sandbox.vectorizer.tracing.vectorize`."""
        from fototui.sandbox.vectorizer.tracing import vectorize

        async with self._places:
            return await asyncio.to_thread(vectorize, png, options)


class QuickGenerator:
    """Valid results of a few hundred bytes that cost no CPU and differ with input and options."""

    async def coloring(self, photo: bytes, options: ColoringOptions) -> bytes:
        """Make a PNG of 16 × 16 pixels."""
        picture_size(photo)
        pattern = hashlib.shake_256(photo + repr(options).encode()).digest(32)
        buffer = io.BytesIO()
        Image.frombytes("1", (16, 16), pattern).save(buffer, "PNG")
        return buffer.getvalue()

    async def svg(self, png: bytes, options: SvgOptions) -> bytes:
        """Make an SVG with one line for each of 16 bytes."""
        picture_size(png)
        pattern = hashlib.shake_256(png + repr(options).encode()).digest(16)
        lines = "".join(f"M{x} 0V{height / 16}" for x, height in enumerate(pattern))
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
            f'<path d="{lines}" stroke="#000000"/></svg>'
        ).encode()


def picture_size(data: bytes) -> tuple[int, int]:
    """Read a picture's width and height from its header.

    Args:
        data: The file.

    Returns:
        Width and height in pixels.

    Raises:
        InvalidInputError: The data is no picture.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow tells broken files by any of these; SyntaxError is its way for broken PNG chunks.
        raise InvalidInputError("The picture cannot be read; send a JPEG or PNG.") from error
