"""Files in a local directory, which a static web server may publish."""

import asyncio
import errno
import hashlib
import mimetypes
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from fototui.domain.errors import InvalidInputError, OutsideError, PermanentError, TransientError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.text import clean_line
from fototui.net.closing import Closing
from fototui.storage.base import SERVICE, FileMissingError, ListedFile, Right, probe, too_big
from fototui.storage.draft import Draft
from fototui.storage.keys import check_key

P = ParamSpec("P")
R = TypeVar("R")

# Names that begin with a dot are no keys: what is ours is neither read nor listed.
_SIDECAR_NAME = ".{name}.json"

_MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class DirectoryStorage(Closing):
    """A storage in a directory.

    A file is written beside its place under a hidden name (`.<random>.part`), synced and renamed,
    so a key holds either all of a file or nothing. The rename is made only while its writer has the
    right to, and waited for to its end. Type and original name go into a sidecar beside
    it, `.<name>.json`, which counts only as long as it names the very content that lies there.

    Args:
        root: The directory; it is made when the first file is stored.
        static_url: Where a web server publishes the directory; without one, addresses are
            `file://` ones.
    """

    def __init__(self, root: Path, static_url: str | None = None) -> None:
        self._root = Path(os.path.realpath(root.expanduser()))
        self._static_url = static_url.rstrip("/") if static_url else None

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,
        original_filename: str | None = None,
        right: Right | None = None,
    ) -> S3ObjectRefData:
        """See `Storage.put`."""
        ref, draft = await self._run(_draft, check_key(key), data, content_type, original_filename)
        try:
            await self._in_thread(draft.write)
            async with right() if right is not None else nullcontext():
                await _to_its_end(self._in_thread(draft.take_place))
        except asyncio.CancelledError:
            draft.give_up()
            # Not awaited: the disk may stall. The thread that still writes clears up after itself.
            asyncio.get_running_loop().run_in_executor(None, draft.clear)
            raise
        except BaseException:
            await asyncio.to_thread(draft.clear)
            raise
        return ref

    async def put_in_place(self, file: S3ObjectRefData, key: str) -> S3ObjectRefData:
        """See `Storage.put_in_place`."""
        placed = file.model_copy(update={"key": check_key(key)})
        await _to_its_end(self._run(_rename, file.key, placed))
        return placed

    async def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """See `Storage.get`."""
        return await self._run(_get, check_key(key), max_bytes)

    async def head(self, key: str) -> S3ObjectRefData | None:
        """See `Storage.head`; the content is read to tell its digest."""
        return await self._run(_head, check_key(key))

    async def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        await self._run(_delete, check_key(key))

    async def url(self, key: str, *, expires_seconds: int = 3600) -> str:
        """See `Storage.url`; neither kind of address expires."""
        del expires_seconds
        if self._static_url is not None:
            return f"{self._static_url}/{quote(check_key(key))}"
        return (self._root / check_key(key)).as_uri()

    async def check(self) -> None:
        """See `Storage.check`."""
        await probe(self)

    async def list_keys(self, prefix: str = "") -> AsyncIterator[str]:
        """See `Storage.list_keys`; symbolic links are not followed."""
        async for file in self.list_files(prefix):
            yield file.key

    async def list_files(self, prefix: str = "") -> AsyncIterator[ListedFile]:
        """See `Storage.list_files`."""
        for file in await self._run(_list, prefix):
            yield file

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def _run(
        self, work: Callable[Concatenate[Path, str, P], R], key: str, *args: P.args, **kw: P.kwargs
    ) -> R:
        """Do blocking work on a key in a thread, and turn its failures into ours."""
        return await self._in_thread(partial(work, self._root, key, *args, **kw))

    async def _in_thread(self, work: Callable[[], R]) -> R:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise _failure(error, self._root) from error


