"""Pictures kept in memory and on disk, each within a limit; the least recently used go first."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING

from fototui.config.file import write_atomically
from fototui.log import get_logger
from fototui.pictures.levels import is_enough, sides_with

if TYPE_CHECKING:
    from PIL import Image

log = get_logger(__name__)

_SUFFIX = ".jpg"
# JPEG costs an eighth of WebP to write and a third to read, for half as many bytes again.
_QUALITY = 92
_ABANDONED_SECONDS = 3600.0


class MemoryCache:
    """Decoded pictures.

    Args:
        limit: Most bytes of pixels.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pictures: OrderedDict[tuple[Hashable, int], Image.Image] = OrderedDict()
        self.size = 0
        """Bytes of pixels that are kept."""

    def get(self, key: Hashable, wanted: int) -> Image.Image | None:
        """A picture, which becomes the most recently used.

        Args:
            key: Names it.
            wanted: Which of `SIDES` it should have; what is bigger, or all there is, will do.
        """
        for side in sides_with(wanted):
            image = self._pictures.get((key, side))
            if image is not None and is_enough(image.size, side, wanted):
                self._pictures.move_to_end((key, side))
                return image
        return None

    def put(self, key: Hashable, side: int, image: Image.Image) -> None:
        """Keep a picture of such a side, unless it alone is over the limit."""
        place = (key, side)
        if place in self._pictures:
            self.size -= _bytes(self._pictures.pop(place))
        if _bytes(image) > self._limit:
            return
        self._pictures[place] = image
        self.size += _bytes(image)
        while self.size > self._limit:
            _, dropped = self._pictures.popitem(last=False)
            self.size -= _bytes(dropped)


def _bytes(image: Image.Image) -> int:
    return image.width * image.height * len(image.getbands())


class DiskCache:
    """Decoded pictures as JPEG files in a folder that only its owner may look into.

    A disk that is full or not writable costs time, never a picture. Several programs may share
    the folder: files come whole or not at all. All calls block; make them in a thread.

    Args:
        folder: Where; made when needed.
        limit: Most bytes of files.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def get(self, key: str, wanted: int) -> Image.Image | None:
        """A picture, which becomes the most recently used.

        Args:
            key: Names it.
            wanted: Which of `SIDES` it should have; what is bigger, or all there is, will do.
        """
        found = (self._read(self._path(key, side), side, wanted) for side in sides_with(wanted))
        return next((picture for picture in found if picture is not None), None)

    def _read(self, path: Path, side: int, wanted: int) -> Image.Image | None:
        if not path.exists():  # mostly: Pillow is not imported for that
            return None
        from PIL import Image

        try:
            with Image.open(path, formats=("JPEG",)) as image:
                if not is_enough(image.size, side, wanted):
                    return None
                picture = image.convert("RGB")
        except FileNotFoundError:
            return None
        # Pillow raises many kinds on what a crash or another program left there.
        except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):  # trimmed away meanwhile, or not ours to touch
            os.utime(path)
        return picture

    def put(self, key: str, side: int, image: Image.Image) -> None:
        """Keep a picture of such a side."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            data = io.BytesIO()
            image.save(data, "JPEG", quality=_QUALITY)
            write_atomically(self._path(key, side), data.getvalue(), private=True)
            self._trim()
        except OSError as error:
            log.warning("a picture could not be cached on disk", reason=error.strerror)

    def _path(self, key: str, side: int) -> Path:
        return self._folder / (hashlib.sha256(f"{key}\n{side}".encode()).hexdigest() + _SUFFIX)

    def _trim(self) -> None:
        """Remove the least recently used files until the limit is kept.

        What others are writing now is left alone, unless it was left behind long ago.
        """
        files: list[tuple[float, int, Path]] = []
        abandoned = time.time() - _ABANDONED_SECONDS
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another program trims too
                found = path.stat()
                if path.suffix == _SUFFIX or found.st_mtime < abandoned:
                    files.append((found.st_mtime, found.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= size
