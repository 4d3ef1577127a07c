"""Pictures that come from outside: told by their content, and opened within limits.

All of this is work for the processor without an end that is known beforehand: what strangers sent
is opened in processes of their own (`fototui.clients.photo_decoding`).
"""

import io
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from PIL import (
    GifImagePlugin,  # noqa: F401 - importing a plugin registers its format
    Image,
    JpegImagePlugin,  # noqa: F401 - the same
    PngImagePlugin,  # noqa: F401 - the same
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401 - the same
)

from fototui.decoding.limits import (
    MAX_SCANS,
    jpeg_scans,
    without_broken_extras,
    without_extras,
)
from fototui.decoding.upright import ON_ITS_SIDE, TURNS, orientation_of
from fototui.domain.errors import InvalidInputError
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line

# 64 megapixels are 192 MB in memory; the biggest phone photo in common use has 50.
MAX_PIXELS = 64_000_000

_TOO_BIG = Sentence.make(
    "The photo has more than {limit} megapixels; scale it down first.",
    limit=MAX_PIXELS // 1_000_000,
)

# Base64 makes 4 bytes of 3: this is what fits into RunPod's 10 MB body beside the rest of it.
MAX_PREPARED_BYTES = 7_400_000

# Pillow opens what it is not told to leave alone, and some of its formats run other programs.
# MPO is what many phones write: a JPEG with a second picture behind it.
_KINDS = {
    "JPEG": ("image/jpeg", "jpg"),
    "MPO": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
    # Only where a plugin for it is installed and registered.
    "HEIF": ("image/heic", "heic"),
}

# Servers that want a visitor to log in, or have lost a file, send one and call it a success.
_WEB_PAGE = (b"<!doctype html", b"<html")

# Tried in turn until the photo fits; after them, pixels go.
_JPEG_QUALITIES = (92, 85, 75)
_SHRINK = 0.8
_LONGEST_JPEG_SIDE = 65_500

# Pillow's own limit is higher, and it only warns; sizes are checked here, before decoding.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class PhotoInfo:
    """What a picture's content tells.

    Args:
        content_type: Media type.
        ext: Extension, without a dot.
        width: Width in pixels, as a viewer shows it.
        height: Height in pixels, as a viewer shows it.
    """

    content_type: str
    ext: str
    width: int
    height: int


def inspect_photo(data: bytes) -> PhotoInfo:
    """Tell what a picture is, by decoding all of it.

    Args:
        data: The file.

    Raises:
        InvalidInputError: It is no picture we take, is damaged, or is too big.
    """
    with _opened(data) as (image, _):
        image.load()
        info = _info(image)
        on_its_side = _turn(image) in ON_ITS_SIDE
    return replace(info, width=info.height, height=info.width) if on_its_side else info


def peek_photo(data: bytes) -> PhotoInfo:
    """Tell what a picture says it is, by its header alone: quick, and blind to damage.

    Args:
        data: The file.

    Returns:
        What it is; width and height are those of the stored picture, before it is set upright.

    Raises:
        InvalidInputError: It is no picture we take, or is too big.
    """
    with _opened(data) as (image, _):
        return _info(image)


def to_png(data: bytes) -> bytes:
    """Make sure that a result is a whole PNG.

    Args:
        data: A PNG, which is returned as it is but for texts that cannot be read, a JPEG or a
            WebP.

    Raises:
        InvalidInputError: It is none of them, is damaged, or is too big.
    """
    with _opened(data, ("PNG", "JPEG", "WEBP")) as (image, readable):
        image.load()
        return readable if image.format == "PNG" else _encoded(_upright_rgb(image), "PNG")


def prepare_photo(
    data: bytes, *, min_size: int = 1200, max_bytes: int = MAX_PREPARED_BYTES
) -> bytes:
    """Make a photo fit to be sent for colouring.

    A small photo is scaled up (Lanczos) and becomes a PNG. A bigger one is sent as it is if it is
    an upright JPEG or PNG in plain colours and small enough; otherwise it becomes a JPEG, scaled
    down only as far as the limit asks.

    Args:
        data: The photo.
        min_size: Least length of the longer side, in pixels.
        max_bytes: Largest result.

    Raises:
        InvalidInputError: It is no picture we take, is damaged, or is too big.
    """
    with _opened(data) as (image, readable):
        image.load()
        longer = max(image.size)
        if longer >= min_size and len(readable) <= max_bytes and _is_plain(image):
            return readable
        ready = _upright_rgb(image)
    if longer < min_size:
        ready = _scaled(ready, min_size / longer)
        png = _encoded(ready, "PNG")
        if len(png) <= max_bytes:
            return png
    return _jpeg_within(ready, max_bytes)


