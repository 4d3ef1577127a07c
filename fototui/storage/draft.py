"""A file on its way into a directory: written under hidden names, then put in its place."""

import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path

# Names that begin with a dot are no keys: what is unfinished is neither read nor listed.
_PARTIAL_NAME = ".{token}.part"


class Draft:
    """Files that appear in their places whole or not at all, and never once they were given up.

    A write may stall in the system for minutes, where nothing can end its thread. So a draft that
    was given up meanwhile is thrown away by the thread itself when it wakes: it must not take the
    place of what others have put there since.

    Args:
        files: Content by path; they take their places in this order.
    """

    def __init__(self, files: dict[Path, bytes]) -> None:
        self._files = files
        self._partials = {
            path: path.with_name(_PARTIAL_NAME.format(token=secrets.token_hex(8))) for path in files
        }
        self._given_up = threading.Event()

    def write(self) -> None:
        """Write all content to the disk, beside its places.

        Raises:
            OSError: The disk does not take it.
        """
        try:
            for path, data in self._files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                # Not tempfile: its files are private, and a web server under another user reads
                # these.
                with self._partials[path].open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                if self._given_up.is_set():
                    break
        except BaseException:
            self.clear()
            raise
        if self._given_up.is_set():
            self.clear()

    def take_place(self) -> None:
        """Put what was written in its place; what was there is replaced.

        Raises:
            OSError: It cannot be put there.
        """
        for path, partial in self._partials.items():
            partial.replace(path)

    def give_up(self) -> None:
        """Have what is being written thrown away, by whichever thread comes to it."""
        self._given_up.set()

    def clear(self) -> None:
        """Throw away what was written and is not in its place."""
        for partial in self._partials.values():
            with suppress(OSError):
                partial.unlink(missing_ok=True)
