import asyncio
import hashlib
import os
import resource
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from fototui.db.errors import ClaimLostError
from fototui.domain.errors import InvalidInputError, PermanentError, TransientError
from fototui.net.asgi import serving
from fototui.storage.base import FileMissingError
from fototui.storage.directory import DirectoryStorage
from tests.waiting import PATIENCE, in_time

KEY = "01ARZ3NDEKTSV4RRFFQ69G5FAV/7/image_1.png"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    return path


@pytest.fixture
def storage(root: Path) -> DirectoryStorage:
    return DirectoryStorage(root)


@contextmanager
def _file_size_limit(size: int) -> Iterator[None]:
    """Let this process write no file beyond a size; the write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def _await_partial(root: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not list(root.rglob(".*.part")):
        assert time.monotonic() < deadline, "nothing is being written"


async def _keys(storage: DirectoryStorage) -> list[str]:
    return [key async for key in storage.list_keys()]


async def test_a_web_server_can_publish_the_directory(root: Path) -> None:
    web = Starlette(routes=[Mount("/", StaticFiles(directory=root))])
    async with serving(web) as address:
        storage = DirectoryStorage(root, address + "/")
        await storage.put("ž & co/a b.png", b"published", content_type="image/png")
        url = await storage.url("ž & co/a b.png")
        assert url == f"{address}/%C5%BE%20%26%20co/a%20b.png"
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.get(url)
        assert (answer.status_code, answer.content) == (200, b"published")


@pytest.mark.quick
async def test_without_a_web_server_the_address_is_a_file(
    storage: DirectoryStorage, root: Path
) -> None:
    url = await storage.url("ž/a b.png")
    assert url == (root / "ž/a b.png").as_uri()


async def test_others_may_read_the_files(storage: DirectoryStorage, root: Path) -> None:
    mask = os.umask(0o022)
    try:
        await storage.put(KEY, b"x", content_type="image/png")
    finally:
        os.umask(mask)
    assert (root / KEY).stat().st_mode & 0o777 == 0o644


async def test_a_write_that_fails_leaves_what_was_there(
    storage: DirectoryStorage, root: Path
) -> None:
    ref = await storage.put(KEY, b"earlier", content_type="image/png")
    before = _files(root)
    with _file_size_limit(1_000_000), pytest.raises(TransientError, match="could not be used"):
        await storage.put(KEY, bytes(2_000_000), content_type="image/png")
    assert await storage.head(KEY) == ref
    assert _files(root) == before


async def test_a_write_that_fails_leaves_no_file(storage: DirectoryStorage, root: Path) -> None:
    with _file_size_limit(1_000_000), pytest.raises(TransientError):
        await storage.put(KEY, bytes(2_000_000), content_type="image/png")
    assert _files(root) == []


class _StalledDisk:
    """A disk on which the next write waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self._go_on = threading.Event(), threading.Event()
        sync = os.fsync

        def stall(descriptor: int) -> None:
            if not self.reached.is_set():
                self.reached.set()
                assert self._go_on.wait(PATIENCE)
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", stall)

    async def until_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, PATIENCE)

    def go_on(self) -> None:
        self._go_on.set()


async def _until_nothing_is_unfinished(root: Path) -> None:
    async with in_time():
        while list(root.rglob(".*.part")):  # noqa: ASYNC110 - another thread writes there
            await asyncio.sleep(0.01)


