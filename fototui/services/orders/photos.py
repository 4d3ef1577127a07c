"""Photos for an order made by hand: read, looked into, stored."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fototui.domain.errors import InvalidInputError, OutsideError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line
from fototui.log import get_logger
from fototui.storage.base import Storage
from fototui.storage.keys import OrderStoragePaths

if TYPE_CHECKING:
    from fototui.clients.photos import PhotoInfo

log = get_logger(__name__)

DEFAULT_TITLE = "Omalovánky"

MAX_PHOTO_BYTES = 100_000_000
"""No camera writes a bigger picture in the formats that we take."""

# Decoding a photo takes up to 200 MB, an upload a connection.
_CHECKS_AT_ONCE = 2
_UPLOADS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class PhotoInput:
    """A photo for a manual order.

    Args:
        source: The file, or its content.
        filename: The name the customer gave it; the file's own where not given.
    """

    source: Path | bytes
    filename: str | None = None

    @property
    def name(self) -> str:
        """What an operator calls it."""
        own = self.source.name if isinstance(self.source, Path) else ""
        return clean_line(self.filename or "", limit=200) or clean_line(own, limit=200) or "photo"


@dataclass(frozen=True, slots=True)
class BookInput:
    """A colouring book for a manual order.

    Args:
        photos: Its photos, by page.
        title: What it is called.
    """

    photos: Sequence[PhotoInput]
    title: str = DEFAULT_TITLE


@dataclass(frozen=True, slots=True)
class CheckedPhoto:
    """A photo that was read and found good.

    Args:
        name: What an operator calls it.
        data: Its content.
        info: What that tells.
    """

    name: str
    data: bytes
    info: "PhotoInfo"


async def check_all(books: Sequence[BookInput]) -> list[CheckedPhoto]:
    """Read and look into all photos.

    Args:
        books: The books.

    Returns:
        The photos, by book and page.

    Raises:
        InvalidInputError: Some are none; all such are named.
    """
    limit = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def check(book: BookInput, photo: PhotoInput) -> CheckedPhoto | Sentence:
        async with limit:
            try:
                return await check_photo(photo)
            except InvalidInputError as error:
                # Each folder of photos may have an "1.jpg".
                name = photo.name if len(books) == 1 else f"{clean_line(book.title)}/{photo.name}"
                return Sentence.make("{name}: {reason}", name=name, reason=error.sentence)

    results = await asyncio.gather(*(check(book, photo) for book in books for photo in book.photos))
    if wrong := tuple(result for result in results if isinstance(result, Sentence)):
        raise InvalidInputError("No order was made. {reasons}", reasons=wrong)
    return [result for result in results if isinstance(result, CheckedPhoto)]


async def check_photo(photo: PhotoInput) -> CheckedPhoto:
    """Read and look into a photo.

    Args:
        photo: The photo.

    Raises:
        InvalidInputError: It is none that we take.
    """
    data = photo.source
    if isinstance(data, Path):
        data = await asyncio.to_thread(_read, data)
    # Only who brings photos looks into pictures.
    from fototui.clients.photo_decoding import inspect_apart

    return CheckedPhoto(photo.name, data, await inspect_apart(data))


_TOO_BIG = Sentence.make(
    "The file is bigger than {limit} MB; scale the photo down first.",
    limit=MAX_PHOTO_BYTES // 1_000_000,
)


def _read(path: Path) -> bytes:
    if not path.is_file():  # a pipe would never end
        raise InvalidInputError("There is no such file; correct its name.")
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_PHOTO_BYTES:
                raise InvalidInputError(_TOO_BIG)
            return file.read()
    except OSError as error:
        raise InvalidInputError(
            "The file cannot be read ({reason}); check its permissions.",
            reason=str(error.strerror),
        ) from error


async def store_all(
    storage: Storage, photos: Sequence[CheckedPhoto], paths: Sequence[OrderStoragePaths]
) -> list[S3ObjectRefData]:
    """Store all photos at once; if one fails, no further one is begun and none is kept.

    Args:
        storage: Where to.
        photos: The photos.
        paths: The keys of each.

    Returns:
        The references to the files.

    Raises:
        OutsideError: Storage did not take one.
    """
    limit, failed = asyncio.Semaphore(_UPLOADS_AT_ONCE), asyncio.Event()

    async def store(photo: CheckedPhoto, its_paths: OrderStoragePaths) -> S3ObjectRefData | None:
        async with limit:
            if failed.is_set():
                return None
            try:
                return await storage.put(
                    its_paths.photo(photo.info.ext),
                    photo.data,
                    content_type=photo.info.content_type,
                    original_filename=photo.name,
                )
            except BaseException:
                failed.set()
                raise

    results = await asyncio.gather(
        *(store(photo, its_paths) for photo, its_paths in zip(photos, paths, strict=True)),
        return_exceptions=True,
    )
    stored = [result for result in results if isinstance(result, S3ObjectRefData)]
    for result in results:
        if isinstance(result, BaseException):
            await remove(storage, stored)
            raise result
    return stored


async def remove(storage: Storage, files: Sequence[S3ObjectRefData]) -> None:
    """Remove files that belong to nothing; what cannot be removed is logged.

    Args:
        storage: Where they are.
        files: The files.
    """
    for file in files:
        try:
            await storage.delete(file.key)
        except OutsideError as error:
            log.warning("a photo is left in storage", key=file.key, reason=str(error))
            return