async def _to_its_end(work: Coroutine[object, object, None]) -> None:
    """Wait for work that cannot be stopped also where the caller is cancelled.

    A rename that is left alone could be made at any later time.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        raise


def _draft(
    root: Path, key: str, data: bytes, content_type: str, original_filename: str | None
) -> tuple[S3ObjectRefData, Draft]:
    path = _locate(root, key)
    digest = hashlib.sha256(data).hexdigest()
    ref = S3ObjectRefData(
        key=key,
        bucket=root.name,
        content_type=content_type,
        size=len(data),
        etag=digest,
        sha256=digest,
        original_filename=None if original_filename is None else clean_line(original_filename),
    )
    return ref, Draft({path: data, _sidecar(path): ref.model_dump_json().encode()})


def _rename(root: Path, key: str, placed: S3ObjectRefData) -> None:
    path = _locate(root, placed.key)
    note = Draft({_sidecar(path): placed.model_dump_json().encode()})
    note.write()
    try:
        _locate(root, key).replace(path)
        note.take_place()
    except _MISSING:
        _require_directory(root)
        raise FileMissingError(key) from None
    finally:
        note.clear()
    with suppress(OSError):
        _sidecar(_locate(root, key)).unlink()


def _get(root: Path, key: str, max_bytes: int | None) -> bytes:
    try:
        with _locate(root, key).open("rb") as file:
            data = file.read() if max_bytes is None else file.read(max_bytes + 1)
    except _MISSING:
        _require_directory(root)
        raise FileMissingError(key) from None
    if max_bytes is not None and len(data) > max_bytes:
        raise too_big(key, max_bytes)
    return data


def _head(root: Path, key: str) -> S3ObjectRefData | None:
    path = _locate(root, key)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except _MISSING:
        _require_directory(root)
        return None
    try:
        noted = S3ObjectRefData.model_validate_json(_sidecar(path).read_bytes())
    except (OSError, ValidationError):
        noted = None
    if noted is not None and noted.sha256 == digest:
        return noted
    # No sidecar, or one of another content: say what the file itself tells.
    content_type, _ = mimetypes.guess_type(key, strict=False)
    return S3ObjectRefData(
        key=key,
        bucket=root.name,
        content_type=content_type or "application/octet-stream",
        size=size,
        etag=digest,
        sha256=digest,
    )


def _delete(root: Path, key: str) -> None:
    path = _locate(root, key)
    for each in (path, _sidecar(path)):
        with suppress(*_MISSING):
            each.unlink()


def _list(root: Path, prefix: str) -> list[ListedFile]:
    return sorted(_walk(root, prefix), key=lambda file: file.key)


def _walk(root: Path, prefix: str) -> Iterator[ListedFile]:
    top = root / prefix.rpartition("/")[0]
    if Path(os.path.realpath(top)) != top:
        return  # over a symbolic link, or out of the root
    for folder, subfolders, names in os.walk(top):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            key = path.relative_to(root).as_posix()
            if name.startswith(".") or path.is_symlink() or not key.startswith(prefix):
                continue
            with suppress(*_MISSING):  # somebody deleted it meanwhile
                yield ListedFile(key, datetime.fromtimestamp(path.stat().st_mtime, UTC))


def _locate(root: Path, key: str) -> Path:
    """Path of a key, sure to lie inside the root also where symbolic links are on the way."""
    path = root / key
    if not Path(os.path.realpath(path)).is_relative_to(root):
        raise InvalidInputError(
            "The key {key} leads out of {root} over a symbolic link; remove the link.",
            key=key,
            root=str(root),
        )
    return path


def _sidecar(path: Path) -> Path:
    return path.with_name(_SIDECAR_NAME.format(name=path.name))


def _require_directory(root: Path) -> None:
    """Say nothing of files where something else is in the directory's place.

    Raises:
        TransientError: It is so now.
    """
    if root.exists() and not root.is_dir():
        raise TransientError(
            "{root} is not a directory; bring it back, or set STORAGE_PATH to another one.",
            service=SERVICE,
            root=str(root),
        )


def _failure(error: OSError, root: Path) -> OutsideError:
    reason = clean_line(error.strerror or type(error).__name__)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TransientError(
            "The disk of {root} is full; make room.", service=SERVICE, root=str(root)
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return PermanentError(
            "{root} cannot be used ({reason}); give the user of fototui the right to write "
            "there, or set STORAGE_PATH to another directory.",
            service=SERVICE,
            root=str(root),
            reason=reason,
        )
    if isinstance(error, (*_MISSING, FileExistsError)) or error.errno == errno.ENAMETOOLONG:
        return PermanentError(
            "The key does not fit what lies in {root} ({reason}); a file is where a folder is "
            "needed, or the name is too long.",
            service=SERVICE,
            root=str(root),
            reason=reason,
        )
    return TransientError(
        "{root} could not be used ({reason}); see whether the disk is mounted and sound.",
        service=SERVICE,
        root=str(root),
        reason=reason,
    )
