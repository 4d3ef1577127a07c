"""A folder of exported orders: one export at a time writes to it, and each order comes whole."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fototui.config.file import write_atomically
from fototui.domain.errors import ConflictError, InvalidInputError

# What an export that was killed leaves behind, a file or a folder.
_PART = re.compile(r"\.[0-9a-f]{16}\.part")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Have a folder to oneself: two exports would each write a manifest without the other's.

    Args:
        folder: The folder; it is made where it is not there.

    Raises:
        InvalidInputError: It cannot be written to.
        ConflictError: Another export writes to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):  # some file systems know no locks
                _lock(handle, folder)
                _sweep(folder)
            yield
        finally:
            os.close(handle)
    except OSError as error:
        raise InvalidInputError(
            "{path} cannot be written: {reason}. Choose another folder with --to.",
            path=str(error.filename or folder),
            reason=error.strerror or type(error).__name__,
        ) from error


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConflictError(
            "Another export writes to {path}; wait until it has ended.", path=str(folder)
        ) from None


def _sweep(folder: Path) -> None:
    for path in (*folder.glob(".*.part"), *folder.glob("*/.*.part")):
        if _PART.fullmatch(path.name):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


class NewFiles:
    """Files of an order that wait beside its folder until all of them are there.

    Args:
        folder: The order's folder, which may not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting = folder.with_name(f".{secrets.token_hex(8)}.part")
        self.count = 0

    def add(self, name: str, data: bytes) -> None:
        """Write one.

        Args:
            name: Its name in the order's folder.
            data: Its content.

        Raises:
            OSError: It cannot be written.
        """
        self._waiting.mkdir(exist_ok=True)
        write_atomically(self._waiting / name, data)
        self.count += 1

    def publish(self) -> None:
        """Bring all to their place: a new folder at once, each file of an old one at once.

        Raises:
            OSError: They cannot be brought there.
        """
        if not self.count:
            return
        if not self._folder.exists():
            self._waiting.rename(self._folder)
            return
        for path in sorted(self._waiting.iterdir()):
            path.replace(self._folder / path.name)

    def discard(self) -> None:
        """Leave nothing behind of what was not published."""
        shutil.rmtree(self._waiting, ignore_errors=True)
