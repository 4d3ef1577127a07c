"""What every storage can do, and how it fails."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ulid import ULID

from fototui.domain.errors import PermanentError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence

SERVICE = "Storage"

# Shown by the root's listing while a check runs, and told apart from a photo at a glance.
_PROBE_PREFIX = "fototui-check-"


Right = Callable[[], AbstractAsyncContextManager[None]]
"""Makes a context that holds the right to replace a file, and raises where that was lost."""


class FileMissingError(PermanentError):
    """No file lies under the key.

    Args:
        key: The key that was asked for.
    """

    code = "file_missing"

    def __init__(self, key: str) -> None:
        super().__init__(
            Sentence.make("The file {key} is not in storage; fetch or generate it again.", key=key),
            service=SERVICE,
        )
        self.key = key


def too_big(key: str, limit: int) -> PermanentError:
    """The error for a file that is bigger than its reader takes.

    Args:
        key: The file's key.
        limit: Most bytes.
    """
    return PermanentError(
        "The file {key} is bigger than {limit} bytes; replace it by a smaller one.",
        service=SERVICE,
        key=key,
        limit=limit,
    )


@dataclass(frozen=True, slots=True)
class ListedFile:
    """What a list tells of a file.

    Args:
        key: Its key.
        stored_at: When it was stored, by the store's clock.
    """

    key: str
    stored_at: datetime


class Storage(Protocol):
    """A place for files, each under a key such as `{order}/{line item}/image_1.jpg`.

    All calls but `url` reach the outside and raise `TransientError` (network, full or overloaded
    store) or `PermanentError` (refused, misconfigured); a key that could escape its place raises
    `InvalidInputError` before anything is done.
    """

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,
        original_filename: str | None = None,
        right: Right | None = None,
    ) -> S3ObjectRefData:
        """Store a file, whole or not at all; an earlier one under the key is replaced.

        A call that is cancelled replaces nothing any more once it has returned, as far as the
        store lets itself be stopped.

        Args:
            key: Where to.
            data: The content.
            content_type: Media type found from the content.
            original_filename: The name the customer's file had.
            right: Makes the context in which the file takes its place; it raises where somebody
                else has the right to the key by now. None where there is nobody else.

        Returns:
            The reference that the database keeps; `head` gives the same.
        """

    async def put_in_place(self, file: S3ObjectRefData, key: str) -> S3ObjectRefData:
        """Give a stored file its place under another key, in about the time of a rename.

        An earlier file there is replaced. Whether one still lies under the first key is up to the
        store: it is the caller's to delete.

        Args:
            file: The file.
            key: Where to.

        Returns:
            The reference that the database keeps.

        Raises:
            FileMissingError: The file is gone.
        """

    async def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """Read a whole file.

        Args:
            key: Which file.
            max_bytes: Refuse a bigger file before it fills the memory.

        Raises:
            FileMissingError: Nothing lies there.
            PermanentError: The file is bigger than `max_bytes`.
        """

    async def head(self, key: str) -> S3ObjectRefData | None:
        """Tell what lies under a key; None where nothing does."""

    async def delete(self, key: str) -> None:
        """Remove a file; one that is not there is fine."""

    async def url(self, key: str, *, expires_seconds: int = 3600) -> str:
        """Address under which a browser can fetch the file.

        Args:
            key: Which file; it is not looked up.
            expires_seconds: How long a signed address works; a public one does not expire.
        """

    async def check(self) -> None:
        """Write, read and delete a small file, so that a wrong setting shows before a job does.

        Raises:
            OutsideError: Something of it failed; the sentence says which setting to look at.
        """

    def list_keys(self, prefix: str = "") -> AsyncIterator[str]:
        """All keys that begin with a prefix, in no particular order."""

    def list_files(self, prefix: str = "") -> AsyncIterator[ListedFile]:
        """The same, with the times; what lies outside the prefix's folder is not looked at."""

    async def aclose(self) -> None:
        """Close connections."""


async def probe(storage: Storage) -> None:
    """Write, read and delete a small file.

    Args:
        storage: The storage to try.

    Raises:
        OutsideError: What the storage raised, or that it gave other bytes back.
    """
    key = f"{_PROBE_PREFIX}{ULID()}.txt"
    data = key.encode()
    await storage.put(key, data, content_type="text/plain")
    try:
        if await storage.get(key, max_bytes=len(data)) != data:
            raise PermanentError(
                "Storage gave back other bytes than were written; look for a cache or a proxy "
                "between this machine and the store.",
                service=SERVICE,
            )
    finally:
        await storage.delete(key)
