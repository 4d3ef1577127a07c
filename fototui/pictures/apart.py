"""Pictures decoded in worker processes, so that none of them holds the app or its end."""

from PIL import Image

from fototui.decoding.workers import WorkerError, Workers
from fototui.pictures.decoding import TOO_BIG
from fototui.pictures.errors import PictureBrokenError, PictureTooBigError

PICTURE_WORKERS = Workers(modules=["fototui.pictures.tasks"])
"""Their own processes: what an operator looks at does not wait for the engine's photos."""


async def decode_apart(data: bytes, side: int, page: int | None = None) -> Image.Image:
    """Decode a picture (`decoding.decode`), or draw a page of a PDF (`pdf.page`).

    Args:
        data: The file.
        side: How many pixels its longer side has, where there are so many (`decoding.decode`).
        page: Which page of a PDF, from 1; None for a picture.

    Raises:
        PictureBrokenError: It is no picture, or a damaged one.
        PictureTooBigError: It has too many pixels, or costs too much to open.
    """
    try:
        if page is None:
            run = PICTURE_WORKERS.run("fototui.pictures.tasks:pixels", data, {"side": side})
        else:
            params = {"number": page, "side": side}
            run = PICTURE_WORKERS.run("fototui.pictures.pdf:page_pixels", data, params)
        value, pixels = await run
        size = int(str(value["width"])), int(str(value["height"]))
        return Image.frombytes("RGB", size, pixels)
    except WorkerError as error:
        if error.sentence is None:  # it ran over the limits
            raise PictureTooBigError(TOO_BIG) from None
        kind = PictureBrokenError if error.code == PictureBrokenError.code else PictureTooBigError
        raise kind(error.sentence) from None
