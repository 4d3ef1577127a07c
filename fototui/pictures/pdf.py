"""Pages of a PDF made into pictures; work for a worker process (`apart`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pypdfium2  # type: ignore[import-untyped] # it ships no types

from fototui.domain.sentences import Sentence
from fototui.pictures.errors import PictureBrokenError

if TYPE_CHECKING:
    from PIL import Image

_BROKEN = Sentence.make("The book's file is damaged; make the book again.")


def page(data: bytes, number: int, side: int) -> Image.Image:
    """Draw a page of a PDF.

    Args:
        data: The file.
        number: Which page, from 1.
        side: The longer side of the picture, in pixels.

    Returns:
        An RGB picture.

    Raises:
        PictureBrokenError: It is no PDF, a damaged one, or has no such page.
    """
    try:
        document = pypdfium2.PdfDocument(data)
        try:
            found = document[number - 1]
            drawn = found.render(scale=side / max(found.get_size()))
            picture: Image.Image = drawn.to_pil().convert("RGB")
        finally:
            document.close()
    except (pypdfium2.PdfiumError, LookupError, ValueError, ZeroDivisionError) as error:
        raise PictureBrokenError(_BROKEN) from error
    return picture


def page_pixels(data: bytes, number: int, side: int) -> tuple[dict[str, object], bytes]:
    """Draw a page of a PDF (`page`); its size and its bare pixels."""
    image = page(data, number, side)
    return {"width": image.width, "height": image.height}, image.tobytes()