async def test_a_write_that_was_given_up_replaces_nothing_when_the_disk_wakes(
    storage: DirectoryStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _StalledDisk(monkeypatch)
    first = asyncio.create_task(storage.put(KEY, b"given up", content_type="image/png"))
    await disk.until_reached()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    ref = await storage.put(KEY, b"the one that counts", content_type="image/png")
    disk.go_on()
    await _until_nothing_is_unfinished(root)
    assert await storage.get(KEY) == b"the one that counts"
    assert await storage.head(KEY) == ref


async def test_a_write_without_the_right_to_its_place_replaces_nothing(
    storage: DirectoryStorage, root: Path
) -> None:
    ref = await storage.put(KEY, b"theirs", content_type="image/png")
    before = _files(root)

    @asynccontextmanager
    async def right() -> AsyncIterator[None]:
        if (root / KEY).exists():
            raise ClaimLostError("Others have it.")
        yield

    with pytest.raises(ClaimLostError):
        await storage.put(KEY, b"ours", content_type="image/png", right=right)
    assert await storage.head(KEY) == ref
    assert _files(root) == before


async def test_the_right_is_held_until_the_file_is_in_its_place(
    storage: DirectoryStorage, root: Path
) -> None:
    seen: list[bool] = []

    @asynccontextmanager
    async def right() -> AsyncIterator[None]:
        seen.append((root / KEY).exists())
        yield
        seen.append((root / KEY).exists())

    await storage.put(KEY, b"ours", content_type="image/png", right=right)
    assert seen == [False, True]


_WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from fototui.storage.directory import DirectoryStorage

async def main():
    storage = DirectoryStorage(Path(sys.argv[1]))
    for turn in itertools.count():
        await storage.put(sys.argv[2], bytes([turn % 2]) * 20_000_000, content_type="image/png")
        print(turn, flush=True)

asyncio.run(main())
"""


async def test_a_killed_writer_leaves_a_whole_file(storage: DirectoryStorage, root: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, str(root), KEY, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert writer.stdout is not None
        await asyncio.wait_for(writer.stdout.readline(), PATIENCE)
        await asyncio.to_thread(_await_partial, root)
    finally:
        writer.kill()
        await writer.wait()

    data = await storage.get(KEY)
    assert len(data) == 20_000_000
    assert data in (bytes(20_000_000), b"\1" * 20_000_000)
    ref = await storage.head(KEY)
    assert ref is not None
    assert (ref.size, ref.content_type) == (20_000_000, "image/png")
    assert await _keys(storage) == [KEY]


async def test_unfinished_and_hidden_files_are_no_keys(
    storage: DirectoryStorage, root: Path
) -> None:
    await storage.put(KEY, b"x", content_type="image/png")
    (root / KEY).with_name(".0123456789abcdef.part").write_bytes(b"half")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "file.png").write_bytes(b"x")
    assert await _keys(storage) == [KEY]


async def test_a_file_put_there_by_hand_is_told_truly(
    storage: DirectoryStorage, root: Path
) -> None:
    await storage.put(KEY, b"ours", content_type="image/png", original_filename="ours.png")
    (root / KEY).write_bytes(b"theirs, and longer")
    ref = await storage.head(KEY)
    assert ref is not None
    assert (ref.size, ref.content_type, ref.original_filename) == (18, "image/png", None)
    assert ref.sha256 == hashlib.sha256(b"theirs, and longer").hexdigest()

    (root / "by").mkdir()
    (root / "by" / "hand").write_bytes(b"x")
    ref = await storage.head("by/hand")
    assert ref is not None
    assert ref.content_type == "application/octet-stream"


async def test_a_broken_sidecar_is_ignored(storage: DirectoryStorage, root: Path) -> None:
    ref = await storage.put(KEY, b"x", content_type="image/png", original_filename="x.png")
    (root / KEY).with_name(".image_1.png.json").write_text("{")
    assert await storage.head(KEY) == ref.model_copy(update={"original_filename": None})


async def test_delete_takes_the_sidecar_along(storage: DirectoryStorage, root: Path) -> None:
    await storage.put(KEY, b"x", content_type="image/png", original_filename="x.png")
    await storage.delete(KEY)
    assert _files(root) == []


async def test_links_that_leave_the_root_are_refused(
    storage: DirectoryStorage, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    (root / "folder").symlink_to(outside)
    (root / "file.png").symlink_to(outside / "secret.png")
    for key in ("folder/secret.png", "file.png"):
        for call in (
            storage.get(key),
            storage.head(key),
            storage.delete(key),
            storage.put(key, b"x", content_type="image/png"),
        ):
            with pytest.raises(InvalidInputError, match="symbolic link"):
                await call
    with pytest.raises(InvalidInputError, match="symbolic link"):
        await storage.put("folder/new/file.png", b"x", content_type="image/png")
    assert [path.name for path in outside.iterdir()] == ["secret.png"]
    assert (outside / "secret.png").read_bytes() == b"secret"
    assert await _keys(storage) == []


async def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    storage = DirectoryStorage(tmp_path / "link")
    await storage.put(KEY, b"x", content_type="image/png")
    assert (tmp_path / "real" / KEY).read_bytes() == b"x"
    assert await _keys(storage) == [KEY]


async def test_a_link_loop_ends(storage: DirectoryStorage, root: Path) -> None:
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(TransientError, match="could not be used"):
        await storage.get("loop/file.png")


async def test_a_key_that_does_not_fit_the_tree_is_permanent(
    storage: DirectoryStorage, root: Path
) -> None:
    await storage.put("a/b", b"x", content_type="image/png")
    for key in ("a/b/c", "a", "n" * 300):
        with pytest.raises(PermanentError, match="does not fit"):
            await storage.put(key, b"x", content_type="image/png")
    assert await storage.head("a/b/c") is None
    with pytest.raises(FileMissingError):
        await storage.get("a/b/c")
    assert await _keys(storage) == ["a/b"]


async def test_a_root_that_is_a_file_is_permanent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PermanentError):
        await DirectoryStorage(tmp_path / "file").check()


async def test_missing_rights_are_told(root: Path) -> None:
    await asyncio.to_thread(root.chmod, 0o500)
    # Nobody may make a directory in /sys, not even root, who passes every mode.
    if (is_root := os.geteuid() == 0) and not os.path.ismount("/sys"):
        pytest.skip("nothing here refuses root")
    place = Path("/sys") if is_root else root
    with pytest.raises(PermanentError, match="STORAGE_PATH"):
        await DirectoryStorage(place / "files").check()


async def test_the_root_is_made_when_it_is_needed(root: Path) -> None:
    storage = DirectoryStorage(root / "new" / "place")
    assert await _keys(storage) == []
    await storage.put(KEY, b"x", content_type="image/png")
    assert await _keys(storage) == [KEY]


async def test_a_directory_that_is_away_makes_no_file_missing(tmp_path: Path) -> None:
    root, away = tmp_path / "files", tmp_path / "away"
    storage = DirectoryStorage(root)
    await storage.put("a/1.png", b"first", content_type="image/png")
    root.rename(away)
    root.write_bytes(b"")
    for ask in (storage.get("a/1.png"), storage.head("a/1.png")):
        with pytest.raises(TransientError, match="is not a directory"):
            await ask
    root.unlink()
    away.rename(root)
    assert await storage.get("a/1.png") == b"first"


async def test_a_folder_is_listed_without_a_look_at_the_others(
    storage: DirectoryStorage, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "1.png").touch()
    await storage.put("a/1.png", b"x", content_type="image/png")
    (root / "link").symlink_to(elsewhere)
    seen: list[str] = []
    scan = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        seen.append(Path(path).name)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    for prefix in ("link/", "../elsewhere/"):
        assert [file async for file in storage.list_files(prefix)] == []
    assert [file.key async for file in storage.list_files("a/")] == ["a/1.png"]
    assert seen == ["a"]
