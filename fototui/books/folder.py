"""Where a book's files lie while it is made: gone with it, and also after a program was killed."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fototui.books.request import SERVICE
from fototui.domain.errors import TransientError

_PREFIX = "fototui-book-"
_NEW_SECONDS = 60


@contextmanager
def work_folder() -> Iterator[Path]:
    """An empty folder of one's own; whoever lives has a lock on it.

    Raises:
        TransientError: It cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        raise no_room(error) from error
    handle = None
    try:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def remove_left_overs() -> None:
    """Remove what programs of ours left that were killed while they made a book."""
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            with suppress(OSError):
                _remove(path)


def _remove(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(handle)
        # A new one may not have its lock yet.
        if found.st_uid == os.geteuid() and time.time() - found.st_mtime > _NEW_SECONDS:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where its owner lives
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)


def no_room(error: OSError) -> TransientError:
    """The error where a book's files cannot be written.

    Args:
        error: Why.
    """
    return TransientError(
        "The book's files cannot be written to {path} ({reason}); make room there, or set TMPDIR "
        "to another folder.",
        service=SERVICE,
        path=str(Path(error.filename or tempfile.gettempprefix()).parent),
        reason=error.strerror or type(error).__name__,
    )