@contextmanager
def _opened(data: bytes, formats: Collection[str] = _KINDS) -> Iterator[tuple[Image.Image, bytes]]:
    """Open a picture; whatever its decoder does to damaged data becomes one kind of error.

    Yields:
        The picture, not decoded yet, and the file without what no decoder should be given.
    """
    if not data:
        raise InvalidInputError("The file is empty; ask for the photo again.")
    if (scans := jpeg_scans(data)) > MAX_SCANS:
        raise InvalidInputError(
            "The photo is built up in {scans} steps, and more than {limit} are not taken; ask for "
            "it as an ordinary JPEG.",
            scans=scans,
            limit=MAX_SCANS,
        )
    data = without_broken_extras(data)
    # Formats that no plugin is registered for would raise a KeyError.
    known = [name for name in formats if name in Image.OPEN]
    try:
        try:
            image = Image.open(io.BytesIO(data), formats=known)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise
        except Exception:
            # It may be a damaged profile or text, which the pixels can do without.
            bare = without_extras(data)
            if bare == data:
                raise
            image, data = Image.open(io.BytesIO(bare), formats=known), bare
        with image:
            _check_size(image)
            yield image, data
    except InvalidInputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InvalidInputError(_TOO_BIG) from None
    except UnidentifiedImageError:
        raise InvalidInputError(_unknown(data)) from None
    except MemoryError:  # the worker that it happens in tells of it
        raise
    except Exception as error:
        # Decoders raise nearly anything on damaged data: SyntaxError, struct.error, KeyError …
        raise InvalidInputError(
            "The photo is damaged or incomplete ({reason}); ask for it again.",
            reason=clean_line(str(error), limit=100) or type(error).__name__,
        ) from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise InvalidInputError(_TOO_BIG)


def _unknown(data: bytes) -> Sentence:
    # ISO base media files, which HEIC and AVIF photos are, name their brand behind "ftyp".
    if data[4:8] == b"ftyp":
        return Sentence.make(
            "The photo is a HEIC or AVIF, which cannot be read here; ask for a JPEG."
        )
    if data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_WEB_PAGE):
        return Sentence.make("The file is a web page, not a photo; ask for the photo itself.")
    return Sentence.make(
        "The file is not a JPEG, PNG, WebP or GIF picture; ask for the photo itself."
    )


def _info(image: Image.Image) -> PhotoInfo:
    content_type, ext = _KINDS[image.format or ""]
    return PhotoInfo(content_type, ext, image.width, image.height)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How to set a picture upright."""
    return TURNS.get(orientation_of(image) or 1)


def _is_plain(image: Image.Image) -> bool:
    """Whether a worker sees the picture as we do, without any conversion."""
    orientation = orientation_of(image)
    return (
        image.format in ("JPEG", "MPO", "PNG")
        and image.mode in ("RGB", "L")
        and "transparency" not in image.info
        and orientation is not None
        and orientation not in TURNS
    )


def _upright_rgb(image: Image.Image) -> Image.Image:
    """The picture upright, in 8-bit RGB on white, with nothing of its metadata but the profile."""
    turn = _turn(image)
    # A profile holds for the colours it came with: that of a CMYK or grey picture would spoil RGB.
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    if image.has_transparency_data:
        transparent = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(transparent, mask=transparent)
    elif image.mode.startswith("I"):  # 16 bits a pixel, which convert() would cut off, not scale
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    image = image.convert("RGB") if turn is None else image.convert("RGB").transpose(turn)
    image.info = {} if profile is None else {"icc_profile": profile}
    return image


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _jpeg_within(image: Image.Image, max_bytes: int) -> bytes:
    """The best JPEG of a picture that fits."""
    longer = max(image.size)
    side = min(longer, _LONGEST_JPEG_SIDE)
    while side > 0:
        fitted = image if side == longer else _scaled(image, side / longer)
        for quality in _JPEG_QUALITIES:
            jpeg = _encoded(fitted, "JPEG", quality)
            if len(jpeg) <= max_bytes:
                return jpeg
        side = int(side * _SHRINK)
    raise InvalidInputError("No photo fits into {limit} bytes; allow more.", limit=max_bytes)


def _encoded(image: Image.Image, kind: str, quality: int | None = None) -> bytes:
    target = io.BytesIO()
    extra = {} if quality is None else {"quality": quality}
    image.save(target, kind, icc_profile=image.info.get("icc_profile"), **extra)
    return target.getvalue()
